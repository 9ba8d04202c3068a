"""What only WorkBuddy does: its errors, its endings, its heartbeat."""

import asyncio

import numpy as np
import pytest

from tests.flows.house import awake, house, tone
from voiced.core.events import Woken
from voiced.core.state import Phase, Policy

pytestmark = pytest.mark.about("workbuddy")

MOMENT_S = 4.0
TRIED_AGAIN_S = 5.0
"""After so long it has been tried again, however the waits have fallen: they are drawn by lot, up to 4.05 s."""

# code: how a daemon looks a moment after it came once, and when it comes every time; dials then
ERRORS = {
    "AUTH_TIMEOUT": ("listening", "offline", None),
    "INVALID_AUTH": ("listening", "rejected", 2),
    "AUTH_FAILED": ("listening", "rejected", 2),
    "SESSION_SETUP_FAILED": ("listening", "offline", None),
    "SOMETHING_NEW": ("listening", "listening", 1),
}


@pytest.mark.parametrize("silently", [False, True], ids=["with its message", "by its close alone"])
@pytest.mark.parametrize("code", ERRORS)
async def test_each_error_is_met_as_documented(code, silently):
    once, always, dials = ERRORS[code]
    quiet = ["no-message"] if silently else []
    async with house(faults=[f"error={code}@update*1", *quiet]) as it:
        it.wake.emit(Woken("test", unattended=True))
        await asyncio.sleep(TRIED_AGAIN_S)
        assert it.led.shown[-1] == once
    async with house(faults=[f"error={code}@update*99", *quiet]) as it:
        it.wake.emit(Woken("test", unattended=True))
        await asyncio.sleep(MOMENT_S)
        assert it.led.shown[-1] in (always, "connecting")
        assert dials is None or len(it.dials) == dials


@pytest.mark.parametrize(
    ("reason", "status", "sessions"),
    [
        ("agent_disconnected", "asleep", 1),
        ("room_closed", "asleep", 1),
        ("session_closed", "asleep", 1),
        ("a reason nobody knows", "asleep", 1),
        ("server_shutdown", "connecting", 1),
    ],
)
async def test_each_reason_of_an_ended_session(reason, status, sessions):
    async with awake() as it:
        it.session.end(reason)
        await asyncio.sleep(MOMENT_S)
        assert it.led.shown[-1] == status
        assert len(it.service.sessions) == sessions
        if status == "connecting":
            await it.settle(Phase.LISTENING, within_s=8)
            assert len(it.service.sessions) == 2


@pytest.mark.parametrize(
    ("code", "status"),
    [(1000, "asleep"), (1001, "listening"), (1006, "listening"), (1011, "listening")],
)
async def test_each_close_without_a_word(code, status):
    async with awake() as it:
        if code == 1006:
            it.session.drop()
        else:
            it.session.connection.close(code)
        await asyncio.sleep(MOMENT_S)
        assert it.led.shown[-1] == status
        assert len(it.service.sessions) == (2 if status == "listening" else 1)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"keys": ["another"]}, "rejected"),
        ({"active": False}, "rejected"),
        ({"faults": ["token-status=500"]}, "offline"),
        ({"faults": ["token-status=429"]}, "offline"),
    ],
)
async def test_each_answer_to_the_token_call(changes, status):
    async with house(**changes) as it:
        it.wake.emit(Woken("test", unattended=True))
        await asyncio.sleep(MOMENT_S)
        assert it.led.shown[-1] == status
        assert it.dials == []


async def test_every_connection_has_a_token_of_its_own():
    async with awake() as it:
        for _ in range(3):
            it.session.drop()
            await it.settle(Phase.CONNECTING)
            await it.settle(Phase.LISTENING)
        assert len(it.service.events.find("rest", path="/api/v1/sdk/token")) == 4
        assert len(it.service.events.find("received", type="token")) == 4


async def test_after_sockets_that_did_not_open_the_heartbeat_is_asked_once_a_minute():
    async with awake() as it:
        it.lose_network(tokens=False)
        await asyncio.sleep(600)
        beats = it.service.events.find("rest", path="/api/v1/sdk/heartbeat")
        times = [beat["t"] for beat in beats]
        assert 5 <= len(times) <= 11
        assert min(np.diff(times)) >= 60
        it.reachable = True


async def test_frames_are_640_bytes_and_there_is_no_text_after_the_first():
    policy = Policy(idle_timeout_s=None)
    async with awake(listening=False, microphone_hz=48_000, policy=policy) as it:
        it.microphone.say(tone(3000, rate_hz=48_000))
        await asyncio.sleep(60)
        seen = it.session.hearing.discipline
        assert seen.frames == pytest.approx(3000, abs=10)
        assert seen.odd_sized == 0
        assert it.service.violations == 0


async def test_a_service_that_waits_for_sound_gets_silence_and_then_the_words_that_were_said_meanwhile():
    faults = ["wait-for-sound", "late-ready=1.0"]
    async with house(faults=faults, listening=False, keep_heard=True) as it:
        it.wake.emit(Woken("test", unattended=True))
        await it.settle(Phase.CONNECTING)
        it.microphone.say(tone(800))
        await it.settle(Phase.LISTENING, within_s=10)
        await asyncio.sleep(3.0)
        assert 65 <= it.service.connections[0].early_frames <= 80, "in real time, for 1.45 s"
        assert it.service.violations == 0
        heard = np.frombuffer(it.session.hearing.heard, "<i2")
        assert np.count_nonzero(heard) > 0.6 * 16_000, "the words were kept"


async def test_an_agent_that_stops_in_the_middle_of_a_reply_is_silent_at_once():
    async with awake() as it:
        it.session.say("a sentence that is going to be cut in the middle of what it says")
        await it.settle(Phase.SPEAKING)
        await asyncio.sleep(1.0)
        before_ms = it.speaker.sounding_ms
        it.session.interrupt()
        await asyncio.sleep(1.0)
        assert it.speaker.sounding_ms - before_ms <= 220


async def test_a_burst_does_not_pile_up_at_the_speaker():
    async with awake(faults=["burst=4"]) as it:
        it.session.say("this comes four times as fast as it should")
        await asyncio.sleep(0.5)
        assert it.runtime.playout.queued_ms <= 200
