"""`voiced run`: the daemon."""

import argparse
import asyncio
import logging
from pathlib import Path

from voiced.app import Extras, assemble, catalogue
from voiced.config.environment import state_folder
from voiced.config.load import examine, find, load, service_file
from voiced.config.schema import Settings
from voiced.distress import stay_up, tell_of_broken_settings
from voiced.errors import ConfigError
from voiced.host.logs import StatusLog, start_log
from voiced.host.reloads import Reloads
from voiced.host.signals import SignalWake
from voiced.host.systemd import Notify, SystemdService, feeding_s, notifier

log = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", metavar="FILE", help="the settings file")


def run(options: argparse.Namespace) -> int:
    """Hold conversations until asked to stop.

    Started by systemd it stays up even with settings that cannot be used, shows so, and ends when
    they have been mended: systemd then starts it anew.

    Raises:
        ConfigError: If the settings cannot be used, and nobody would start us again.
    """
    notify = notifier()
    try:
        path = find(options.config).absolute()
        loaded = load(path, catalogue())
        start_log(loaded.settings.log.level)
        for warning in loaded.warnings:
            log.warning("%s", warning)
        return _converse(loaded.settings, path, notify)
    except ConfigError as error:
        path = Path(options.config) if options.config is not None else service_file()
        # A device in a kitchen has no terminal: whoever stands before it shall know.
        draft = examine(path, catalogue()).draft
        if notify is None:
            if draft is not None:
                asyncio.run(tell_of_broken_settings(draft))
            raise
        start_log("info")
        log.error("%s", error)  # noqa: TRY400 - it says it all
        asyncio.run(stay_up(path, draft, error, notify, feeding_s()))
        return 0


def _converse(settings: Settings, path: Path, notify: Notify | None) -> int:
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
            wake_sources=[SignalWake(reloads)],
            indicators=[StatusLog(), *([service] if service else [])],
            chores=[service] if service else [],
        ),
    )
    asyncio.run(runtime.run())
    return 0
