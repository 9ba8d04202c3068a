"""Text with places for arguments: `{name}` takes one, `{{name}}` stands for itself."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_PLACE = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_-]*)\}\}|\{([A-Za-z_][A-Za-z0-9_-]*)\}")


def placeholders(template: object) -> Iterator[str]:
    """Yield the names that `template`, a text or what JSON can hold, has places for."""
    if isinstance(template, str):
        yield from (found[2] for found in _PLACE.finditer(template) if found[2])
    elif isinstance(template, Mapping):
        for item in template.values():
            yield from placeholders(item)
    elif isinstance(template, list | tuple):
        for item in template:
            yield from placeholders(item)


def alone(template: str) -> str | None:
    """Return the one name that `template` is a place for, if it is nothing else."""
    found = _PLACE.fullmatch(template)
    return found[2] if found else None


def as_text(value: object) -> str:
    """Return an argument the way it reads within text."""
    return value if isinstance(value, str) else json.dumps(value)


def fill(
    template: str, arguments: Mapping[str, Any], write: Callable[[object], str] = as_text
) -> str:
    """Return `template` with every place filled by what `write` makes of the argument.

    What an argument holds is never taken for another place.
    """
    return _PLACE.sub(
        lambda found: write(arguments[found[2]]) if found[2] else found[0][1:-1], template
    )


def fill_value(template: Any, arguments: Mapping[str, Any]) -> Any:
    """Return what JSON can hold with its places filled.

    A text that is one place and nothing else becomes the argument itself, whatever its type.
    """
    if isinstance(template, str):
        name = alone(template)
        return arguments[name] if name is not None else fill(template, arguments)
    if isinstance(template, Mapping):
        return {key: fill_value(item, arguments) for key, item in template.items()}
    if isinstance(template, list | tuple):
        return [fill_value(item, arguments) for item in template]
    return template
