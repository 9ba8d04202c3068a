"""A link proves who it is: by key, by temporary token, or by what the session was given."""

import json

import pytest

from tests.unit.agents.assemblyai_link import KEY, URL, AgentLink, settings
from voiced.agents.codec import Dial, HttpAnswer
from voiced.errors import AgentBusy, LinkError, LinkRejected, Redial

TOKEN = "temporary-token/+="
BEARER_KEY = {"Authorization": f"Bearer {KEY}"}
RESUME_TOKEN = "rt-0123456789abcdef"
BEARER_RESUME_TOKEN = {"Authorization": f"Bearer {RESUME_TOKEN}"}


def granted(token=TOKEN):
    return HttpAnswer(200, json.dumps({"token": token, "expires_in_seconds": 120}).encode())


def dial(link, *given):
    """Follow a dial plan; return the calls it made and where it led."""
    answers = list(given)
    plan, calls = link.codec.plan_dial(0.0), []
    try:
        call = next(plan)
        while True:
            calls.append(call)
            call = plan.send(answers.pop(0))
    except StopIteration as done:
        return calls, done.value


def refuse(link):
    """Return what an `unauthorized` comes to."""
    with pytest.raises(LinkError) as caught:
        link.hear("session.error", code="unauthorized")
    return caught.value


def dropped_link(**changes):
    """A link whose session can be resumed with a credential of its own."""
    link = AgentLink(**changes)
    link.ready(resume_token="rt-old")
    link.ready(resume_token=RESUME_TOKEN)
    return link


def test_the_key_rides_in_the_upgrade():
    calls, where = dial(AgentLink())
    assert (calls, where.url, where.headers) == ([], URL, BEARER_KEY)


def test_without_a_key_the_agent_is_asked_and_the_refusal_says_so():
    link = AgentLink(key=None)
    assert link.dial().headers == {}
    refused = refuse(link)
    assert type(refused) is LinkRejected
    assert refused.remedy == "no key is configured; set agent.key"


def test_a_new_key_counts_for_the_next_dial():
    link = AgentLink()
    link.agent.update(settings(key="new"))
    assert AgentLink(link.agent).dial().headers == {"Authorization": "Bearer new"}


@pytest.mark.parametrize(
    ("url", "token_url", "dialled"),
    [
        (URL, "https://agents.example.com/v1/token", f"{URL}?token="),
        ("ws://127.0.0.1:8765/v1/ws", "http://127.0.0.1:8765/v1/token", None),
        ("wss://h:1/v1/ws?region=eu", "https://h:1/v1/token", "wss://h:1/v1/ws?region=eu&token="),
    ],
)
def test_a_temporary_token_is_fetched_from_the_same_host(url, token_url, dialled):
    link = AgentLink(url=url, auth="token")
    (call,), where = dial(link, granted())
    assert call.method == "GET"
    assert call.url == token_url + "?expires_in_seconds=120&max_session_duration_seconds=10800"
    assert call.headers == BEARER_KEY
    assert where.headers == {}
    assert where.url == (dialled or f"{url}?token=") + "temporary-token%2F%2B%3D"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refused_token_request_needs_the_owner(status):
    with pytest.raises(LinkRejected) as caught:
        dial(AgentLink(auth="token"), HttpAnswer(status, b'{"detail":"Invalid API key"}'))
    assert str(status) in caught.value.reason
    assert "agent." in caught.value.remedy


@pytest.mark.parametrize("status", [429])
def test_too_many_token_requests_mean_come_back_later(status):
    with pytest.raises(AgentBusy):
        dial(AgentLink(auth="token"), HttpAnswer(status))


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(500),
        HttpAnswer(503, b"<html>"),
        HttpAnswer(302),
        HttpAnswer(204),
        HttpAnswer(200),
        HttpAnswer(200, b"\xff\xfe"),
        HttpAnswer(200, b"[]"),
        HttpAnswer(200, b"{}"),
        granted(""),
        granted(7),
        granted("two\r\nlines"),
        granted("naïve"),
        granted("x" * 100_000),
    ],
)
def test_a_token_answer_of_no_use_is_worth_another_try(answer):
    with pytest.raises(LinkError) as caught:
        dial(AgentLink(auth="token"), answer)
    assert type(caught.value) is LinkError


