"""Every error code and close code of the protocol, told by a stand-in agent to a whole daemon."""

import asyncio

import pytest

from tests.flows.house import awake, house
from voiced.core.events import Woken
from voiced.core.state import Phase

# What a daemon does: status after a moment, links dialled in all, how long it stays away.
FIRST = {
    "unauthorized": ("rejected", 1, None),
    "UNAUTHORIZED": ("rejected", 1, None),
    "FORBIDDEN": ("rejected", 1, None),
    "agent_not_found": ("rejected", 1, None),
    "invalid_value": ("rejected", 1, None),
    "invalid_config": ("rejected", 1, None),
    "invalid_webhook": ("rejected", 1, None),
    "session_not_found": ("listening", 2, 0),
    "session_forbidden": ("listening", 2, 0),
    "session_expired": ("listening", 2, 0),
    "agent_id_not_first": ("listening", 1, 0),
    "immutable_field": ("listening", 1, 0),
    "invalid_format": ("listening", 1, 0),
    "invalid_audio": ("listening", 1, 0),
    "audio_rate_violation": ("listening", 1, 0),
    "at_capacity": ("offline", 2, 10),
    "concurrency_exceeded": ("offline", 2, 30),
    "internal_error": ("listening", 2, 0),
    "server_error": ("listening", 2, 0),
    "agent_init_failed": ("listening", 2, 0),
    "agent_timeout": ("listening", 2, 0),
    "a_code_nobody_knows": ("listening", 1, 0),
}

# The same while a conversation runs: status, how later links began, sessions.
RUNNING = {
    "unauthorized": ("listening", ["session.resume"], 1),  # by the session's own credential
    "FORBIDDEN": ("rejected", [], 1),
    "agent_not_found": ("rejected", [], 1),
    "session_not_found": ("listening", ["session.update"], 2),
    "session_forbidden": ("listening", ["session.update"], 2),
    "session_expired": ("asleep", [], 1),
    "agent_id_not_first": ("listening", [], 1),
    "immutable_field": ("listening", [], 1),
    "invalid_value": ("listening", [], 1),
    "invalid_config": ("listening", [], 1),
    "invalid_webhook": ("listening", [], 1),
    "invalid_format": ("listening", [], 1),
    "invalid_audio": ("listening", [], 1),
    "audio_rate_violation": ("listening", [], 1),
    "internal_error": ("listening", ["session.resume"], 1),
    "server_error": ("listening", ["session.resume"], 1),
    "agent_init_failed": ("listening", ["session.resume"], 1),
    "agent_timeout": ("listening", ["session.resume"], 1),
    "at_capacity": ("connecting", [], 1),
    "concurrency_exceeded": ("connecting", [], 1),
    "a_code_nobody_knows": ("listening", [], 1),
}

CLOSES = {
    1000: ("asleep", [], 1),
    1001: ("listening", ["session.resume"], 1),
    1006: ("listening", ["session.resume"], 1),
    1012: ("listening", ["session.resume"], 1),
    1008: ("listening", ["session.resume"], 1),  # as unauthorized
    1011: ("listening", ["session.resume"], 1),
    1013: ("connecting", [], 1),
    4999: ("listening", ["session.resume"], 1),
}

pytestmark = pytest.mark.about("assemblyai")

MOMENT_S = 3.0


def beginnings(it):
    kinds = [entry["type"] for entry in it.service.events.find("received")]
    return [kind for kind in kinds if kind in ("session.update", "session.resume")]


def check(it, status, later, sessions):
    assert it.led.shown[-1] == status
    assert beginnings(it) == ["session.update", *later]
    assert len(it.service.sessions) == sessions


@pytest.mark.parametrize("code", FIRST)
async def test_an_error_at_the_first_update(code):
    status, links, wait_s = FIRST[code]
    async with house(faults=[f"error={code}@update*1"]) as it:
        it.wake.emit(Woken("test", unattended=True))
        await asyncio.sleep(MOMENT_S)
        assert it.led.shown[-1] == status
        if wait_s is not None:
            await asyncio.sleep(max(0.0, wait_s - MOMENT_S - 0.5))
            assert len(it.dials) == (1 if wait_s else links)
            await it.settle(Phase.LISTENING)
        assert len(it.dials) == links


@pytest.mark.parametrize("code", RUNNING)
async def test_an_error_in_a_running_session(code):
    async with awake() as it:
        it.session.fail(code)
        await asyncio.sleep(MOMENT_S)
        check(it, *RUNNING[code])


@pytest.mark.parametrize("code", CLOSES)
async def test_a_close_in_a_running_session(code):
    async with awake() as it:
        if code == 1006:
            it.session.drop()
        else:
            it.session.connection.close(code)
        await asyncio.sleep(MOMENT_S)
        check(it, *CLOSES[code])


@pytest.mark.parametrize("code", [None, *CLOSES])
async def test_a_close_before_the_session_is_ready(code):
    fault = "drop@update*1" if code in (None, 1006) else f"close={code}@update*1"
    async with house(faults=[fault]) as it:
        it.wake.emit(Woken("test", unattended=True))
        await asyncio.sleep(MOMENT_S)
        expected = {1008: "rejected", 1013: "offline"}.get(code, "listening")
        assert it.led.shown[-1] == expected


@pytest.mark.parametrize("code", ["session_not_found", "session_forbidden", "session_expired"])
async def test_each_refusal_of_a_resume_opens_a_new_session_at_once(code):
    async with awake(faults=[f"resume={code}"]) as it:
        it.session.drop()
        await asyncio.sleep(1.5)
        check(it, "listening", ["session.resume", "session.update"], 2)


async def test_a_second_server_error_costs_the_session():
    async with awake() as it:
        it.session.fail("internal_error")
        await asyncio.sleep(MOMENT_S)
        it.session.fail("internal_error")
        await asyncio.sleep(MOMENT_S)
        check(it, "listening", ["session.resume", "session.update"], 2)


async def test_a_credential_fault_costs_one_fresh_token_before_the_owner_is_told():
    async with house(auth="token", faults=["error=unauthorized@update*9"]) as it:
        it.wake.emit(Woken("test"))
        await asyncio.sleep(60)
        assert len(it.http_calls) == len(it.dials) == 2
        assert it.led.shown[-1] == "rejected"


async def test_every_attempt_has_a_credential_of_its_own():
    async with awake(auth="token", faults=["single-use-tokens"]) as it:
        for _ in range(3):
            it.session.drop()
            await it.settle(Phase.CONNECTING)
            await it.settle(Phase.LISTENING)
        assert len(it.http_calls) == len(it.dials) == 4
        assert len({dial.url for dial in it.dials}) == 4
        assert len(it.service.sessions) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 503])
async def test_each_status_of_the_token_call(status):
    async with house(auth="token", faults=[f"token-status={status}"]) as it:
        it.wake.emit(Woken("test", unattended=True))
        await asyncio.sleep(MOMENT_S)
        kept_away = status < 429
        assert it.led.shown[-1] == ("rejected" if kept_away else "offline")
        assert it.dials == []
        await asyncio.sleep(60)
        assert (len(it.http_calls) == 1) == kept_away
