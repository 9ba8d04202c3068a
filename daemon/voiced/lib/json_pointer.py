"""JSON pointers: which part of an answer is wanted. RFC 6901."""

import re
from collections.abc import Mapping
from typing import Any

_POINTER = re.compile(r"(/([^~/]|~[01])*)*")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def is_pointer(text: str) -> bool:
    """Tell whether `text` is a JSON pointer."""
    return _POINTER.fullmatch(text) is not None


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
