"""A configured `agent.session` is checked whole, and every problem says where and what to do."""

import json
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.agents.assemblyai_link import settings
from voiced.agents.assemblyai import AssemblyAi
from voiced.agents.assemblyai.session_schema import Language
from voiced.lib.printable import unseen

check = AssemblyAi.check_session


def tool(**fields):
    return {"tools": [{"type": "function", "name": "a", **fields}]}


def detection(**fields):
    return {"input": {"turn_detection": fields}}


def audio(**fields):
    return {"output": {"format": fields}}


BAD = [
    ({"greting": "Hi"}, ("greting",), "unknown key", "did you mean greeting?"),
    ({"zzz": 1}, ("zzz",), "unknown key", "choose one of agent_id"),
    ({"llm": {}}, ("llm",), "clients may not set this", "stored agent"),
    ({"pre_connect_requests": []}, ("pre_connect_requests",), "clients may not set this", "remove"),
    (
        {"greeting": None},
        ("greeting",),
        "expected text, got nothing",
        "give it a value or remove the key",
    ),
    (
        {"system_prompt": None},
        ("system_prompt",),
        "expected text, got nothing",
        "give it a value or remove the key",
    ),
    ({"greeting": 7}, ("greeting",), "expected text, got 7", "put it into quotes"),
    ({"greeting": ["a"]}, ("greeting",), "expected text, got a list", ""),
    ({"greeting": {"a": 1}}, ("greeting",), "expected text, got keys and values", ""),
    (
        {"greeting": "\ud800"},
        ("greeting",),
        "contains the invisible character U+D800 at position 1",
        "remove it",
    ),
    ({"agent_id": ""}, ("agent_id",), "expected a name, got an empty text", ""),
    ({"agent_id": "a", "greeting": "Hi"}, ("greeting",), "combined with agent_id", "remove"),
    (
        {"agent_id": "a", "output": {"voice": "eve"}},
        ("output", "voice"),
        "combined with agent_id",
        "remove",
    ),
    (
        {"agent_id": "a", "input": {"format": {"encoding": "audio/pcm"}}},
        ("input", "format"),
        "combined with agent_id",
        "remove",
    ),
    (
        {"tools": [{"type": "function", "name": "aai_pre_connect_context"}]},
        ("tools", 0, "name"),
        "reserved",
        "aai_",
    ),
    (
        {"input": []},
        ("input",),
        "expected keys and values, got an empty list",
        "write `key: value` lines",
    ),
    (
        {"input": {"keyterms": "a"}},
        ("input", "keyterms"),
        "expected a list of at most 100 items, got text",
        "",
    ),
    ({"input": {"keyterms": ["a"] * 101}}, ("input", "keyterms"), "at most 100 items", ""),
    (
        {"input": {"keyterms": ["a" * 51]}},
        ("input", "keyterms", 0),
        "expected text of 1 to 50 characters, got 51 characters",
        "",
    ),
    (
        {"input": {"keyterms": [""]}},
        ("input", "keyterms", 0),
        "expected text of 1 to 50 characters, got an empty text",
        "",
    ),
    (
        {"input": {"language_codes": ["xx"]}},
        ("input", "language_codes", 0),
        "expected one of en, ",
        "",
    ),
    (
        {"input": {"language_codes": [False]}},
        ("input", "language_codes", 0),
        "expected one of en, ",
        "",
    ),
    (
        {"input": {"transcription_mode": "ballanced"}},
        ("input", "transcription_mode"),
        "expected one of min_latency, balanced, max_accuracy, got other text",
        "did you mean balanced?",
    ),
    (
        {"input": {"type": "video"}},
        ("input", "type"),
        "expected one of audio, text, got other text",
        "",
    ),
    (
        {"output": {"type": "Audio"}},
        ("output", "type"),
        "expected one of audio, text, got other text",
        "did you mean audio?",
    ),
    ({"output": {"type": True}}, ("output", "type"), "text", ""),
    ({"input": {"continuous_partials": 1}}, ("input", "continuous_partials"), "true or false", ""),
    (
        {"input": {"transcription_prompt": "a" * 1751}},
        ("input", "transcription_prompt"),
        "expected text of at most 1750 characters, got 1751 characters",
        "",
    ),
    (
        {"input": {"voice_focus": "far"}},
        ("input", "voice_focus"),
        "expected one of near-field, far-field, got other text",
        "",
    ),
    (
        {"input": {"voice_focus_threshold": 1.1}},
        ("input", "voice_focus_threshold"),
        "expected a number from 0 to 1, got 1.1",
        "",
    ),
    (detection(vad_threshold=float("nan")), ("input", "turn_detection", "vad_threshold"), "0", ""),
    (detection(min_silence=49), ("input", "turn_detection", "min_silence"), "50 to 10000", ""),
    (detection(min_silence=9.5), ("input", "turn_detection", "min_silence"), "whole number", ""),
    (detection(max_silence=0), ("input", "turn_detection", "max_silence"), "at least 1", ""),
    (
        detection(min_silence=500, max_silence=500),
        ("input", "turn_detection", "min_silence"),
        "must be less than max_silence",
        "",
    ),
    (detection(interruption_delay=1001), ("input", "turn_detection", "interruption_delay"), "", ""),
    (
        detection(interrupt_response="no"),
        ("input", "turn_detection", "interrupt_response"),
        "expected true or false, got text",
        "write true or false, without quotes",
    ),
    (
        detection(uninterruptible_turns=["greetings"]),
        ("input", "turn_detection", "uninterruptible_turns", 0),
        "expected one of greeting, dtmf_prompt, tool_refused_ask, got other text",
        "did you mean greeting?",
    ),
    (
        detection(type=None),
        ("input", "turn_detection", "type"),
        "expected text, got nothing",
        "give it a value or remove the key",
    ),
    ({"output": {"voice": ""}}, ("output", "voice"), "expected a name, got an empty text", ""),
    ({"output": {"volume": 101}}, ("output", "volume"), "from 0 to 100", ""),
    (
        {"output": {"volume": True}},
        ("output", "volume"),
        "expected a number from 0 to 100, got true",
        "",
    ),
    (
        {"output": {"format": "audio/pcm"}},
        ("output", "format"),
        "expected keys and values, got text",
        "write `key: value` lines",
    ),
    (
        audio(),
        ("output", "format", "encoding"),
        "missing",
        "it must be one of audio/pcm, audio/pcmu, audio/pcma",
    ),
    (
        audio(encoding="pcm"),
        ("output", "format", "encoding"),
        "expected one of audio/pcm, audio/pcmu, audio/pcma, got other text",
        "",
    ),
    (
        audio(encoding="audio/pcm", sample_rate=16_000),
        ("output", "format", "sample_rate"),
        "must be 24000",
        "no other rate",
    ),
    (
        audio(encoding="audio/pcm", sample_rate=24_000.0),
        ("output", "format", "sample_rate"),
        "expected a whole number, got 24000.0",
        "",
    ),
    (
        audio(encoding="audio/pcmu", sample_rate=8_000),
        ("output", "format", "sample_rate"),
        "must be left out",
        "8000",
    ),
    (
        audio(encoding="audio/pcm", sample_rate=None),
        ("output", "format", "sample_rate"),
        "expected a whole number, got nothing",
        "give it a value or remove the key",
    ),
    (
        {"webhook": {"events": []}},
        ("webhook", "url"),
        "missing",
        "it must be an address that begins with https:// or http://",
    ),
    ({"webhook": {"url": "https://x"}}, ("webhook", "events"), "missing", "it must be a list"),
    ({"webhook": {"url": "x", "events": []}}, ("webhook", "url"), "https://", ""),
    ({"tools": {}}, ("tools",), "expected a list, got keys and values", ""),
    (
        {"tools": ["a"]},
        ("tools", 0),
        "expected keys and values, got text",
        "write `key: value` lines",
    ),
    ({"tools": [{"name": "a"}]}, ("tools", 0, "type"), "missing", "it must be function"),
    ({"tools": [{"type": "function"}]}, ("tools", 0, "name"), "missing", "it must be a name"),
    ({"tools": tool()["tools"] * 2}, ("tools", 1, "name"), "used by an earlier tool", ""),
    (
        tool(type="tool"),
        ("tools", 0, "type"),
        "expected function, got other text",
        "",
    ),
    (
        tool(execution_mode="wait"),
        ("tools", 0, "execution_mode"),
        "expected one of interactive, hold, got other text",
        "",
    ),
    (tool(timeout_seconds=301), ("tools", 0, "timeout_seconds"), "from 1 to 300", ""),
    (
        tool(response_instructions={"sucess": ""}),
        ("tools", 0, "response_instructions", "sucess"),
        "unknown key",
        "success",
    ),
    (
        tool(response_instructions={"error": "a" * 501}),
        ("tools", 0, "response_instructions", "error"),
        "at most 500",
        "",
    ),
    (tool(http=True), ("tools", 0, "http"), "expected keys and values, got true", ""),
    (
        tool(parameters=[]),
        ("tools", 0, "parameters"),
        "expected keys and values, got an empty list",
        "",
    ),
    (
        tool(parameters={"type": "list"}),
        ("tools", 0, "parameters", "type"),
        "expected object, got other text",
        "",
    ),
    (
        tool(parameters={"properties": []}),
        ("tools", 0, "parameters", "properties"),
        "expected keys and values, got an empty list",
        "",
    ),
    (
        tool(parameters={"required": [1]}),
        ("tools", 0, "parameters", "required", 0),
        "expected text, got 1",
        "put it into quotes",
    ),
]


