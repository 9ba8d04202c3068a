"""Coercion of arguments to the types of their JSON schema, where the meaning is beyond doubt.

Models write `"5"` or `5.0` for 5, `"true"` for true, and null or an empty text for what they omit.
Whatever is in doubt stays as it is, and the validator of the schema refuses it.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from voiced.lib.json_limits import TooLargeError, check_parts
from voiced.tools.safe_regex import is_found, problem_of

_NUMBER = re.compile(r"[+-]?[0-9]{1,16}([.][0-9]{1,15})?([eE][+-]?[0-9]{1,3})?")
BEYOND = 10**16  # larger ones, which only an exponent can write, never become integers

_TRUTHS = {"true": True, "false": False}

_KIND_OF: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),  # before int, as bool is a subclass of it
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (dict, "object"),
    (list, "array"),
    (type(None), "null"),
)
_OMITTED = object()


def coerced(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return `arguments` with the types of `schema`, as far as that is beyond doubt.

    A null or an empty text is omitted if the argument is optional or has a default, unless the
    schema accepts it.

    Args:
        arguments: The arguments of a model.
        schema: A JSON schema of an object. Foreign ones may hold anything.
    """
    properties = schema.get("properties")
    required = schema.get("required")
    if not isinstance(properties, Mapping):
        return dict(arguments)
    needed = required if isinstance(required, list | tuple) else ()
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        wanted = properties.get(name)
        fitted = _coerced_value(value, wanted)
        if fitted is not _OMITTED:
            found[name] = fitted
        elif name in needed and "default" not in (wanted or {}):
            found[name] = value
    return found


def _coerced_value(value: Any, schema: Any) -> Any:
    """Return `value` with the type of `schema`; `_OMITTED` if it stands for no value."""
    if not isinstance(schema, Mapping):
        return value
    if value is None or value == "":
        return value if _accepts_empty(value, schema) else _OMITTED
    kinds = kinds_in(schema)
    if _is_one_of(kinds, value):
        return _coerced_parts(value, schema)
    if isinstance(value, str):
        return _from_text(value.strip(), value, kinds, schema)
    if isinstance(value, float) and "integer" in kinds and value.is_integer():
        return int(value)
    return value


def _accepts_empty(value: str | None, schema: Any) -> bool:
    """Return whether `schema` accepts `value`, which is null or an empty text."""
    if not isinstance(schema, Mapping):
        return schema is not False
    pattern, shortest = schema.get("pattern"), schema.get("minLength")
    known = [_listed(schema, "enum")] if "enum" in schema else []
    known += [[schema["const"]]] if "const" in schema else []
    return (
        _is_one_of(kinds_in(schema), value)
        and all(value in each for each in known)
        and all(
            any(_accepts_empty(value, each) for each in choices)
            for key in ("anyOf", "oneOf")
            if (choices := _listed(schema, key))
        )
        and (value is None or not isinstance(shortest, int) or shortest <= 0)
        and (value is None or not isinstance(pattern, str) or _matches_empty(pattern))
    )


def _matches_empty(pattern: str) -> bool:
    """Return whether `pattern` matches an empty text; True for one that RE2 does not know."""
    try:
        return problem_of(pattern, 0, ()) is not None or is_found(pattern, "")
    except UnicodeEncodeError:
        return True


def _is_one_of(kinds: set[str], value: object) -> bool:
    """Return whether `value` has one of these types; True if there are none."""
    kind = _kind_of(value)
    return not kinds or kind in kinds or (kind == "integer" and "number" in kinds)


def _coerced_parts(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a value of the right type with its items and properties coerced."""
    for key in ("anyOf", "oneOf"):
        choices = [
            each
            for each in _listed(schema, key)
            if not isinstance(each, Mapping) or _is_one_of(kinds_in(each), value)
        ]
        if len(choices) == 1 and isinstance(choices[0], Mapping):
            value = _coerced_parts(value, choices[0])
    if isinstance(value, Mapping):
        return coerced(value, schema)
    if isinstance(value, list) and "items" in schema:
        fitted = [_coerced_value(each, schema["items"]) for each in value]
        return [
            value[i] if each is _OMITTED else each  # an item cannot be left out
            for i, each in enumerate(fitted)
        ]
    if isinstance(value, str):
        return _spelled(value, schema)
    return value


def _spelled(text: str, schema: Mapping[str, Any]) -> str:
    """Return the known value that differs from `text` only in capitals and blanks, else `text`."""
    known = [each for each in _listed(schema, "enum") if isinstance(each, str)]
    if text in known:
        return text
    plain = text.strip().casefold()
    alike = [each for each in known if each.casefold() == plain]
    return alike[0] if len(alike) == 1 else text


def _from_text(text: str, as_sent: str, kinds: set[str], schema: Mapping[str, Any]) -> Any:
    """Return the value that a text stands for where no text is wanted; the text if in doubt."""
    if "boolean" in kinds and text.casefold() in _TRUTHS:
        return _TRUTHS[text.casefold()]
    if kinds & {"integer", "number"} and _NUMBER.fullmatch(text):
        exact, number = Fraction(text), float(text)
        if exact.denominator == 1 and abs(exact) < BEYOND:
            return int(exact)
        if "number" in kinds and math.isfinite(number):
            return number
    if kinds & {"object", "array"} and text[:1] in ("{", "["):
        return _from_json(text, as_sent, kinds, schema)
    return as_sent


def _from_json(text: str, as_sent: str, kinds: set[str], schema: Mapping[str, Any]) -> Any:
    try:
        check_parts(text)
        value = json.loads(text)
    except (ValueError, TooLargeError, RecursionError):
        return as_sent
    wanted = "array" if isinstance(value, list) else "object"
    return _coerced_parts(value, schema) if wanted in kinds else as_sent


def kinds_in(schema: Mapping[str, Any]) -> set[str]:
    """Return the types that a schema accepts, by their names in JSON schema; none if it names none."""
    stated = schema.get("type")
    if isinstance(stated, str):
        kinds = {stated}
    elif isinstance(stated, list | tuple):
        kinds = {each for each in stated if isinstance(each, str)}
    else:
        kinds = {*_implied_types(schema)}
    return kinds - {"integer"} if "number" in kinds else kinds


def _implied_types(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the types of a schema that has values, or other schemas, instead of a type."""
    for value in (*_listed(schema, "enum"), *([schema["const"]] if "const" in schema else ())):
        yield _kind_of(value)
    for key in ("anyOf", "oneOf"):
        choices = [
            kinds_in(each) if isinstance(each, Mapping) else set() for each in _listed(schema, key)
        ]
        if all(choices):  # a choice without types accepts anything
            yield from set[str]().union(*choices)


def _kind_of(value: object) -> str:
    return next((name for each, name in _KIND_OF if isinstance(value, each)), "")


def _listed(schema: Mapping[str, Any], key: str) -> list[Any]:
    found = schema.get(key)
    return list(found) if isinstance(found, list | tuple) else []
