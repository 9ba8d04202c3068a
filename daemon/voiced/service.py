"""The daemon from its start to its end, started by systemd or in a terminal."""

import asyncio
import gc
import logging
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from voiced.adopter import Adopter
from voiced.app import Extras, Workshop, catalogue, settings_caller
from voiced.config.by_hand import FILE_NAME as BY_HAND
from voiced.config.by_hand import read_with_by_hand
from voiced.config.choice import Choice, choose
from voiced.config.environment import CONTROL_SOCKET, runtime_folder, state_folder
from voiced.config.load import draft
from voiced.config.record import started, stopped, without_local
from voiced.desk import Desk
from voiced.devices.gpio import GpioLight
from voiced.distress import stay_up, tell_of_broken_settings
from voiced.errors import ConfigError
from voiced.host.control import Answer, Ask, ControlSocket, Question, Watch
from voiced.host.cores import stay_on_one_core
from voiced.host.file_watch import FileWatch
from voiced.host.logs import StatusLog, start_log
from voiced.host.record_file import RecordFile
from voiced.host.reloads import Reloads
from voiced.host.remote import RemoteSettings
from voiced.host.serial import serial_number
from voiced.host.signals import SignalWake
from voiced.host.systemd import Notify, SystemdService, feeding_s, notifier
from voiced.outside import Outside
from voiced.ports import Chore, Indicator
from voiced.reconfigure import Reconfigurer
from voiced.runtime import Runtime
from voiced.steering import Steering
from voiced.wiring import light_wiring
from voiced.wishes import Wishes

log = logging.getLogger(__name__)


def run(path: Path, lamp: GpioLight | None, missing: ConfigError | None) -> int:
    """Hold conversations until asked to stop.

    Settings that cannot be used do not count: those from before do. Where there are none, a daemon
    that systemd has started stays up, shows so, and ends when they have been mended: systemd then
    starts it anew.

    Args:
        path: The settings file; it need not exist.
        lamp: The light it names.
        missing: Why there is no settings file, if it is known already.

    Raises:
        ConfigError: If the settings cannot be used, and nobody would start us again.
    """
    stay_on_one_core()
    notify = notifier()
    kept = RecordFile(state_folder(), path)
    kept.write(started(kept.record))
    try:
        # In a terminal somebody reads what is wrong: no need for settings from before.
        known = kept.record if notify is not None else without_local(kept.record)
        found = missing or read_with_by_hand(path, state_folder() / BY_HAND, catalogue())
        choice = choose(found, known, catalogue())
        start_log(choice.best.settings.log.level)
        return _converse(path, choice, kept, lamp, notify)
    except ConfigError as error:
        # A device in a kitchen has no terminal: whoever stands before it shall know.
        readable = draft(path)
        if notify is None:
            if readable is not None:
                asyncio.run(tell_of_broken_settings(readable, lamp))
            raise
        start_log("info")
        log.error("%s", error)  # noqa: TRY400 - it says it all
        asyncio.run(stay_up(path, readable, lamp, error, notify, feeding_s()))
        return 0


def _converse(
    path: Path, choice: Choice, kept: RecordFile, lamp: GpioLight | None, notify: Notify | None
) -> int:
    workshop = Workshop()
    if lamp is not None and lamp.wiring == light_wiring(choice.best.settings):
        workshop.put("light", lamp.wiring, lamp)
    elif lamp is not None:
        lamp.close()
    it = follow(path, choice, kept, workshop)
    indicators: list[Indicator] = [StatusLog()]
    chores: list[Chore] = []
    if notify is not None:
        service = SystemdService(notify, lambda: it.adopter.runtime.progress, feeding_s())
        it.reloads.tell = service.reloading
        it.outside.margin_s = lambda: service.margin_s
        service.complaint = lambda: it.reconfigurer.complaint
        it.reconfigurer.complained = service.show_again
        indicators.append(service)
        chores.append(service)
    runtime = it.assemble(
        Extras(
            state_folder=state_folder(),
            wake_sources=[SignalWake(it.reloads)],
            indicators=indicators,
            chores=chores,
        )
    )
    # What is there by now stays; to look through it for garbage would hold up the threads of sound.
    gc.freeze()
    asyncio.run(runtime.run())
    kept.write(stopped(kept.record))
    return 0


