"""Tokens that the owner's server or program makes: no key is on the device. The same for every agent."""

import json

import pytest

from tests.unit.agents.assemblyai_link import URL
from voiced.agents.assemblyai import AssemblyAi
from voiced.agents.codec import AgentSettings, Dial, HttpAnswer, HttpCall, ProgramCall, TokenSource
from voiced.agents.workbuddy import WorkBuddy
from voiced.errors import AgentBusy, LinkError, LinkRejected, Redial

TOKEN = "temporary-token/+="
WS_URL = "wss://voice.workbuddy.test/ws/1"
SECRET = "Bearer device-secret-0123"
FROM_URL = TokenSource("https://owner.test/token", {"Authorization": SECRET}, "/token")
FROM_COMMAND = TokenSource(command=("/usr/local/bin/voice-token", "--brief"))
AGENTS = [AssemblyAi, WorkBuddy]


def made(agent, source=FROM_URL, key=None):
    return agent(AgentSettings(url=URL, key=key, token=source))


def follow(codec, answer):
    """Return the one call of a dial plan, and where it leads."""
    plan = codec.plan_dial(0.0)
    call = next(plan)
    with pytest.raises(StopIteration) as done:
        plan.send(answer)
    return call, done.value.value


def granted(**fields):
    return HttpAnswer(200, json.dumps({"token": TOKEN, "ws_url": WS_URL, **fields}).encode())


@pytest.mark.parametrize("agent", AGENTS)
def test_a_token_is_asked_for_anew_before_each_connection_and_no_key_is_needed(agent):
    it = made(agent)
    for _ in range(2):
        codec = it.codec(None)
        call, dial = follow(codec, granted())
        assert (call.method, call.url, call.headers["Authorization"]) == (
            "GET",
            FROM_URL.url,
            SECRET,
        )
        if agent is AssemblyAi:
            assert dial == Dial(f"{URL}?token=temporary-token%2F%2B%3D")
        else:
            assert dial == Dial(WS_URL)
            assert json.loads(codec.greet()[0]) == {"token": TOKEN}


@pytest.mark.parametrize("agent", AGENTS)
def test_a_program_may_bring_it(agent):
    call, _ = follow(made(agent, FROM_COMMAND).codec(None), granted())
    assert call == ProgramCall(FROM_COMMAND.command)


def test_a_program_may_print_nothing_but_the_token():
    _, dial = follow(made(AssemblyAi, FROM_COMMAND).codec(None), HttpAnswer(200, b"  abc\n"))
    assert dial.url == f"{URL}?token=abc"


@pytest.mark.parametrize(
    ("pointer", "body"),
    [
        ("", {"token": "abc"}),
        ("/token", {"token": "abc"}),
        ("/data/0/token", {"data": [{"token": "abc"}]}),
        ("/data", {"data": {"token": "abc"}}),
        ("", "abc"),
        ("/0", ["abc"]),
    ],
)
def test_the_pointer_leads_to_the_token_or_to_what_holds_it(pointer, body):
    source = TokenSource("https://owner.test/", json_pointer=pointer)
    _, dial = follow(
        made(AssemblyAi, source).codec(None), HttpAnswer(200, json.dumps(body).encode())
    )
    assert dial.url == f"{URL}?token=abc"


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        *((HttpAnswer(status, b"sekrit"), LinkRejected, f"({status}); check agent.token")
          for status in (400, 401, 403, 404, 405, 422)),
        (HttpAnswer(429), AgentBusy, "429"),
        (HttpAnswer(500, b"sekrit"), LinkError, "500"),
        (HttpAnswer(302), LinkError, "302"),
        (HttpAnswer(200, b"<html>sekrit</html>"), LinkError, "contains no token at /token"),
        (HttpAnswer(200, b"{}"), LinkError, "contains no token at /token"),
        (HttpAnswer(200, b'{"token": 7}'), LinkError, "contains no token at /token"),
        (HttpAnswer(200, b'{"token": {}}'), LinkError, "contains no token at /token"),
        (HttpAnswer(200, b'{"token": "a\\r\\nX: 1"}'), LinkError, "contains no token at /token"),
        (HttpAnswer(200, json.dumps({"token": "x" * 20_000}).encode()), LinkError, "contains no token"),
        (HttpAnswer(200, b"[" * 60_000), LinkError, "contains no token at /token"),
    ],
    ids=lambda each: repr(each)[:40],
)  # fmt: skip
def test_each_answer_that_brings_none_is_told_clearly(agent, answer, kind, said):
    plan = made(agent).codec(None).plan_dial(0.0)
    next(plan)
    with pytest.raises(LinkError) as caught:
        plan.send(answer)
    assert type(caught.value) is kind
    assert said.replace("(", "(HTTP ") in str(caught.value) or said in str(caught.value)
    assert "sekrit" not in str(caught.value)


def test_without_a_pointer_it_is_told_that_the_answer_holds_none():
    plan = made(AssemblyAi, TokenSource("https://owner.test/")).codec(None).plan_dial(0.0)
    next(plan)
    with pytest.raises(LinkError, match=r"contains no token$"):
        plan.send(HttpAnswer(200, b"{}"))


@pytest.mark.parametrize("body", [{"token": "abc"}, {"token": "abc", "ws_url": 7}])
def test_workbuddy_needs_the_address_that_comes_with_the_token(body):
    plan = made(WorkBuddy).codec(None).plan_dial(0.0)
    next(plan)
    with pytest.raises(LinkError, match=r"contains no ws_url; pass on the whole answer"):
        plan.send(HttpAnswer(200, json.dumps(body).encode()))


def test_assemblyai_refusing_it_has_it_replaced_once_and_then_blames_its_source():
    it = made(AssemblyAi)
    for kind in (Redial, LinkRejected):
        codec = it.codec(None)
        follow(codec, granted())
        with pytest.raises(kind) as caught:
            codec.receive(json.dumps({"type": "session.error", "code": "unauthorized"}), 0.0)
    assert "agent.token" in str(caught.value)
    assert "agent.key" not in str(caught.value)


def test_workbuddy_refusing_it_has_it_replaced_once_and_then_blames_its_source():
    it = made(WorkBuddy)
    for kind in (Redial, LinkRejected):
        codec = it.codec(None)
        follow(codec, granted())
        with pytest.raises(kind) as caught:
            codec.closed(4003, f"{TOKEN} {SECRET}")
        assert TOKEN not in str(caught.value)
        assert SECRET not in str(caught.value)
    assert "agent.token" in str(caught.value)


def test_a_resumed_session_shows_a_fresh_token_and_its_own_credential_if_there_is_none():
    it = made(AssemblyAi)
    codec = it.codec(None)
    follow(codec, granted())
    ready = {"type": "session.ready", "session_id": "sess_1", "resume_token": "rt-1"}
    codec.receive(json.dumps(ready), 0.0)
    assert follow(it.codec("sess_1"), granted())[1].headers == {}
    assert follow(it.codec("sess_1"), HttpAnswer(401))[1].headers == {
        "Authorization": "Bearer rt-1"
    }


def test_no_secret_shows_in_a_repr():
    it = AgentSettings(url=URL, token=FROM_URL)
    shown = repr(
        (
            it,
            FROM_URL,
            FROM_COMMAND,
            HttpCall("GET", "https://x/?t=sekrit"),
            ProgramCall(("/x", "sekrit")),
        )
    )
    assert SECRET not in shown
    assert "sekrit" not in shown
