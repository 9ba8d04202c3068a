"""Which settings a device runs with: the newest that can be used."""

from collections.abc import Mapping
from dataclasses import dataclass

from voiced.config.fleet import mistakes, overlay_for
from voiced.config.history import Record, Sent, take_back, trusting
from voiced.config.load import Examined, Usable, as_sources, examine_sources, first_of
from voiced.config.rules import Catalogue
from voiced.config.schema import Settings
from voiced.config.sending import permissions_of
from voiced.config.yaml_document import Document, parse
from voiced.errors import ConfigError
from voiced.lib.permissions import Permissions


@dataclass(frozen=True, slots=True)
class Received:
    """What a server has sent, parsed.

    Attributes:
        sent: What is kept of it.
        document: What it says.
    """

    sent: Sent
    document: Document


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings to run with, and why not others.

    Attributes:
        best: The device's own, with what a server sent laid over them.
        local: The device's own alone.
        record: What is to be kept of earlier ones.
        complaint: Why the files as they are now are not used, if they are not.
        refused: Why what the server sent is not used, if it is not.
    """

    best: Usable
    local: Usable
    record: Record
    complaint: ConfigError | None = None
    refused: ConfigError | None = None


def choose(found: Examined, record: Record, catalogue: Catalogue, now: float = 0.0) -> Choice:
    """Return the settings to run with.

    Args:
        found: What became of the device's own files.
        record: What is kept of earlier ones.
        catalogue: What settings can name.
        now: Seconds since 1970, for the record of what does not fit any more.

    Raises:
        ConfigError: Why the files cannot be used, if there are no earlier ones to go on with.
    """
    complaint = refused = None
    try:
        local = found.usable()
    except ConfigError as error:
        complaint = error
        earlier = examine_sources(as_sources(record.local), catalogue) if record.local else found
        if earlier.problems:
            raise
        local = earlier.usable()
    best, remote = local, local.settings.remote
    if remote is not None:
        record = trusting(record, remote.public_key)
    while remote is not None and record.sent is not None and best is local:
        try:
            sent = parse(record.sent.text.encode(), name_of(record.sent))
            best = with_sent(local, sent, catalogue)
        except ConfigError as error:
            refused = error
            if record.trial is None:
                break
            record = take_back(record, str(error), now)
    return Choice(best, local, record, complaint, refused)


def with_sent(local: Usable, sent: Document, catalogue: Catalogue) -> Usable:
    """Return what the device's own files become with what a server sent laid over them.

    Args:
        local: The device's own files.
        sent: What the server sent.
        catalogue: What settings can name.

    Raises:
        ConfigError: The first of its problems; the hint tells how many more there are.
    """
    overlay = overlay_of(sent, local.settings, catalogue)
    return examine_sources(local.sources, catalogue, overlay).usable()


def receive(content: bytes, taken_at: float) -> Received:
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
    sent = Sent(content.decode(), overlay_for(document, "").revision, taken_at)
    return Received(sent, document.named(name_of(sent)))


def overlay_of(document: Document, local: Settings, catalogue: Catalogue) -> Document:
    """Return what a server's `document` wants changed on the device with `local` settings.

    Raises:
        ConfigError: If it touches what it may not.
    """
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
