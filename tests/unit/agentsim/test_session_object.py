import pytest

from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.session_object import DEFAULTS, check_first, check_later, merged
from tests.unit.agentsim.paired import paired

VOICES = ("alba",)


def tool(**fields):
    return {"tools": [{"type": "function", "name": "t"} | fields]}


def heard(**fields):
    return {"input": fields}


def turns(**fields):
    return heard(turn_detection=fields)


REFUSED = [
    (None, "invalid_format", "session"),
    ([], "invalid_format", "session"),
    ({"greetings": "hi"}, "invalid_config", "greetings"),
    ({"greeting": None}, "invalid_format", "greeting"),
    ({"greeting": 3}, "invalid_value", "greeting"),
    ({"system_prompt": ["a"]}, "invalid_value", "system_prompt"),
    ({"agent_id": "a", "greeting": "b"}, "invalid_value", "agent_id"),
    ({"input": []}, "invalid_value", "input"),
    (heard(format="audio/pcm"), "invalid_value", "input.format"),
    (heard(format={"encoding": "audio/mp3"}), "invalid_value", "input.format.encoding"),
    (heard(format={"encoding": "audio/pcm", "rate": 1}), "invalid_value", "input.format.rate"),
    (heard(format={"encoding": "audio/pcm", "sample_rate": 16000}), "internal_error", None),
    (
        {"output": {"format": {"encoding": "audio/pcm", "sample_rate": 8000}}},
        "internal_error",
        None,
    ),
    (
        heard(format={"encoding": "audio/pcmu", "sample_rate": 16000}),
        "invalid_value",
        "input.format.sample_rate",
    ),
    (
        heard(format={"encoding": "audio/pcm", "sample_rate": "24k"}),
        "invalid_value",
        "input.format.sample_rate",
    ),
    (heard(keyterms=["a"] * 101), "invalid_value", "input.keyterms"),
    (heard(keyterms=["a" * 51]), "invalid_value", "input.keyterms.0"),
    (heard(keyterms="a"), "invalid_value", "input.keyterms"),
    (heard(language_codes=["en", "xx"]), "invalid_value", "input.language_codes.1"),
    (heard(type="video"), "invalid_value", "input.type"),
    ({"output": {"type": True}}, "invalid_value", "output.type"),
    (heard(transcription_mode="fast"), "invalid_value", "input.transcription_mode"),
    (heard(continuous_partials=1), "invalid_value", "input.continuous_partials"),
    (heard(transcription_prompt="a" * 1751), "invalid_value", "input.transcription_prompt"),
    (heard(voice_focus="far"), "invalid_value", "input.voice_focus"),
    (heard(voice_focus_threshold=1.1), "invalid_value", "input.voice_focus_threshold"),
    (heard(voice_focus_threshold=True), "invalid_value", "input.voice_focus_threshold"),
    (turns(vad_threshold=-0.1), "invalid_value", "input.turn_detection.vad_threshold"),
    (turns(min_silence=49), "invalid_value", "input.turn_detection.min_silence"),
    (turns(min_silence=500.5), "invalid_value", "input.turn_detection.min_silence"),
    (turns(min_silence=900, max_silence=900), "invalid_value", "input.turn_detection.min_silence"),
    (turns(interruption_delay=1001), "invalid_value", "input.turn_detection.interruption_delay"),
    (turns(interrupt_response="no"), "invalid_value", "input.turn_detection.interrupt_response"),
    (
        turns(uninterruptible_turns=["joke"]),
        "invalid_value",
        "input.turn_detection.uninterruptible_turns.0",
    ),
    ({"output": {"volume": 101}}, "invalid_value", "output.volume"),
    ({"output": {"voice": "ivy"}}, "invalid_value", "output.voice"),
    ({"tools": {}}, "invalid_value", "tools"),
    (tool(type="http"), "invalid_value", "tools.0.type"),
    (tool(name=" "), "invalid_value", "tools.0.name"),
    (tool(parameters={"type": "array"}), "invalid_value", "tools.0.parameters.type"),
    (
        tool(parameters={"type": "object", "required": "x"}),
        "invalid_value",
        "tools.0.parameters.required",
    ),
    (tool(execution_mode="later"), "invalid_value", "tools.0.execution_mode"),
    (tool(timeout_seconds=301), "invalid_value", "tools.0.timeout_seconds"),
    (tool(timeout_seconds=0), "invalid_value", "tools.0.timeout_seconds"),
    (
        tool(response_instructions={"success": "a" * 501}),
        "invalid_value",
        "tools.0.response_instructions.success",
    ),
    (
        tool(response_instructions={"good": "a"}),
        "invalid_value",
        "tools.0.response_instructions.good",
    ),
    (tool(function={}), "invalid_value", "tools.0.function"),
    ({"tools": tool()["tools"] * 2}, "invalid_value", "tools"),
    ({"webhook": {"url": "https://x"}}, "invalid_webhook", "webhook.events"),
    ({"webhook": {"events": []}}, "invalid_webhook", "webhook.url"),
]

