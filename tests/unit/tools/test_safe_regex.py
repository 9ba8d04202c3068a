"""Patterns of declared tools: which there can be, and that no text makes one slow (tools/safe_regex.py)."""

import itertools
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.memory import forget_peak, peak_mib
from voiced.errors import ToolError
from voiced.tools.declared import parameters as room
from voiced.tools.declared.parameters import MOST_BYTES, MOST_CHARS_TO_MATCH, Parameters, parameters
from voiced.tools.safe_regex import MOST_STEPS, is_found, problem_of

EXPLODING = [
    "(a+)+$",
    "(a*)*b",
    "(a|a)*b",
    "(a|ab)+$",
    "(a|aa)+$",
    "([a-z]+)*x",
    "(.*)*x",
    "((ab)?c?)*d",
    ".*.*.*.*.*.*.*.*x",
    "(?:(?:a+)){20,}b",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    r"^(\w+\s?)*$",
    "(x+x+)+y",
    "(a?){64}(a){64}b",
    "([a-zA-Z]+)*$",
    "^([a-zA-Z0-9._-]+)*@",
]
"""In an engine that goes back, each takes longer than the world for some text."""

STATEFUL = ["(?:[a-z]?){600}$", "(?:a?b?c?){200}$", "(?:a{0,9}b?){60}[^a]"]
"""Need many states: the engine cannot remember them all."""

TEXTS = ["a", "ab", "aab", "x", " a", "\u00e4\u20ac", "a.b@"]


def schema_of(pattern, **more):
    return {"properties": {"a": {"type": "string", "pattern": pattern, **more}}}


def complaint(pattern, max_chars=MOST_CHARS_TO_MATCH):
    [problem] = parameters(schema_of(pattern, maxLength=max_chars), ())
    assert problem.path == ("properties", "a", "pattern")
    return problem


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        ("^[A-Z]{2}$", "IT", "it"),
        ("^([0-9A-F]{2}:){5}[0-9A-F]{2}$", "00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D"),
        (r"^\d+(\.\d+)?$", "3.14", "3."),
        ("^[a-z0-9-]{1,63}$", "kitchen-1", "kitchen 1"),
        ("^(on|off|auto)$", "auto", "aut"),
        ("^[^@]+@[^@]+$", "a@b", "a@b@c"),
        ("kitchen|bath", "the bath", "attic"),
        ("^(?i)rome$", "ROME", "room"),
        (r"^\p{Greek}+$", "\u03b1", "a"),
        ("^\u00e4$", "\u00e4", "a"),
        ("^a$", "a", "a\n"),  # unlike Python's own, as JSON schemas mean it
    ],
)
def test_ordinary_patterns_are_held_against_what_is_sent(pattern, right, wrong):
    assert list(parameters(schema_of(pattern), ())) == []
    taking = Parameters(schema_of(pattern))
    assert taking.accepted({"a": right}) == {"a": right}
    with pytest.raises(ToolError) as error:
        taking.accepted({"a": wrong})
    assert str(error.value) == f"a does not have the right form {pattern}."


@pytest.mark.parametrize(
    ("pattern", "problem", "said"),
    [
        ("(?=a)b", "uses lookaround", "(?="),
        ("(?!a)b", "uses lookaround", "(?!"),
        ("(?<=a)b", "uses lookaround", "(?<"),
        (r"(a)\1", "uses a backreference", r"\1"),
        ("(?P<n>a)(?P=n)", "uses lookaround", "(?P"),
        (r"\u00e4", "uses a backreference, or an unknown escape", r"\u"),
        ("a{1001}", "repeats something more than 1000", "{1001}"),
        ("(a{0,5000}){0,5000}b", "repeats something", "{0,5000}"),
        (r"(?:\pL{1,30}){33}", "is too large", "too large"),
        ("(", "not a regular expression", "missing )"),
        ("[", "not a regular expression", "missing ]"),
        ("a++", "not a regular expression", "++"),
        ("\ud800", "contains the invisible character U+D800", "remove it"),
    ],
)
def test_what_the_engine_cannot_do_is_told_in_the_check_of_the_settings(
    capfd, pattern, problem, said
):
    found = complaint(pattern)
    assert found.problem.startswith(problem)
    assert said in found.hint
    assert capfd.readouterr() == ("", "")


def test_how_long_the_text_may_be_decides_about_large_patterns():
    large = "^(?:[a-z]?){600}$"
    assert problem_of(large, 200, ()) is None
    assert "can be slow for a text of 16384" in complaint(large, 16_384).problem


def test_no_text_makes_a_pattern_slow_or_large(measured):
    """A pattern that explodes would never come to an end here."""
    forget_peak()
    before, began_s, n_tries = peak_mib(), time.process_time(), 0
    worst_s = 0.0
    for pattern, piece in itertools.product(EXPLODING + STATEFUL, TEXTS):
        text = (piece * MOST_BYTES)[: MOST_STEPS // 1000]
        each_s = time.process_time()
        is_found(pattern, text)
        worst_s = max(worst_s, time.process_time() - each_s)
        n_tries += 1
    took_s = time.process_time() - began_s
    measured(
        f"patterns: {n_tries} tries with texts of {MOST_STEPS // 1000} characters took {took_s:.2f} s of CPU, the "
        f"slowest {worst_s * 1000:.0f} ms, {peak_mib() - before:.1f} MiB"
    )
    assert peak_mib() - before < 32


PIECES = st.sampled_from([*"abx.-", "[a-z]", r"\d", "(", ")", "|", "*", "+", "?", "{2,}", "^", "$"])


@given(st.lists(PIECES, max_size=12).map("".join), st.text("abx.-1(\n", max_size=100))
def test_whatever_passes_the_check_can_be_used(pattern, text):
    problem = problem_of(pattern, 200, ())
    if problem is None:
        assert is_found(pattern, text) in (True, False)
    else:
        assert problem.hint


def test_without_the_library_a_pattern_is_the_problem_and_nothing_else_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "re2", None)
    monkeypatch.delitem(sys.modules, "re2")
    monkeypatch.setattr("voiced.tools.safe_regex.find_spec", lambda _name: None)
    assert "google-re2" in complaint("^a$").problem
    assert list(parameters({"properties": {"a": {"type": "string"}}}, ())) == []
    assert Parameters({"properties": {"a": {}}}).accepted({"a": "x"}) == {"a": "x"}


def test_only_what_is_no_longer_than_it_may_be_is_matched(monkeypatch):
    held = []
    monkeypatch.setattr(room, "is_found", lambda pattern, text: held.append(text) or True)
    for wrap in (lambda each: each, lambda each: {"anyOf": [each]}):
        schema = {"properties": {"a": wrap({"pattern": "^a$", "type": "string"})}}
        with pytest.raises(ToolError):
            Parameters(schema).accepted({"a": "a" * (MOST_CHARS_TO_MATCH + 1)})
    assert held == []
