"""What a person before the device has set: one more file, laid over the owner's, if the owner lets them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from voiced.config.dump import dump
from voiced.config.load import Examined, Source, examine_sources, read
from voiced.config.merge import lay
from voiced.config.rules import Catalogue
from voiced.config.yaml_document import KeyPath
from voiced.errors import ConfigError

log = logging.getLogger(__name__)

ByHand = Callable[[], Source | None]
"""Returns what people have set by hand, if they have."""


def examine_with_by_hand(path: Path, by_hand: ByHand, catalogue: Catalogue) -> Examined:
    """Return what became of the device's own files, what people have set by hand as the last of them.

    Nothing is set by hand unless the owner lets people, and nothing that cannot be used.

    Args:
        path: The settings file.
        by_hand: Returns what people have set.
        catalogue: What settings can name.
    """
    try:
        own = read(path)
    except ConfigError as error:
        return Examined((error,))
    last = by_hand()
    if last is None or not people_may_set(own):
        return examine_sources(own, catalogue)
    both = examine_sources([*own, last], catalogue)
    if not both.problems or (alone := examine_sources(own, catalogue)).problems:
        return both
    log.warning("settings made at the page are not used: %s", both.problems[0])
    return alone


def people_may_set(own: Sequence[Source]) -> bool:
    """Tell whether the owner's files, mistakes in them aside, let people set anything by hand."""
    try:
        value = lay([each.document for each in own]).value
    except ConfigError:
        return False
    kiosk = value.get("kiosk") if isinstance(value, Mapping) else None
    return isinstance(kiosk, Mapping) and kiosk.get("settings") is True


def set_by_hand(before: object, changed: Mapping[KeyPath, str]) -> bytes:
    """Return what is to be kept of what people have set.

    Args:
        before: What was kept, parsed; None if nothing.
        changed: What they set now; an empty text takes back what was set.
    """
    kept = _copied(before)
    for path, text in changed.items():
        _set(kept, path, text)
    return dump(kept).encode()


def _copied(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        return {}
    return {
        key: _copied(item) if isinstance(item, Mapping) else item for key, item in value.items()
    }


def _set(section: dict[str, object], path: KeyPath, text: str) -> None:
    key, *deeper = path
    if deeper:
        below = section.get(str(key))
        below = _copied(below)
        _set(below, tuple(deeper), text)
        section[str(key)] = below
        if not below:
            del section[str(key)]
    elif text:
        section[str(key)] = text
    else:
        section.pop(str(key), None)
