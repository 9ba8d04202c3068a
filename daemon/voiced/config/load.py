"""From a settings file to settings, or to everything that is wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Source:
    """One file of settings.

    Attributes:
        name: What to call it.
        content: All of it, or more of it than there may be.
    """

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that are fit for use.

    Attributes:
        settings: All of them, defaults included.
        warnings: What the operator should know, one line each.
    """

    settings: Settings
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of a settings file.

    Attributes:
        settings: None if there are problems.
        draft: The settings as far as they can be read, problems or not; None if they cannot.
        problems: Everything wrong with the files, or missing here, in the order of their lines.
        warnings: What the operator should know, one line each.
        document: Where everything stands, if the files could be parsed.
        missing: Those of the problems and warnings of which the files are innocent: this machine lacks something.
    """

    settings: Settings | None
    problems: tuple[ConfigError, ...]
    warnings: tuple[str, ...] = ()
    draft: Settings | None = None
    document: Document | None = None
    missing: tuple[ConfigError, ...] = ()

    @property
    def mistakes(self) -> tuple[ConfigError, ...]:
        """What is wrong with the files on any machine."""
        return tuple(each for each in self.problems if each not in self.missing)

    def loaded(self, command: str) -> Loaded:
        """Return the settings.

        Args:
            command: What shows all that is wrong.

        Raises:
            ConfigError: The first of the problems; the hint tells how many more there are.
        """
        if self.settings is not None:
            return Loaded(self.settings, self.warnings)
        first, *others = self.problems
        if not others:
            raise first
        more = f"{len(others)} more: run `{command}`"
        raise ConfigError(
            first.where, first.problem, f"{first.hint}; {more}" if first.hint else more
        )


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


def load(path: Path, catalogue: Catalogue) -> Loaded:
    """Return the settings in `path` and its drop-ins.

    Raises:
        ConfigError: The first of their problems; the hint tells how many more there are.
    """
    return examine(path, catalogue).loaded(f"voiced config check {path}")


def draft(path: Path) -> Settings | None:
    """Return the settings in `path` as far as they can be read; None if they cannot."""
    try:
        return draft_of(read(path))
    except ConfigError:
        return None


def draft_of(sources: Sequence[Source]) -> Settings | None:
    """Return the settings in some files as far as they can be read; None if they cannot."""
    try:
        return check(lay([parse(each.content, each.name) for each in sources]))[0]
    except ConfigError:
        return None


def examine(path: Path, catalogue: Catalogue) -> Examined:
    """Return the settings in `path` and its drop-ins, or everything that is wrong with them."""
    try:
        sources = read(path)
    except ConfigError as error:
        return Examined(None, (error,))
    return examine_sources(sources, catalogue)


def read(path: Path) -> list[Source]:
    """Return the settings file at `path`, and the drop-ins beside it in the order of their names.

    Raises:
        ConfigError: If one of them cannot be read.
    """
    drop_ins = (path.parent / DROP_INS).glob("[!.]*.yaml")
    return [_source(each) for each in (path, *sorted(drop_ins))]


def try_read(path: Path) -> list[Source] | ConfigError:
    """Return what `read` does, or what it raises."""
    try:
        return read(path)
    except ConfigError as error:
        return error


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


def examine_content(content: bytes, name: str, catalogue: Catalogue) -> Examined:
    """Do what `examine` does for the `content` of a file called `name`."""
    return examine_sources([Source(name, content)], catalogue)


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
            documents.append(parse(source.content, source.name))
        except ConfigError as error:
            broken.append(error)
    if broken:
        return Examined(None, tuple(broken))
    document = lay(documents if overlay is None else [*documents, overlay])
    return _examine(document, catalogue)


def _examine(document: Document, catalogue: Catalogue) -> Examined:
    settings, faults = check(document)
    if settings is not None:
        may_follow = _followers(fault.path for fault in faults)
        others = [*contradictions(settings, document, catalogue), *_absent(settings)]
        faults += [other for other in others if not may_follow(other.path)]
    problems, missing = _told(faults, document)
    if settings is None or len(missing) < len(problems):
        return Examined(None, problems, draft=settings, document=document, missing=missing)
    warnings = [*cautions(settings, document, catalogue), *_unsafe(settings), *_silent(settings)]
    told, more = _told(warnings, document)
    return Examined(
        None if problems else settings,
        problems,
        tuple(map(str, told)),
        draft=settings,
        document=document,
        missing=(*missing, *more),
    )


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
