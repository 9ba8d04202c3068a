"""The daemon from its start to its end, started by systemd or in a terminal."""

import gc
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from voiced.api.control_api import ControlApi
from voiced.api.control_socket import Answer, Ask, ControlSocket, Question, Watch
from voiced.api.device_control import DeviceControl
from voiced.api.refusal_log import Refusals
from voiced.api.services import Services
from voiced.assembly.factory import ComponentCache, Extras, catalogue, settings_caller
from voiced.assembly.gpio import light_wiring
from voiced.config.diff import changes, summary
from voiced.config.history import without_local
from voiced.config.load import Examined, ca_files
from voiced.config.resolve import Choice, choose, name_of
from voiced.config.user_overrides import examine_with_by_hand
from voiced.devices.gpio.buttons_and_leds import GpioLight
from voiced.errors import ConfigError
from voiced.host.cpu import stay_on_one_core
from voiced.host.heap import keep_one_heap
from voiced.host.journal import StatusLog, start_log
from voiced.host.serial import serial_number
from voiced.host.systemd import Notify, SystemdService, feeding_s, notifier
from voiced.lib import event_loop
from voiced.lib.environment import CONTROL_SOCKET, runtime_folder, state_folder
from voiced.ports import BackgroundTask, Indicator
from voiced.reload.applier import SettingsApplier
from voiced.reload.file_watch import FileWatch
from voiced.reload.overrides import UserOverrides, by_hand_in
from voiced.reload.reloader import Probes, SettingsReloader, now
from voiced.reload.remote import RemoteSettings
from voiced.reload.requests import Reloads
from voiced.reload.system_files import SystemFiles
from voiced.runtime.guard import Guard
from voiced.runtime.runtime import Runtime
from voiced.service.safe_mode import stay_up, tell_of_broken_settings
from voiced.service.signals import SignalWake
from voiced.storage.settings_store import RecordFile
from voiced.storage.state_files import BY_HAND
from voiced.storage.state_store import StateStore

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
    keep_one_heap()
    notify = notifier()
    store = StateStore(state_folder())
    kept = RecordFile(store, path)
    kept.begin(now())
    if missing is None:
        found = examine_with_by_hand(path, by_hand_in(store), catalogue())
    else:
        found = Examined((missing,))
    try:
        # In a terminal somebody reads what is wrong: no need for settings from before.
        known = kept.record if notify is not None else without_local(kept.record)
        choice = choose(found, known, catalogue(), now())
        start_log(choice.best.settings.log.level)
        return _converse(path, choice, kept, lamp, notify)
    except ConfigError as error:
        # A device in a kitchen has no terminal: whoever stands before it shall know.
        if notify is None:
            if found.draft is not None:
                event_loop.run(tell_of_broken_settings(found.draft, lamp))
            raise
        start_log("info")
        log.error("%s", error)  # noqa: TRY400 - it says it all
        event_loop.run(stay_up(path, found.draft, lamp, error, notify, feeding_s()))
        return 0


def _converse(
    path: Path, choice: Choice, kept: RecordFile, lamp: GpioLight | None, notify: Notify | None
) -> int:
    cache = ComponentCache()
    if lamp is not None and lamp.wiring == light_wiring(choice.best.settings):
        cache.put("light", lamp.wiring, lamp)
    elif lamp is not None:
        lamp.close()
    service = None
    if notify is not None:
        service = SystemdService(
            notify,
            lambda: it.applier.runtime.progress,
            feeding_s(),
            complaint=lambda: it.reloader.complaint,
            cause=lambda: it.control.cause(),  # noqa: PLW0108 - it is not there yet
        )
    it = follow(
        path, choice, kept, cache, margin_s=lambda: None if service is None else service.margin_s
    )
    signals = SignalWake(it.reloads)
    indicators: list[Indicator] = [StatusLog()]
    background: list[BackgroundTask] = []
    if service is not None:
        it.reloads.on_reload.append(service.reloading)
        it.reloader.on_complaint.append(service.show_again)
        indicators.append(service)
        background.append(service)
    runtime = it.assemble(
        Extras(
            store=kept.store,
            wake_sources=[signals],
            indicators=indicators,
            background=background,
            vital=[signals, *background],  # systemd and its signals, beside sound
        )
    )
    # What is there by now stays; to look through it for garbage would hold up the threads of sound.
    gc.freeze()
    event_loop.run(runtime.run())
    kept.end()
    kept.store.close()
    return 0


