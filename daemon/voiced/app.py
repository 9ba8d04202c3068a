"""The composition root: the only module that knows which concrete class fills each port."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from voiced.agents import AGENTS
from voiced.agents.codec import Agent, AgentSettings
from voiced.config.document import MAX_BYTES
from voiced.config.outside import RemoteSection
from voiced.config.rules import Catalogue
from voiced.config.schema import Settings
from voiced.core.state import Policy
from voiced.devices.choice import AUTO
from voiced.devices.cues import CueFiles
from voiced.devices.http import AiohttpCaller
from voiced.devices.link import LinkOptions
from voiced.devices.link_watch import LinkWatch
from voiced.devices.resolver import Resolver
from voiced.devices.sound import SoundDevices, is_file, microphone, speaker
from voiced.devices.websocket import WebSocketDialer
from voiced.errors import ConfigError, Problem
from voiced.host.always import AlwaysAwake
from voiced.host.memory import StateFile
from voiced.parts import Parts, SoundSettings
from voiced.ports import (
    CaptionView,
    Chore,
    Indicator,
    Memory,
    Microphone,
    Observer,
    PeriodTap,
    Speaker,
    Tool,
    WakeSource,
)
from voiced.registry import load
from voiced.runtime import Runtime
from voiced.toolbox import check_declared, ingredients, look_for, servers, together, toolbox
from voiced.tools import NEED_ALARMS, TOOLS
from voiced.wiring import buttons, light, light_wiring

if TYPE_CHECKING:
    from voiced.host.alarm_clock import AlarmClock

Made = TypeVar("Made")

ALARMS_FILE = "alarms.json"

REMOTE_TIMEOUT_S = 30.0
"""How long a server may take to send its settings."""


def _nobody() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Extras:
    """What a command adds to, or puts in the place of, what the settings name.

    `state_folder` is where to remember the volume; without one it is not. `tools_changed` is called
    when there are other tools than those the parts were built with.
    """

    state_folder: Path | None = None
    microphone: Microphone | None = None
    speaker: Speaker | None = None
    tools: Mapping[str, Tool] | None = None
    key: str | None = field(default=None, repr=False)
    wake_sources: Sequence[WakeSource] = ()
    indicators: Sequence[Indicator] = ()
    observers: Sequence[Observer] = ()
    captions: Sequence[CaptionView] = ()
    taps: Sequence[PeriodTap] = ()
    chores: Sequence[Chore] = ()
    tools_changed: Callable[[], None] = _nobody


class Workshop:
    """Builds parts, and hands out the same one again while it would be made of the same."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[object, Any]] = {}

    def put(self, name: str, ingredients: object, part: object) -> None:
        """Take a part that was built elsewhere."""
        self._made[name] = (ingredients, part)

    def make(self, name: str, ingredients: object, build: Callable[[], Made]) -> Made:
        """Return the part called `name`, built anew only if its ingredients have changed."""
        known = self._made.get(name)
        if known is None or known[0] != ingredients:
            known = self._made[name] = (ingredients, build())
        made: Made = known[1]
        return made


