"""Whatever a file holds, it is refused in plain words or taken, and a secret is never repeated."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.config.samples import VALID, examined
from voiced.config.schema import Settings
from voiced.lib.sections import every_setting

SECRET = "0123456789abcdef0123456789abcdef"  # what a key looks like

WITH_SECRET = VALID.replace("  protocol", f"  key: {SECRET}\n  protocol")

SYNTAX = ["", "\n", " ", ":", ": ", "- ", "{", "}", "[", "]", ",", "'", '"', "&a ", "*a ", "!", "? ",
          "#", "|", ">", "---\n", "\t", "\x00", "é", "yes", "null", ".inf", "1e999", "-1", SECRET]  # fmt: skip

EDITS = st.lists(
    st.tuples(st.integers(0, len(WITH_SECRET)), st.integers(0, 12), st.sampled_from(SYNTAX)),
    min_size=1,
    max_size=4,
)


def mutated(edits):
    text = WITH_SECRET
    for start, n_removed, inserted in edits:
        text = text[:start] + inserted + text[start + n_removed :]
    return text


@settings(max_examples=500)
@given(EDITS)
def test_no_mutation_of_a_file_escapes_or_repeats_the_secret(edits):
    found = examined(mutated(edits))
    said = [str(problem) for problem in found.problems] + list(found.warnings)
    assert (found.settings is None) == bool(found.problems)
    assert all(line.startswith("f.yaml") and "\n" not in line for line in said)
    assert not any(SECRET in line for line in said)


@given(st.sampled_from(range(len(WITH_SECRET.splitlines()) + 1)), st.integers(0, 4))
def test_a_secret_in_any_place_is_not_repeated(at, depth):
    lines = WITH_SECRET.splitlines()
    for wrong in (SECRET, f"{SECRET}: x", f"x: {SECRET}", f"- {SECRET}", f"x: {{{SECRET}}}"):
        text = "\n".join([*lines[:at], "  " * depth + wrong, *lines[at:]])
        assert not any(SECRET in str(problem) for problem in examined(text).problems)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
PLACES = [path for path, _ in every_setting(Settings)]


@given(st.sampled_from(PLACES), st.integers(1, 3), ANYTHING)
def test_any_value_in_any_place_is_taken_or_refused_in_plain_words(path, depth, value):
    tree = {"agent": {"url": "ws://localhost"}}
    section = tree
    for key in path[: depth - 1]:
        section = section.setdefault(key, {})
        if not isinstance(section, dict):
            return
    section[path[:depth][-1]] = value
    found = examined(json.dumps(tree, ensure_ascii=False))
    assert (found.settings is None) == bool(found.problems)
    assert all(str(problem).startswith("f.yaml") for problem in found.problems)


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused_in_plain_words(content):
    found = examined(content)
    assert all(str(problem).startswith("f.yaml") for problem in found.problems)
