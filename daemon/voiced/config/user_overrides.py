"""What a person before the device has set: one more file, laid over the owner's, if the owner lets them."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from voiced.config.dump import dump
from voiced.config.load import Source, draft_of, examine_sources, try_read
from voiced.config.rules import Catalogue
from voiced.config.yaml_document import KeyPath, parse
from voiced.errors import ConfigError

log = logging.getLogger(__name__)

ByHand = Callable[[], Source | None]
"""Returns what people have set by hand, if they have."""


def read_with_by_hand(
    path: Path, by_hand: ByHand, catalogue: Catalogue
) -> list[Source] | ConfigError:
    """Return the device's own files, what people have set by hand as the last of them.

    Nothing is set by hand unless the owner lets people, and nothing that cannot be used.

    Args:
        path: The settings file.
        by_hand: Returns what people have set.
        catalogue: What settings can name.
    """
    found = try_read(path)
    if isinstance(found, ConfigError) or (last := by_hand()) is None:
        return found
    draft = draft_of(found)
    if draft is None or draft.kiosk is None or not draft.kiosk.settings:
        return found
    both = [*found, last]
    problems = examine_sources(both, catalogue).problems
    if problems and not examine_sources(found, catalogue).problems:
        log.warning("settings made at the page are not used: %s", problems[0])
        return found
    return both


def set_by_hand(content: bytes | None, changed: Mapping[KeyPath, str]) -> bytes:
    """Return what is to be kept of what people have set.

    Args:
        content: What was kept; None if nothing.
        changed: What they set now; an empty text takes back what was set.
    """
    try:
        value = parse(content, "by hand").value if content is not None else {}
    except ConfigError:
        value = {}  # nothing a person could mend
    kept: dict[str, object] = _copied(value)
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