def check_session(protocol: str, session: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with `agent.session` in the eyes of `protocol`.

    Raises:
        ConfigError: If there is no such protocol.
    """
    problems: list[Problem] = load(AGENTS, protocol, "agent.protocol").check_session(session)
    return problems


def default_url(protocol: str) -> str | None:
    """Return where an agent of `protocol` lives unless the settings say so.

    Raises:
        ConfigError: If there is no such protocol.
    """
    url: str | None = load(AGENTS, protocol, "agent.protocol").default_url
    return url


def scheme(protocol: str) -> str:
    """Return how the address of an agent of `protocol` begins.

    Raises:
        ConfigError: If there is no such protocol.
    """
    begins: str = load(AGENTS, protocol, "agent.protocol").scheme
    return begins


def within_reach(protocol: str, session: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """Return what a person before the device may set of an agent's session, and where it stands.

    Raises:
        ConfigError: If there is no such protocol.
    """
    if "agent_id" in session:  # a stored agent brings its own settings
        return {}
    personal: Mapping[str, tuple[str, ...]] = load(AGENTS, protocol, "agent.protocol").personal
    return personal


def takes_tools(protocol: str) -> bool:
    """Tell whether an agent of `protocol` calls tools.

    Raises:
        ConfigError: If there is no such protocol.
    """
    takes: bool = load(AGENTS, protocol, "agent.protocol").takes_tools
    return takes


def catalogue() -> Catalogue:
    """Return what settings can name."""
    return Catalogue(
        protocols=AGENTS,
        tools=TOOLS,
        check_session=check_session,
        default_url=default_url,
        scheme=scheme,
        takes_tools=takes_tools,
        check_declared=check_declared,
        look_for=look_for,
    )


def assemble(settings: Settings, extras: Extras, workshop: Workshop | None = None) -> Runtime:
    """Build the daemon that `settings` describe; see `assemble_parts`."""
    parts = assemble_parts(settings, extras, workshop)
    return Runtime(parts, policy(settings), sound_settings(settings, parts.memory))


def assemble_parts(settings: Settings, extras: Extras, workshop: Workshop | None = None) -> Parts:
    """Build what a daemon drives.

    Args:
        settings: What it is to do.
        extras: What goes beyond the settings.
        workshop: Where parts come from that were built before.

    Raises:
        ConfigError: If a name is unknown or a secret cannot be read.
    """
    workshop = workshop or Workshop()
    make = workshop.make
    protocol, sound, link = settings.agent.protocol, sound_devices(settings), link_options(settings)
    network = make("network", None, LinkWatch)
    resolver = make("names", None, lambda: Resolver(why_unreachable=network.why_unreachable))
    tools = extras.tools
    if tools is None:
        of = ingredients(settings, link)
        tools = make("tools", of, lambda: toolbox(settings, link, resolver))
    hosts = []
    if extras.tools is None and takes_tools(protocol):
        hosts = servers(settings, link, make, extras.tools_changed)
        tools = together(tools, hosts)
    agent = make("agent", protocol, lambda: _agent(settings, tools, extras.key))
    fingers = (settings.button, settings.buttons, settings.wake.mode == "hold_to_talk")
    hands = make("buttons", fingers, lambda: buttons(settings))
    led = make("light", light_wiring(settings), lambda: light(settings))
    lights = [] if led is None else [led]
    memory = None
    if extras.state_folder is not None:
        folder, volume = extras.state_folder, settings.audio.playback.volume
        memory = make("memory", volume, lambda: StateFile(folder, volume))
    clock = _alarm_clock(tools, extras.state_folder, workshop)
    clocks = [] if clock is None else [clock]
    awake = [make("always", None, AlwaysAwake)] if settings.wake.mode == "always" else []
    return Parts(
        microphone=extras.microphone or make("mic", _for_capture(sound), lambda: microphone(sound)),
        speaker=extras.speaker or make("speaker", _for_playback(sound), lambda: speaker(sound)),
        dial=WebSocketDialer(link, resolver, network.guard),
        call_http=AiohttpCaller(link, resolver),
        agent=agent,
        tools=tools,
        wake_sources=[*extras.wake_sources, network, *hands, *awake, *clocks],
        indicators=[*extras.indicators, *lights, *awake],
        observers=extras.observers,
        captions=extras.captions,
        taps=extras.taps,
        lights=lights,
        chores=[*extras.chores, *lights, *hosts, *([] if memory is None else [memory])],
        cues=cue_files(settings),
        memory=memory,
        alarms=clock,
    )


def _alarm_clock(
    tools: Mapping[str, Tool], folder: Path | None, workshop: Workshop
) -> "AlarmClock | None":
    """Return what keeps timers, unless there is nothing to keep."""
    path = None if folder is None else folder / ALARMS_FILE
    if NEED_ALARMS.isdisjoint(tools) and not (path is not None and path.exists()):
        return None
    from voiced.host.alarm_clock import AlarmClock

    return workshop.make("alarms", path, lambda: AlarmClock(path))


def _agent(settings: Settings, tools: Mapping[str, Tool], key: str | None) -> Agent:
    agent: Agent = load(AGENTS, settings.agent.protocol, "agent.protocol")(
        agent_settings(settings, tools, key)
    )
    return agent


def _for_capture(sound: SoundDevices) -> tuple[object, ...]:
    # The speaker as well: one that plays elsewhere has a card kept awake for its microphone's sake.
    return sound.capture, sound.playback, sound.channel, sound.period_ms


def _for_playback(sound: SoundDevices) -> tuple[object, ...]:
    partner = sound.capture if sound.playback == AUTO else None
    return sound.playback, partner, sound.mixer


def cue_files(settings: Settings) -> CueFiles:
    """Return the device's own sounds."""
    sounds = settings.sounds
    folder = Path(sounds.directory) if sounds.directory else None
    return CueFiles(folder, earcons=sounds.earcons, prompts=sounds.causes)


def link_options(settings: Settings) -> LinkOptions:
    """Return how the agent is reached."""
    return LinkOptions(
        connect_timeout_s=settings.network.connect_timeout_s,
        proxy=settings.network.proxy,
        ca_file=settings.network.ca_file,
    )


def settings_caller(settings: Settings, remote: RemoteSection) -> AiohttpCaller:
    """Return what asks a server for settings."""
    network = settings.network
    ca_file = remote.ca_file or network.ca_file
    options = LinkOptions(proxy=network.proxy, ca_file=ca_file)
    return AiohttpCaller(options, timeout_s=REMOTE_TIMEOUT_S, max_bytes=MAX_BYTES)


def sound_devices(settings: Settings) -> SoundDevices:
    """Return the sound devices that the settings name."""
    capture, playback = settings.audio.capture, settings.audio.playback
    return SoundDevices(
        capture.device, playback.device, capture.channel, capture.period_ms, playback.mixer
    )


def agent_settings(
    settings: Settings, tools: Mapping[str, Tool], key: str | None = None
) -> AgentSettings:
    """Return what the agent's protocol needs to know; `key` goes before the settings' own.

    Raises:
        ConfigError: If the agent's address is missing or its key cannot be read.
    """
    agent = settings.agent
    url = agent.url or default_url(agent.protocol)
    if url is None:
        raise ConfigError("agent.url", "is missing", f"{agent.protocol} has no address of its own")
    if key is None and agent.key is not None:
        key = agent.key.resolve()
    return AgentSettings(
        url=url,
        key=key,
        auth=agent.auth,
        session=agent.session,
        tools=[tool.spec for tool in tools.values()],
        eager_tools=agent.eager_tools,
    )


def policy(settings: Settings) -> Policy:
    """Return the numbers the state machine needs."""
    return Policy(
        resume_window_s=settings.network.resume_window_s,
        idle_timeout_s=None if settings.wake.mode == "always" else settings.wake.idle_timeout_s,
        barge_in=settings.audio.echo != "half_duplex",
        echo_tail_s=settings.audio.echo_tail_ms / 1000,
        duck=settings.audio.ducking == "on"
        or (settings.audio.ducking == "auto" and settings.audio.echo == "hardware"),
        hold_to_talk=settings.wake.mode == "hold_to_talk",
    )


def sound_settings(settings: Settings, memory: Memory | None = None) -> SoundSettings:
    """Return how much sound is held, and how loud it is played: as remembered, if it is."""
    audio = settings.audio
    remembered = memory.recall() if memory is not None else None
    return SoundSettings(
        volume=remembered.volume if remembered else audio.playback.volume,
        muted=remembered.muted if remembered else False,
        mute_shuts=audio.capture.mute == "close",
        boost=10 ** (audio.playback.boost_db / 20),
        silent_after_s=0.0 if is_file(audio.capture.device) else audio.capture.silent_after_s,
        guard_echo=audio.echo == "hardware",
        buffer_s=audio.playback.buffer_s,
        keep_s=settings.network.replay_s,
    )
