"""The parameters of a declared tool: JSON schema, limited to what can be checked fast and completely.

The library `jsonschema` validates. It costs some MB and is imported by the first declared tool.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import msgspec

from voiced.errors import ConfigError, Problem, ToolError
from voiced.lib.section_check import Path, problems_in
from voiced.lib.sections import WholeSection, expect, prose
from voiced.tools.coercion import coerced, kinds_in
from voiced.tools.safe_regex import is_found, problem_of

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

MOST_BYTES = 16 * 1024  # of the arguments of one call, as JSON
MOST_CHARS = 1000  # of a text whose schema has no `maxLength`
MOST_CHARS_TO_MATCH = 200  # the same if there is a `pattern`
MOST_DEPTH = 6
SCALARS = ("string", "number", "integer", "boolean")

Type = Literal["string", "number", "integer", "boolean", "object", "array", "null"]
Number = Annotated[int | float, expect("a number")]
Count = Annotated[int, msgspec.Meta(ge=0)]
Text = Annotated[str, prose()]
Values = Annotated[tuple[Any, ...], msgspec.Meta(max_length=1000)]
Schemas = Annotated[tuple["SchemaSection", ...], msgspec.Meta(max_length=20)]


class SchemaSection(WholeSection, frozen=True, kw_only=True):
    """The keywords of a JSON schema. The defaults do not matter: the schema is kept as written."""

    type: Annotated[
        Type | tuple[Type, ...], expect(f"one of {', '.join(get_args(Type))}, or a list of these")
    ] = "object"
    title: Text = ""
    description: Annotated[str, prose(most=2000)] = ""
    default: Any = None
    examples: Values = ()
    enum: Values = ()
    const: Any = None
    minimum: Number = 0
    maximum: Number = 0
    exclusiveMinimum: Number = 0
    exclusiveMaximum: Number = 0
    multipleOf: Number = 0
    minLength: Count = 0
    maxLength: Annotated[int, msgspec.Meta(ge=0, le=MOST_BYTES)] = 0
    pattern: Annotated[str, prose(most=500)] = ""
    format: Text = ""
    properties: Mapping[str, "SchemaSection"] = {}
    required: tuple[Text, ...] = ()
    additionalProperties: bool = False
    minProperties: Count = 0
    maxProperties: Count = 0
    items: "SchemaSection | msgspec.UnsetType" = msgspec.UNSET
    minItems: Count = 0
    maxItems: Count = 0
    uniqueItems: bool = False
    anyOf: Schemas = ()
    oneOf: Schemas = ()


def parameters(schema: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """Yield the problems of a JSON schema for `Parameters`."""
    problems = [replace(p, path=(*path, *p.path)) for p in problems_in(schema, SchemaSection)]
    if not problems:
        problems.extend(_problems_within(schema, path, MOST_DEPTH))
    if not problems and schema.get("type", "object") != "object":
        problems.append(Problem((*path, "type"), "must be object", "arguments have names"))
    if schema and not problems and find_spec("jsonschema") is None:
        hint = "run `pip install 'voiced[tools]'`"
        missing = "needs the library jsonschema, which is not here"
        problems.append(Problem(path, missing, hint, here=True))
    if schema and not problems:
        problems.extend(_schema_errors(schema, path))
    yield from problems


def _schema_errors(schema: Any, path: Path) -> Iterator[Problem]:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    for error in islice(validator.iter_errors(schema), 1):
        yield Problem((*path, *error.absolute_path), "is not valid in a JSON schema")


def _problems_within(schema: Mapping[str, Any], path: Path, depth: int) -> Iterator[Problem]:
    """Yield invalid or slow patterns, and schemas nested too deeply."""
    if depth < 0:
        yield Problem(
            path, "is nested too deeply", "make it flatter: agents get deep nesting wrong"
        )
        return
    if "pattern" in schema:
        limit = schema.get("maxLength", MOST_CHARS_TO_MATCH)
        if problem := problem_of(schema["pattern"], limit, (*path, "pattern")):
            yield problem
    for where, each in _parts(schema):
        yield from _problems_within(each, (*path, *where), depth - 1)


def _parts(schema: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield the schemas directly within `schema`, and their paths."""
    for name, each in schema.get("properties", {}).items():
        yield ("properties", name), each
    if "items" in schema:
        yield ("items",), schema["items"]
    for key in ("anyOf", "oneOf"):
        for i, each in enumerate(schema.get(key, ())):
            yield (key, i), each