@pytest.mark.parametrize(("session", "path", "problem", "hint"), BAD)
def test_each_mistake_is_one_problem_with_its_place_and_remedy(session, path, problem, hint):
    (found,) = check(session)
    assert found.path == path
    assert problem in found.problem
    assert hint in str(found.hint)


def test_every_problem_is_reported_at_once():
    session = {
        "greting": "Hi",
        "input": {"keyterms": [1, ""]},
        "output": {"volume": -1, "format": {"encoding": "mp3", "rate": 1}},
    }
    assert {problem.path for problem in check(session)} == {
        ("greting",),
        ("input", "keyterms", 0),
        ("input", "keyterms", 1),
        ("output", "volume"),
        ("output", "format", "encoding"),
        ("output", "format", "rate"),
    }


def test_problems_do_not_quote_what_is_private():
    session = {"greeting": ["secret"], "input": {"transcription_prompt": "secret" * 500}}
    assert "secret" not in str(check(session))


SHORT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=50
)  # neither half a character nor one of control


def some(**keys):
    return st.fixed_dictionaries({}, optional=keys)


FORMATS = st.one_of(
    st.just({"encoding": "audio/pcm", "sample_rate": 24_000}),
    st.sampled_from(["audio/pcm", "audio/pcmu", "audio/pcma"]).map(lambda e: {"encoding": e}),
)
NAME = SHORT.filter(lambda text: unseen(text) is None and text == text.strip())
DETECTIONS = some(
    vad_threshold=st.floats(0, 1),
    min_silence=st.integers(50, 1_000),
    max_silence=st.integers(1_001, 20_000),
    interrupt_response=st.booleans(),
    interruption_delay=st.integers(0, 1_000),
    uninterruptible_turns=st.lists(st.sampled_from(["greeting", "dtmf_prompt"])),
    type=st.just("server_vad"),
)
TOOLS = st.fixed_dictionaries(
    {"type": st.just("function"), "name": NAME},
    optional={
        "description": SHORT,
        "parameters": st.just(
            {
                "type": "object",
                "properties": {"a": {"enum": ["x", None, 1.5, True]}},
                "required": ["a"],
            }
        ),
        "execution_mode": st.sampled_from(["interactive", "hold"]),
        "timeout_seconds": st.integers(1, 300),
        "response_instructions": some(success=SHORT, error=SHORT),
        "http": st.just({"url": "https://x"}),
    },
)
VALID = st.one_of(
    NAME.map(lambda agent_id: {"agent_id": agent_id}),
    some(
        system_prompt=SHORT,
        greeting=SHORT,
        input=some(
            format=FORMATS,
            keyterms=st.lists(NAME, max_size=5),
            language_codes=st.lists(st.sampled_from(get_args(Language))),
            type=st.sampled_from(["audio", "text"]),
            transcription_mode=st.sampled_from(["min_latency", "balanced", "max_accuracy"]),
            continuous_partials=st.booleans(),
            transcription_prompt=SHORT,
            voice_focus=st.sampled_from(["near-field", "far-field"]),
            voice_focus_threshold=st.floats(0, 1),
            turn_detection=DETECTIONS,
        ),
        output=some(voice=NAME, format=FORMATS, volume=st.integers(0, 100)),
        tools=st.lists(TOOLS, max_size=3, unique_by=lambda entry: entry["name"]),
        webhook=st.fixed_dictionaries(
            {"url": st.just("https://x/y"), "events": st.lists(SHORT)}, optional={"secret": SHORT}
        ),
    ),
)


