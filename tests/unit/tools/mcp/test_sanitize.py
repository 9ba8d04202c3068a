"""What MCP servers say is foreign: it is capped, cleaned, or left out (tools/mcp/sanitize.py)."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.tools.mcp.sanitize import (
    MOST_RESULT_CHARS,
    MOST_TOOLS,
    ForeignResult,
    ForeignTool,
    agent_name,
    offers,
    read,
    result,
    schema_text,
)

SCHEMA = '{"type": "object", "properties": {"a": {"type": "string"}}}'


def tool(name, schema=SCHEMA):
    return ForeignTool(name, "d" * 5000, schema)


@given(st.text(max_size=200))
def test_any_name_becomes_one_that_an_agent_can_call(name):
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", agent_name("home", name))


@given(st.lists(st.text(max_size=5)), st.none() | st.lists(st.text(max_size=5)))
def test_no_two_tools_have_one_name_and_only_allowed_ones_are_offered(names, allow):
    found = offers("home", [tool(name) for name in names], allow, 25).specs
    assert len({spec.name for spec in found.values()}) == len(found)
    assert set(found) <= set(names)
    assert allow is None or all(name in allow or name.partition("__")[2] in allow for name in found)


@pytest.mark.parametrize(
    ("tools", "allow", "offered", "complaint"),
    [
        ([tool("a")], None, {"a": "home_a"}, ""),
        ([tool("a b")], None, {"a b": "home_a_b"}, ""),
        ([tool("a b"), tool("a-b"), tool("a_b")], None, {"a b": "home_a_b", "a-b": "home_a-b"}, "tool 'a_b' is left out: another tool is called home_a_b as well"),
        ([tool("a", None)], None, {}, "tool 'a' is left out: its parameters are not a JSON schema of an object, or are too large"),
        ([tool("a"), tool("b")], ["b"], {"b": "home_b"}, ""),
        ([tool("a")], ["a", "z"], {"a": "home_a"}, "`allow` names tools that it does not have: z; it has a"),
        ([], ["a"], {}, "`allow` names tools that it does not have: a; it has none"),
        ([tool("k__a")], ["a"], {"k__a": "home_a"}, ""),
        ([tool("k__a")], ["k__a"], {"k__a": "home_k__a"}, ""),
        ([tool("k__a__b")], ["a__b"], {"k__a__b": "home_a__b"}, ""),
        ([tool("k__a__b")], ["b"], {}, "`allow` names tools that it does not have: b; it has k__a__b"),
        ([tool("k__a"), tool("a")], ["a"], {"a": "home_a"}, ""),
        ([tool("k__a"), tool("l__a")], ["a"], {"k__a": "home_a", "l__a": "home_l__a"}, ""),
        ([tool("k__")], [""], {}, ""),
        ([tool("call_action")], None, {"call_action": "home_call_action"}, "the agent can use all of its 1 tools, call_action among them; name with `allow` what it needs"),
        ([tool("k__render_template")], None, {"k__render_template": "home_k__render_template"}, "the agent can use all of its 1 tools, k__render_template among them"),
        ([tool("call_action")], ["call_action"], {"call_action": "home_call_action"}, ""),
        ([tool("\n\x1b[31mx" + "y" * 500, None)], None, {}, "tool '[31mxyyy"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_left_out_with_a_reason(tools, allow, offered, complaint):
    offer = offers("home", tools, allow, 25)
    specs = offer.specs.values()
    assert {name: spec.name for name, spec in offer.specs.items()} == offered
    assert all(len(spec.description) == 1000 and spec.timeout_s == 25 for spec in specs)
    assert [line[: len(complaint)] for line in offer.complaints] == [complaint] * bool(complaint)
    assert all(len(line) < 300 and line.isprintable() for line in offer.complaints)
    assert bool(offer.missing) is complaint.startswith("`allow`")


def test_of_a_crowd_of_tools_the_first_are_offered():
    offer = offers("home", [tool(f"t{i}") for i in range(70)], None, 25)
    assert list(offer.specs) == [f"t{i}" for i in range(MOST_TOOLS)]
    assert len(offer.complaints) == 70 - MOST_TOOLS + 1
    assert offer.complaints[0].startswith("the agent can use all of its 64 tools; name")


def test_what_is_missing_is_told_within_bounds():
    there = [tool(f"k__tool_{i}" + "x" * 300) for i in range(500)]
    (complaint,) = offers("home", there, ["y" * 300 + str(i) for i in range(500)], 25).complaints
    assert complaint.endswith("and 480 more")
    assert len(complaint) < 10_000


@pytest.mark.parametrize(
    "schema",
    [
        None,
        [],
        "object",
        {"type": "array"},
        {"type": ["object", "null"]},
        {"type": "object", "title": "x" * 20_000},
        {"type": "object", "default": float("nan")},
        {"type": "object", "default": b"x"},
        {"type": "object", "properties": 7},
    ],
)
def test_what_is_no_schema_of_an_object_is_none(schema):
    assert schema_text(schema, lambda found: found.get("properties") != 7) is None


def test_a_schema_without_anything_takes_no_arguments():
    text = schema_text({}, lambda _: True)
    offer = offers("home", [ForeignTool("a", "", text)], None, 25)
    assert offer.specs["a"].parameters == {"type": "object", "properties": {}, "required": []}


DEEP = []
for _ in range(5000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("structured", "texts", "left_out", "is_error", "expected"),
    [
        ({"a": 1}, ["no"], [], False, {"a": 1}),
        (None, ["it is on"], [], False, {"text": "it is on"}),
        (None, ["a", "b"], [], False, {"text": "a\nb"}),
        (None, ['{"a": [1]}'], [], False, {"a": [1]}),
        (None, ["[1, 2]"], [], False, [1, 2]),
        (None, ["{no"], [], False, {"text": "{no"}),
        (None, ['{"a": NaN}'], [], False, {"text": '{"a": NaN}'}),
        (None, ["[" * 10_000], [], False, {"text": "[" * 10_000}),
        (None, [], ["image", "image", "audio"], False, {"text": "(left out: audio)\n(left out: image)"}),
        (None, ["see"], ["image"], False, {"text": "see\n(left out: image)"}),
        (None, [], [], False, {"text": ""}),
        ({"a": float("inf")}, ["much"], [], False, {"text": "much"}),
        (DEEP, ["deep"], [], False, {"text": "deep"}),
        ({"a": "x" * 50_000}, ["short"], [], False, {"text": "short"}),
    ],
)  # fmt: skip
def test_a_result_is_what_somebody_can_say(structured, texts, left_out, is_error, expected):
    assert read(result(structured, texts, left_out, is_error=is_error)) == expected


@given(
    st.none() | st.dictionaries(st.text(), st.text() | st.floats() | st.none()),
    st.lists(st.text(max_size=40_000)),
    st.lists(st.sampled_from(["image", "audio", "resource"]) | st.text(max_size=5000)),
    st.booleans(),
)
def test_a_result_is_small_and_json_whatever_it_was(structured, texts, left_out, is_error):
    found = result(structured, texts, left_out, is_error=is_error)
    assert len(found.text) <= (500 if is_error else MOST_RESULT_CHARS)
    json.dumps(read(found), allow_nan=False)


def test_a_result_that_is_cut_says_so_and_how_to_get_less():
    found = read(result(None, ["x" * 200_000], ["image"], is_error=False))["text"]
    assert len(found) == MOST_RESULT_CHARS
    assert found.endswith(
        "…\n(left out: image)\n"
        "(cut, 200000 characters are too many: ask for less, for one name or area)"
    )
    whole = read(result(None, ["x" * MOST_RESULT_CHARS], [], is_error=False))["text"]
    assert whole == "x" * MOST_RESULT_CHARS


def test_of_many_kinds_that_are_left_out_some_are_named_and_the_text_stays():
    kinds = [f"{n:04}" + "y" * 50 for n in range(5000)]
    found = read(result(None, ["x" * 15_000], kinds, is_error=False))["text"]
    assert found.startswith("x" * 15_000 + "\n(left out: 0000yyyy")
    assert found.endswith("y)\n(left out: and more)")
    assert found.count("left out") == 11
    assert len(found) <= MOST_RESULT_CHARS


def test_nothing_of_a_result_shows_in_a_log():
    assert "secret" not in repr(ForeignResult("secret")) + repr(
        ForeignTool("n", "secret", "secret")
    )
