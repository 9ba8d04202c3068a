"""What an agent and a tool may hand each other (json_limits.py)."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.lib.json_limits import (
    MOST_LEVELS,
    MOST_PARTS,
    NotJsonError,
    TooLargeError,
    as_json,
    check_parts,
    within,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # JSON has no half characters; whoever sends the text replaces them.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=5)
    ),
    max_leaves=20,
)


MEBIBYTE = 1024 * 1024

MANY = {
    "lists": "[" + "[]," * (MEBIBYTE // 3) + "0]",
    "lists in lists": "[" * (MEBIBYTE // 2) + "]" * (MEBIBYTE // 2),
    "objects": "[" + '{"":0},' * (MEBIBYTE // 7) + "0]",
    "objects in objects": '{"":' * (MEBIBYTE // 5) + "0" + "}" * (MEBIBYTE // 5),
    "one object": "{" + ",".join(f'"{n}":{n}' for n in range(80_000)) + "}",
    "texts": "[" + '"",' * (MEBIBYTE // 3) + "0]",
    "texts with what looks like an end": '["\\\\' + '",",\\\\' * (MEBIBYTE // 6) + '"]',
    "texts of brackets": "[" + '"[",' * (MEBIBYTE // 4) + "0]",
    "numbers": "[" + "1," * (MEBIBYTE // 2) + "0]",
    "quotes without end": '["' + '",' * (MEBIBYTE // 2),
    "blanks between": "[" + "1, " * (MEBIBYTE // 3) + "0]",
}
FEW = {
    "sound": f'{{"data":"{"A" * MEBIBYTE}"}}',
    "much that is said": f'{{"text":"{"Oh, well. " * (MEBIBYTE // 10)}"}}',
    "JSON in a text": json.dumps({"arguments": json.dumps([[]] * (MEBIBYTE // 10))}),
    "quotes in a text": json.dumps({"text": '"' * (MEBIBYTE // 2)}),
    "backslashes in a text": json.dumps({"text": "\\,[" * (MEBIBYTE // 5)}),
    "as many as may be": json.dumps([{"": 0}] * (MOST_PARTS // 2 - 1)),
}


@pytest.mark.parametrize("kind", MANY)
def test_a_mebibyte_of_values_is_found_out_before_it_is_parsed(kind):
    for text in (MANY[kind], MANY[kind].encode()):
        tracemalloc.start()
        with pytest.raises(TooLargeError):
            check_parts(text)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak_bytes < 5 * MEBIBYTE


@pytest.mark.parametrize("kind", FEW)
def test_a_mebibyte_of_text_is_parsed(kind):
    check_parts(FEW[kind])
    check_parts(FEW[kind].encode())
    json.loads(FEW[kind])


@given(JSON)
def test_ordinary_json_has_few_enough_values(value):
    check_parts(json.dumps([value, "," * MOST_PARTS]))


def nested(levels):
    value = []
    for _ in range(levels - 1):
        value = [value]
    return value


def containing_itself():
    value = {}
    value["again"] = [value]
    return value


@given(JSON)
def test_whatever_json_can_hold_is_written_whole(value):
    assert json.loads(as_json(value, 1_000_000)) == value


@given(JSON, st.integers(0, 60))
def test_nothing_longer_than_the_limit_is_written(value, most_chars):
    whole = as_json(value, 1_000_000)
    try:
        assert as_json(value, most_chars) == whole
    except TooLargeError:
        assert len(whole) > most_chars


@given(JSON)
def test_nothing_is_taken_for_longer_than_it_is(value):
    within(value, len(as_json(value, 1_000_000)))


@pytest.mark.parametrize(
    "value",
    [
        *("x" * 10_000_000, [0] * 10_000_000, dict.fromkeys(range(1_000_000)), 1 << 10_000_000),
        *([["x" * 100] * 100] * 100, nested(MOST_LEVELS + 1), containing_itself(), "\0" * 10_000),
    ],
    ids=["text", "list", "object", "number", "many", "deep", "endless", "escapes"],
)
def test_what_is_too_large_is_refused_without_being_copied(value):
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            as_json(value, 16_000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_what_is_just_deep_enough_is_written():
    assert as_json(nested(MOST_LEVELS), 100) == "[" * MOST_LEVELS + "]" * MOST_LEVELS


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, b"bytes", {1: 2}, {None: 1}, float("nan"), [float("inf")], 1j, print],
    ids=[
        "object",
        "set",
        "bytes",
        "number for a key",
        "null for a key",
        "nan",
        "inf",
        "complex",
        "code",
    ],
)
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(NotJsonError):
        as_json(value, 16_000)
