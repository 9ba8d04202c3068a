"""Text with placeholders: `{name}` stands for an argument, `{{name}}` for the text `{name}`."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_PLACE = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_-]*)\}\}|\{([A-Za-z_][A-Za-z0-9_-]*)\}")


def placeholders(template: object) -> Iterator[str]:
    """Yield the names of the placeholders in `template`, a text or a JSON value."""
    if isinstance(template, str):
        yield from (found[2] for found in _PLACE.finditer(template) if found[2])
    elif isinstance(template, Mapping):
        for item in template.values():
            yield from placeholders(item)
    elif isinstance(template, list | tuple):
        for item in template:
            yield from placeholders(item)


def alone(template: str) -> str | None:
    """Return the name of the placeholder that is the whole `template`, if it is one."""
    found = _PLACE.fullmatch(template)
    return found[2] if found else None


def as_text(value: object) -> str:
    """Return an argument as it is written within text."""
    return value if isinstance(value, str) else json.dumps(value)


def fill(
    template: str, arguments: Mapping[str, Any], write: Callable[[object], str] = as_text
) -> str:
    """Return `template` with every placeholder replaced by its argument, written by `write`.

    Placeholders within an argument are not replaced.
    """
    return _PLACE.sub(
        lambda found: write(arguments[found[2]]) if found[2] else found[0][1:-1], template
    )


def fill_value(template: Any, arguments: Mapping[str, Any]) -> Any:
    """Return a JSON value with its placeholders filled.

    A text that is one placeholder and nothing else becomes the argument itself, of any type.
    """
    if isinstance(template, str):
        name = alone(template)
        return arguments[name] if name is not None else fill(template, arguments)
    if isinstance(template, Mapping):
        return {key: fill_value(item, arguments) for key, item in template.items()}
    if isinstance(template, list | tuple):
        return [fill_value(item, arguments) for item in template]
    return template
