"""How a link is left, and what the log says of it: nothing stays open, nothing stays unsaid."""

import asyncio
import logging
import re

import pytest

from tests.flows.house import awake, house, tone
from voiced.core.events import NetworkBack, TalkPressed, Woken
from voiced.core.state import Phase

pytestmark = pytest.mark.about("assemblyai")

GIVEN_UP = ["agent_not_found", "forbidden", "session_not_found", "session_forbidden"]
TO_GO_ON = ["internal_error", "agent_timeout", "at_capacity"]


def lines(caplog, beginning):
    return [one for one in caplog.messages if one.startswith(beginning)]


@pytest.mark.parametrize("code", [*GIVEN_UP, *TO_GO_ON])
async def test_a_session_that_is_given_up_is_ended_and_its_socket_closed(code):
    async with awake() as it:
        first, connection = it.session, it.session.connection
        first.send("session.error", code=code, message="no")  # and leaves the socket open
        await asyncio.sleep(3)
        assert connection.closed
        assert len(it.sent("session.end")) == (code in GIVEN_UP)
        assert bool(first.ended) == (code in GIVEN_UP)


async def test_an_agent_that_is_never_ready_is_left_with_nothing_open():
    async with house(faults=["late-ready=60"]) as it:
        it.wake.emit(Woken("test"))
        await asyncio.sleep(17)
        assert len(it.sent("session.end")) == 1


async def test_an_agent_that_does_not_answer_a_resume_keeps_its_session():
    async with awake() as it:
        it.service.settings.faults.add("late-ready=60")
        it.session.drop()
        await asyncio.sleep(16.5)
        assert it.sent("session.end") == []


async def test_a_session_that_the_agent_has_ended_is_not_ended_again():
    async with awake() as it:
        it.session.end()
        await it.settle(Phase.ASLEEP)
        await asyncio.sleep(1)
        assert it.sent("session.end") == []


async def test_a_session_is_in_the_log_from_its_beginning(caplog):
    caplog.set_level(logging.INFO)
    async with awake() as it:
        [line] = lines(caplog, "session began:")
        assert "session_id=sess_000001" in line
        assert "host=agent.test" in line
        assert re.search(r"started=\d{4}-\d\d-\d\dT", line)
        assert [one.SESSION_ID for one in caplog.records if hasattr(one, "SESSION_ID")]
        it.session.drop()
        await it.settle(Phase.CONNECTING)
        await it.settle(Phase.LISTENING)
        [line] = lines(caplog, "session resumed:")
        assert "session_id=sess_000001" in line
        it.wake.emit(TalkPressed())
        await asyncio.sleep(1)


@pytest.mark.parametrize(("code", "close"), [("agent_not_found", 1008), ("internal_error", 1011)])
async def test_the_line_at_its_end_has_the_close_code_after_a_fatal_error_as_well(
    code, close, caplog
):
    caplog.set_level(logging.INFO)
    async with awake() as it:
        it.session.fail(code)
        await asyncio.sleep(2)
        line = lines(caplog, "link closed:")[0]
        assert f"close={close}" in line
        assert f"last_error={code}" in line


async def test_a_backlog_is_sent_no_faster_than_was_seen_to_pass():
    """4.9 s ahead of real time is what passed; assemblyai.md, section 8."""
    async with awake(listening=False, timing={"rate_allowance_s": 4.9}) as it:
        it.lose_network()
        await asyncio.sleep(1)
        it.microphone.say(tone(8_000))
        await asyncio.sleep(8.2)
        it.reachable = True
        it.wake.emit(NetworkBack())
        await it.settle(Phase.LISTENING)
        await asyncio.sleep(20)
        assert it.service.events.find("sent", type="session.error") == []
        assert it.runtime.uplink.queued_ms <= 320
        loud = (abs(it.heard().astype(int)) > 300).sum() / 24_000
        assert loud > 8 * 0.95
