"""What a declared tool takes: a JSON schema, kept to what can be checked fast and completely.

`jsonschema` judges; it costs some MB and is imported by the first declared tool.
"""

import json
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from voiced.errors import ConfigError, Problem, ToolError
from voiced.lib import validators
from voiced.lib.validators import Path
from voiced.tools.coercion import coerced, kinds_in
from voiced.tools.safe_regex import is_found, problem_of

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

MOST_BYTES = 16 * 1024
"""The longest arguments of one call, as JSON."""

MOST_CHARS = 1000
"""The longest text, unless the schema has a `maxLength`."""

MOST_CHARS_TO_MATCH = 200
"""The same where there is a `pattern`."""

MOST_DEPTH = 6
SCALARS = ("string", "number", "integer", "boolean")
TYPES = (*SCALARS, "object", "array", "null")


def parameters(value: Any, path: Path) -> Iterator[Problem]:
    """Check for a JSON schema that `Parameters` can take."""
    problems = list(_schema(value, path))
    if not problems and value.get("type", "object") != "object":
        problems.append(Problem((*path, "type"), "must be object", "arguments have names"))
    if not problems and find_spec("jsonschema") is None:
        hint = "run `pip install 'voiced[tools]'`"
        missing = "needs the library jsonschema, which is not here"
        problems.append(Problem(path, missing, hint, here=True))
    if not problems:
        problems.extend(_in_the_eyes_of_the_library(value, path))
    yield from problems


def _in_the_eyes_of_the_library(value: Any, path: Path) -> Iterator[Problem]:
    from jsonschema import Draft202012Validator

    judge = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    for error in judge.iter_errors(value):
        yield Problem((*path, *error.absolute_path), "not right in a JSON schema")
        return


def _type(value: Any, path: Path) -> Iterator[Problem]:
    if isinstance(value, list | tuple):
        yield from validators.list_of(validators.one_of(*TYPES))(value, path)
    else:
        yield from validators.one_of(*TYPES)(value, path)


def _schema(value: Any, path: Path) -> Iterator[Problem]:
    if len(path) > 2 * MOST_DEPTH:
        yield Problem(path, "is nested too deeply", "an agent gets that wrong anyway")
        return
    problems = list(_KEYWORDS(value, path))
    yield from problems
    if not problems and "pattern" in value:
        limit = value.get("maxLength", MOST_CHARS_TO_MATCH)
        if problem := problem_of(value["pattern"], limit, (*path, "pattern")):
            yield problem


