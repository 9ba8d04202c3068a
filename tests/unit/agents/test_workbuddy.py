"""The WorkBuddy protocol, message by message. workbuddy.md"""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.agents.codec import AgentSettings, Dial, HttpAnswer, Notice, ReplyAudio, Send
from voiced.agents.workbuddy import CLOSES, REPLY_OVER_S, WorkBuddy
from voiced.core.events import AgentReady, ReplyDone, ReplyStarted, SessionEnded
from voiced.errors import AgentBusy, LinkError, LinkRejected, Redial

KEY = "wb-key-0123456789"
TOKEN = "jwt.0123456789.abcdef"
WS_URL = "wss://voice.workbuddy.test/ws/1"
GOOD = HttpAnswer(200, json.dumps({"token": TOKEN, "ws_url": WS_URL}).encode())
SILENCE = bytes(640)
LOUD = np.full(320, 1000, "<i2").tobytes()


def agent(**changes):
    return WorkBuddy(AgentSettings(**{"url": "https://workbuddy.test/base/", "key": KEY} | changes))


def follow(codec, *answers, now_s=0.0):
    """Return where a dial plan leads, and the calls it asked for."""
    plan, calls = codec.plan_dial(now_s), []
    answers = list(answers)
    try:
        call = next(plan)
        while True:
            calls.append(call)
            call = plan.send(answers.pop(0))
    except StopIteration as done:
        return done.value, calls


def said(codec, now_s=0.0, **body):
    return codec.receive(json.dumps(body), now_s)


def ready(of=None):
    codec = (of or agent()).codec(None)
    follow(codec, GOOD)
    codec.greet()
    said(codec, type="connected")
    assert said(codec, type="agent_ready") == [AgentReady(None)]
    return codec


def outcome(act):
    try:
        return act()
    except LinkError as exc:
        return exc


def test_a_token_is_fetched_for_every_link_and_shown_in_the_first_message():
    it = agent()
    for _ in range(2):
        codec = it.codec(None)
        dial, (call,) = follow(codec, GOOD)
        assert dial == Dial(WS_URL)
        assert (call.method, call.url, call.body) == (
            "POST",
            "https://workbuddy.test/base/api/v1/sdk/token",
            b"{}",
        )
        assert call.headers == {
            "Authorization": f"Bearer {KEY}",
            "Content-Type": "application/json",
        }
        assert [json.loads(message) for message in codec.greet()] == [{"token": TOKEN}]


@pytest.mark.parametrize(
    ("answer", "kind", "fragment"),
    [
        (HttpAnswer(401), LinkRejected, "check agent.key"),
        (HttpAnswer(403), LinkRejected, "kiosk is not active"),
        (HttpAnswer(404), LinkRejected, "check agent.url"),
        (HttpAnswer(400), LinkRejected, "check agent.url"),
        (HttpAnswer(429), AgentBusy, "429"),
        (HttpAnswer(500), LinkError, "500"),
        (HttpAnswer(200, b"<html>"), LinkError, "login page"),
        (HttpAnswer(200, b"{}"), LinkError, "contains no token"),
        (HttpAnswer(200, b'{"token": "t"}'), LinkError, "contains no token"),
        (
            HttpAnswer(200, b'{"token": "t\\n", "ws_url": "wss://a"}'),
            LinkError,
            "contains no token",
        ),
    ],
)
def test_each_answer_to_the_token_call(answer, kind, fragment):
    found = outcome(lambda: follow(agent().codec(None), answer))
    assert type(found) is kind
    assert fragment in str(found)


