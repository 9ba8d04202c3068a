"""The composition root: the only module that knows which concrete class implements each port."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from voiced.agents import AGENTS
from voiced.agents.codec import Agent, AgentSettings, TokenSource
from voiced.assembly.gpio import buttons, light, light_wiring
from voiced.assembly.protocols import agent_class
from voiced.assembly.tools import (
    check_declared,
    ingredients,
    look_for,
    prompts,
    servers,
    together,
    toolbox,
)
from voiced.config.rules import Catalogue
from voiced.config.schema import Settings
from voiced.config.schema_services import RemoteSection
from voiced.config.schema_tools import TokenSection
from voiced.config.secret import HEADER, resolved
from voiced.config.yaml_document import MAX_BYTES
from voiced.core.state import Policy
from voiced.devices.network.connector import Connector
from voiced.devices.network.http import AiohttpCaller
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.resolver import Resolver
from voiced.devices.network.route_monitor import LinkWatch
from voiced.devices.network.websocket import WebSocketDialer
from voiced.devices.sound.cue_files import CueFiles
from voiced.devices.sound.driver_calls import DriverCalls
from voiced.devices.sound.factory import SoundDevices, is_file, microphone, speaker
from voiced.devices.sound.selection import AUTO
from voiced.errors import ConfigError
from voiced.ports import (
    BackgroundTask,
    CaptionSink,
    Indicator,
    Memory,
    Microphone,
    Observer,
    PeriodTap,
    Speaker,
    Tool,
    WakeSource,
)
from voiced.runtime.always_on import AlwaysAwake
from voiced.runtime.components import Components, SoundSettings
from voiced.runtime.guard import Guard
from voiced.runtime.runtime import Runtime
from voiced.storage.state_files import ALARMS
from voiced.storage.state_store import StateStore
from voiced.storage.volume_and_mute import StateFile
from voiced.tools import NEED_ALARMS, TOOLS
from voiced.tools.declared.token_program import DialCalls

if TYPE_CHECKING:
    from voiced.alarms.clock import AlarmClock

Made = TypeVar("Made")

REMOTE_TIMEOUT_S = 30.0
"""How long a server may take to send its settings."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What a command adds to, or puts in the place of, what the settings name.

    `store` is where to keep what outlives the process; without one nothing does. `on_tools_changed` is
    called when there are other tools than those the parts were built with, `on_idle` when a conversation
    has ended and before a new one is begun. `vital` are those of the wake
    sources and background tasks without which the daemon must not go on; `guard` looks after everything else.
    """

    store: StateStore | None = None
    microphone: Microphone | None = None
    speaker: Speaker | None = None
    tools: Mapping[str, Tool] | None = None
    key: str | None = field(default=None, repr=False)
    wake_sources: Sequence[WakeSource] = ()
    indicators: Sequence[Indicator] = ()
    observers: Sequence[Observer] = ()
    captions: Sequence[CaptionSink] = ()
    taps: Sequence[PeriodTap] = ()
    background: Sequence[BackgroundTask] = ()
    on_tools_changed: Callable[[], None] = lambda: None
    on_idle: Callable[[], None] = lambda: None
    vital: Sequence[WakeSource | BackgroundTask] = ()
    guard: Guard = field(default_factory=Guard)


class ComponentCache:
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


def names(cache: ComponentCache) -> Resolver:
    """Return what looks up names: the same for everything that goes over the network."""
    network = cache.make("network", None, LinkWatch)
    return cache.make("names", None, lambda: Resolver(why_unreachable=network.why_unreachable))


def catalogue() -> Catalogue:
    """Return what settings can name."""
    return Catalogue(
        protocols=AGENTS,
        tools=TOOLS,
        agent_class=agent_class,
        check_declared=check_declared,
        look_for=look_for,
    )


def assemble(settings: Settings, extras: Extras, cache: ComponentCache | None = None) -> Runtime:
    """Build the daemon that `settings` describe; see `assemble_parts`."""
    components = assemble_parts(settings, extras, cache)
    return Runtime(components, policy(settings), sound_settings(settings, components.memory))


def assemble_parts(
    settings: Settings, extras: Extras, cache: ComponentCache | None = None
) -> Components:
    """Build what a daemon drives.

    Args:
        settings: What it is to do.
        extras: What goes beyond the settings.
        cache: Where parts come from that were built before.

    Raises:
        ConfigError: If a name is unknown or a secret cannot be read.
    """
    cache = cache or ComponentCache()
    make = cache.make
    protocol, sound, link = settings.agent.protocol, sound_devices(settings), link_options(settings)
    network, resolver = make("network", None, LinkWatch), names(cache)
    tools = extras.tools
    if tools is None:
        of = ingredients(settings, link)
        tools = make("tools", of, lambda: toolbox(settings, link, resolver))
    hosts = []
    if extras.tools is None and agent_class(protocol).takes_tools:
        hosts = servers(settings, Connector(link, resolver), make, extras.on_tools_changed)
        tools = together(tools, hosts)
    context = prompts(hosts)
    agent = make("agent", protocol, lambda: _agent(settings, tools, extras.key, context))
    fingers = (settings.button, settings.buttons, settings.wake.mode == "hold_to_talk")
    hands = make("buttons", fingers, lambda: buttons(settings))
    led = make("light", light_wiring(settings), lambda: light(settings))
    lights = [] if led is None else [led]
    memory = None
    store, volume = extras.store, settings.audio.playback.volume
    if store is not None:
        memory = make("memory", volume, partial(StateFile, store, volume))
    stores = [] if store is None or store in extras.background else [store]
    clock = _alarm_clock(tools, store, cache)
    clocks = [] if clock is None else [clock]
    awake = [make("always", None, AlwaysAwake)] if settings.wake.mode == "always" else []

    def calls(side: str, device: str) -> DriverCalls:  # it outlives what is opened through it
        return make(f"calls for {side} by {device}", None, DriverCalls)

    return Components(
        microphone=extras.microphone
        or make(
            "mic",
            _for_capture(sound),
            lambda: microphone(sound, calls("capture", sound.capture)),
        ),
        speaker=extras.speaker
        or make(
            "speaker",
            _for_playback(sound),
            lambda: speaker(sound, calls("playback", sound.playback)),
        ),
        dial=WebSocketDialer(link, resolver, network.guard),
        call_http=DialCalls(AiohttpCaller(link, resolver)),
        agent=agent,
        tools=tools,
        context=context,
        wake_sources=[*extras.wake_sources, network, *hands, *awake, *clocks],
        indicators=[*extras.indicators, *lights],
        observers=[*extras.observers, *awake],
        captions=extras.captions,
        taps=extras.taps,
        lights=lights,
        background=[*extras.background, *lights, *hosts, *stores],
        cues=cue_files(settings),
        memory=memory,
        alarms=clock,
        on_idle=extras.on_idle,
        vital=extras.vital,
        guard=extras.guard,
    )


def _alarm_clock(
    tools: Mapping[str, Tool], store: StateStore | None, cache: ComponentCache
) -> "AlarmClock | None":
    """Return what keeps timers, unless there is nothing to keep."""
    file = None if store is None else store.open(ALARMS)
    if NEED_ALARMS.isdisjoint(tools) and not (file is not None and file.exists):
        return None
    from voiced.alarms.clock import AlarmClock

    return cache.make("alarms", store, lambda: AlarmClock(file))


def _agent(
    settings: Settings, tools: Mapping[str, Tool], key: str | None, context: Sequence[str]
) -> Agent:
    return agent_class(settings.agent.protocol)(agent_settings(settings, tools, key, context))


def _for_capture(sound: SoundDevices) -> tuple[object, ...]:
    # The speaker as well: one that plays elsewhere has a card kept awake for its microphone's sake.
    return sound.capture, sound.playback, sound.channel, sound.period_ms, sound.gain


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


def settings_caller(
    settings: Settings, remote: RemoteSection, resolver: Resolver | None = None
) -> AiohttpCaller:
    """Return what asks a server for settings."""
    network = settings.network
    ca_file = remote.ca_file or network.ca_file
    options = LinkOptions(proxy=network.proxy, ca_file=ca_file)
    return AiohttpCaller(options, resolver, timeout_s=REMOTE_TIMEOUT_S, max_bytes=MAX_BYTES)


def sound_devices(settings: Settings) -> SoundDevices:
    """Return the sound devices that the settings name."""
    capture, playback = settings.audio.capture, settings.audio.playback
    return SoundDevices(
        capture.device,
        playback.device,
        capture.channel,
        capture.period_ms,
        playback.mixer,
        capture.gain,
    )


def agent_settings(
    settings: Settings,
    tools: Mapping[str, Tool],
    key: str | None = None,
    context: Sequence[str] = (),
) -> AgentSettings:
    """Return what the agent's protocol needs to know.

    Args:
        settings: What the owner says of it.
        tools: What it may call.
        key: Its key, if it is not the settings' own.
        context: What it is to know besides its own prompt.

    Raises:
        ConfigError: If the agent's address is missing, or its key or what its token takes cannot be read.
    """
    agent = settings.agent
    url = agent.url or agent_class(agent.protocol).default_url
    if url is None:
        raise ConfigError("agent.url", "is missing", f"{agent.protocol} has no address of its own")
    if key is None and agent.key is not None:
        key = agent.key.resolve()
    return AgentSettings(
        url=url,
        key=key,
        auth=agent.auth,
        token=None if agent.token is None else token_source(agent.token),
        session=agent.session,
        tools=[tool.spec for tool in tools.values()],
        eager_tools=agent.eager_tools,
        context=context,
    )


def token_source(declared: TokenSection) -> TokenSource:
    """Return where temporary tokens come from, with the secrets that it takes.

    Raises:
        ConfigError: If one of them cannot be read.
    """
    return TokenSource(
        url=declared.url or "",
        headers=resolved(declared.headers, HEADER),
        json_pointer=declared.json_pointer or "",
        command=declared.command or (),
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
