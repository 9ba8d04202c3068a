"""All checks, in the order in which a person would fix things."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from voiced.assembly.factory import (
    Extras,
    agent_settings,
    assemble_parts,
    catalogue,
    link_options,
    sound_devices,
)
from voiced.config.load import Examined, examine
from voiced.config.schema import Settings
from voiced.core.actions import Status
from voiced.core.state import MICROPHONE_TROUBLES, SPEAKER_TROUBLES
from voiced.devices.network.resolver import Resolver
from voiced.devices.sound.factory import is_file
from voiced.doctor import machine
from voiced.doctor.echo import check_echo
from voiced.doctor.finding import Finding, fail, ok, skip, warn
from voiced.doctor.mixer import check_cards
from voiced.doctor.network import Ways, check_agent, check_way
from voiced.doctor.remote import check_remote, effective
from voiced.doctor.services import check_outside
from voiced.doctor.sound import judge
from voiced.doctor.sound_probe import Score, listen
from voiced.errors import ConfigError
from voiced.storage.settings_store import last_record

PERIOD_MS = 10  # shorter than the daemon's own, to measure the clocks of sound cards more often

TROUBLES = {
    status.value
    for status in (
        *MICROPHONE_TROUBLES.values(),
        *SPEAKER_TROUBLES.values(),
        Status.REJECTED,
        Status.CONFIGURATION_ERROR,
    )
}
TOLD_BELOW = (": agent.key", ": sounds.")  # settings whose warnings have a check of their own


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to check.

    Attributes:
        path: The settings file.
        state_folder: The state folder.
        online: Open a session with the agent as well.
        echo: Play a test sound and measure its echo.
        today: The date, if not that of the clock.
        service: The status text of the running service; None if it does not run.
        daemon: The answer of a running daemon to `voiced status`; None if none answers.
    """

    path: Path
    state_folder: Path
    online: bool = False
    echo: bool = False
    today: date | None = None
    service: str | None = None
    daemon: Mapping[str, Any] | None = None


async def check_up(wanted: Wanted) -> AsyncIterator[Finding]:
    """Yield the findings one by one, as they are made."""
    examined = examine(wanted.path, catalogue())
    for finding in (*_settings(wanted.path, examined), *_key(examined)):
        yield finding
    yield machine.check_user()
    yield machine.check_library()
    yield machine.check_clock(wanted.today or datetime.now(UTC).date())
    yield machine.check_disk(wanted.state_folder, wanted.daemon or {})
    yield machine.check_state(wanted.state_folder)
    if examined.draft is None:
        yield skip("everything else", "needs readable settings")
        return
    record = last_record(wanted.state_folder, wanted.path.absolute())
    settings = effective(examined, record, examined.draft)
    for finding in check_remote(settings, record):
        yield finding
    yield machine.check_sounds(settings)
    # On a thread: reading mixers blocks. Before `_sound`, which opens the cards and sets them.
    for finding in await asyncio.to_thread(lambda: list(check_cards(settings))):
        yield finding
    if wanted.service is not None:
        yield _service(wanted.service, wanted.daemon or {})
    for finding in _pins(settings, wanted):
        yield finding
    if wanted.service is None:
        async for finding in _sound(settings, echo=wanted.echo):
            yield finding
    for finding in _parts(wanted.daemon):
        yield finding
    async for finding in check_outside(settings):
        yield finding
    async for finding in _network(settings, examined, online=wanted.online):
        yield finding


def _pins(settings: Settings, wanted: Wanted) -> Iterator[Finding]:
    """Check the pins, or ask the daemon if it runs: it holds them, and nothing else can open them."""
    if wanted.daemon is not None:
        yield from machine.pins_of_daemon(settings, wanted.daemon)
    elif wanted.service is None:
        yield machine.check_button(settings)
        yield machine.check_light(settings)


