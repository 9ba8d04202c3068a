"""YAML text becomes plain values that remember their lines."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.config.samples import VALID
from voiced.config.yaml_document import FASTEST, parse
from voiced.errors import ConfigError

LOADERS = [FASTEST, yaml.SafeLoader]

BARE = {
    "true": True,
    "False": False,
    "null": None,
    "~": None,
    "": None,
    "0": 0,
    "-12": -12,
    "+3": 3,
    "1.5": 1.5,
    ".5": 0.5,
    "5.": 5.0,
    "1e3": 1000.0,
    "yes": "yes",
    "No": "No",
    "on": "on",
    "OFF": "OFF",
    "y": "y",
    "017": "017",
    "0o17": "0o17",
    "0x1F": "0x1F",
    "1_000": "1_000",
    "1:30": "1:30",
    "2886:001a": "2886:001a",
    "2024-01-01": "2024-01-01",
    ".inf": ".inf",
    ".NaN": ".NaN",
    "1e999": "1e999",
    "12345678901234567890": 12345678901234567890.0,
    "<<": "<<",
    "'20'": "20",
    '"true"': "true",
    "''": "",
}


def value_of(text, loader=FASTEST):
    return parse(text.encode(), "f.yaml", loader).value


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("text", BARE)
def test_only_decimal_numbers_true_false_and_null_are_more_than_text(text, loader):
    value = value_of(f"a: {text}\n", loader)["a"]
    assert (value, type(value)) == (BARE[text], type(BARE[text]))


@pytest.mark.parametrize("loader", LOADERS)
def test_both_parsers_read_the_same_values_and_lines(loader):
    document = parse(VALID.encode(), "f.yaml", loader)
    assert document.value["audio"]["capture"]["device"] == "2886:001a"
    assert document.places[("agent", "session", "input", "keyterms", 1)].line == 8
    assert document.places[("log", "level")].line == 15


@pytest.mark.parametrize("loader", LOADERS)
def test_both_parsers_name_the_line_of_a_fault(loader):
    with pytest.raises(ConfigError) as caught:
        parse(b"a: 1\nb: 'c\nd: 1\n", "f.yaml", loader)
    assert caught.value.where in {"f.yaml:3", "f.yaml:4"}
    assert "(in what begins on line 2)" in caught.value.problem


def test_an_empty_file_holds_nothing():
    assert value_of("") is None
    assert value_of("# only a remark\n") is None


@pytest.mark.parametrize("loader", LOADERS)
def test_a_byte_order_mark_is_no_fault(loader):
    assert parse(b"\xef\xbb\xbfa: 1\n", "f.yaml", loader).value == {"a": 1}


def test_the_keys_of_a_mapping_are_text_whatever_they_look_like():
    assert value_of("on: 1\n1: 2\n~: 3\n") == {"on": 1, "1": 2, "~": 3}


def test_an_alias_stands_for_the_value_of_its_anchor():
    assert value_of("a: &x {b: [1, 2]}\nc: *x\n") == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}


def test_a_place_is_named_by_file_line_and_key():
    document = parse(VALID.encode(), "f.yaml")
    assert document.where(()) == "f.yaml:1"
    assert document.where(("tools", 0)) == "f.yaml:14: tools[0]"
    assert document.where(("audio", "playback", "absent")) == "f.yaml:11: audio.playback.absent"


WORDS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=10)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**17), 10**17) | WORDS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(WORDS.filter(bool), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_json_is_read_as_json_means_it(value):
    assert value_of(json.dumps(value, ensure_ascii=False)) == value
