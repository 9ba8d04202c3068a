"""JSON pointers: which part of an answer is wanted. RFC 6901."""

import re
from collections.abc import Mapping
from typing import Any

POINTER = "(/([^~/]|~[01])*)*"
"""What one looks like, as a regular expression."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def at(value: Any, pointer: str) -> Any:
    """Return what `pointer` leads to.

    Raises:
        LookupError: If that is not there.
    """
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and _INDEX.fullmatch(key):
            value = value[int(key)]
        elif isinstance(value, Mapping):
            value = value[key]
        else:
            raise LookupError(pointer)
    return value
