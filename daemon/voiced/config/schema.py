"""Every setting: its type, unit, limits, default, one line of help and reload class."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from voiced.config.schema_controls import ButtonSection, ButtonsSection, LedSection, SoundsSection
from voiced.config.schema_services import (
    KioskSection,
    MetricsSection,
    MqttSection,
    PrivacySection,
    RemoteSection,
)
from voiced.config.schema_sound import AudioSection
from voiced.config.schema_tools import (
    CommandToolSection,
    HttpToolSection,
    McpSection,
    ServerName,
    TokenSection,
    ToolName,
)
from voiced.config.secret import Secret
from voiced.config.types import (
    BY_KEY,
    AbsolutePath,
    AgentUrl,
    Name,
    Proxy,
    Reference,
    live,
    next_session,
    restart,
)
from voiced.lib.permissions import SERVER, owner
from voiced.lib.sections import Section, expect

LONGEST_IDLE_S = 120
"""For how long a server may leave the microphone open after the last word."""


class DeviceSection(Section, frozen=True, kw_only=True):
    """The device as people and servers know it."""

    name: Annotated[
        Name,
        live(
            "The name of this device. A fleet file finds the device by it.",
            owner("make this device pass for another device of the fleet"),
        ),
    ] = "voiced"


class AgentSection(Section, frozen=True, kw_only=True):
    """The voice agent to talk to."""

    protocol: Annotated[
        Annotated[str, expect("the name of an agent protocol")],
        next_session(
            "The protocol that the agent speaks.",
            owner("have the device talk to another kind of agent"),
        ),
    ] = "assemblyai"
    url: Annotated[
        AgentUrl | None,
        next_session(
            "The agent's address, if not the one of its protocol; ws:// and http:// are for "
            "this machine only.",
            owner("have the key, and all that is said, sent to any address"),
            "wss://agents.assemblyai.com/v1/ws",
        ),
    ] = None
    key: Annotated[
        Reference | None,
        next_session(
            "Where to find the API key; never the key itself. "
            "Needed unless the agent runs on this machine.",
            owner("have any file or variable of the service sent to the agent as its key"),
            Secret("credential", "api-key"),
        ),
    ] = None
    auth: Annotated[
        Literal["bearer", "token"],
        next_session(
            "What to send to the agent: the key itself, or a temporary token that is fetched with it "
            "before each connection.",
            SERVER,
        ),
    ] = "bearer"
    token: Annotated[
        Annotated[TokenSection | None, expect("url, headers, json_pointer; or command")],
        next_session(
            "Where to get a temporary token before each connection, instead of keeping a key on the "
            "device: url (asked by GET), headers, json_pointer; or command, which prints it.",
            owner("have the device ask any address, or run any program, for its token"),
            {
                "url": "https://example.org/voice-token",
                "headers": {
                    "Authorization": {"prefix": "Bearer ", "file": "/etc/voiced/device.token"}
                },
                "json_pointer": "/token",
            },
        ),
    ] = None
    session: Annotated[
        Annotated[Mapping[str, Any], expect("keys and values")],
        live(
            "The agent's own settings, passed on: system_prompt, greeting, agent_id, input, "
            "output. What cannot change during a conversation takes effect in the next one.",
            BY_KEY,
            {
                "system_prompt": "You are a friendly voice assistant. Answer in one or two short sentences.",
                "greeting": "Hello, how can I help?",
            },
        ),
    ] = {}
    eager_tools: Annotated[
        bool,
        next_session(
            "Return tool results at once, not after the reply that asked: about 1 s faster.", SERVER
        ),
    ] = False

    def __repr__(self) -> str:
        # A prompt must not reach a log by way of the settings.
        return f"AgentSection(protocol={self.protocol!r}, url={self.url!r}, key={self.key!r})"


class WakeSection(Section, frozen=True, kw_only=True):
    """What begins and ends a conversation."""

    mode: Annotated[
        Literal["button", "hold_to_talk", "always"],
        live(
            "Press to talk, talk while held, or one conversation without end. No server may change "
            "hold_to_talk.",
            owner(
                "have the device listen all the time, or after the button is released, or have the button "
                "talk when it is held to mute",
                harmless=("button",),
                kept=("hold_to_talk",),
            ),
        ),
    ] = "button"
    idle_timeout_s: Annotated[
        Annotated[float, msgspec.Meta(ge=5, le=3600)],
        live(
            "Silence that ends a conversation; without effect when wake.mode is always.",
            owner(
                "leave the microphone open for an hour after the last word", at_most=LONGEST_IDLE_S
            ),
        ),
    ] = 30.0


class NetworkSection(Section, frozen=True, kw_only=True):
    """The way to the agent."""

    resume_window_s: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=30)],
        next_session("How long after a lost connection the same conversation may go on.", SERVER),
    ] = 25.0
    replay_s: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=30)],
        next_session(
            "How much of what was said meanwhile to send afterwards; 0 sends nothing.", SERVER
        ),
    ] = 10.0
    connect_timeout_s: Annotated[
        Annotated[float, msgspec.Meta(ge=1, le=60)],
        next_session("Longest wait for a connection.", SERVER),
    ] = 10.0
    proxy: Annotated[
        Proxy,
        next_session(
            "auto takes the proxy from the environment (HTTPS_PROXY, ALL_PROXY); or none, or an address. "
            "Hosts in this network and in NO_PROXY are reached directly.",
            owner("route the connection to the agent through a machine of its choice"),
        ),
    ] = "auto"
    ca_file: Annotated[
        AbsolutePath | None,
        next_session(
            "Certificates to trust besides the system's own (PEM).",
            owner("have the device trust an agent certified by another authority"),
            "/etc/voiced/ca.pem",
        ),
    ] = None


class LogSection(Section, frozen=True, kw_only=True):
    """What is written to the log."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        live("The lowest level that is logged.", SERVER),
    ] = "info"


