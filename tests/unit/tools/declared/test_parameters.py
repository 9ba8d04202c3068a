"""What an agent may send to a declared tool, and which schemas can say so."""

import json
from fractions import Fraction
from itertools import repeat

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voiced.errors import ToolError
from voiced.tools.declared.parameters import MOST_BYTES, MOST_CHARS, Parameters, parameters

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "code": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "room": {"type": "string", "enum": ["kitchen", "bath"]},
        "degrees": {"type": "number", "minimum": 5, "maximum": 30, "default": 20},
        "count": {"type": "integer", "multipleOf": 2, "examples": [2, 4]},
        "names": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2},
        "note": {"type": "string", "maxLength": 2000},
        "either": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
    },
    "required": ["city"],
}


def refusal(arguments, schema=SCHEMA):
    with pytest.raises(ToolError) as error:
        Parameters(schema).accepted(arguments)
    return str(error.value)


def test_what_the_schema_asks_for_is_taken_and_defaults_are_added():
    sent = {
        "city": "Rome",
        "code": "IT",
        "room": "bath",
        "count": 4,
        "names": ["a"],
        "either": None,
    }
    assert Parameters(SCHEMA).accepted(sent) == sent | {"degrees": 20}
    assert Parameters({}).accepted({}) == {}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "city is missing."),
        ({"city": 5}, "city must be text."),
        ({"city": None}, "city must be text."),
        ({"city": ["x"]}, "city must be text."),
        ({"city": "x" * (MOST_CHARS + 1)}, f"city is too long: it may have at most {MOST_CHARS} characters."),
        ({"city": "x", "note": "y" * 2001}, "note is too long: it may have at most 2000 characters."),
        ({"city": "x", "code": "it"}, "code does not have the right form ^[A-Z]{2}$."),
        ({"city": "x", "code": "A" * 201}, "code is too long: it may have at most 200 characters."),
        ({"city": "x", "room": "attic"}, 'room must be "kitchen" or "bath".'),
        ({"city": "x", "degrees": 31}, "degrees must be at most 30."),
        ({"city": "x", "degrees": 4.9}, "degrees must be at least 5."),
        ({"city": "x", "degrees": True}, "degrees must be a number."),
        ({"city": "x", "degrees": "warm"}, "degrees must be a number."),
        ({"city": "x", "count": 3}, "count must be a multiple of 2, like 2 or 4."),
        ({"city": "x", "count": "3"}, "count must be a multiple of 2, like 2 or 4."),
        ({"city": "x", "count": "four"}, "count must be a whole number, like 2 or 4."),
        ({"city": "x", "count": 2.5}, "count must be a whole number, like 2 or 4."),
        ({"city": "x", "names": ["a", "long"]}, "names 1 is too long: it may have at most 3 characters."),
        ({"city": "x", "names": ["a", "b", "c"]}, "names may have at most 2 items."),
        ({"city": "x", "either": 1}, "either must be true or false or null."),
        ({"city": "x", "note": "y" * MOST_BYTES}, "These arguments are too long."),
        ({"city": "\ud800"}, "These arguments are not proper JSON."),
        ({"city": "x", "degrees": float("nan")}, "These arguments are not proper JSON."),
        ({"city": "x", "sekrit": 1}, "There is an unknown parameter. Known parameters: " + ", ".join(SCHEMA["properties"]) + "."),
    ],
    ids=str,
)  # fmt: skip
def test_other_arguments_are_refused_with_a_sentence_that_names_the_parameter(arguments, sentence):
    assert refusal(arguments) == sentence


@given(st.dictionaries(st.sampled_from(list(SCHEMA["properties"])), st.text(min_size=20)))
def test_a_refusal_never_repeats_what_was_sent(arguments):
    said = refusal(arguments | {"degrees": "x"})
    assert not any(value in said for value in arguments.values())


def test_arguments_nested_without_end_are_refused():
    deep: list = []
    for _ in repeat(None, 5000):
        deep = [deep]
    assert refusal({"city": deep}) in (
        "These arguments are not proper JSON.",
        "city must be text.",  # of a Python that can write them down
    )


@given(
    st.integers(-(10**6), 10**6) | st.just(10**400),
    st.sampled_from(["0.1", "0.01", "0.5", "0.3", "1e-7", "2.5", "3"]),
)
@example(51, "0.1")
def test_a_multiple_is_counted_by_what_is_written(times, step):
    schema = {"properties": {"n": {"type": "number", "multipleOf": json.loads(step)}}}
    exact = times * Fraction(step)
    sent = int(exact) if exact.denominator == 1 else float(exact)
    assert Parameters(schema).accepted({"n": sent}) == {"n": sent}
    between = float(exact + Fraction(step) / 4) if times < 10**400 else times * 10 + 1
    if Fraction(repr(between)) % Fraction(step):
        assert refusal({"n": between}, schema) == f"n must be a multiple of {json.loads(step)}."


def test_nothing_but_zero_is_a_multiple_of_what_has_no_end():
    schema = {"properties": {"n": {"type": "number", "multipleOf": float("inf")}}}
    assert Parameters(schema).accepted({"n": 0}) == {"n": 0}
    assert refusal({"n": 1}, schema) == "n must be a multiple of inf."


def complaints(schema):
    return [(problem.path, problem.problem) for problem in parameters(schema, ())]


def test_a_schema_that_says_what_it_can_has_nothing_wrong_with_it():
    assert complaints(SCHEMA) == []
    assert complaints({}) == []


@pytest.mark.parametrize(
    ("schema", "path", "problem"),
    [
        ([], (), "expected keys and values"),
        ({"type": "array"}, ("type",), "must be object"),
        ({"type": "objct"}, ("type",), "expected one of string, number"),
        ({"propertis": {}}, ("propertis",), "unknown key"),
        ({"properties": {"a": 1}}, ("properties", "a"), "expected keys and values"),
        ({"properties": {"a": {"$ref": "http://x/"}}}, ("properties", "a", "$ref"), "unknown key"),
        (
            {"properties": {"a": {"type": "text"}}},
            ("properties", "a", "type"),
            "expected one of string",
        ),
        ({"properties": {"a": {"pattern": "("}}}, ("properties", "a", "pattern"), "not a regular"),
        (
            {"properties": {"a": {"pattern": "(?=a)"}}},
            ("properties", "a", "pattern"),
            "uses lookaround",
        ),
        ({"properties": {"a": {"enum": []}}}, None, ""),
        (
            {"properties": {"a": {"minLength": -1}}},
            ("properties", "a", "minLength"),
            "expected a whole number of at least 0",
        ),
        (
            {"properties": {"a": {"multipleOf": 0}}},
            ("properties", "a", "multipleOf"),
            "is not valid",
        ),
        ({"required": "a"}, ("required",), "expected a list"),
        ({"required": ["a", "a"]}, ("required",), "is not valid"),
        ({"additionalProperties": {}}, ("additionalProperties",), "expected true or false"),
        ({"items": None}, ("items",), "expected keys and values, got nothing"),
        ({"default": None, "const": None}, None, ""),
    ],
    ids=str,
)
def test_a_schema_that_cannot_be_used_is_blamed_where_it_is_wrong(schema, path, problem):
    found = complaints(schema)
    if path is None:
        assert found == []
        return
    assert len(found) == 1
    assert found[0][0] == path
    assert found[0][1].startswith(problem)


def test_a_schema_that_is_nested_too_deeply_is_refused():
    schema: dict = {"type": "object"}
    for _ in range(7):
        schema = {"items": schema}
    assert [problem for _, problem in complaints(schema)] == ["is nested too deeply"]
