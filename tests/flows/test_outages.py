"""Drops and outages: the conversation goes on, and what was said meanwhile arrives."""

import asyncio

import numpy as np
import pytest

from agentsim.timing import Timing
from tests.flows.house import CUES, awake, house, tone
from voiced.core.events import NetworkBack, OwnerActed, StopRequested, TalkPressed, Woken
from voiced.core.state import Phase, Policy
from voiced.runtime.components import SoundSettings

COUNTING_S = 20.0
DIALLING_S = 0.05
"""What an attempt takes in the house."""


def counting(duration_s):
    """Return sound at 16 kHz in which every 20 ms period has a level of its own, in order."""
    levels = np.arange(1, round(duration_s * 50) + 1)
    return np.repeat(levels * 8, 320).astype("<i2").tobytes()


def counted(heard):
    """Return the periods of `counting` found in 24 kHz sound, in the order they were heard."""
    middles = heard[: len(heard) // 480 * 480].reshape(-1, 480)[:, 200:280]
    steady = middles[np.ptp(middles, axis=1) <= 4]
    numbers = np.rint(steady.mean(axis=1) / 8).astype(int)
    return [int(number) for number in numbers if number > 0]


@pytest.mark.parametrize("outage_s", [2.5, 3.0, 5.0, 9.0])
async def test_a_server_that_is_back_is_found_in_a_quarter_of_a_second_without_any_news(outage_s):
    async with awake() as it:
        it.lose_network()
        await asyncio.sleep(outage_s)
        sessions, tries = len(it.service.sessions), len(it.dials)
        it.reachable = True
        await it.settle(Phase.LISTENING, within_s=0.25 + 2 * DIALLING_S + Timing().ready_s + 0.01)
        assert len(it.dials) - tries <= 2  # one may have been on its way in vain
        assert len(it.service.sessions) <= sessions + 1


@pytest.mark.needs("token")
async def test_an_attempt_that_has_cost_a_token_is_not_repeated_soon():
    async with awake(auth="token") as it:
        it.lose_network(tokens=False)
        before = len(it.http_calls)
        await asyncio.sleep(10)
        assert 4 <= len(it.http_calls) - before <= 8


@pytest.mark.parametrize("outage_s", [0.5, 3.0, 8.0])
@pytest.mark.needs("resume")
async def test_what_is_said_during_a_drop_arrives_once_and_in_order(outage_s):
    async with awake(listening=False) as it:
        it.microphone.say(counting(COUNTING_S))
        await asyncio.sleep(2)
        it.lose_network()
        await asyncio.sleep(outage_s)
        assert it.led.shown[-1] == "offline"
        it.reachable = True
        it.wake.emit(NetworkBack())
        await it.settle(Phase.LISTENING, within_s=1.0)
        await asyncio.sleep(COUNTING_S)
        numbers = counted(it.heard())
        assert numbers == list(range(1, round(COUNTING_S * 50) + 1))
        assert len(it.service.sessions) == 1
        assert it.runtime.uplink.dropped_ms == 0


@pytest.mark.needs("resume")
async def test_of_a_long_drop_the_newest_ten_seconds_arrive():
    async with awake(listening=False) as it:
        it.microphone.say(counting(40))
        await asyncio.sleep(2)
        it.lose_network()
        await asyncio.sleep(20)
        it.reachable = True
        it.wake.emit(NetworkBack())
        await it.settle(Phase.LISTENING, within_s=1.0)
        lost_periods = it.runtime.uplink.dropped_periods
        assert it.runtime.uplink.dropped_ms == pytest.approx(10_600, abs=700)
        await asyncio.sleep(30)
        numbers = counted(it.heard())
        assert numbers == sorted(set(numbers))
        assert 2000 - len(numbers) == pytest.approx(lost_periods, abs=2)
        assert len(it.service.sessions) == 1


@pytest.mark.parametrize("keep_s", [0.0, 0.01])
@pytest.mark.needs("resume")
async def test_where_nothing_is_kept_the_device_hears_and_sends_nothing_old_after_a_drop(keep_s):
    async with awake(listening=False, sound=SoundSettings(keep_s=keep_s)) as it:
        it.microphone.say(counting(COUNTING_S))
        await asyncio.sleep(2)
        it.lose_network()
        await asyncio.sleep(3)
        it.reachable = True
        it.wake.emit(NetworkBack())
        await it.settle(Phase.LISTENING, within_s=1.0)
        await asyncio.sleep(COUNTING_S)
        numbers = counted(it.heard())
        assert len([number for number in numbers if number < 100]) > 50
        assert not [number for number in numbers if 110 < number < 240]
        assert len([number for number in numbers if number > 260]) > 700


@pytest.mark.needs("resume")
async def test_after_the_window_a_new_session_gets_the_last_three_seconds():
    async with awake(listening=False) as it:
        it.microphone.say(counting(60))
        await asyncio.sleep(2)
        it.lose_network()
        await asyncio.sleep(40)
        it.reachable = True
        it.wake.emit(NetworkBack())
        await it.settle(Phase.LISTENING, within_s=2.0)
        assert len(it.service.sessions) == 2
        await asyncio.sleep(5)
        numbers = counted(it.heard())
        now = round((2 + 40 + 0.7) * 50)
        assert numbers[0] == pytest.approx(now - 150, abs=40)
        assert numbers == list(range(numbers[0], numbers[-1] + 1))


@pytest.mark.needs("resume")
async def test_a_backlog_does_not_arrive_faster_than_twice_real_time():
    async with awake(listening=False) as it:
        it.microphone.say(counting(30))
        await asyncio.sleep(1)
        it.lose_network()
        await asyncio.sleep(5)
        it.reachable = True
        it.wake.emit(NetworkBack())
        await it.settle(Phase.LISTENING)
        before = len(it.heard())
        await asyncio.sleep(2)
        arrived_s = (len(it.heard()) - before) / 24_000
        assert 3.5 <= arrived_s <= 4.3


@pytest.mark.needs("resume")
async def test_a_second_drop_in_the_middle_of_catching_up_loses_nothing():
    async with awake(listening=False) as it:
        it.microphone.say(counting(COUNTING_S))
        await asyncio.sleep(1)
        for _ in range(3):
            it.lose_network()
            await asyncio.sleep(2)
            it.reachable = True
            it.wake.emit(NetworkBack())
            await it.settle(Phase.LISTENING)
            await asyncio.sleep(0.7)
        await asyncio.sleep(COUNTING_S)
        assert counted(it.heard()) == list(range(1, round(COUNTING_S * 50) + 1))


async def test_mute_during_a_drop_keeps_what_was_said_at_home():
    from voiced.core.events import MuteChanged

    async with awake(listening=False) as it:
        it.lose_network()
        it.microphone.say(tone(1000))
        await asyncio.sleep(1)
        it.wake.emit(MuteChanged(muted=True))
        it.reachable = True
        before = len(it.heard())
        await it.settle(Phase.LISTENING)
        await asyncio.sleep(3)
        assert not it.heard()[before:].any()


@pytest.mark.uncovered
async def test_an_outage_of_an_hour_heals_by_itself():
    async with awake() as it:
        it.lose_network(tokens=False)
        await asyncio.sleep(3600)
        assert it.led.shown[-1] == "offline"
        attempts = len(it.dials)
        assert 60 < attempts < 200
        it.reachable = True
        await it.settle(Phase.LISTENING, within_s=61)
        it.microphone.say(tone(600))
        await it.settle(Phase.SPEAKING)


async def test_the_talk_button_in_an_outage_sounds_and_tries_at_once():
    async with house(cues=CUES) as it:
        it.reachable = False
        it.wake.emit(TalkPressed())
        await asyncio.sleep(1)
        assert it.led.shown[-1] == "offline"
        assert it.speaker.sounding_ms > 100
        await asyncio.sleep(600)
        before, heard_ms = len(it.dials), it.speaker.sounding_ms
        it.wake.emit(TalkPressed())
        await asyncio.sleep(0.01)
        assert len(it.dials) == before + 1
        await asyncio.sleep(1)
        assert it.speaker.sounding_ms > heard_ms + 100
        it.reachable = True
        it.wake.emit(TalkPressed())
        await it.settle(Phase.LISTENING, within_s=1.0)


async def test_an_unattended_device_makes_no_sound_when_it_is_offline():
    async with house(cues=CUES) as it:
        it.reachable = False
        it.wake.emit(Woken("always", unattended=True))
        await asyncio.sleep(600)
        assert it.speaker.sounding_ms == 0


async def test_a_refused_device_tries_again_when_the_owner_has_acted():
    async with house(keys=["another"]) as it:
        it.wake.emit(Woken("test"))
        await asyncio.sleep(100)
        it.service.settings.keys.append("k")
        it.wake.emit(OwnerActed())
        await it.settle(Phase.LISTENING, within_s=1.0)


@pytest.mark.needs("resume")
async def test_a_session_is_renewed_in_a_quiet_moment_without_a_second_greeting():
    session = {"greeting": "Hello."}
    policy = Policy(idle_timeout_s=None)
    async with awake(session=session, policy=policy, timing={"session_s": 120.0}) as it:
        await asyncio.sleep(65)
        it.session.hear("what time is it")
        await it.settle(Phase.SPEAKING)
        first = it.session
        await asyncio.sleep(30)
        assert it.phase is Phase.LISTENING
        assert it.session is not first
        assert first.ended == "ended"
        updates = it.sent("session.update")
        assert len(updates) == 2
        replies = it.service.events.find("sent", type="reply.started")
        assert {reply["connection"] for reply in replies} == {1}


async def test_stopping_in_the_middle_of_an_outage_is_quick():
    async with awake() as it:
        it.lose_network()
        await asyncio.sleep(12)
        it.wake.emit(StopRequested())
        await asyncio.sleep(0.1)
        assert it.led.shown[-1] == "stopping"


@pytest.mark.needs("resume")
async def test_an_agent_that_wants_no_bursts_gets_real_time_without_the_silences():
    async with awake(listening=False, timing={"rate_allowance_s": 0.5}) as it:
        it.lose_network()
        it.microphone.say(tone(2000))
        await asyncio.sleep(6)
        it.reachable = True
        it.wake.emit(NetworkBack())
        await it.settle(Phase.LISTENING)
        await asyncio.sleep(4)
        errors = it.service.events.find("sent", type="session.error")
        assert {error["code"] for error in errors} == {"audio_rate_violation"}
        assert it.runtime.uplink.queued_ms <= 320
        told, before = len(errors), len(it.heard())
        it.lose_network()
        it.microphone.say(tone(1000))
        await asyncio.sleep(5)
        it.reachable = True
        it.wake.emit(NetworkBack())
        await it.settle(Phase.LISTENING)
        await asyncio.sleep(8)
        assert it.runtime.uplink.queued_ms <= 320
        assert len(it.service.events.find("sent", type="session.error")) == told
        loud = np.count_nonzero(np.abs(it.heard()[before:].astype(int)) > 300)
        assert loud / 24_000 > 0.9 * 0.95
