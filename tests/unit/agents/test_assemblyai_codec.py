"""Sessions open, change, resume and end as the protocol facts say."""

import json
from base64 import b64decode

import pytest

from tests.unit.agents.assemblyai_link import (
    AgentLink,
    events,
    message,
    notices,
    sent,
    settings,
)
from voiced.agents import AGENTS
from voiced.agents.assemblyai import AssemblyAi
from voiced.agents.codec import AgentSettings, Send, ToolSpec
from voiced.core.events import AgentReady, SessionEnded
from voiced.core.pcm import Encoding, WireFormat
from voiced.errors import LinkError, LinkRejected, Redial, ResumeRefused
from voiced.lib.registry import load

PCM = WireFormat(24_000)
MULAW = WireFormat(8_000, Encoding.MULAW)
ALAW = WireFormat(8_000, Encoding.ALAW)
VOICE_REFUSED = {"code": "invalid_value", "param": "output.voice", "message": "unknown voice"}


def test_the_protocol_is_found_by_its_configured_name():
    assert load(AGENTS, "assemblyai", "agent.protocol") is AssemblyAi


def test_the_first_message_of_a_new_session_holds_only_what_is_configured():
    link = AgentLink(session={"system_prompt": "Be brief."})
    assert sent(link.codec.greet()) == [
        {"type": "session.update", "session": {"system_prompt": "Be brief."}}
    ]


def test_nothing_configured_still_opens_a_session():
    assert sent(AgentLink().codec.greet()) == [{"type": "session.update", "session": {}}]


def test_the_first_message_of_a_resumed_session_holds_its_id_alone():
    link = AgentLink(resume_key="sess_1", session={"greeting": "Hello"})
    assert sent(link.codec.greet()) == [{"type": "session.resume", "session_id": "sess_1"}]


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([message("session.updated", config={"tools": []})], id="live"),
        pytest.param([message("session.updated")], id="updated without config"),
        pytest.param([], id="seed"),
    ],
)
def test_only_ready_opens_the_session(before):
    link = AgentLink()
    for one in before:
        assert link.codec.receive(one, 0.0) == []
    assert link.ready() == [AgentReady("sess_1")]


def test_a_second_ready_or_updated_changes_nothing():
    link = AgentLink()
    link.ready()
    assert link.ready() == []
    assert link.hear("session.updated", config={"input": {}}) == []


@pytest.mark.parametrize("session_id", [None, "", 7, "x" * 1000])
def test_ready_without_a_usable_id_opens_a_session_that_cannot_be_resumed(session_id):
    items = AgentLink().ready(session_id=session_id)
    assert events(items) == [AgentReady(None)]
    assert notices(items)[0].severity == "warning"


def test_a_resumed_session_is_ready_with_the_same_id():
    link = AgentLink(resume_key="sess_1")
    assert link.ready("sess_1") == [AgentReady("sess_1")]


def test_ready_without_an_id_confirms_the_session_that_was_asked_for():
    link = AgentLink(resume_key="sess_1")
    assert events(link.hear("session.ready")) == [AgentReady("sess_1")]


def test_another_session_than_the_one_to_resume_is_a_refusal():
    link = AgentLink(resume_key="sess_1")
    with pytest.raises(ResumeRefused):
        link.ready("sess_2")


def test_sound_is_framed_as_base64_json():
    payload = bytes(range(256)) * 4
    body = json.loads(*AgentLink().codec.encode_audio(payload))
    assert body.pop("type") == "input.audio"
    assert b64decode(body.pop("audio"), validate=True) == payload
    assert not body


@pytest.mark.parametrize(
    ("session", "uplink", "downlink"),
    [
        ({}, PCM, PCM),
        ({"input": {"format": {"encoding": "audio/pcmu"}}}, MULAW, PCM),
        ({"output": {"format": {"encoding": "audio/pcma"}}}, PCM, ALAW),
        (
            {
                "input": {"format": {"encoding": "audio/pcma"}},
                "output": {"format": {"encoding": "audio/pcmu"}},
            },
            ALAW,
            MULAW,
        ),
        ({"input": {"format": {"encoding": ["unchecked"]}}}, PCM, PCM),
        ({"input": {"format": {"encoding": "audio/opus"}}}, PCM, PCM),
    ],
)
def test_each_direction_has_its_own_encoding(session, uplink, downlink):
    codec = AgentLink(session=session).codec
    assert (codec.uplink, codec.downlink) == (uplink, downlink)