ACCEPTED = [
    {},
    {"agent_id": "a"},
    {"greeting": "", "system_prompt": "Be brief."},
    heard(format={"encoding": "audio/pcma"}, keyterms=["voiced"], language_codes=["en", "de"]),
    heard(format={"encoding": "audio/pcmu", "sample_rate": 8000}, voice_focus="far-field"),
    turns(
        vad_threshold=1,
        min_silence=50,
        max_silence=10000,
        uninterruptible_turns=["greeting"],
        type="x",
    ),
    {"output": {"voice": "alba", "volume": 0, "format": {"encoding": "audio/pcm"}}},
    tool(
        parameters={"type": "object", "properties": {}, "required": []},
        execution_mode="hold",
        http=None,
    ),
    {"webhook": {"url": "https://x", "events": ["session.ended"], "secret": "s"}},
]


@pytest.mark.parametrize(("session", "code", "param"), REFUSED)
def test_a_bad_first_update_is_refused_with_its_code_and_field(session, code, param):
    with pytest.raises(Refusal) as refused:
        check_first(session, VOICES)
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize("session", ACCEPTED)
def test_a_good_first_update_is_accepted(session):
    assert check_first(session, VOICES) is session


@pytest.mark.parametrize(
    ("session", "code"),
    [
        ({"agent_id": "a"}, "agent_id_not_first"),
        ({"greeting": "b"}, "immutable_field"),
        ({"output": {"voice": "alba"}}, "immutable_field"),
        ({"output": {"format": {"encoding": "audio/pcm"}}}, "immutable_field"),
        ({"input": {"format": {"encoding": "audio/pcm"}}}, "immutable_field"),
        ({"webhook": {"url": "https://x", "events": []}}, "immutable_field"),
    ],
)
def test_what_is_fixed_cannot_change_later(session, code):
    with pytest.raises(Refusal) as refused:
        check_later(session)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "session",
    [
        {"system_prompt": "x"},
        {"tools": []},
        heard(keyterms=["a"], voice_focus="far-field"),
        {"output": {"volume": 3}},
    ],
)
def test_mutable_and_late_fields_can_change_later(session):
    assert check_later(session) is session


def test_updates_merge_objects_and_replace_lists():
    config = merged(DEFAULTS, {"tools": [{"name": "a"}], "input": {"keyterms": ["x"]}})
    config = merged(config, {"tools": [], "input": {"turn_detection": {"vad_threshold": 0.9}}})
    assert config["tools"] == []
    assert config["input"]["keyterms"] == ["x"]
    assert config["input"]["turn_detection"] == {"vad_threshold": 0.9, "interrupt_response": True}
    assert DEFAULTS["input"]["keyterms"] == []


@pytest.mark.parametrize(
    ("session", "code", "close_code"),
    [
        ({"greeting": None}, "invalid_format", None),
        ({"output": {"voice": "ivy"}}, "invalid_value", 1008),
        ({"extra": 1}, "invalid_config", 1008),
        ({"webhook": {}}, "invalid_webhook", 1008),
        ({"agent_id": "nobody"}, "agent_not_found", 1008),
        (heard(format={"encoding": "audio/pcm", "sample_rate": 48000}), "internal_error", 1011),
    ],
)
async def test_a_refused_first_update_is_fatal_except_for_its_form(session, code, close_code):
    async with paired(session) as client:
        assert client.kinds() == ["session.error"]
        assert client.events[0]["code"] == code
        assert client.connection.close_code == close_code
        if close_code is None:
            client.send("session.update", session={})
    assert (client.kinds()[-1] == "session.ready") is False


@pytest.mark.parametrize(
    ("session", "code"),
    [
        ({"greeting": "x"}, "immutable_field"),
        ({"agent_id": "x"}, "agent_id_not_first"),
        ({"output": {"volume": 400}}, "invalid_value"),
        ({"extra": 1}, "invalid_config"),
    ],
)
async def test_a_refused_later_update_changes_nothing_and_is_not_fatal(session, code):
    async with paired() as client:
        before = client.session.config
        client.send("session.update", session=session | {"system_prompt": "x"})
        await asyncio_turn()
        assert client.events[-1]["code"] == code
        assert client.connection.close_code is None
        assert client.session.config == before


async def test_a_later_update_is_answered_with_the_whole_config():
    async with paired() as client:
        client.send("session.update", session={"system_prompt": "Be brief."})
        await asyncio_turn()
        assert client.events[-1]["type"] == "session.updated"
        assert client.events[-1]["config"]["system_prompt"] == "Be brief."
        assert client.events[-1]["config"]["output"]["voice"] == "alba"


async def test_a_stored_agent_brings_its_own_configuration():
    agents = {"agent_1": {"greeting": "Hi.", "system_prompt": "Be brief."}}
    async with paired({"agent_id": "agent_1"}, scenario={"agents": agents}) as client:
        config = client.last("session.ready")["config"]
        assert (config["agent_id"], config["greeting"]) == ("agent_1", "Hi.")


async def asyncio_turn():
    import asyncio

    await asyncio.sleep(0.1)