def _properties(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield validators.wrong_type(value, path, "a mapping")
        return
    for name, schema in value.items():
        yield from _schema(schema, (*path, name))


_ANY_NUMBER = validators.number(float("-inf"))
_KEYWORDS = validators.mapping(
    {
        "type": _type,
        "title": validators.text(),
        "description": validators.text(max_chars=2000),
        "default": validators.json_value,
        "examples": validators.list_of(validators.json_value),
        "enum": validators.list_of(validators.json_value, max_items=1000),
        "const": validators.json_value,
        "minimum": _ANY_NUMBER,
        "maximum": _ANY_NUMBER,
        "exclusiveMinimum": _ANY_NUMBER,
        "exclusiveMaximum": _ANY_NUMBER,
        "multipleOf": _ANY_NUMBER,
        "minLength": validators.number(0, whole=True),
        "maxLength": validators.number(0, MOST_BYTES, whole=True),
        "pattern": validators.text(max_chars=500),
        "format": validators.text(),
        "properties": _properties,
        "required": validators.list_of(validators.text()),
        "additionalProperties": validators.truth(),
        "minProperties": validators.number(0, whole=True),
        "maxProperties": validators.number(0, whole=True),
        "items": _schema,
        "minItems": validators.number(0, whole=True),
        "maxItems": validators.number(0, whole=True),
        "uniqueItems": validators.truth(),
        "anyOf": validators.list_of(_schema, max_items=20),
        "oneOf": validators.list_of(_schema, max_items=20),
    }
)


class Parameters:
    """Takes an agent's arguments, or says what is wrong with them.

    Args:
        schema: What passed `parameters`.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema: Mapping[str, Any] = {
            "type": "object",
            "properties": {},
            "required": [],
            "additionalProperties": False,
            **schema,
        }

    def accepted(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return `arguments` as the schema asks for them, with the defaults of those left out; see `coerced`.

        Raises:
            ToolError: If they are not what the schema asks for: says what would do, and does not repeat what
                they hold.
        """
        properties = self.schema["properties"]
        if not arguments and not properties:
            return {}  # without the library
        filled = {
            name: schema["default"] for name, schema in properties.items() if "default" in schema
        } | coerced(arguments, self.schema)
        if len(_as_json(filled)) > MOST_BYTES:
            raise ToolError("These arguments are too long.")
        for judge in self._judges:  # sizes first: matching a pattern takes time
            error = next(iter(judge.iter_errors(filled)), None)
            if error is not None:
                raise ToolError(_sentence(error, properties))
        return filled

    @cached_property
    def _judges(self) -> tuple["Draft202012Validator", "Draft202012Validator"]:
        try:
            from jsonschema import Draft202012Validator, validators
        except ImportError:
            hint = "run `pip install 'voiced[tools]'`"
            raise ConfigError("tools", "jsonschema is not installed", hint) from None
        limited = _limited(self.schema)
        judge: Any = validators.extend(  # type: ignore[no-untyped-call]
            Draft202012Validator, {"pattern": _pattern, "multipleOf": _multiple_of}
        )
        return judge(_without_patterns(limited)), judge(limited)


def _pattern(
    _judge: object, pattern: str, text: object, _schema: object
) -> "Iterator[ValidationError]":
    """Judge in place of the library, whose engine some expressions hold up for ever."""
    from jsonschema import ValidationError

    if isinstance(text, str) and not is_found(pattern, text):
        yield ValidationError("does not match")


def _multiple_of(
    _judge: object, step: float, number: Any, _schema: object
) -> "Iterator[ValidationError]":
    """Judge by what was written, in place of the library, to which 5.1 is not 51 times 0.1."""
    from jsonschema import ValidationError

    if isinstance(number, bool) or not isinstance(number, int | float):
        return
    if number and (not math.isfinite(step) or _exact(number) % _exact(step)):
        yield ValidationError("is no multiple")


def _exact(number: Any) -> Fraction:
    """Return a number as it is written."""
    return Fraction(repr(number) if isinstance(number, float) else number)


def _as_json(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise ToolError("These arguments are not proper JSON.") from None


def _limited(schema: Any) -> dict[str, Any]:
    """Return `schema` with a longest text everywhere."""
    limit = MOST_CHARS_TO_MATCH if "pattern" in schema else MOST_CHARS
    return {"maxLength": limit, **_mapped(schema, _limited)}


def _without_patterns(schema: Any) -> dict[str, Any]:
    return {k: v for k, v in _mapped(schema, _without_patterns).items() if k != "pattern"}


def _mapped(schema: Mapping[str, Any], change: Any) -> dict[str, Any]:
    """Return `schema` with `change` made to the schemas it consists of."""
    changed = dict(schema)
    if "properties" in schema:
        changed["properties"] = {k: change(v) for k, v in schema["properties"].items()}
    if "items" in schema:
        changed["items"] = change(schema["items"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            changed[key] = [change(each) for each in schema[key]]
    return changed


_RULES = {
    "minimum": "must be at least {value}",
    "maximum": "must be at most {value}",
    "exclusiveMinimum": "must be more than {value}",
    "exclusiveMaximum": "must be less than {value}",
    "multipleOf": "must be a multiple of {value}",
    "minLength": "is too short: it needs at least {value} characters",
    "maxLength": "is too long: it may have at most {value} characters",
    "minItems": "needs at least {value} items",
    "maxItems": "may have at most {value} items",
    "uniqueItems": "must not have the same item twice",
    "pattern": "does not have the right form",
    "additionalProperties": "has a key too many",
}

_KINDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}

MOST_SHOWN_CHARS = 300
"""Of a sentence that lists what would do."""


def _sentence(error: "ValidationError", properties: Mapping[str, Any]) -> str:
    """Return what is wrong and what would do, naming parameters but nothing that was sent."""
    wanted: Any = error.validator_value
    if error.validator == "required":
        sent: Any = error.instance
        missing = [name for name in wanted if name not in sent]
        return f"{missing[0]} is missing."
    if error.validator == "additionalProperties" and not error.absolute_path:
        known = ", ".join(properties) or "none"
        return f"There is a parameter too many. Known parameters: {known}."
    path = [
        str(part) for part in error.absolute_path if part in properties or isinstance(part, int)
    ]
    schema: Any = error.schema
    return f"{' '.join(path) or 'The whole'} {_rule(str(error.validator), wanted, schema)}."


def _rule(keyword: str, wanted: Any, schema: Mapping[str, Any]) -> str:
    """Return what a value must be, after its name."""
    if keyword in ("enum", "const"):
        return f"must be {_choice([wanted] if keyword == 'const' else wanted)}"
    rule = _RULES.get(keyword, "is not right").format(value=wanted)
    if keyword in ("type", "anyOf", "oneOf"):
        kinds = kinds_in(schema)
        named = [words for kind, words in _KINDS.items() if kind in kinds]
        rule = f"must be {' or '.join(named)}" if named else rule
    if examples := schema.get("examples"):
        return f"{rule}, like {_choice(examples)}"
    return f"{rule} {wanted}" if keyword == "pattern" else rule


def _choice(values: Any) -> str:
    """Return some values of a schema as JSON, as many as fit."""
    written = [json.dumps(each, ensure_ascii=False) for each in values]
    fit = [
        each
        for i, each in enumerate(written)
        if sum(map(len, written[: i + 1])) <= MOST_SHOWN_CHARS
    ]
    more = " or another known value" if len(fit) < len(written) else ""
    return (" or ".join(fit) or "one of the known values") + (more if fit else "")
