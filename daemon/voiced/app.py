"""The composition root: the only module that knows which concrete class fills each port."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voiced.agents import AGENTS
from voiced.agents.codec import Agent, AgentSettings
from voiced.config import load as settings_file
from voiced.config.rules import Catalogue
from voiced.config.schema import Settings
from voiced.core.state import Policy
from voiced.devices.cues import CueFiles
from voiced.devices.gpio import GpioLight
from voiced.devices.http import AiohttpCaller
from voiced.devices.link import LinkOptions
from voiced.devices.link_watch import LinkWatch
from voiced.devices.resolver import Resolver
from voiced.devices.sound import SoundDevices, is_file, microphone, speaker
from voiced.devices.websocket import WebSocketDialer
from voiced.errors import ConfigError, Problem
from voiced.host.always import AlwaysAwake
from voiced.host.memory import StateFile
from voiced.host.owner import OwnerWatch
from voiced.host.reloads import Reloads
from voiced.parts import Parts, SoundSettings
from voiced.ports import (
    CaptionView,
    Chore,
    Indicator,
    Memory,
    MicLight,
    Microphone,
    PeriodTap,
    Speaker,
    Tool,
    WakeSource,
)
from voiced.registry import load
from voiced.runtime import Runtime
from voiced.tools import TOOLS
from voiced.wiring import buttons, light


@dataclass(frozen=True, slots=True)
class Extras:
    """What a command adds to, or puts in the place of, what the settings name.

    `settings_file` is where the settings came from, to be read again when it changes.
    `state_folder` is where to remember the volume; without one it is not. `reloads` is where somebody
    may ask for the settings to be read again. `light` is already lit.
    """

    settings_file: Path | None = None
    state_folder: Path | None = None
    reloads: Reloads | None = None
    microphone: Microphone | None = None
    speaker: Speaker | None = None
    light: GpioLight | None = None
    tools: Mapping[str, Tool] | None = None
    key: str | None = field(default=None, repr=False)
    wake_sources: Sequence[WakeSource] = ()
    indicators: Sequence[Indicator] = ()
    captions: Sequence[CaptionView] = ()
    taps: Sequence[PeriodTap] = ()
    chores: Sequence[Chore] = ()


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


def catalogue() -> Catalogue:
    """Return what settings can name."""
    return Catalogue(AGENTS, TOOLS, check_session, default_url, scheme)


def assemble(settings: Settings, extras: Extras) -> Runtime:
    """Build the daemon that `settings` describe.

    Raises:
        ConfigError: If a name is unknown or a secret cannot be read.
    """
    parts = assemble_parts(settings, extras)
    return Runtime(parts, policy(settings), sound_settings(settings, parts.memory))


def assemble_parts(settings: Settings, extras: Extras) -> Parts:
    """Build what a daemon drives; see `assemble`."""
    tools = built_in_tools(settings) if extras.tools is None else extras.tools
    agent = load(AGENTS, settings.agent.protocol, "agent.protocol")(
        agent_settings(settings, tools, extras.key)
    )
    sound = sound_devices(settings)
    link = link_options(settings)
    network = LinkWatch()
    resolver = Resolver(why_unreachable=network.why_unreachable)
    owner = _owner_watch(settings, extras, agent, tools)
    indicators: list[Indicator] = [*extras.indicators, owner]
    wake_sources: list[WakeSource] = [*extras.wake_sources, network, owner, *buttons(settings)]
    lights: list[MicLight] = []
    chores: list[Chore] = [*extras.chores]
    if (led := extras.light or light(settings)) is not None:
        indicators.append(led)
        lights.append(led)
        chores.append(led)
    memory = None
    if extras.state_folder is not None:
        memory = StateFile(extras.state_folder, settings.audio.playback.volume)
        chores.append(memory)
    if settings.wake.mode == "always":
        always = AlwaysAwake()
        indicators.append(always)
        wake_sources.append(always)
    return Parts(
        microphone=extras.microphone or microphone(sound),
        speaker=extras.speaker or speaker(sound),
        dial=WebSocketDialer(link, resolver, network.guard),
        call_http=AiohttpCaller(link, resolver),
        agent=agent,
        tools=tools,
        wake_sources=wake_sources,
        indicators=indicators,
        captions=extras.captions,
        taps=extras.taps,
        lights=lights,
        chores=chores,
        cues=cue_files(settings),
        memory=memory,
    )


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


def sound_devices(settings: Settings) -> SoundDevices:
    """Return the sound devices that the settings name."""
    capture, playback = settings.audio.capture, settings.audio.playback
    return SoundDevices(
        capture.device, playback.device, capture.channel, capture.period_ms, playback.mixer
    )


def _owner_watch(
    settings: Settings, extras: Extras, agent: Agent, tools: Mapping[str, Tool]
) -> OwnerWatch:
    """Return what hands the agent a key or settings that the owner has changed."""
    path, key = extras.settings_file, settings.agent.key

    def reread() -> None:
        found = settings_file.load(path, catalogue()).settings if path is not None else settings
        if found.agent.protocol != settings.agent.protocol:
            raise ConfigError("agent.protocol", "has changed", "restart the service")
        agent.update(agent_settings(found, tools, extras.key))

    paths = [path, key.path() if key is not None else None]
    return OwnerWatch([each for each in paths if each is not None], reread, extras.reloads)


def built_in_tools(settings: Settings) -> dict[str, Tool]:
    """Return the configured tools by name."""
    return {name: load(TOOLS, name, "tools")() for name in settings.tools}


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
