"""Which settings a device runs with: the newest that can be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voiced.config.fleet import mistakes, overlay_for
from voiced.config.history import Record, Sent, take_back, trusting
from voiced.config.load import Source, as_sources, examine_sources
from voiced.config.rules import Catalogue
from voiced.config.schema import Settings
from voiced.config.sending import permissions_of
from voiced.config.yaml_document import Document, parse
from voiced.errors import ConfigError
from voiced.lib.permissions import Permissions


@dataclass(frozen=True, slots=True)
class Usable:
    """Settings that can be used.

    Attributes:
        settings: All of them.
        document: Where every value stands.
        warnings: What the operator should know, one line each.
    """

    settings: Settings
    document: Document
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings to run with, and why not others.

    Attributes:
        best: The device's own, with what a server sent laid over them.
        local: The device's own alone.
        sources: The device's own files.
        record: What is to be kept of earlier ones.
        complaint: Why the files as they are now are not used, if they are not.
        refused: Why what the server sent is not used, if it is not.
    """

    best: Usable
    local: Settings
    sources: tuple[Source, ...]
    record: Record
    complaint: ConfigError | None = None
    refused: ConfigError | None = None


def choose(
    sources: Sequence[Source] | ConfigError, record: Record, catalogue: Catalogue, now: float = 0.0
) -> Choice:
    """Return the settings to run with.

    Args:
        sources: The device's own files, or why they cannot be read.
        record: What is kept of earlier ones.
        catalogue: What settings can name.
        now: Seconds since 1970, for the record of what does not fit any more.

    Raises:
        ConfigError: Why the files cannot be used, if there are no earlier ones to go on with.
    """
    complaint = refused = None
    try:
        if isinstance(sources, ConfigError):
            raise sources
        alone = usable(sources, catalogue)
    except ConfigError as error:
        complaint = error
        sources = as_sources(record.local)
        try:
            alone = usable(sources, catalogue)
        except ConfigError:
            raise error from None
    best, remote = alone, alone.settings.remote
    if remote is not None:
        record = trusting(record, remote.public_key)
    while remote is not None and record.sent is not None and best is alone:
        try:
            best = with_sent(sources, alone.settings, record.sent, catalogue)
        except ConfigError as error:
            refused = error
            if record.trial is None:
                break
            record = take_back(record, str(error), now)
    return Choice(best, alone.settings, tuple(sources), record, complaint, refused)


def usable(
    sources: Sequence[Source], catalogue: Catalogue, overlay: Document | None = None
) -> Usable:
    """Return the settings in some files.

    Args:
        sources: The device's own files, the more important last.
        catalogue: What settings can name.
        overlay: What a server wants to lay over them.

    Raises:
        ConfigError: The first of their problems; the hint tells how many more there are.
    """
    if not sources:
        raise ConfigError("settings", "there are none", "write them")
    found = examine_sources(sources, catalogue, overlay)
    if found.settings is None or found.document is None:
        raise first_of(found.problems)
    return Usable(found.settings, found.document, found.warnings)


def right(sources: Sequence[Source], catalogue: Catalogue) -> Settings:
    """Return the settings in some files, whatever they need that this machine lacks.

    Raises:
        ConfigError: The first of their mistakes; the hint tells how many more there are.
    """
    found = examine_sources(sources, catalogue)
    if found.draft is None or found.mistakes:
        raise first_of(found.mistakes)
    return found.draft


def with_sent(
    sources: Sequence[Source], local: Settings, sent: Sent, catalogue: Catalogue
) -> Usable:
    """Return what the device's own files become with what a server sent laid over them.

    Args:
        sources: The device's own files.
        local: The settings in them.
        sent: What the server sent.
        catalogue: What settings can name.

    Raises:
        ConfigError: The first of its problems; the hint tells how many more there are.
    """
    return usable(sources, catalogue, overlay_of(sent, local, catalogue))


def sent_of(content: bytes, taken_at: float) -> Sent:
    """Return what a server sent.

    Args:
        content: All of it.
        taken_at: When it came, in seconds since 1970.

    Raises:
        ConfigError: If it is not YAML text of reasonable size, or no keys and values.
    """
    document = parse(content, "remote")
    if not isinstance(document.value, Mapping | None):
        where = str(document.place(()))
        raise ConfigError(where, "expected keys and values", "write `key: value` lines")
    revision = overlay_for(document, "").revision
    return Sent(content.decode(), revision, taken_at)


def overlay_of(sent: Sent, local: Settings, catalogue: Catalogue) -> Document:
    """Return what a server wants changed on the device with `local` settings.

    Raises:
        ConfigError: If it cannot be read, or touches what it may not.
    """
    document = parse(sent.text.encode(), name_of(sent))
    overlay = overlay_for(document, local.device.name)
    allow = local.remote.allow if local.remote is not None else ()
    permissions = permissions_for(overlay.document, local, catalogue)
    if problems := mistakes(document, overlay, allow, permissions):
        raise first_of(problems)
    return overlay.document


def permissions_for(overlay: Document, local: Settings, catalogue: Catalogue) -> Permissions:
    """Return what a server may set on the device with `local` settings.

    Args:
        overlay: What it wants, another protocol of the agent perhaps.
        local: The device's own settings.
        catalogue: What settings can name.
    """
    agent = overlay.value.get("agent") if isinstance(overlay.value, Mapping) else None
    wanted = agent.get("protocol") if isinstance(agent, Mapping) else None
    protocol = local.agent.protocol
    if isinstance(wanted, str) and wanted in catalogue.protocols:
        protocol = wanted
    return permissions_of(catalogue.agent_class(protocol).session_permissions, local)


def name_of(sent: Sent) -> str:
    """Return what to call what a server sent."""
    return "remote" if sent.revision is None else f"remote revision {sent.revision}"


def first_of(problems: Sequence[ConfigError]) -> ConfigError:
    """Return the first of `problems`; its hint tells how many more there are."""
    first, *others = problems
    more = f"and {len(others)} more" if others else ""
    return ConfigError(first.where, first.problem, "; ".join(filter(None, (first.hint, more))))