@dataclass(frozen=True, slots=True)
class Following:
    """What makes a daemon follow its settings, wherever they are changed.

    Attributes:
        adopter: Owns the runtime.
        reconfigurer: Chooses the settings.
        remote: Asks a server for them.
        reloads: Where somebody may ask for them to be read again.
        outside: What faces the outside.
        chores: What has to run for all that.
    """

    adopter: Adopter
    reconfigurer: Reconfigurer
    remote: RemoteSettings
    reloads: Reloads
    outside: Outside
    chores: tuple[Chore, ...]

    @property
    def steering(self) -> Steering:
        """What can be seen of it and done to it."""
        return self.outside.steering

    def assemble(self, extras: Extras) -> Runtime:
        """Build the runtime and return it; `extras` go beyond the settings.

        Raises:
            ConfigError: If a name is unknown or a secret cannot be read.
        """
        return self.adopter.assemble(
            replace(
                extras,
                chores=[*extras.chores, *self.chores, *self.outside.chores],
                observers=[*extras.observers, self.outside.audience],
                captions=[*extras.captions, self.outside.subtitles],
            )
        )


@dataclass(frozen=True, slots=True)
class Places:
    """Where a daemon keeps what it needs.

    Attributes:
        state: The folder of what outlives the process.
        control: The socket where questions are answered.
    """

    state: Path
    control: Path


def usual_places() -> Places:
    """Return where the environment says."""
    return Places(state_folder(), runtime_folder() / CONTROL_SOCKET)


def follow(
    path: Path, choice: Choice, kept: RecordFile, workshop: Workshop, places: Places | None = None
) -> Following:
    """Return what makes a daemon follow the settings in `path`.

    Args:
        path: The settings file.
        choice: What to begin with.
        kept: What is kept of earlier settings.
        workshop: Where parts come from.
        places: Where it keeps what it needs, if not where the environment says.
    """
    places = places or usual_places()
    adopter = Adopter(choice.best.settings, workshop)
    questions: dict[str, Ask] = {}
    streams: dict[str, Watch] = {}
    control = ControlSocket(places.control, questions, streams)
    by_hand = places.state / BY_HAND
    read = partial(read_with_by_hand, path, by_hand, catalogue())
    reconfigurer = Reconfigurer(path, choice, kept, adopter, read, control.answers)
    remote = RemoteSettings(
        reconfigurer, lambda section: settings_caller(adopter.running, section), serial_number
    )
    reconfigurer.followed = remote.follow
    reconfigurer.server_answers = remote.answers
    wishes = Wishes(path, by_hand, lambda: adopter.wanted, reconfigurer.reread)
    outside = Outside(adopter, reconfigurer, wishes, places.state)
    desk = Desk(
        outside.steering,
        outside.subtitles,
        lambda: {**reconfigurer.report(), "server": asdict(remote.report)},
        outside.page,
    )
    streams["/events"] = desk.events
    questions |= {**desk.questions(), "POST /reload": partial(_reload, reconfigurer, remote)}
    reloads = Reloads(reconfigurer.reread)
    watch = FileWatch(reconfigurer.paths, reconfigurer.reread)
    chores = (kept, reconfigurer, remote, control, reloads, watch)
    return Following(adopter, reconfigurer, remote, reloads, outside, chores)


async def _reload(reconfigurer: Reconfigurer, remote: RemoteSettings, question: Question) -> Answer:
    lines = reconfigurer.reread()
    asked = (await remote.ask()).error if "remote" in question.parameters else ""
    return {"lines": lines or ["nothing has changed"], "error": reconfigurer.complaint or asked}
