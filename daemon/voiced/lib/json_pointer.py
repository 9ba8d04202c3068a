"""JSON pointers (RFC 6901), which select a part of an answer."""

import re
from collections.abc import Mapping
from typing import Any

POINTER = "(/([^~/]|~[01])*)*"
"""A regular expression for a pointer."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def at(value: Any, pointer: str) -> Any:
    """Return the value at `pointer`.

    Raises:
        LookupError: If there is none.
    """
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")  # in this order: `~01` means `~1`
        if isinstance(value, list) and _INDEX.fullmatch(key):
            value = value[int(key)]
        elif isinstance(value, Mapping):
            value = value[key]
        else:
            raise LookupError(pointer)
    return value
