"""Every setting: its type, unit, limits, default, one line of help and reload class."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from voiced.config.kinds import (
    FILE,
    AbsolutePath,
    AgentUrl,
    Gesture,
    Level,
    MixerControl,
    Name,
    Pin,
    Proxy,
    Reference,
    Section,
    SoundDevice,
    expect,
    live,
    next_session,
    restart,
)
from voiced.config.outside import (
    KioskSection,
    MetricsSection,
    MqttSection,
    PrivacySection,
    RemoteSection,
)
from voiced.config.secret import Secret


class DeviceSection(Section, frozen=True, kw_only=True):
    """The device as people and servers know it."""

    name: Annotated[
        Name, live("What this device is called, and looked up by in a fleet file.", local=True)
    ] = "voiced"


class AgentSection(Section, frozen=True, kw_only=True):
    """The voice agent to talk to."""

    protocol: Annotated[
        Annotated[str, expect("the name of an agent protocol")],
        next_session("The protocol that the agent speaks.", local=True),
    ] = "assemblyai"
    url: Annotated[
        AgentUrl | None,
        next_session(
            "Where the agent lives, if not where its protocol says; ws:// and http:// are for "
            "this machine only.",
            "wss://agents.assemblyai.com/v1/ws",
            local=True,
        ),
    ] = None
    key: Annotated[
        Reference | None,
        next_session(
            "Where to find the API key; the key itself never stands in this file. "
            "Needed unless the agent lives on this machine.",
            Secret("credential", "api-key"),
            local=True,
        ),
    ] = None
    auth: Annotated[
        Literal["bearer", "token"],
        next_session(
            "How the key travels: itself, or as a temporary token fetched before each connection."
        ),
    ] = "bearer"
    session: Annotated[
        Annotated[Mapping[str, Any], expect("keys and values")],
        live(
            "The agent's own settings, passed through: system_prompt, greeting, agent_id, input, "
            "output. What cannot change within a conversation counts in the next one.",
            {
                "system_prompt": "You are a friendly voice assistant. Answer in one or two short sentences.",
                "greeting": "Hello, how can I help?",
            },
        ),
    ] = {}
    eager_tools: Annotated[
        bool,
        next_session(
            "Return tool results at once, not after the reply that asked: about 1 s faster."
        ),
    ] = False

    def __repr__(self) -> str:
        # A prompt must not reach a log by way of the settings.
        return f"AgentSection(protocol={self.protocol!r}, url={self.url!r}, key={self.key!r})"


class CaptureSection(Section, frozen=True, kw_only=True):
    """The microphone."""

    device: Annotated[
        SoundDevice,
        restart(
            "USB VID:PID like 2886:001a, ALSA card id, ALSA PCM name, wav:PATH (never from a server), "
            "or auto for the best array there is.",
            never_sent=FILE,
        ),
    ] = "auto"
    channel: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=31)] | None,
        restart("Which channel to use, counted from 0, if not the one known to be right.", 0),
    ] = None
    period_ms: Annotated[
        Annotated[int, msgspec.Meta(ge=5, le=100)], restart("How much sound is captured at a time.")
    ] = 40
    mute: Annotated[
        Literal["gate", "close"],
        restart("What mute does: stop sound from leaving, or let go of the sound card as well."),
    ] = "gate"
    silent_after_s: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=3600)],
        restart("Exact zeros for so long mean that the microphone is broken; 0 is never."),
    ] = 10.0


class PlaybackSection(Section, frozen=True, kw_only=True):
    """The speaker."""

    device: Annotated[
        SoundDevice,
        restart(
            "As audio.capture.device; auto prefers the microphone's own card.", never_sent=FILE
        ),
    ] = "auto"
    volume: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=100)],
        live("Volume in per cent, until somebody changes it on the device."),
    ] = 70
    mixer: Annotated[
        MixerControl,
        restart("The card's own control for the volume; none scales the sound instead."),
    ] = "auto"
    boost_db: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=12)],
        restart("Gain for an agent that is too quiet at full volume; peaks are limited softly."),
    ] = 0.0
    buffer_s: Annotated[
        Annotated[int, msgspec.Meta(ge=5, le=300)],
        restart("Longest stretch of a reply to keep before it is heard."),
    ] = 60


class AudioSection(Section, frozen=True, kw_only=True):
    """Sound."""

    echo: Annotated[
        Literal["hardware", "half_duplex", "headphones"],
        next_session(
            "What keeps the agent from hearing itself: the microphone array, a closed microphone "
            "while it speaks (no barge-in), or headphones."
        ),
    ] = "hardware"
    echo_tail_ms: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=2000)],
        next_session("How long a closed microphone stays closed after the agent has spoken."),
    ] = 300
    ducking: Annotated[
        Literal["auto", "on", "off"],
        next_session(
            "Lower the agent while the user begins to speak; auto does with hardware echo "
            "cancellation."
        ),
    ] = "auto"
    capture: CaptureSection = CaptureSection()
    playback: PlaybackSection = PlaybackSection()


class WakeSection(Section, frozen=True, kw_only=True):
    """What begins and ends a conversation."""

    mode: Annotated[
        Literal["button", "hold_to_talk", "always"],
        live("Press to talk, talk while held, or one conversation without end."),
    ] = "button"
    idle_timeout_s: Annotated[
        Annotated[float, msgspec.Meta(ge=5, le=3600)],
        live("Silence that ends a conversation; without effect when wake.mode is always."),
    ] = 30.0


class ButtonSection(Section, frozen=True, kw_only=True):
    """The talk button."""

    pin: Annotated[Pin, restart("GPIO number (BCM).", 17)]
    press: Annotated[Gesture, restart("What a press does.")] = "talk"
    hold: Annotated[Gesture, restart("What holding it does.")] = "mute"
    hold_s: Annotated[
        Annotated[float, msgspec.Meta(ge=0.3, le=10)], restart("How long is holding.")
    ] = 1.5
    double: Annotated[
        Gesture, restart("What a double press does; a press then counts 0.35 s later.")
    ] = "none"
    active: Annotated[
        Level, restart("The pin's level while it is pressed; low is a button to ground.")
    ] = "low"


class VolumeUpSection(Section, frozen=True, kw_only=True):
    """A button that turns the volume up."""

    pin: Annotated[Pin, restart("GPIO number (BCM).", 5)]
    active: Annotated[Level, restart("As button.active.")] = "low"


class VolumeDownSection(Section, frozen=True, kw_only=True):
    """A button that turns the volume down."""

    pin: Annotated[Pin, restart("GPIO number (BCM).", 6)]
    active: Annotated[Level, restart("As button.active.")] = "low"


class MuteSection(Section, frozen=True, kw_only=True):
    """A button that switches the microphone off and on."""

    pin: Annotated[Pin, restart("GPIO number (BCM).", 13)]
    active: Annotated[Level, restart("As button.active.")] = "low"


class ButtonsSection(Section, frozen=True, kw_only=True):
    """More buttons, each for one thing."""

    volume_up: VolumeUpSection | None = None
    volume_down: VolumeDownSection | None = None
    mute: MuteSection | None = None


class LedSection(Section, frozen=True, kw_only=True):
    """The light: one pin, or one pin for each colour."""

    pin: Annotated[Pin | None, restart("GPIO number (BCM) of a light of one colour.", 25)] = None
    red: Annotated[Pin | None, restart("GPIO number (BCM) of the red light.", 16)] = None
    green: Annotated[Pin | None, restart("GPIO number (BCM) of the green light.", 20)] = None
    blue: Annotated[Pin | None, restart("GPIO number (BCM) of the blue light.", 21)] = None
    active: Annotated[Level, restart("The pin's level while it is lit.")] = "high"
    dims: Annotated[bool, restart("Let it fade, which costs CPU.")] = False


class SoundsSection(Section, frozen=True, kw_only=True):
    """The sounds of the device itself."""

    earcons: Annotated[
        bool, restart("Short sounds: awake, asleep, muted, offline and so on; alarms ring anyway.")
    ] = True
    causes: Annotated[
        bool, restart("Say what is wrong when a person can do something about it.")
    ] = True
    directory: Annotated[
        AbsolutePath | None,
        restart(
            "A folder whose WAV files replace the sounds of the same names.", "/etc/voiced/sounds"
        ),
    ] = None


class NetworkSection(Section, frozen=True, kw_only=True):
    """The way to the agent."""

    resume_window_s: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=30)],
        next_session("How long after a lost connection to go on with the same conversation."),
    ] = 25.0
    replay_s: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=30)],
        next_session("How much of what was said meanwhile to send afterwards."),
    ] = 10.0
    connect_timeout_s: Annotated[
        Annotated[float, msgspec.Meta(ge=1, le=60)], next_session("Longest wait for a connection.")
    ] = 10.0
    proxy: Annotated[
        Proxy,
        next_session(
            "auto takes it from the environment (HTTPS_PROXY, NO_PROXY); or none, or an address.",
            local=True,
        ),
    ] = "auto"
    ca_file: Annotated[
        AbsolutePath | None,
        next_session(
            "Certificates to trust besides the system's own (PEM).",
            "/etc/voiced/ca.pem",
            local=True,
        ),
    ] = None


class LogSection(Section, frozen=True, kw_only=True):
    """What is written to the log."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], live("The least important line to write.")
    ] = "info"


