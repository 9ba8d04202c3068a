"""`voiced run`: the daemon."""

import argparse
import asyncio
import logging

from voiced.app import Extras, assemble, catalogue
from voiced.config.environment import state_folder
from voiced.config.load import examine, find, load
from voiced.distress import tell_of_broken_settings
from voiced.errors import ConfigError
from voiced.host.logs import StatusLog, log_to_stderr
from voiced.host.signals import SignalWake

log = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", metavar="FILE", help="the settings file")


def run(options: argparse.Namespace) -> int:
    """Hold conversations until asked to stop.

    Raises:
        ConfigError: If the settings cannot be used.
    """
    path = find(options.config).absolute()
    try:
        loaded = load(path, catalogue())
    except ConfigError:
        # A device in a kitchen has no terminal: whoever stands before it shall know.
        if (draft := examine(path, catalogue()).draft) is not None:
            asyncio.run(tell_of_broken_settings(draft))
        raise
    log_to_stderr(loaded.settings.log.level)
    for warning in loaded.warnings:
        log.warning("%s", warning)
    extras = Extras(
        settings_file=path,
        state_folder=state_folder(),
        wake_sources=[SignalWake()],
        indicators=[StatusLog()],
    )
    runtime = assemble(loaded.settings, extras)
    asyncio.run(runtime.run())
    return 0
