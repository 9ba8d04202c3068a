"""The daemon from its start to its end, started by systemd or in a terminal."""

import asyncio
import logging
from pathlib import Path

from voiced.app import Extras, assemble, catalogue
from voiced.config.environment import state_folder
from voiced.config.load import draft, load
from voiced.config.schema import Settings
from voiced.devices.gpio import GpioLight
from voiced.distress import stay_up, tell_of_broken_settings
from voiced.errors import ConfigError
from voiced.host.cores import stay_on_one_core
from voiced.host.logs import StatusLog, start_log
from voiced.host.reloads import Reloads
from voiced.host.signals import SignalWake
from voiced.host.systemd import Notify, SystemdService, feeding_s, notifier

log = logging.getLogger(__name__)


def run(path: Path, lamp: GpioLight | None, missing: ConfigError | None) -> int:
    """Hold conversations until asked to stop.

    Started by systemd it stays up even with settings that cannot be used, shows so, and ends when
    they have been mended: systemd then starts it anew.

    Args:
        path: The settings file; it need not exist.
        lamp: The light it names.
        missing: Why there is no settings file, if it is known already.

    Raises:
        ConfigError: If the settings cannot be used, and nobody would start us again.
    """
    stay_on_one_core()
    notify = notifier()
    try:
        if missing is not None:
            raise missing
        loaded = load(path, catalogue())
        start_log(loaded.settings.log.level)
        for warning in loaded.warnings:
            log.warning("%s", warning)
        return _converse(loaded.settings, path, lamp, notify)
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


def _converse(settings: Settings, path: Path, lamp: GpioLight | None, notify: Notify | None) -> int:
    reloads = Reloads()
    service = None
    if notify is not None:
        service = SystemdService(notify, lambda: runtime.progress, feeding_s())
        reloads.tell = service.reloading
    runtime = assemble(
        settings,
        Extras(
            settings_file=path,
            state_folder=state_folder(),
            reloads=reloads,
            light=lamp,
            wake_sources=[SignalWake(reloads)],
            indicators=[StatusLog(), *([service] if service else [])],
            chores=[service] if service else [],
        ),
    )
    asyncio.run(runtime.run())
    return 0
