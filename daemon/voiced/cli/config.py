"""voiced config: check a settings file, show what is in force and whence, print the schema."""

import argparse
import json
import sys
from pathlib import Path

from voiced.app import catalogue
from voiced.config.choice import Usable, choose, usable
from voiced.config.document import Document, parse
from voiced.config.environment import SERVICE_STATE_FOLDER, state_folder
from voiced.config.fleet import device_names, is_fleet, mistakes, overlay_for
from voiced.config.load import (
    Examined,
    Source,
    as_sources,
    examine,
    examine_sources,
    find,
    try_read,
)
from voiced.config.record import Record
from voiced.errors import ConfigError
from voiced.host.record_file import RecordFile

BARE = b"version: 1\nagent: {url: 'ws://127.0.0.1/'}\n"
"""The least that a device's own file can say."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `voiced config`."""
    commands = parser.add_subparsers(dest="config_command", metavar="COMMAND", required=True)
    check = commands.add_parser("check", help="say what is wrong with a settings file")
    show = commands.add_parser("show", help="print every setting in force, secrets masked")
    diff = commands.add_parser(
        "diff", help="print what the files would change if they were read now"
    )
    commands.add_parser("schema", help="print the JSON schema of a settings file")
    show.add_argument(
        "--origin", action="store_true", help="with the file or the remote revision it came from"
    )
    for command in (check, show, diff):
        command.add_argument(
            "file", nargs="?", metavar="FILE", help="default: where `voiced run` looks"
        )


def run(args: argparse.Namespace) -> int:
    """Return the exit code: 78 if the settings file is not fit for use.

    Raises:
        ConfigError: If there is no settings file, or it cannot be used.
    """
    if args.config_command == "schema":
        from voiced.config.reference import json_schema

        print(json.dumps(json_schema(), indent=2))
        return 0
    path = find(args.file)
    if args.config_command == "check":
        return _check(path)
    record = _kept(path)
    if args.config_command == "diff":
        return _diff(path, record)
    return _show(path, record, origin=args.origin)


def _check(path: Path) -> int:
    if (found := _fleet(path)) is not None:
        return _check_fleet(path, found)
    examined = examine(path, catalogue())
    _report(examined)
    if examined.settings is None:
        return ConfigError.exit_code
    print(f"{path}: ok")
    return 0


def _fleet(path: Path) -> Document | None:
    """Return the file at `path` if it is about many devices."""
    try:
        document = parse(path.read_bytes(), str(path))
    except (ConfigError, OSError):
        return None
    return document if is_fleet(document) else None


def _check_fleet(path: Path, document: Document) -> int:
    """Check what a fleet file makes of every device, had it no settings of its own."""
    faults: dict[str, None] = {}
    names = device_names(document) or ["a device"]
    for name in names:
        overlay = overlay_for(document, name)
        problems = mistakes(document, overlay, [])
        bare = Source("a device without settings of its own", BARE)
        examined = examine_sources([bare], catalogue(), overlay.document)
        faults |= dict.fromkeys(map(str, problems or examined.problems))
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        return ConfigError.exit_code
    print(f"{path}: ok for {', '.join(names)}")
    return 0


def _show(path: Path, record: Record, *, origin: bool) -> int:
    from voiced.config.origins import with_origins
    from voiced.config.show import to_yaml

    examined = examine(path, catalogue())
    if examined.settings is None:
        _report(examined)
        return ConfigError.exit_code
    choice = choose(try_read(path), record, catalogue())
    for warning in choice.best.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if choice.refused is not None:
        print(f"warning: not used: {choice.refused}", file=sys.stderr)
    if origin:
        print(*with_origins(choice.best.settings, choice.best.document), sep="\n")
    else:
        print(to_yaml(choice.best.settings), end="")
    return 0


def _diff(path: Path, record: Record) -> int:
    from voiced.config.difference import changes
    from voiced.config.origins import differences

    if not record.local:
        raise ConfigError(str(path), "the daemon has not used it yet", "start it first")
    before = choose(as_sources(record.local), record, catalogue()).best
    after = _now(path, record)
    print(*differences(changes(before.settings, after.settings)), sep="\n")
    return 0


def _now(path: Path, record: Record) -> Usable:
    found = try_read(path)
    if isinstance(found, ConfigError):
        raise found
    usable(found, catalogue())
    return choose(found, record, catalogue()).best


def _kept(path: Path) -> Record:
    """Return what a daemon that uses `path` keeps, the service's first."""
    service = RecordFile(Path(SERVICE_STATE_FOLDER), path.absolute()).record
    return service if service.local else RecordFile(state_folder(), path.absolute()).record


def _report(examined: Examined) -> None:
    for problem in examined.problems:
        print(problem, file=sys.stderr)
    for warning in examined.warnings:
        print(f"warning: {warning}", file=sys.stderr)