class Settings(Section, frozen=True, kw_only=True):
    """All settings of one device."""

    version: Annotated[Literal[1], restart("Version of this file's layout.")] = 1
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
        live("What the agent may do on this device."),
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
        Annotated[Mapping[str, Any], expect("tools by name")],
        live(
            "Tools that ask a web service. Each has description, parameters (JSON schema), method, "
            "url, headers, json, response, execution_mode, timeout_s, say_while_waiting.",
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
            local=True,
        ),
    ] = {}
    command_tools: Annotated[
        Annotated[Mapping[str, Any], expect("tools by name")],
        live(
            "Tools that run a program, never a shell. Each has description, parameters (JSON "
            "schema), argv, execution_mode, timeout_s, say_while_waiting.",
            {
                "get_uptime": {
                    "description": "Tell for how long this device has been running.",
                    "argv": ["/usr/bin/uptime", "-p"],
                }
            },
            local=True,
        ),
    ] = {}
    mcp: Annotated[
        Annotated[Mapping[str, Any], expect("servers by name")],
        live(
            "MCP servers; the agent calls their tools NAME_TOOL. Each has url (streamable HTTP), "
            "headers, ca_file, in_clear, or command, environment; and allow, timeout_s.",
            {
                "home": {
                    "url": "https://homeassistant.local:8123/api/mcp",
                    "headers": {
                        "Authorization": {
                            "prefix": "Bearer ",
                            "file": "/etc/voiced/home-assistant.token",
                        }
                    },
                    "allow": ["HassTurnOn", "HassTurnOff", "GetLiveContext"],
                }
            },
            local=True,
        ),
    ] = {}
    remote: RemoteSection | None = None
    kiosk: KioskSection | None = None
    privacy: PrivacySection = PrivacySection()
    metrics: MetricsSection | None = None
    mqtt: MqttSection | None = None
    log: LogSection = LogSection()
