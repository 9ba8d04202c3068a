"""Settings become the first update, and changes to them become small later ones."""

import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.agents.assemblyai_link import AgentLink, sent, settings
from voiced.agents.assemblyai.agent_state import SessionRecord
from voiced.agents.assemblyai.session_updates import (
    LIVE,
    MOST_PROMPT_CHARS,
    changes,
    merged,
    opening,
    waiting,
    whole,
)
from voiced.agents.codec import ToolSpec

PCM = {"encoding": "audio/pcm", "sample_rate": 24_000}
MULAW = {"encoding": "audio/pcmu"}
CLOCK = ToolSpec("get_time", "Tell the time.")
CLOCK_ENTRY = {
    "type": "function",
    "name": "get_time",
    "description": "Tell the time.",
    "parameters": {"type": "object", "properties": {}, "required": []},
    "execution_mode": "interactive",
    "timeout_seconds": 120,
}


@pytest.mark.parametrize(
    ("output", "refused_voice", "told"),
    [
        ({"voice": "alba"}, None, {"voice": "alba"}),
        ({"voice": "alba", "volume": 30}, None, {"voice": "alba", "volume": 30}),
        ({"voice": "alba", "format": PCM}, "ivy", {"voice": "alba", "format": PCM}),
        ({"volume": 30}, None, None),
        ({"format": PCM}, None, None),
        ({"type": "text"}, None, {"type": "text"}),
        ({"type": "text", "voice": "ivy"}, "ivy", {"type": "text"}),
        ({"type": "audio"}, None, None),
        ({"type": "audio", "voice": "alba"}, None, {"type": "audio", "voice": "alba"}),
        ({"format": MULAW}, None, {"format": MULAW}),
        ({"format": MULAW, "volume": 30}, None, {"format": MULAW, "volume": 30}),
        ({"voice": "ivy"}, "ivy", None),
        ({"voice": "ivy", "volume": 30}, "ivy", None),
        ({"voice": "ivy", "format": MULAW}, "ivy", {"format": MULAW}),
        ({}, None, None),
    ],
)
def test_output_is_told_with_a_voice_or_when_its_format_must_be_known(output, refused_voice, told):
    session = opening(settings({"output": output}), refused_voice)
    assert session == ({} if told is None else {"output": told})


def test_an_empty_greeting_is_no_greeting():
    assert opening(settings({"greeting": ""}), None) == {}


@pytest.mark.parametrize("session", [{}, {"greeting": "Hi."}])
def test_who_is_not_to_be_greeted_again_is_not(session):
    assert opening(settings(session), None) == session
    assert opening(settings(session), None, greet=False) == {}


def test_a_stored_agent_is_named_alone():
    assert opening(settings({"agent_id": "agent_1"}, tools=[CLOCK]), None) == {
        "agent_id": "agent_1"
    }


def test_what_may_change_follows_once_a_stored_agent_is_ready():
    session = {"agent_id": "agent_1", "system_prompt": "Be brief.", "input": {"keyterms": ["oven"]}}
    assert opening(settings(session, tools=[CLOCK]), None) == {"agent_id": "agent_1"}
    link = AgentLink(session=session, tools=[CLOCK])
    (update,) = sent(link.ready())
    assert update["session"] == {"system_prompt": "Be brief.", "input": {"keyterms": ["oven"]}}


def test_tools_of_the_device_join_the_configured_ones_and_win():
    mine = {"type": "function", "name": "get_time", "description": "Mine."}
    other = {"type": "function", "name": "order_pizza"}
    assert whole(settings({"tools": [mine, other]}, tools=[CLOCK])) == {
        "tools": [other, CLOCK_ENTRY]
    }


@pytest.mark.parametrize(
    ("session", "prompt"),
    [
        ({}, "A lamp.\n\nA door."),
        ({"system_prompt": "Be brief."}, "Be brief.\n\nA lamp.\n\nA door."),
        ({"agent_id": "a", "system_prompt": "Be brief."}, "Be brief.\n\nA lamp.\n\nA door."),
        ({"agent_id": "a"}, None),  # it has one, which ours would replace
    ],
)
def test_what_servers_tell_the_agent_follows_its_prompt(session, prompt):
    told = replace(settings(session), context=["A lamp.", "A door."])
    assert whole(told).get("system_prompt") == prompt
    assert session.get("system_prompt") in {None, "Be brief."}


