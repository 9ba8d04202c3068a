"""From a settings file to settings, or to everything that is wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from voiced.config.check import check
from voiced.config.history import Text
from voiced.config.merge import lay
from voiced.config.rules import Catalogue, cautions, contradictions
from voiced.config.schema import DeviceSection, Settings
from voiced.config.secret import Secret
from voiced.config.tool_rules import header_secrets, token_secrets, unresolved
from voiced.config.yaml_document import MAX_BYTES, Document, KeyPath, parse
from voiced.errors import ConfigError, Problem
from voiced.lib.environment import variable
from voiced.lib.regular_file import read_start

FILE_NAME = "voiced.yaml"
SYSTEM_DIRECTORY = "/etc/voiced"
DROP_INS = "conf.d"
"""The folder beside a settings file whose files are laid over it."""


@dataclass(frozen=True)
class Source:
    """One file of settings. Whoever hands it on hands on what was parsed of it.

    Attributes:
        name: What to call it.
        content: All of it, or more of it than there may be.
    """

    name: str
    content: bytes

    @cached_property
    def document(self) -> Document:
        """What it says.

        Raises:
            ConfigError: If it is not YAML text of reasonable size.
        """
        return parse(self.content, self.name)


@dataclass(frozen=True, slots=True)
class Usable:
    """Settings that are fit for use.

    Attributes:
        settings: All of them, defaults included.
        document: Where every value stands.
        warnings: What the operator should know, one line each.
        sources: The device's own files among those they come from, the more important last.
    """

    settings: Settings
    document: Document
    warnings: tuple[str, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of the device's own files.

    Attributes:
        problems: Everything wrong with the files, or missing here, in the order of their lines.
        sources: The files, the more important last.
        draft: The settings as far as they can be read, problems or not; None if they cannot.
        document: Where everything stands, if the files could be parsed.
        warnings: What the operator should know, one line each.
        missing: Those of the problems and warnings of which the files are innocent: this machine lacks something.
    """

    problems: tuple[ConfigError, ...]
    sources: tuple[Source, ...] = ()
    draft: Settings | None = None
    document: Document | None = None
    warnings: tuple[str, ...] = ()
    missing: tuple[ConfigError, ...] = ()

    @property
    def settings(self) -> Settings | None:
        """The settings; None if there are problems."""
        return None if self.problems else self.draft

    @property
    def mistakes(self) -> tuple[ConfigError, ...]:
        """What is wrong with the files on any machine."""
        return tuple(each for each in self.problems if each not in self.missing)

    def usable(self, command: str = "") -> Usable:
        """Return the settings.

        Args:
            command: What shows all that is wrong, if somebody could run it.

        Raises:
            ConfigError: The first of the problems; the hint tells how many more there are.
        """
        if self.settings is None or self.document is None:
            raise first_of(self.problems, command)
        return Usable(self.settings, self.document, self.warnings, self.sources)


def first_of(problems: Sequence[ConfigError], command: str = "") -> ConfigError:
    """Return the first of `problems`; its hint tells how many more there are, and the `command` that shows them."""
    first, *others = problems
    if not others:
        return first
    more = f"{len(others)} more: run `{command}`" if command else f"and {len(others)} more"
    return ConfigError(first.where, first.problem, "; ".join(filter(None, (first.hint, more))))


def find(explicit: str | None) -> Path:
    """Return the settings file to use: the one given, the service's, or the system's.

    Raises:
        ConfigError: If none was given and there is none.
    """
    if explicit is not None:
        return Path(explicit)
    directories = (variable("CONFIGURATION_DIRECTORY") or "").split(":")
    tried = [
        Path(directory) / FILE_NAME for directory in (*directories, SYSTEM_DIRECTORY) if directory
    ]
    for path in tried:
        if not _is_absent(path):
            return path
    looked = " or ".join(str(path) for path in tried)
    raise ConfigError(FILE_NAME, f"no such file at {looked}", "name a file, or try `voiced demo`")


def service_file() -> Path:
    """Return where the service's settings file belongs, whether there is one or not."""
    try:
        return find(None)
    except ConfigError:
        return Path(SYSTEM_DIRECTORY) / FILE_NAME