def _settings(path: Path, examined: Examined) -> Iterator[Finding]:
    problems = [problem for problem in examined.problems if not _is_about_key(problem)]
    if problems:
        first = problems[0]
        text, fix = f"{first.where}: {first.problem}", first.hint or "correct it"
        if problems[1:]:
            text += f" (and {len(problems) - 1} more)"
            fix += f"; `voiced config check {path}` lists all"
        yield fail("settings", text, fix)
        return
    warnings = [each for each in examined.warnings if not any(told in each for told in TOLD_BELOW)]
    if warnings:
        text, _, fix = warnings[0].rpartition("; ")
        yield warn("settings", text, fix)
        return
    yield ok("settings", str(path))


def _key(examined: Examined) -> Iterator[Finding]:
    for problem in examined.problems:
        if _is_about_key(problem):
            yield fail("key", problem.problem, problem.hint or "see agent.key in the settings")
            return
    for warning in examined.warnings:
        if ": agent.key" in warning:
            text, _, fix = warning.partition(": agent.key: ")[2].partition("; ")
            yield warn("key", text, fix)
            return
    settings = examined.draft
    if settings is not None and settings.agent.token is not None:
        yield ok("key", "none needed: agent.token gets a token for each connection")
    elif settings is None or settings.agent.key is None:
        yield skip("key", "none is set")
    else:
        yield ok("key", f"{settings.agent.key} can be read")


def _is_about_key(problem: ConfigError) -> bool:
    return problem.where.endswith(": agent.key")


def _service(says: str, daemon: Mapping[str, Any]) -> Finding:
    """Return the state of the running service, which holds the pins and the sound cards."""
    status = says.partition(":")[0]
    causes = [f"{side}: {daemon[side]}" for side in ("microphone", "speaker") if daemon.get(side)]
    says = f"{says} ({'; '.join(causes)})" if causes else says
    fix = "`systemctl stop voiced` frees pins and sound cards, so that they can be checked here"
    if status in TROUBLES:
        return fail("service", f"it is running, and says {says}", fix)
    return ok("service", f"it is running, and is {status}; {fix}")


def _parts(daemon: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Yield the failing parts of the running daemon, which goes on without them."""
    if daemon is None:
        yield skip("parts", "no daemon answers here")
        return
    faults = daemon.get("faults", [])
    for fault in faults:
        times = "once" if fault["failures"] == 1 else f"{fault['failures']} times"
        text = f"{fault['name']}: {fault['reason']} (failed {times})"
        yield warn("parts", text, "it is restarted automatically; see `voiced logs`")
    if not faults:
        yield ok("parts", "every part of the running daemon works")


async def _sound(settings: Settings, *, echo: bool) -> AsyncIterator[Finding]:
    devices = replace(sound_devices(settings), period_ms=PERIOD_MS)
    if is_file(devices.capture) or is_file(devices.playback):
        yield skip("sound", "a WAV file stands in for a sound card")
        return
    heard, played = await listen(devices, Score())
    for finding in judge(settings, heard, played):
        yield finding
    if settings.audio.playback.volume == 0:
        yield fail("volume", "it is 0", "set audio.playback.volume")
    else:
        yield ok("volume", f"{settings.audio.playback.volume} %")
    if echo:
        for finding in await check_echo(settings, devices):
            yield finding


async def _network(
    settings: Settings, examined: Examined, *, online: bool
) -> AsyncIterator[Finding]:
    try:
        # An unreadable key must not stop the network checks, which need none.
        agent = agent_settings(settings, {}, "" if examined.problems else None)
        parts = assemble_parts(settings, Extras(key=agent.key))
    except ConfigError as error:
        yield skip("network", f"needs valid settings: {error.problem}")
        return
    link = link_options(settings)
    ways = Ways(agent.url, link, Resolver(), parts.dial, parts.call_http)
    way_is_free = True
    async for finding in check_way(ways):
        way_is_free = way_is_free and finding.result.value in ("ok", "skip")
        yield finding
    if not online:
        yield skip("agent", "`--online` opens a session")
    elif not way_is_free or examined.problems:
        yield skip("agent", "skipped after the failure above")
    else:
        async for finding in check_agent(parts.agent, ways):
            yield finding