def test_a_stored_agent_brings_formats_of_its_own():
    link = AgentLink(session={"agent_id": "agent_1"})
    formats = {"input": {"format": {"encoding": "audio/pcmu"}}, "output": {"format": None}}
    link.ready(config=formats)
    assert (link.codec.uplink, link.codec.downlink) == (MULAW, PCM)
    again = AgentLink(link.agent, resume_key="sess_1")
    assert (again.codec.uplink, again.codec.downlink) == (MULAW, PCM)


def test_a_resumed_session_keeps_its_formats_though_the_settings_changed():
    link = AgentLink(session={"output": {"format": {"encoding": "audio/pcmu"}}})
    link.ready()
    link.agent.update(settings({}))
    assert AgentLink(link.agent, resume_key="sess_1").codec.downlink == MULAW
    assert AgentLink(link.agent).codec.downlink == PCM


def test_saying_something_steers_one_reply():
    assert sent(AgentLink().codec.say("Say \ud800 hello.")) == [
        {"type": "reply.create", "instructions": "Say ? hello."}
    ]


def test_farewell_ends_the_session_whatever_the_close_code():
    link = AgentLink()
    link.ready()
    assert sent(link.codec.farewell()) == [{"type": "session.end"}]
    assert isinstance(link.codec.closed(1006, ""), SessionEnded)


def test_the_agent_may_end_the_session():
    link = AgentLink()
    link.ready()
    items = link.hear("session.ended", session_duration_seconds=3.5, audio_duration_seconds=None)
    assert [type(item) for item in items] == [SessionEnded]
    assert isinstance(link.codec.closed(None, ""), SessionEnded)


def test_a_session_that_has_ended_is_not_ended_again():
    link = AgentLink()
    link.ready()
    link.hear("session.ended")
    assert link.codec.farewell() == []


def test_an_end_comes_with_the_reason_that_the_agent_gave_before():
    for end in (
        lambda link: link.hear("session.ended")[0],
        lambda link: link.codec.closed(1000, ""),
    ):
        link = AgentLink()
        link.ready()
        link.hear("session.error", code="quota_exceeded", message="pay")
        assert end(link) == SessionEnded("quota_exceeded: pay")


def test_a_session_past_its_longest_duration_has_ended():
    link = AgentLink()
    link.ready()
    assert [type(item) for item in link.hear("session.error", code="session_expired")] == [
        SessionEnded
    ]
    assert isinstance(link.codec.closed(1008, ""), SessionEnded)


# --- a voice the agent does not know ---


@pytest.mark.parametrize(
    "error",
    [
        VOICE_REFUSED,
        {**VOICE_REFUSED, "param": "session.output.voice"},
        {**VOICE_REFUSED, "code": "INVALID_VALUE", "param": "Output.Voice"},
    ],
)
def test_a_refused_voice_is_left_out_of_the_next_attempt(error):
    first = AgentLink(session={"output": {"voice": "ivy"}})
    assert sent(first.codec.greet())[0]["session"] == {"output": {"voice": "ivy"}}
    with pytest.raises(Redial):
        first.hear("session.error", **error)
    with pytest.raises(Redial):
        first.codec.closed(1008, "")

    second = AgentLink(first.agent)
    assert sent(second.codec.greet())[0]["session"] == {}
    items = second.ready()
    assert events(items) == [AgentReady("sess_1")]
    assert [(n.severity, "'ivy'" in n.text) for n in notices(items)] == [("warning", True)]

    third = AgentLink(first.agent)
    assert notices(third.ready()) == []
    assert sent(third.codec.greet())[0]["session"] == {}


def test_a_refusal_without_a_voice_is_not_retried():
    first = AgentLink(session={"output": {"voice": "ivy"}})
    with pytest.raises(Redial):
        first.hear("session.error", **VOICE_REFUSED)
    with pytest.raises(LinkRejected):
        AgentLink(first.agent).hear("session.error", **VOICE_REFUSED)


def test_a_voice_refused_in_a_running_session_is_only_noted():
    link = AgentLink(session={"output": {"voice": "ivy"}})
    link.ready()
    assert len(notices(link.hear("session.error", **VOICE_REFUSED))) == 1


def test_another_configured_voice_is_tried_and_so_is_the_first_one_later():
    link = AgentLink(session={"output": {"voice": "ivy"}})
    with pytest.raises(Redial):
        link.hear("session.error", **VOICE_REFUSED)
    for voice in ("alba", "ivy"):
        link.agent.update(settings({"output": {"voice": voice}}))
        opening = sent(AgentLink(link.agent).codec.greet())[0]["session"]
        assert opening == {"output": {"voice": voice}}


def test_unrelated_changes_do_not_bring_a_refused_voice_back():
    link = AgentLink(session={"output": {"voice": "ivy"}})
    with pytest.raises(Redial):
        link.hear("session.error", **VOICE_REFUSED)
    link.agent.update(settings({"output": {"voice": "ivy", "volume": 30}}))
    assert sent(AgentLink(link.agent).codec.greet())[0]["session"] == {}