def test_a_refused_key_is_not_retried():
    refused = refuse(AgentLink())
    assert type(refused) is LinkRejected
    assert "agent.key" in refused.remedy


def test_a_refused_token_is_replaced_once():
    first = AgentLink(auth="token")
    dial(first, granted())
    assert type(refuse(first)) is Redial
    second = AgentLink(first.agent)
    dial(second, granted())
    assert type(refuse(second)) is LinkRejected


def test_after_a_success_a_token_may_be_replaced_again():
    first = AgentLink(auth="token")
    dial(first, granted())
    refuse(first)
    second = AgentLink(first.agent)
    dial(second, granted())
    second.ready()
    assert type(refuse(second)) is Redial


def test_new_settings_deserve_a_fresh_start():
    first = AgentLink(auth="token")
    dial(first, granted())
    refuse(first)
    first.agent.update(settings(auth="token", key="new"))
    second = AgentLink(first.agent)
    dial(second, granted())
    assert type(refuse(second)) is Redial


def test_a_policy_close_without_a_code_is_a_refused_credential():
    link = AgentLink(auth="token")
    dial(link, granted())
    for _ in range(2):
        with pytest.raises(Redial):
            link.codec.closed(1008, "")


def test_the_key_is_shown_first_even_when_resuming():
    link = dropped_link()
    assert AgentLink(link.agent, resume_key="sess_1").dial().headers == BEARER_KEY


def test_the_newest_resume_token_opens_the_door_when_the_key_does_not():
    link = dropped_link()
    resumed = AgentLink(link.agent, resume_key="sess_1")
    resumed.dial()
    assert type(refuse(resumed)) is Redial
    again = AgentLink(link.agent, resume_key="sess_1")
    assert again.dial().headers == BEARER_RESUME_TOKEN
    assert type(refuse(again)) is LinkRejected
    last = AgentLink(link.agent, resume_key="sess_1")
    assert last.dial().headers == BEARER_KEY
    assert type(refuse(last)) is LinkRejected


def test_without_a_key_the_resume_token_is_shown_at_once():
    link = dropped_link(key=None)
    assert AgentLink(link.agent, resume_key="sess_1").dial().headers == BEARER_RESUME_TOKEN


def test_the_resume_token_stands_in_when_no_token_is_granted():
    link = dropped_link(auth="token")
    resumed = AgentLink(link.agent, resume_key="sess_1")
    calls, where = dial(resumed, HttpAnswer(401))
    assert len(calls) == 1
    assert where.headers == BEARER_RESUME_TOKEN


def test_a_refused_token_is_replaced_before_the_resume_token_is_tried():
    link = dropped_link(auth="token")
    resumed = AgentLink(link.agent, resume_key="sess_1")
    dial(resumed, granted())
    assert "fresh" in refuse(resumed).reason
    resumed = AgentLink(link.agent, resume_key="sess_1")
    dial(resumed, granted())
    assert type(refuse(resumed)) is Redial
    calls, where = dial(AgentLink(link.agent, resume_key="sess_1"))
    assert (calls, where.headers) == ([], BEARER_RESUME_TOKEN)


@pytest.mark.parametrize("resume_key", [None, "sess_9"])
def test_a_resume_token_is_good_for_its_own_session_only(resume_key):
    link = dropped_link(key=None)
    assert AgentLink(link.agent, resume_key=resume_key).dial().headers == {}


@pytest.mark.parametrize("token", ["", None, 7, "a\r\nX-Evil: 1", "naïve", "x" * 20_000])
def test_a_resume_token_unfit_for_a_header_is_ignored(token):
    link = AgentLink(key=None)
    link.ready(resume_token=token)
    assert AgentLink(link.agent, resume_key="sess_1").dial().headers == {}


def test_no_secret_shows_in_a_repr():
    link = dropped_link(auth="token")
    plan = link.codec.plan_dial(0.0)
    call = next(plan)
    with pytest.raises(StopIteration) as done:
        plan.send(granted())
    where = done.value.value
    assert isinstance(where, Dial)
    session = link.codec._session
    shown = " ".join(repr(one) for one in (call, where, granted(), session, settings()))
    for secret in (KEY, TOKEN, "temporary-token", RESUME_TOKEN):
        assert secret not in shown
