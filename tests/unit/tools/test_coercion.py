"""Arguments as models send them are taken where the schema leaves no doubt what was meant."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voiced.errors import ToolError
from voiced.tools.coercion import coerced
from voiced.tools.declared.parameters import Parameters

WHOLE, NUMBER, TRUTH, TEXT = ({"type": t} for t in ("integer", "number", "boolean", "string"))
ROOMS = {"type": "string", "enum": ["Kitchen", "bath", "BATH"]}
SIZES = {"enum": [1, 2, 3]}
MAYBE = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
WHOLES = {"type": "array", "items": WHOLE}
PLACE = {"type": "object", "properties": {"n": WHOLE, "on": TRUTH}}
NULL = {"type": "null"}
WORD = {"type": "string", "minLength": 1}
CODE = {"type": "string", "pattern": "^[0-9]{4}$"}

# schema of a value, what a model sent for it, what is taken; GONE for nothing
GONE = "GONE"
TAKEN = [
    (WHOLE, "5", 5),
    (WHOLE, " 5 ", 5),
    (WHOLE, "-5", -5),
    (WHOLE, 5.0, 5),
    (WHOLE, "5.0", 5),
    (WHOLE, "5e2", 500),
    (WHOLE, None, GONE),
    (WHOLE, "", GONE),
    (NUMBER, "5", 5),
    (NUMBER, "1.5", 1.5),
    (NUMBER, 5, 5),
    (NUMBER, None, GONE),
    (TRUTH, "true", True),
    (TRUTH, "False", False),
    (TRUTH, None, GONE),
    (TEXT, None, GONE),
    (TEXT, "", ""),
    (TEXT, "5", "5"),
    (TEXT, "true", "true"),
    (ROOMS, "kitchen", "Kitchen"),
    (ROOMS, " KITCHEN", "Kitchen"),
    (ROOMS, "BATH", "BATH"),
    (SIZES, "2", 2),
    ({"const": True}, "true", True),
    (MAYBE, "7", 7),
    (MAYBE, None, None),
    ({"oneOf": [WHOLE, TRUTH]}, "true", True),
    ({"type": ["integer", "null"]}, None, None),
    ({"type": ["integer", "string"]}, "5", "5"),
    (WHOLES, ["1", 2.0, 3], [1, 2, 3]),
    (WHOLES, '[1, "2"]', [1, 2]),
    (PLACE, {"n": "5", "on": "true"}, {"n": 5, "on": True}),
    (PLACE, {"n": None}, {}),
    (PLACE, '{"n": "5"}', {"n": 5}),
    ({}, "5", "5"),
    ({"anyOf": [WHOLE, {}]}, "5", "5"),
    (WHOLE, "9007199254740993", 9007199254740993),
    (NUMBER, "9007199254740993", 9007199254740993),
    (NUMBER, "4503599627370496.4", 4503599627370496.4),
    *(
        (schema, "", GONE)
        for schema in (
            ROOMS,
            WORD,
            CODE,
            {"const": "x"},
            {"anyOf": [WORD, NULL]},
            {"oneOf": [CODE, ROOMS]},
        )
    ),
    ({"type": "string", "pattern": "^[0-9]*$"}, "", ""),
    ({"type": "string", "enum": ["", "a"], "minLength": 0}, "", ""),
    ({"anyOf": [WORD, TEXT]}, "", ""),
    ({"type": ["string", "null"], "enum": ["a", "b"]}, None, GONE),
    ({"type": ["string", "null"], "enum": ["a", None]}, None, None),
    ({"anyOf": [WHOLES, NULL]}, ["1", "2"], [1, 2]),
    ({"anyOf": [WHOLES, NULL]}, '["1", 2.0]', [1, 2]),
    ({"anyOf": [PLACE, NULL]}, {"n": "5", "on": None}, {"n": 5}),
    ({"oneOf": [PLACE, WHOLES, TEXT]}, {"n": "5"}, {"n": 5}),
    ({"anyOf": [ROOMS, NULL]}, "kitchen", "Kitchen"),
    ({"anyOf": [{"anyOf": [ROOMS, WHOLE]}, NULL]}, "kitchen", "Kitchen"),
    ({"anyOf": [ROOMS, TEXT]}, "kitchen", "kitchen"),
    ({"anyOf": [ROOMS, {}]}, "kitchen", "kitchen"),
]
IN_DOUBT = [
    *((WHOLE, sent) for sent in ("five", "5 apples", "5.5", 5.5, True, [5], {"n": 5}, "NaN", "1e999", "9" * 400, "4503599627370496.4", "1e16")),
    *((NUMBER, sent) for sent in ("five", "1,5", "nan", "inf", "1e999")),
    *((TRUTH, sent) for sent in ("yes", "1", 1, 0, "on")),
    *((TEXT, sent) for sent in (5, True, ["x"])),
    *((ROOMS, sent) for sent in ("Bath", "attic")),
    *((WHOLES, sent) for sent in ("1, 2", "[1", '{"n": 1}', "[" * 10_000, [None], ["one"])),
    (PLACE, "[1]"),
    ({"anyOf": [WHOLES, {"type": "array", "items": NUMBER}]}, ["1"]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "sent", "taken"), TAKEN, ids=repr)
def test_what_leaves_no_doubt_is_taken_as_it_was_meant(schema, sent, taken):
    whole = {"properties": {"it": schema}}
    expected = {} if taken is GONE else {"it": taken}
    found = coerced({"it": sent}, whole)
    assert found == expected
    assert [type(each) for each in found.values()] == [type(each) for each in expected.values()]
    assert Parameters(whole).accepted({"it": sent}) == expected


@pytest.mark.parametrize(("schema", "sent"), IN_DOUBT, ids=lambda each: repr(each)[:40])
def test_what_is_in_doubt_is_refused(schema, sent):
    whole = {"properties": {"it": schema}}
    assert coerced({"it": sent}, whole) == {"it": sent}
    with pytest.raises(ToolError, match=r"^(it|These) .*\.$"):
        Parameters(whole).accepted({"it": sent})


def test_what_is_left_out_gets_its_default_and_what_is_required_is_not_left_out():
    schema = {
        "properties": {"days": {**WHOLE, "default": 3}, "city": TEXT, "n": WHOLE},
        "required": ["days", "city"],
    }
    made = Parameters(schema)
    assert made.accepted({"days": None, "city": "Rome", "n": ""}) == {"days": 3, "city": "Rome"}
    with pytest.raises(ToolError, match=r"^city must be text\.$"):
        made.accepted({"city": None})
    rooms = {"properties": {"room": {**ROOMS, "default": "bath"}, "in": ROOMS}, "required": ["in"]}
    assert Parameters(rooms).accepted({"room": "", "in": "bath"}) == {"room": "bath", "in": "bath"}
    with pytest.raises(ToolError, match=r"^in must be "):
        Parameters(rooms).accepted({"in": ""})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
FOREIGN = st.dictionaries(
    st.sampled_from(["type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "pattern", "minLength"]),
    JSON | st.sampled_from(["integer", {"a": {"type": "integer"}}, [{"type": "null"}], {"a": None}]),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from("ab"), JSON), FOREIGN)
@example({"a": "5"}, {"properties": {"a": {"type": 7}}, "required": "a"})
@example({"a": None}, {"properties": {"a": None}, "required": ["a"]})
@example({"a": ""}, {"properties": {"a": {"pattern": "(?=a)"}}})
@example({"a": ""}, {"properties": {"a": {"pattern": "\ud800", "minLength": "x"}}})
@example({"a": ""}, {"properties": {"a": {"enum": 7, "const": {}, "anyOf": [True, 7]}}})
def test_no_schema_of_a_stranger_breaks_it(arguments, schema):
    assert coerced(arguments, schema).keys() <= arguments.keys()


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_the_same_as_text_and_as_a_fraction(number):
    schema = {"properties": {"n": WHOLE}}
    for sent in (number, str(number), float(number)):
        found = coerced({"n": sent}, schema)
        assert found == {"n": number}
        assert type(found["n"]) is int