# --- changes while the session runs ---


def test_a_running_session_gets_only_what_changed_and_can_change():
    old = {"system_prompt": "a", "greeting": "Hi", "input": {"keyterms": ["x"]}}
    new = {"system_prompt": "b", "greeting": "Hello", "input": {"keyterms": ["x"]}}
    link = AgentLink(session=old)
    link.ready()
    assert sent(link.codec.update(settings(new))) == [
        {"type": "session.update", "session": {"system_prompt": "b"}}
    ]
    assert link.codec.update(settings(new)) == []
    notice = notices(link.hear("input.speech.started"))[0]
    assert notice.severity == "info"
    assert "greeting" in notice.text
    assert "Hello" not in notice.text


def test_changes_before_ready_are_sent_once_the_session_is_ready():
    link = AgentLink()
    link.codec.greet()
    assert link.codec.update(settings({"system_prompt": "b"})) == []
    assert sent(link.ready()) == [{"type": "session.update", "session": {"system_prompt": "b"}}]
    assert link.ready() == []


def test_changes_while_the_link_was_down_are_sent_on_resume():
    link = AgentLink(session={"input": {"turn_detection": {"vad_threshold": 0.5}}})
    link.ready()
    link.agent.update(settings({"input": {"turn_detection": {"vad_threshold": 0.9}}}))
    again = AgentLink(link.agent, resume_key="sess_1")
    assert sent(again.ready()) == [
        {
            "type": "session.update",
            "session": {"input": {"turn_detection": {"vad_threshold": 0.9}}},
        }
    ]
    assert sent(AgentLink(link.agent, resume_key="sess_1").ready()) == []


def test_new_tools_replace_the_whole_list_of_a_running_session():
    link = AgentLink(tools=[ToolSpec("get_time", "Tell the time.")])
    link.ready()
    changed = settings(tools=[ToolSpec("get_time", "Tell the time.", timeout_s=4)])
    (update,) = sent(link.codec.update(changed))
    assert [tool["timeout_seconds"] for tool in update["session"]["tools"]] == [4]
    link.hear("tool.call", call_id="c1", name="get_time", arguments={})
    link.result("c1")
    assert link.codec.due_s() == link.now_s + 3.0


def test_a_volume_without_a_voice_follows_when_the_session_is_ready():
    link = AgentLink(session={"output": {"volume": 30}})
    assert sent(link.codec.greet())[0]["session"] == {}
    assert sent(link.ready()) == [{"type": "session.update", "session": {"output": {"volume": 30}}}]


# --- what is said about a session ---


def test_the_support_line_names_the_session_and_its_faults_but_no_secret():
    agent = AssemblyAi(
        AgentSettings("wss://me:pass@agents.example.com:444/v1/ws?x=secret", "k" * 9)
    )
    link = AgentLink(agent)
    link.ready(resume_token="rt-secret-credential")
    link.hear("reply.audio", reply_id="resp_9", data="%")
    link.hear("session.error", code="Invalid_Audio", message="odd bytes")
    link.hear("martian.greeting")
    with pytest.raises(LinkError):
        link.codec.closed(1006, "gone\nfishing")
    assert link.codec.support() == {
        "session_id": "sess_1",
        "host": "agents.example.com:444",
        "close": "1006 gone fishing",
        "last_error": "invalid_audio: odd bytes",
        "culprit": "resp_9",
        "faults": "malformed reply.audio x1, invalid_audio x1, unknown type x1",
    }


def test_the_support_line_keeps_the_last_culprit_that_had_a_name():
    link = AgentLink()
    link.hear("reply.error", reply_id="resp_1")
    link.hear("reply.error")
    assert link.codec.support()["culprit"] == "resp_1"


def test_the_support_line_names_a_session_that_failed_before_it_was_ready():
    link = AgentLink()
    with pytest.raises(LinkError):
        link.hear("session.error", code="agent_init_failed", session_id="sess_7")
    assert link.codec.support()["session_id"] == "sess_7"


def test_the_support_line_of_a_link_that_never_opened_names_the_host():
    assert AgentLink().codec.support() == {"host": "agents.example.com"}


def test_every_planned_message_is_one_text_message():
    link = AgentLink(session={"output": {"volume": 30}})
    planned = link.codec.greet() + [item.message for item in link.ready() if isinstance(item, Send)]
    planned += [*link.codec.encode_audio(b""), *link.codec.say(""), *link.codec.farewell()]
    assert all(isinstance(one, str) and json.loads(one)["type"] for one in planned)