@dataclass(frozen=True, slots=True)
class Following:
    """What makes a daemon follow its settings, wherever they are changed.

    Attributes:
        applier: Owns the runtime.
        reloader: Chooses the settings.
        remote: Asks a server for them.
        reloads: Where somebody may ask for them to be read again.
        services: What faces the outside.
        background: What has to run for all that.
    """

    applier: SettingsApplier
    reloader: SettingsReloader
    remote: RemoteSettings
    reloads: Reloads
    services: Services
    background: tuple[BackgroundTask, ...]

    @property
    def control(self) -> DeviceControl:
        """What can be seen of it and done to it."""
        return self.services.control

    def assemble(self, extras: Extras) -> Runtime:
        """Build the runtime and return it; `extras` go beyond the settings.

        Raises:
            ConfigError: If a name is unknown or a secret cannot be read.
        """
        return self.applier.assemble(
            replace(
                extras,
                background=[*extras.background, *self.background, *self.services.background],
                observers=[*extras.observers, self.services.observers],
                captions=[*extras.captions, self.services.subtitles],
                guard=self.services.guard,
            )
        )


def follow(
    path: Path,
    choice: Choice,
    kept: RecordFile,
    cache: ComponentCache,
    socket: Path | None = None,
    margin_s: Callable[[], float | None] = lambda: None,
) -> Following:
    """Return what makes a daemon follow the settings in `path`.

    Args:
        path: The settings file.
        choice: What to begin with.
        kept: What is kept of earlier settings; everything else is kept in the same store.
        cache: Where parts come from.
        socket: Where questions are answered, if not where the environment says.
        margin_s: Tells how long until systemd would start the daemon anew, if it would.
    """
    store = kept.store
    applier = SettingsApplier(choice.best.settings, cache)
    questions: dict[str, Ask] = {}
    streams: dict[str, Watch] = {}
    refusals = Refusals()
    control = ControlSocket(
        socket or runtime_folder() / CONTROL_SOCKET, questions, streams, refusals
    )
    read = partial(examine_with_by_hand, path, by_hand_in(store), catalogue())
    probes = Probes(control.answers, lambda: remote.answers())  # noqa: PLW0108 - it is not there yet
    reloader = SettingsReloader(path, choice, kept, applier, read, probes)
    remote = RemoteSettings(
        reloader,
        lambda section: settings_caller(applier.running, section, applier.resolver),
        serial_number,
    )
    reloader.on_reload.append(remote.follow)
    store.on_recovery.append(remote.ask_again)
    overrides = UserOverrides(path, store.open(BY_HAND), lambda: reloader.choice, reloader.reload)
    guard = Guard()
    services = Services(applier, reloader, overrides, store, guard, margin_s, refusals=refusals)
    control_api = ControlApi(
        services.control,
        services.subtitles,
        lambda: {**reloader.report(), "server": asdict(remote.report)},
        lambda: guard.faults,
        services.page,
        lambda: asdict(store.report),
    )
    streams["/events"] = control_api.events
    system = SystemFiles(
        lambda: ca_files(applier.wanted),
        lambda event: applier.runtime.dispatch(event),  # noqa: PLW0108 - there is none yet
    )
    questions |= {
        **control_api.questions(),
        "POST /reload": partial(_reload, applier, system, reloader, remote),
    }
    reloads = Reloads(partial(_reload_files, reloader, system))
    watch = FileWatch(reloader.paths, reloader.reload)
    background = (store, reloader, remote, control, reloads, watch, system)
    return Following(applier, reloader, remote, reloads, services, background)


async def _reload_files(reloader: SettingsReloader, system: SystemFiles) -> None:
    """Have count what has changed, on this device and in its settings."""
    await system.look()
    await reloader.reload()


async def _reload(
    applier: SettingsApplier,
    system: SystemFiles,
    reloader: SettingsReloader,
    remote: RemoteSettings,
    question: Question,
) -> Answer:
    """Have everything read again; answer with the names of what has changed, wherever it came from."""
    before, sent = applier.wanted, reloader.record.sent
    await _reload_files(reloader, system)
    asked = ""
    if "remote" in question.parameters:
        reloader.may_try()
        asked = (await remote.ask()).error
    lines = [*system.news(), *summary(changes(before, applier.wanted))]
    if (now_sent := reloader.record.sent) is not None and now_sent != sent:
        lines.append(f"{name_of(now_sent)} is tried")
    return {"lines": lines or ["nothing has changed"], "error": reloader.complaint or asked}