def test_what_the_agent_should_say_about_a_result_is_told_if_configured():
    tool = ToolSpec("get_time", "", response_instructions={"error": "Shrug."})
    (entry,) = opening(settings(tools=[tool]), None)["tools"]
    assert entry["response_instructions"] == {"error": "Shrug."}


@pytest.mark.parametrize(
    ("told", "wanted", "changed"),
    [
        ({}, {}, {}),
        ({"system_prompt": "a"}, {"system_prompt": "a"}, {}),
        ({"system_prompt": "a"}, {"system_prompt": "b"}, {"system_prompt": "b"}),
        ({"system_prompt": "a"}, {}, {"system_prompt": ""}),
        ({}, {"system_prompt": ""}, {}),
        ({"tools": [CLOCK_ENTRY]}, {}, {"tools": []}),
        ({"input": {"keyterms": ["a"]}}, {"input": {}}, {"input": {"keyterms": []}}),
        (
            {"input": {"transcription_mode": "min_latency"}},
            {},
            {"input": {"transcription_mode": "balanced"}},
        ),
        ({"input": {"turn_detection": {"vad_threshold": 0.1}}}, {}, {}),
        ({"output": {"volume": 10}}, {"output": {"volume": 0}}, {"output": {"volume": 0}}),
        ({"output": {"volume": 10}}, {}, {}),
        ({"output": {"voice": "alba"}}, {"output": {"voice": "eve"}}, {}),
        ({"greeting": "a", "webhook": {}}, {"greeting": "b"}, {}),
        ({"input": {"language_codes": ["en"]}}, {"input": {"language_codes": ["de"]}}, {}),
        ({"agent_id": "a"}, {"agent_id": "b"}, {}),
        ({"agent_id": "a"}, {"system_prompt": "b"}, {}),
        (
            {"agent_id": "a"},
            {"agent_id": "a", "system_prompt": "b", "output": {"volume": 3, "voice": "eve"}},
            {"system_prompt": "b", "output": {"volume": 3}},
        ),
        ({"agent_id": "a", "system_prompt": "b"}, {"agent_id": "a", "system_prompt": "b"}, {}),
        ({"agent_id": "a", "system_prompt": "b"}, {"agent_id": "a"}, {}),
        ({"agent_id": "a"}, {"agent_id": "a", "greeting": "b"}, {}),
        ({"system_prompt": "b"}, {"agent_id": "a"}, {}),
    ],
)
def test_only_mutable_settings_change_in_a_running_session(told, wanted, changed):
    assert changes(told, wanted) == changed


def test_what_must_wait_for_the_next_session_is_named():
    before = {"greeting": "a", "system_prompt": "x", "input": {"format": PCM, "keyterms": []}}
    after = {"greeting": "b", "input": {"format": MULAW}, "output": {"voice": "eve", "volume": 3}}
    assert waiting(before, after) == ["greeting", "input.format", "output.voice"]
    assert waiting(before, before) == []


VALUES = st.one_of(st.text(max_size=2), st.lists(st.integers(0, 2), max_size=2))
PATHS = [*LIVE, ("greeting",), ("input", "format"), ("output", "voice")]


@st.composite
def sessions(draw):
    session = {}
    for path in draw(st.lists(st.sampled_from(PATHS), unique=True)):
        target = session
        for key in path[:-1]:
            target = target.setdefault(key, {})
        target[path[-1]] = draw(VALUES)
    return session


@given(told=sessions(), wanted=sessions())
def test_one_update_is_enough_and_changes_nothing_else(told, wanted):
    untouched = copy.deepcopy(told)
    changed = changes(told, wanted)
    after = merged(told, changed)
    assert told == untouched
    assert changes(after, wanted) == {}
    assert waiting(told, after) == []


def test_of_prompts_that_change_for_ever_only_the_newest_are_remembered():
    record = SessionRecord.begin({"system_prompt": "first", "webhook": {"secret": "hush"}})
    for number in range(100):
        record.tell({"system_prompt": f"prompt {number}"})
    assert set(record.private) == {"prompt 97", "prompt 98", "prompt 99", "hush"}


def test_what_servers_tell_is_cut_where_the_agent_takes_no_more():
    own = "o" * (MOST_PROMPT_CHARS - 10)
    told = replace(settings({"system_prompt": own}), context=["A lamp and a door."])
    assert whole(told)["system_prompt"] == f"{own}\n\nA lamp a"
    longer = "o" * (MOST_PROMPT_CHARS + 10)
    told = replace(settings({"system_prompt": longer}), context=["A lamp."])
    assert whole(told)["system_prompt"] == longer
