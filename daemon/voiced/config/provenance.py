"""Settings and where each came from, for people. Secrets appear as the references they are."""

from collections.abc import Iterator, Mapping
from typing import Any

from voiced.config.diff import Change
from voiced.config.dump import assignment
from voiced.config.schema import Settings
from voiced.config.yaml_document import Document
from voiced.lib.sections import every_setting

WIDEST = 60
"""Of the settings whose origins stand in one column."""


def with_origins(settings: Settings, document: Document) -> Iterator[str]:
    """Yield every setting in force with the file and line, or the remote revision, it came from."""
    rows = []
    for setting, _ in every_setting(Settings):
        for path, value in _parts(setting, _value(settings, setting)):
            place = document.places.get(path)
            origin = "default" if place is None else str(place)
            rows.append((assignment(".".join(path), value), origin))
    width = max(len(row) for row, _ in rows if len(row) <= WIDEST)
    for row, origin in rows:
        yield f"{row:<{width}}  # {origin}"


def differences(found: list[Change]) -> Iterator[str]:
    """Yield what each setting was, what it becomes, and when that counts."""
    for change in found:
        name = ".".join(change.path)
        yield f"- {assignment(name, change.old)}"
        yield f"+ {assignment(name, change.new)}  # {change.reload}"


def _parts(path: tuple[str, ...], value: object) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield what may have come from different files: the keys of what is passed through."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _parts((*path, key), item)
    else:
        yield path, value


def _value(section: Any, path: tuple[str, ...]) -> object:
    for key in path:
        section = getattr(section, key, None)
    return section