def _is_absent(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass  # reading it will tell why
    return False


def draft(path: Path) -> Settings | None:
    """Return the settings in `path` as far as they can be read; None if they cannot."""
    try:
        return draft_of(read(path))
    except ConfigError:
        return None


def draft_of(sources: Sequence[Source]) -> Settings | None:
    """Return the settings in some files as far as they can be read; None if they cannot."""
    try:
        return check(lay([each.document for each in sources]))[0]
    except ConfigError:
        return None


def examine(path: Path, catalogue: Catalogue) -> Examined:
    """Return the settings in `path` and its drop-ins, or everything that is wrong with them."""
    try:
        sources = read(path)
    except ConfigError as error:
        return Examined((error,))
    return examine_sources(sources, catalogue)


def read(path: Path) -> list[Source]:
    """Return the settings file at `path`, and the drop-ins beside it in the order of their names.

    Raises:
        ConfigError: If one of them cannot be read.
    """
    drop_ins = (path.parent / DROP_INS).glob("[!.]*.yaml")
    return [_source(each) for each in (path, *sorted(drop_ins))]


def as_sources(texts: Iterable[Text]) -> list[Source]:
    """Return local files that were kept, as if they were read again."""
    return [Source(each.name, each.text.encode()) for each in texts]


def as_texts(sources: Iterable[Source]) -> tuple[Text, ...]:
    """Return local files as they are kept."""
    return tuple(Text(each.name, each.content.decode()) for each in sources)


def _source(path: Path) -> Source:
    try:
        return Source(str(path), read_start(path, MAX_BYTES + 1))
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise ConfigError(str(path), problem, "check the path") from error


def examine_sources(
    sources: Sequence[Source], catalogue: Catalogue, overlay: Document | None = None
) -> Examined:
    """Do what `examine` does for files that were read already.

    Args:
        sources: The device's own files, the more important last.
        catalogue: What settings can name.
        overlay: What a server wants to lay over them.
    """
    documents, broken = [], []
    for source in sources:
        try:
            documents.append(source.document)
        except ConfigError as error:
            broken.append(error)
    if broken:
        return Examined(tuple(broken), tuple(sources))
    document = lay(documents if overlay is None else [*documents, overlay])
    return replace(_examine(document, catalogue), sources=tuple(sources))


def _examine(document: Document, catalogue: Catalogue) -> Examined:
    settings, faults = check(document)
    if settings is not None:
        may_follow = _followers(fault.path for fault in faults)
        others = [*contradictions(settings, document, catalogue), *_absent(settings)]
        faults += [other for other in others if not may_follow(other.path)]
    problems, missing = _told(faults, document)
    found = Examined(problems, draft=settings, document=document, missing=missing)
    if settings is None or len(missing) < len(problems):
        return found
    warnings = [*cautions(settings, document, catalogue), *_unsafe(settings), *_silent(settings)]
    told, more = _told(warnings, document)
    return replace(found, warnings=tuple(map(str, told)), missing=(*missing, *more))


def _told(
    faults: list[Problem], document: Document
) -> tuple[tuple[ConfigError, ...], tuple[ConfigError, ...]]:
    """Return all `faults` in the order of their lines, and those that are about this machine alone."""
    faults = sorted(faults, key=lambda fault: document.place(fault.path))
    told = tuple(document.errors(faults))
    return told, tuple(each for fault, each in zip(faults, told, strict=True) if fault.here)


def _followers(faulty: Iterable[KeyPath]) -> Callable[[KeyPath], bool]:
    """Return what tells whether a problem at a path may be gone once the `faulty` values are mended.

    They may hold it, belong to it, or stand beside it in the same section.
    """
    paths = {*faulty}
    around = {path[:n] for path in paths for n in range(len(path) + 1)}
    sections = {path[:-1] for path in paths if path}

    def may_follow(path: KeyPath) -> bool:
        inside = any(path[:n] in paths for n in range(len(path) + 1))
        return inside or path in around or (len(path) > 1 and path[:-1] in sections)

    return may_follow


def _absent(settings: Settings) -> Iterator[Problem]:
    """Yield what the settings refer to but this machine does not have."""
    yield from unresolved(_vital_secrets(settings))
    for section in ("network", "mqtt"):
        ca_file = getattr(getattr(settings, section), "ca_file", None)
        if ca_file is not None and not Path(ca_file).is_file():
            hint = "put the certificates there"
            yield Problem((section, "ca_file"), "no such file", hint, here=True)


def _unsafe(settings: Settings) -> Iterator[Problem]:
    for path, secret in secrets(settings):
        if caution := secret.caution():
            yield Problem(path, caution)
    if settings.mqtt is not None and settings.device == DeviceSection():
        problem = "is the default; two devices with the same name would share their MQTT topics"
        yield Problem(("device", "name"), problem, "give each device a name of its own")
    for section, lacks in (("kiosk", "no page"), ("mqtt", "no broker")):
        for key in ("certificate", "key"):
            file = getattr(getattr(settings, section), key, None)
            if file is not None and not Path(file).is_file():
                problem = f"no such file: {lacks} until it is there"
                yield Problem((section, key), problem, "put it there", here=True)
    for path, file, lacks in _more_ca_files(settings):
        if not Path(file).is_file():
            problem = f"no such file: {lacks} until it is there"
            yield Problem((*path, "ca_file"), problem, "put the certificates there", here=True)


def _more_ca_files(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield where each stands without which the device talks all the same, it, and what is not there without it."""
    if settings.remote is not None and settings.remote.ca_file is not None:
        yield ("remote",), settings.remote.ca_file, "no settings from the server"
    for name, declared in settings.mcp.items():
        if declared.ca_file is not None:
            yield ("mcp", name), declared.ca_file, "none of its tools"


def _silent(settings: Settings) -> Iterator[Problem]:
    """Yield the files of sound that this machine does not have."""
    path = settings.audio.capture.device.removeprefix("wav:")
    if path != settings.audio.capture.device and not Path(path).is_file():
        yield Problem(("audio", "capture", "device"), "no such file", "put it there", here=True)
    folder = settings.sounds.directory
    if folder is not None and not Path(folder).is_dir():
        yield Problem(("sounds", "directory"), "no such folder", "put it there", here=True)


def ca_files(settings: Settings) -> list[str | None]:
    """Return the files of certificates that the settings name, None where they name none."""
    sections = settings.network, settings.remote, settings.mqtt
    found = [getattr(section, "ca_file", None) for section in sections]
    return [*found, *(declared.ca_file for declared in settings.mcp.values())]


def secrets(settings: Settings) -> Iterator[tuple[KeyPath, Secret]]:
    """Yield every secret that the settings refer to, and where they do."""
    yield from _vital_secrets(settings)
    yield from header_secrets(settings)


def _vital_secrets(settings: Settings) -> Iterator[tuple[KeyPath, Secret]]:
    """Yield those without which the daemon cannot do its work."""
    metrics, mqtt = settings.metrics, settings.mqtt
    places: tuple[tuple[KeyPath, Secret | None], ...] = (
        (("agent", "key"), settings.agent.key),
        (("metrics", "token"), None if metrics is None else metrics.token),
        (("mqtt", "password"), None if mqtt is None else mqtt.password),
    )
    for path, secret in places:
        if secret is not None:
            yield path, secret
    yield from token_secrets(settings)