class Settings(Section, frozen=True, kw_only=True):
    """All settings of one device."""

    version: Annotated[Literal[1], restart("Version of the format of this file.", SERVER)] = 1
    device: DeviceSection = DeviceSection()
    agent: AgentSection = AgentSection()
    audio: AudioSection = AudioSection()
    wake: WakeSection = WakeSection()
    button: ButtonSection | None = None
    buttons: ButtonsSection | None = None
    led: LedSection | None = None
    sounds: SoundsSection = SoundsSection()
    network: NetworkSection = NetworkSection()
    tools: Annotated[
        Annotated[tuple[str, ...], expect("a list of tool names")],
        live("What the agent may do on this device.", SERVER),
    ] = (
        "get_time",
        "set_volume",
        "mute_microphone",
        "get_device_status",
        "end_conversation",
        "set_timer",
        "set_alarm",
        "remind_me",
        "list_timers",
        "cancel_timer",
    )
    http_tools: Annotated[
        Annotated[Mapping[ToolName, HttpToolSection], expect("tools by name")],
        live(
            "Tools that ask a web service.",
            owner("have the device call any address, those of the local network too"),
            {
                "get_weather": {
                    "description": "Tell the present temperature in a city.",
                    "parameters": {
                        "type": "object",
                        "properties": {"city": {"type": "string", "maxLength": 60}},
                        "required": ["city"],
                    },
                    "url": "https://weather.example.org/now/{city}",
                    "response": "/temperature",
                }
            },
        ),
    ] = {}
    command_tools: Annotated[
        Annotated[Mapping[ToolName, CommandToolSection], expect("tools by name")],
        live(
            "Tools that run a program, never a shell.",
            owner("run any program on the device"),
            {
                "get_uptime": {
                    "description": "Tell for how long this device has been running.",
                    "argv": ["/usr/bin/uptime", "-p"],
                }
            },
        ),
    ] = {}
    mcp: Annotated[
        Annotated[Mapping[ServerName, McpSection], expect("servers by name")],
        live(
            "MCP servers; the agent calls their tools NAME_TOOL.",
            owner("run any program on the device, and bring tools of any server"),
            {
                "home": {
                    "url": "https://homeassistant.local:8123/api/mcp/assist",
                    "headers": {
                        "Authorization": {
                            "prefix": "Bearer ",
                            "file": "/etc/voiced/home-assistant.token",
                        }
                    },
                    "allow": ["HassTurnOn", "HassTurnOff", "GetLiveContext"],
                    "prompt": True,
                }
            },
        ),
    ] = {}
    remote: RemoteSection | None = None
    kiosk: KioskSection | None = None
    privacy: PrivacySection = PrivacySection()
    metrics: MetricsSection | None = None
    mqtt: MqttSection | None = None
    log: LogSection = LogSection()