def test_after_a_socket_that_did_not_open_the_heartbeat_tells_whose_fault_it_is():
    it = agent()
    follow(it.codec(None), GOOD)
    _, calls = follow(it.codec(None), HttpAnswer(200, b"{}"), GOOD, now_s=1)
    assert [call.url.rpartition("/")[2] for call in calls] == ["heartbeat", "token"]
    _, calls = follow(it.codec(None), GOOD, now_s=60)
    assert len(calls) == 1, "not faster than once a minute"
    for status in (401, 403):
        found = outcome(
            lambda: follow(it.codec(None), HttpAnswer(status), now_s=1000 + status)  # noqa: B023
        )
        assert type(found) is LinkRejected
    _, calls = follow(it.codec(None), HttpAnswer(500), GOOD, now_s=9000)
    assert len(calls) == 2
    codec = it.codec(None)
    follow(codec, GOOD, now_s=9001)
    codec.greet()
    _, calls = follow(it.codec(None), GOOD, now_s=20_000)
    assert len(calls) == 1, "the socket opened"


def test_silence_goes_in_real_time_until_the_agent_is_there():
    codec = agent().codec(None)
    follow(codec, GOOD)
    codec.greet()
    assert codec.due_s() is None
    assert codec.advance(9.0) == []
    silence = Send(bytes(640))
    assert said(codec, 10.0, type="connected") == [silence]
    assert said(codec, 10.0, type="connected") == [], "it is sent once"
    assert codec.due_s() == pytest.approx(10.02)
    assert codec.advance(10.01) == []
    assert codec.advance(10.065) == [silence] * 3
    late = codec.advance(20.0)
    assert 10 <= len(late) <= 11, "after a stall no burst of more than 200 ms"
    assert codec.receive(LOUD, 20.0)[0] == ReplyStarted("reply_1")
    assert said(codec, 20.5, type="agent_ready") == [AgentReady(None)]
    assert codec.due_s() == 20.0 + REPLY_OVER_S
    assert said(codec, 20.5, type="connected") == [], "an agent that is there needs none"


def test_sound_goes_in_frames_of_exactly_20_ms():
    codec = ready()
    pcm = np.arange(5000, dtype="<i2").tobytes()
    sent, at = [], 0
    for size in (2, 638, 640, 641, 1279, 3000, 3800):
        sent += codec.encode_audio(pcm[at : at + size])
        at += size
    assert {len(message) for message in sent} == {640}
    assert b"".join(sent) == pcm[: 640 * len(sent)]
    assert at - 640 * len(sent) < 640


def test_audible_sound_is_a_reply_until_it_has_been_silent_for_a_while():
    codec = ready()
    assert codec.receive(SILENCE, 0.0) == []
    assert codec.receive(LOUD, 1.0) == [
        ReplyStarted("reply_1"),
        ReplyAudio("reply_1", SILENCE + LOUD),
    ]
    assert codec.receive(SILENCE, 1.02) == [ReplyAudio("reply_1", SILENCE)]
    assert codec.due_s() == 1.0 + REPLY_OVER_S
    assert codec.receive(LOUD, 1.4) == [ReplyAudio("reply_1", LOUD)]
    assert codec.advance(1.7) == []
    assert codec.advance(1.4 + REPLY_OVER_S) == [ReplyDone("reply_1")]
    assert codec.due_s() is None
    assert codec.advance(5.0) == []
    assert codec.receive(LOUD, 9.0)[0] == ReplyStarted("reply_2")


def test_a_reply_that_follows_a_long_silence_is_another_one():
    codec = ready()
    codec.receive(LOUD, 1.0)
    assert codec.receive(LOUD, 9.0) == [
        ReplyDone("reply_1"),
        ReplyStarted("reply_2"),
        ReplyAudio("reply_2", LOUD),
    ]


def test_only_the_last_moment_before_a_reply_is_part_of_it():
    codec = ready()
    for _ in range(10):
        codec.receive(SILENCE, 0.0)
    _, audio = codec.receive(LOUD, 0.1)
    assert len(audio.payload) == 3 * 640


@given(st.lists(st.integers(1, 2000), max_size=30))
def test_any_sizes_of_sound_are_put_together_again(sizes):
    codec = ready()
    pcm = np.tile(np.array([1000, -2000, 3000], "<i2"), 12_000).tobytes()
    heard, at = b"", 0
    for size in sizes:
        for item in codec.receive(pcm[at : at + size], 0.0):
            if isinstance(item, ReplyAudio):
                assert len(item.payload) % 2 == 0
                heard += item.payload
        at += size
    assert heard == pcm[: at - at % 2]