@pytest.mark.parametrize("character", ["\n", "\r", "\t", *"\u2028\u202e\u2066\u200b"])
@pytest.mark.parametrize(
    "session",
    [
        lambda name: {"agent_id": name},
        lambda name: {"output": {"voice": name}},
        lambda name: {"input": {"keyterms": ["a", name]}},
        lambda name: {"tools": [{"type": "function", "name": name}]},
    ],
)
def test_a_name_is_one_line_that_is_what_it_looks_like(session, character):
    [problem] = check(session(f"a{character}b"))
    assert f"character U+{ord(character):04X}" in problem.problem
    assert check(session("a\u200db \u00e4")) == []


@given(VALID)
@example({"input": {"turn_detection": {"min_silence": 50, "max_silence": 51}}})
@example({"output": {"format": {"encoding": "audio/pcm", "sample_rate": 24_000}}})
def test_every_documented_session_passes(session):
    assert check(session) == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
KEYS = ["agent_id", "system_prompt", "greeting", "input", "output", "tools", "webhook", "llm"]
INNER = [
    "format",
    "turn_detection",
    "voice",
    "volume",
    "keyterms",
    "language_codes",
    "min_silence",
    "url",
]


@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        ANYTHING | st.dictionaries(st.sampled_from(INNER), ANYTHING) | st.lists(TOOLS | ANYTHING),
    )
)
@example({"input": {"turn_detection": {"min_silence": None, "max_silence": "a"}}})
def test_no_configuration_breaks_the_check_and_what_passes_can_be_sent(session):
    problems = check(session)
    assert all(problem.path[0] in session and problem.problem for problem in problems)
    if not problems:
        (first,) = AssemblyAi(settings(session)).codec(None).greet()
        assert json.loads(first)["type"] == "session.update"


@given(st.sampled_from(KEYS), st.sampled_from(["input", "output"]))
def test_null_is_refused_everywhere(key, section):
    assert check({key: None})
    assert all(check({section: {inner: None}}) for inner in INNER)
