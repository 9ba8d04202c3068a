"""What an agent may send to a declared tool, and which schemas can say so."""

import re
import time
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.errors import ToolError
from voiced.tools.parameters import MOST_BYTES, MOST_CHARS, Parameters, parameters
from voiced.tools.patterns import fault

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "code": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "room": {"type": "string", "enum": ["kitchen", "bath"]},
        "degrees": {"type": "number", "minimum": 5, "maximum": 30, "default": 20},
        "count": {"type": "integer", "multipleOf": 2},
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
        ({"city": 5}, "city must be string."),
        ({"city": None}, "city must be string."),
        ({"city": ["x"]}, "city must be string."),
        ({"city": "x" * (MOST_CHARS + 1)}, "city is too long."),
        ({"city": "x", "note": "y" * 2001}, "note is too long."),
        ({"city": "x", "code": "it"}, "code does not have the right form."),
        ({"city": "x", "code": "A" * 201}, "code is too long."),
        ({"city": "x", "room": "attic"}, "room must be one of the known values."),
        ({"city": "x", "degrees": 31}, "degrees must be at most 30."),
        ({"city": "x", "degrees": 4.9}, "degrees must be at least 5."),
        ({"city": "x", "degrees": True}, "degrees must be number."),
        ({"city": "x", "count": 3}, "count must be a multiple of 2."),
        ({"city": "x", "count": "3"}, "count must be integer."),
        ({"city": "x", "names": ["a", "long"]}, "names 1 is too long."),
        ({"city": "x", "names": ["a", "b", "c"]}, "names may have at most 2 items."),
        ({"city": "x", "either": 1}, "either is not right."),
        ({"city": "x", "note": "y" * MOST_BYTES}, "These arguments are too long."),
        ({"city": "\ud800"}, "These arguments are not proper JSON."),
        ({"city": "x", "degrees": float("nan")}, "These arguments are not proper JSON."),
        ({"city": "x", "sekrit": 1}, "There is a parameter too many. Known parameters: " + ", ".join(SCHEMA["properties"]) + "."),
    ],
    ids=str,
)  # fmt: skip
def test_other_arguments_are_refused_with_a_sentence_that_names_the_parameter(arguments, sentence):
    assert refusal(arguments) == sentence


@given(st.dictionaries(st.sampled_from(list(SCHEMA["properties"])), st.text(min_size=20)))
def test_a_refusal_never_repeats_what_was_sent(arguments):
    said = refusal(arguments | {"degrees": "x"})
    assert not any(value in said for value in arguments.values())


@pytest.mark.parametrize("wrap", [lambda each: each, lambda each: {"anyOf": [each]}])
def test_a_text_that_is_too_long_is_never_held_against_a_pattern(wrap):
    schema = {"properties": {"a": wrap({"pattern": "^a*a*a*a*b$", "type": "string"})}}
    began = time.perf_counter()
    refusal({"a": "a" * 600}, schema)
    assert time.perf_counter() - began < 0.5


def test_arguments_nested_without_end_are_refused():
    deep: list = []
    for _ in repeat(None, 5000):
        deep = [deep]
    assert refusal({"city": deep}) in (
        "These arguments are not proper JSON.",
        "city must be string.",  # of a Python that can write them down
    )


def complaints(schema):
    return [(problem.path, problem.problem) for problem in parameters(schema, ())]


def test_a_schema_that_says_what_it_can_has_nothing_wrong_with_it():
    assert complaints(SCHEMA) == []
    assert complaints({}) == []


@pytest.mark.parametrize(
    ("schema", "path", "problem"),
    [
        ([], (), "must be a mapping"),
        ({"type": "array"}, ("type",), "must be object"),
        ({"type": "objct"}, ("type",), "unknown value"),
        ({"propertis": {}}, ("propertis",), "unknown key"),
        ({"properties": {"a": 1}}, ("properties", "a"), "must be a mapping"),
        ({"properties": {"a": {"$ref": "http://x/"}}}, ("properties", "a", "$ref"), "unknown key"),
        ({"properties": {"a": {"type": "text"}}}, ("properties", "a", "type"), "unknown value"),
        ({"properties": {"a": {"pattern": "("}}}, ("properties", "a", "pattern"), "not a regular"),
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, ("properties", "a", "pattern"), "repeats"),
        ({"properties": {"a": {"enum": []}}}, None, ""),
        ({"properties": {"a": {"minLength": -1}}}, ("properties", "a", "minLength"), "must be"),
        ({"properties": {"a": {"multipleOf": 0}}}, ("properties", "a", "multipleOf"), "not right"),
        ({"required": "a"}, ("required",), "must be a list"),
        ({"required": ["a", "a"]}, ("required",), "not right"),
        ({"additionalProperties": {}}, ("additionalProperties",), "must be true or false"),
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


def test_a_schema_that_contains_itself_is_refused():
    schema: dict = {"type": "object"}
    schema["items"] = schema
    assert [problem for _, problem in complaints(schema)] == ["is nested too deeply"]


@pytest.mark.parametrize(
    "pattern",
    [
        "^[A-Z]{2}$",
        "^([0-9A-F]{2}:){5}[0-9A-F]{2}$",
        r"^\d+(\.\d+)?$",
        "^[a-z0-9-]{1,63}$",
        "^(on|off|auto)$",
        "^[^@]+@[^@]+$",
        "kitchen|bath",
    ],
)
def test_ordinary_patterns_may_be_used(pattern):
    assert fault(pattern, 200) == ""
    assert re.search(pattern, "x" * 200) is None or pattern.startswith("^[a-z0-9")


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a*)*b",
        "(a|a)*b",
        "(a|ab)+$",
        "([a-z]+)*x",
        "(a{0,5000}){0,5000}b",
        "((ab)?c?)*d",
        "(?=(a+)+$)",
        ".*.*.*.*x",
        "(?:(?:a+)){20,}",
        "(",
        "a{99999999999999999999}",
    ],
)
def test_patterns_that_some_text_makes_slow_are_refused(pattern):
    assert fault(pattern, 200) != ""


def test_how_long_the_text_may_be_decides_about_several_repetitions():
    assert fault("^a*b*c*$", 200) == ""
    assert fault("^a*b*c*$", 1000) != ""