@pytest.mark.parametrize(
    "reason", ["agent_disconnected", "room_closed", "session_closed", "something new", None]
)
def test_an_ended_session_is_a_normal_end(reason):
    (event,) = said(ready(), type="session_ended", reason=reason)
    assert event == SessionEnded(reason or "")


def test_a_server_that_shuts_down_is_tried_again_after_a_while():
    found = outcome(lambda: said(ready(), type="session_ended", reason="server_shutdown"))
    assert type(found) is AgentBusy
    assert found.wait_s == 5


# code: what the first and a second time in a row come to
ERRORS = {
    "AUTH_TIMEOUT": (Redial, LinkError),
    "INVALID_AUTH": (Redial, LinkRejected),
    "AUTH_FAILED": (Redial, LinkRejected),
    "SESSION_SETUP_FAILED": (AgentBusy, AgentBusy),
}


def by_message(codec, code):
    return lambda: said(codec, type="error", code=code, message=f"because of {TOKEN}")


def by_close(codec, code):
    number = {name: number for number, name in CLOSES.items()}[code]
    return lambda: codec.closed(number, "")


@pytest.mark.parametrize("tell", [by_message, by_close])
@pytest.mark.parametrize("code", ERRORS)
def test_each_error_by_its_message_or_by_its_close_alone(code, tell):
    it = agent()
    for expected in ERRORS[code]:
        codec = it.codec(None)
        follow(codec, GOOD)
        codec.greet()
        found = outcome(tell(codec, code))
        assert type(found) is expected
        assert TOKEN not in str(found)
    ready(it)
    codec = it.codec(None)
    assert type(outcome(tell(codec, code))) is ERRORS[code][0], "success wipes the slate clean"


def test_every_error_of_the_table_is_in_it():
    assert set(CLOSES.values()) == set(ERRORS)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1000, SessionEnded),
        (1001, LinkError),
        (1006, LinkError),
        (1011, LinkError),
        (None, LinkError),
        (4999, LinkError),
    ],
)
def test_each_close_without_an_error(code, kind):
    for reason in ("", "some reason"):
        assert type(outcome(lambda why=reason: ready().closed(code, why))) is kind


def test_new_settings_wipe_the_slate_clean_too():
    it = agent()
    outcome(by_message(it.codec(None), "AUTH_FAILED"))
    it.update(AgentSettings(url="https://elsewhere.test", key="other"))
    codec = it.codec(None)
    assert type(outcome(by_message(codec, "AUTH_FAILED"))) is Redial
    assert follow(codec, GOOD)[1][0].url.startswith("https://elsewhere.test/api")


@pytest.mark.parametrize(
    "message", ["", "{", "[]", '{"type": 1}', '{"type": "mood"}', '{"type": "error"}']
)
def test_what_makes_no_sense_is_noted_once_aloud(message):
    codec = ready()
    (notice,) = codec.receive(message, 0.0)
    assert isinstance(notice, Notice)
    assert codec.receive(message, 0.0)[0].severity == "debug"
    assert "faults" in codec.support()


def test_agent_ready_counts_once():
    assert said(ready(), type="agent_ready") == []


def test_it_has_no_settings_tools_words_or_farewell():
    assert [problem.path for problem in WorkBuddy.check_session({"greeting": "x"})] == [
        ("greeting",)
    ]
    codec = ready()
    assert codec.return_tool("c", "{}", is_error=False, now_s=0) == []
    assert codec.say("x") == codec.farewell() == codec.update(AgentSettings(url="x")) == []
    assert not WorkBuddy.resumable


def test_support_learns_the_host_the_close_and_the_last_error_but_no_secret():
    codec = agent(url="https://workbuddy.test").codec(None)
    follow(codec, GOOD)
    outcome(by_message(codec, "AUTH_FAILED"))
    outcome(lambda: codec.closed(4003, "auth"))
    assert codec.support() == {
        "host": "workbuddy.test",
        "close": "4003 auth",
        "last_error": "AUTH_FAILED: because of ***",
    }
