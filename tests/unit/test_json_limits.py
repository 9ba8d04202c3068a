"""What an agent and a tool may hand each other (json_limits.py)."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.json_limits import MOST_LEVELS, NotJsonError, TooLargeError, as_json, within

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
