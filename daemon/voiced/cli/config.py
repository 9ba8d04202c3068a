"""`voiced config`: check a settings file, show the settings in force, print the schema."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from voiced.assembly.factory import catalogue
from voiced.assembly.protocols import agent_class
from voiced.cli.printing import complain, say, say_json
from voiced.config.fleet import device_names, is_sent, mistakes, overlay_for
from voiced.config.history import Record
from voiced.config.load import (
    Examined,
    Source,
    as_sources,
    examine,
    examine_sources,
    find,
    first_of,
    read,
)
from voiced.config.resolve import choose, permissions_for
from voiced.config.schema import Settings
from voiced.config.sending import meanings, permissions_of
from voiced.config.signature import signing_command
from voiced.config.yaml_document import MAX_BYTES, Document, parse
from voiced.errors import ConfigError
from voiced.lib.environment import SERVICE_STATE_FOLDER, state_folder
from voiced.lib.regular_file import read_start
from voiced.storage.settings_store import last_record

# The smallest valid settings file of a device.
BARE = Source("a device without settings of its own", b"agent: {url: 'ws://127.0.0.1/'}\n")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    commands = parser.add_subparsers(dest="config_command", metavar="COMMAND", required=True)
    check = commands.add_parser("check", help="say what is wrong in a settings file")
    show = commands.add_parser("show", help="print every setting in force, secrets masked")
    diff = commands.add_parser(
        "diff", help="print what the files would change if they were read now"
    )
    commands.add_parser("schema", help="print the JSON schema of a settings file")
    check.add_argument(
        "--own",
        metavar="FILE",
        help="for a fleet file: the devices' own file, whose remote.allow applies",
    )
    check.add_argument(
        "--here",
        action="store_true",
        help="also count what only this machine lacks (a key, a file, a library) as a mistake",
    )
    show.add_argument(
        "--origin",
        action="store_true",
        help="with the file or remote revision that each one came from",
    )
    for command in (check, show, diff):
        command.add_argument(
            "file", nargs="?", metavar="FILE", help="default: where `voiced run` looks"
        )


def run(args: argparse.Namespace) -> int:
    """Return the exit code: 78 if there is a mistake in the settings file.

    Raises:
        ConfigError: If there is no settings file, or it cannot be used.
    """
    if args.config_command == "schema":
        from voiced.config.generated_docs import json_schema

        say_json(json_schema(), indent=2)
        return 0
    path = find(args.file)
    if args.config_command == "check":
        return _check(path, args.own, here=args.here)
    record = _record_for(path)
    if args.config_command == "diff":
        return _diff(path, record)
    return _show(path, record, origin=args.origin)


def _check(path: Path, own: str | None, *, here: bool) -> int:
    if (found := _fleet_document(path)) is not None:
        return _check_sent(path, found, own, here=here)
    if own is not None:
        raise ConfigError(str(path), "is not a fleet file, so --own has no effect", "leave it out")
    examined = examine(path, catalogue())
    _report(examined, here=here)
    if examined.draft is None or examined.mistakes or (here and examined.missing):
        return ConfigError.exit_code
    say(*(f"{path}: remote.allow: {line}" for line in _allowed(examined.draft)))
    say(f"{path}: ok{', but not on this machine' if examined.problems else ''}")
    return 0


def _allowed(settings: Settings) -> Iterator[str]:
    """Yield what the file allows a settings server to do, a sentence for each name."""
    if settings.remote is not None:
        session = agent_class(settings.agent.protocol).session_permissions
        yield from meanings(settings.remote.allow, permissions_of(session))


def _fleet_document(path: Path) -> Document | None:
    """Return the file at `path` if it is a fleet file, which a server sends."""
    try:
        document = parse(read_start(path, MAX_BYTES + 1), str(path))
    except (ConfigError, OSError):
        return None
    return document if is_sent(document) else None


def _check_sent(path: Path, document: Document, own: str | None, *, here: bool) -> int:
    """Check a fleet file for every device, over `BARE` or the device's `own` file."""
    sources = [BARE] if own is None else read(Path(own))
    alone = examine_sources(sources, catalogue())
    local = alone.draft
    if local is None or alone.mistakes:
        raise first_of(alone.mistakes)
    allow = local.remote.allow if local.remote is not None else ()
    revision: int | None = None
    faults: dict[str, None] = {}
    lacking: dict[str, None] = {}
    names = device_names(document) or ["a device"]
    for name in names:
        overlay = overlay_for(document, name)
        revision = overlay.revision
        permissions = permissions_for(overlay.document, local, catalogue())
        problems = mistakes(document, overlay, allow, permissions)
        examined = examine_sources(sources, catalogue(), overlay.document)
        faults |= dict.fromkeys(map(str, problems or examined.mistakes))
        lacking |= dict.fromkeys(map(str, examined.missing))
    if here:
        faults |= lacking
    else:
        complain(*(f"warning: {each}" for each in lacking))
    complain(*faults)
    if faults:
        return ConfigError.exit_code
    say(f"{path}: ok for {', '.join(names)}")
    if revision is None:
        say("without a `revision` it cannot be signed: write `revision: 1`")
    else:
        say(f"to sign it: {signing_command(path.name, revision)}")
    return 0


def _show(path: Path, record: Record, *, origin: bool) -> int:
    examined = examine(path, catalogue())
    if examined.settings is None:
        _report(examined)
        if examined.draft is None or examined.document is None or examined.mistakes:
            return ConfigError.exit_code
        _say_settings(examined.draft, examined.document, origin=origin)
        return 0
    choice = choose(examined, record, catalogue())
    complain(*(f"warning: {warning}" for warning in choice.best.warnings))
    if choice.refused is not None:
        complain(f"warning: not used: {choice.refused}")
    _say_settings(choice.best.settings, choice.best.document, origin=origin)
    return 0


def _say_settings(settings: Settings, document: Document, *, origin: bool) -> None:
    from voiced.config.dump import to_yaml
    from voiced.config.provenance import with_origins

    if origin:
        say(*with_origins(settings, document))
    else:
        say(*to_yaml(settings).rstrip("\n").split("\n"))


def _diff(path: Path, record: Record) -> int:
    from voiced.config.diff import changes
    from voiced.config.provenance import differences

    if not record.local:
        raise ConfigError(str(path), "the daemon has not used it yet", "start it first")
    kept = examine_sources(as_sources(record.local), catalogue())
    before = choose(kept, record, catalogue()).best
    examined = examine(path, catalogue())
    examined.usable()
    after = choose(examined, record, catalogue()).best
    say(*differences(changes(before.settings, after.settings)))
    return 0


def _record_for(path: Path) -> Record:
    """Return the record of the daemon that uses `path`: the service's, else that of this user."""
    service = last_record(Path(SERVICE_STATE_FOLDER), path.absolute())
    return service if service.local else last_record(state_folder(), path.absolute())


def _report(examined: Examined, *, here: bool = False) -> None:
    """Print all problems. What only this machine lacks is a warning, or a mistake if `here`."""
    missing = [str(each) for each in examined.missing]
    others = [each for each in examined.warnings if each not in missing]
    complain(*map(str, examined.mistakes))
    complain(*(each if here else f"warning: {each}" for each in missing))
    complain(*(f"warning: {each}" for each in others))