class Parameters:
    """Accepts an agent's arguments, or tells what is wrong with them.

    Args:
        schema: A JSON schema without problems.
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
        """Return `arguments` coerced to the schema (see `coerced`), with defaults for missing ones.

        Raises:
            ToolError: If they violate the schema. Its text tells what is accepted, and does not
                quote the arguments.
        """
        properties = self.schema["properties"]
        if not arguments and not properties:
            return {}  # does not need the library
        filled = {
            name: schema["default"] for name, schema in properties.items() if "default" in schema
        } | coerced(arguments, self.schema)
        if len(_as_json(filled)) > MOST_BYTES:
            raise ToolError("These arguments are too long.")
        for validator in self._validators:  # sizes first, as they bound the time a pattern takes
            error = next(iter(validator.iter_errors(filled)), None)
            if error is not None:
                raise ToolError(_sentence(error, properties))
        return filled

    @cached_property
    def _validators(self) -> tuple["Draft202012Validator", "Draft202012Validator"]:
        try:
            from jsonschema import Draft202012Validator, validators
        except ImportError:
            hint = "run `pip install 'voiced[tools]'`"
            raise ConfigError("tools", "jsonschema is not installed", hint) from None
        limited = _limited(self.schema)
        validator: Any = validators.extend(  # type: ignore[no-untyped-call]
            Draft202012Validator, {"pattern": _pattern, "multipleOf": _multiple_of}
        )
        return validator(_without_patterns(limited)), validator(limited)


def _pattern(
    _validator: object, pattern: str, text: object, _schema: object
) -> "Iterator[ValidationError]":
    """Replace the library's check: with Python's `re`, some patterns never finish."""
    from jsonschema import ValidationError

    if isinstance(text, str) and not is_found(pattern, text):
        yield ValidationError("does not match")


def _multiple_of(
    _validator: object, step: float, number: Any, _schema: object
) -> "Iterator[ValidationError]":
    """Replace the library's check: in binary floats, 5.1 is no multiple of 0.1."""
    from jsonschema import ValidationError

    if isinstance(number, bool) or not isinstance(number, int | float):
        return
    if number and (not math.isfinite(step) or _exact(number) % _exact(step)):
        yield ValidationError("is not a multiple")


def _exact(number: Any) -> Fraction:
    """Return the decimal value of a number as it is written."""
    return Fraction(repr(number) if isinstance(number, float) else number)


def _as_json(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise ToolError("These arguments are not proper JSON.") from None


def _limited(schema: Any) -> dict[str, Any]:
    """Return `schema` with a `maxLength` everywhere."""
    limit = MOST_CHARS_TO_MATCH if "pattern" in schema else MOST_CHARS
    return {"maxLength": limit, **_mapped(schema, _limited)}


def _without_patterns(schema: Any) -> dict[str, Any]:
    return {k: v for k, v in _mapped(schema, _without_patterns).items() if k != "pattern"}


def _mapped(schema: Mapping[str, Any], change: Any) -> dict[str, Any]:
    """Return `schema` with `change` applied to the schemas directly within it."""
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
    "additionalProperties": "has an unknown key",
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

MOST_SHOWN_CHARS = 300  # of the accepted values in a message


def _sentence(error: "ValidationError", properties: Mapping[str, Any]) -> str:
    """Return what is wrong and what is accepted. Names parameters, but quotes no arguments."""
    wanted: Any = error.validator_value
    if error.validator == "required":
        sent: Any = error.instance
        missing = [name for name in wanted if name not in sent]
        return f"{missing[0]} is missing."
    if error.validator == "additionalProperties" and not error.absolute_path:
        known = ", ".join(properties) or "none"
        return f"There is an unknown parameter. Known parameters: {known}."
    path = [
        str(part) for part in error.absolute_path if part in properties or isinstance(part, int)
    ]
    schema: Any = error.schema
    return f"{' '.join(path) or 'The object'} {_rule(str(error.validator), wanted, schema)}."


def _rule(keyword: str, wanted: Any, schema: Mapping[str, Any]) -> str:
    """Return the rule that a value violates, to stand after its name."""
    if keyword in ("enum", "const"):
        return f"must be {_choice([wanted] if keyword == 'const' else wanted)}"
    rule = _RULES.get(keyword, "is not valid").format(value=wanted)
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
