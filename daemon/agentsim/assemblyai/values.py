"""Checks of single values; each names the field in its refusal."""

from collections.abc import Callable, Collection
from typing import Any

from agentsim.assemblyai.refusal import Refusal


def check_object(param: str, value: Any, keys: Collection[str] | None = None) -> None:
    """Refuse anything but an object, or one with keys other than `keys`."""
    if not isinstance(value, dict):
        raise Refusal("invalid_value", "Must be an object.", param)
    for key in value:
        if keys is not None and key not in keys:
            raise Refusal("invalid_value", "Unknown field.", f"{param}.{key}")


def check_text(param: str, value: Any, longest: int) -> None:
    """Refuse anything but a string of at most `longest` characters."""
    if not isinstance(value, str):
        raise Refusal("invalid_value", "Must be a string.", param)
    if len(value) > longest:
        raise Refusal("invalid_value", f"Must have at most {longest} characters.", param)


def check_flag(param: str, value: Any) -> None:
    """Refuse anything but a boolean."""
    if not isinstance(value, bool):
        raise Refusal("invalid_value", "Must be true or false.", param)


def check_number(param: str, value: Any, least: float, most: float) -> None:
    """Refuse anything but a number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal("invalid_value", "Must be a number.", param)
    if not least <= value <= most:
        raise Refusal("invalid_value", f"Must be from {least} to {most}.", param)


def check_integer(param: str, value: Any, least: int, most: int) -> None:
    """Refuse anything but a whole number from `least` to `most`."""
    if not isinstance(value, int):
        raise Refusal("invalid_value", "Must be a whole number.", param)
    check_number(param, value, least, most)


def one_of(allowed: Collection[str]) -> Callable[[str, Any], None]:
    """Return a check that refuses anything but one of `allowed`."""

    def check(param: str, value: Any) -> None:
        if not isinstance(value, str) or value not in allowed:
            raise Refusal("invalid_value", f"Must be one of: {' '.join(allowed)}.", param)

    return check


def check_each(most: int, check: Callable[[str, Any], None]) -> Callable[[str, Any], None]:
    """Return a check that refuses anything but an array of at most `most` items, each checked."""

    def check_array(param: str, value: Any) -> None:
        if not isinstance(value, list):
            raise Refusal("invalid_value", "Must be an array.", param)
        if len(value) > most:
            raise Refusal("invalid_value", f"Must have at most {most} items.", param)
        for index, each in enumerate(value):
            check(f"{param}.{index}", each)

    return check_array
