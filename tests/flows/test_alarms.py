"""Timers and alarms that ring: awake, asleep, offline, with an agent that says them and one that cannot."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.flows.house import STAND_INS, awake, house
from voiced.agents.codec import AgentSettings
from voiced.alarms.clock import AlarmClock, Clocks
from voiced.core.events import (
    AlarmRang,
    AnnouncementRequested,
    EndRequested,
    Hushed,
    MuteChanged,
    NetworkBack,
    TalkPressed,
)
from voiced.core.state import Phase, Policy
from voiced.ports import AlarmWish
from voiced.runtime.components import SoundSettings
from voiced.tools.builtin.cancel_timer import CancelTimer
from voiced.tools.builtin.list_timers import ListTimers
from voiced.tools.builtin.timers import SetTimer

LONG = "a long story that goes on and on " * 8
POLICY = Policy()


def clock():
    """Return a clock that goes with the event loop and remembers nothing."""
    loop = asyncio.get_running_loop()
    day = datetime(2026, 11, 22, 12, tzinfo=UTC)
    return AlarmClock(None, Clocks(loop.time, lambda: day + timedelta(seconds=loop.time()), "boot"))


@contextlib.asynccontextmanager
async def ringing_in(seconds, *names, begin=house, reachable=True, **options):
    """Run a daemon on whose clock timers are set; wait until they ring."""
    alarms = clock()
    for name in names or ("tea",):
        await alarms.set(AlarmWish("timer", name, after_s=seconds))
    async with begin(alarms=alarms, **options) as it:
        it.alarms = alarms
        it.reachable = reachable
        await asyncio.sleep(seconds)
        yield it


def rings(it):
    """Return when, in seconds, sound began after a second of silence."""
    sounding = np.flatnonzero(it.speaker.samples)
    begins = np.flatnonzero(np.diff(sounding, prepend=-48_000) >= 48_000)
    return [round(at / 48_000, 1) for at in sounding[begins]]


def said(it):
    """Return what the agent has said, in order; `over` is what the stand-in says of a timer."""
    return it.captions.final("agent")


def over(*names):
    return [f"Your timer is over: {name}." for name in names]


def unsettled(it):
    return [kept.name for kept in it.alarms._kept]


@pytest.mark.needs("turns")
async def test_asleep_the_agent_is_called_says_it_and_listens_briefly():
    async with ringing_in(5) as it:
        await it.settle(Phase.SPEAKING, within_s=POLICY.alarm_wait_s)
        assert unsettled(it) == []
        await it.settle(Phase.LISTENING)
        assert said(it) == over("tea")
        await asyncio.sleep(POLICY.alarm_listen_s - 1)
        assert it.phase is Phase.LISTENING
        await asyncio.sleep(2)
        assert it.phase is Phase.ASLEEP
        assert rings(it)[0] == pytest.approx(5.1, abs=0.3)


@pytest.mark.needs("turns")
async def test_who_answers_has_a_conversation_as_ever():
    async with ringing_in(5) as it:
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.LISTENING)
        it.session.hear("thank you, and what else is there")
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.LISTENING)
        await asyncio.sleep(POLICY.alarm_listen_s + 5)
        assert it.phase is Phase.LISTENING


@pytest.mark.needs("tools", "turns")
async def test_a_timer_set_by_the_agent_is_said_in_the_same_conversation():
    alarms = clock()
    tools = [SetTimer(), ListTimers(), CancelTimer()]
    async with awake(alarms=alarms, tools=tools) as it:
        it.session.call("set_timer", {"seconds": 10, "name": "tea"})
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.LISTENING)
        [timer] = alarms.all()
        assert timer.name == "tea"
        await asyncio.sleep(timer.rings_in_s)
        await it.settle(Phase.SPEAKING, within_s=1.0)
        await it.settle(Phase.LISTENING)
        assert said(it)[-1:] == over("tea")
        assert alarms.all() == []
        assert it.service.violations == 0


@pytest.mark.needs("turns")
async def test_two_at_once_are_said_one_after_the_other():
    async with ringing_in(5, "tea", "egg", begin=awake) as it:
        await asyncio.sleep(10)
        assert said(it) == over("tea", "egg")
        assert unsettled(it) == []


@pytest.mark.needs("turns")
async def test_during_a_reply_it_is_heard_at_once_and_said_afterwards():
    async with awake(alarms=clock()) as it:
        it.session.say(LONG)
        await it.settle(Phase.SPEAKING)
        it.wake.emit(AlarmRang("timer-1", "say that it is over"))
        await asyncio.sleep(1.0)
        assert it.phase is Phase.SPEAKING
        assert not it.sent("reply.create")
        await it.settle(Phase.LISTENING, within_s=60)
        await it.settle(Phase.SPEAKING, within_s=1.0)
        await it.settle(Phase.LISTENING)
        assert said(it)[-1] == "say that it is over"


async def test_offline_it_rings_until_it_is_rung_out_and_then_nobody_dials_any_more():
    async with house(alarms=clock()) as it:
        it.reachable = False
        it.wake.emit(AlarmRang("timer-1", "over"))
        await asyncio.sleep(POLICY.ring_for_s + 1)
        assert len(rings(it)) == pytest.approx(POLICY.ring_for_s / POLICY.ring_every_s, abs=2)
        assert set(np.diff(rings(it)[1:]).round(1)) <= {2.9, 3.0, 3.1}
        assert it.phase is Phase.ASLEEP
        dials = len(it.dials)
        await asyncio.sleep(300)
        assert (len(it.dials), it.phase) == (dials, Phase.ASLEEP)


@pytest.mark.parametrize("hand", [TalkPressed(), Hushed(), EndRequested()])
async def test_offline_whoever_presses_silences_it(hand):
    async with ringing_in(5, reachable=False) as it:
        await asyncio.sleep(10)
        assert it.runtime.conversation.ringing
        it.wake.emit(hand)
        n_rings = len(rings(it))
        await asyncio.sleep(30)
        assert len(rings(it)) <= n_rings + 1
        assert (it.phase, unsettled(it)) == (Phase.ASLEEP, [])


@pytest.mark.needs("turns")
async def test_when_the_network_is_back_while_it_rings_the_agent_says_it():
    async with house(alarms=clock()) as it:
        it.reachable = False
        it.wake.emit(AlarmRang("timer-1", "say that it is over"))
        await asyncio.sleep(20)
        it.reachable = True
        it.wake.emit(NetworkBack())
        await it.settle(Phase.SPEAKING, within_s=5.0)
        assert not it.runtime.conversation.ringing
        n_rings = len(rings(it))
        await it.settle(Phase.ASLEEP, within_s=30)
        assert said(it) == ["say that it is over"]
        assert len(rings(it)) <= n_rings + 1  # that is its voice


@pytest.mark.needs("turns")
async def test_with_a_key_that_is_refused_it_rings():
    async with house(alarms=clock(), keys=["another"]) as it:
        it.wake.emit(AlarmRang("timer-1", "over"))
        await asyncio.sleep(10)
        assert it.runtime.conversation.refused
        assert it.runtime.conversation.ringing
        await asyncio.sleep(POLICY.ring_for_s)
        assert it.phase is Phase.ASLEEP


@pytest.mark.parametrize(
    "slow", [{"timing": {"ready_s": 12.0}}, {"timing": {"create_s": 7.0}}], ids=str
)
@pytest.mark.needs("turns")
async def test_while_the_agent_is_slow_it_rings_and_is_said_in_the_end(slow):
    async with house(alarms=clock(), **slow) as it:
        it.wake.emit(AlarmRang("timer-1", "say that it is over"))
        await asyncio.sleep(POLICY.alarm_wait_s - 0.5)
        assert not it.runtime.conversation.ringing
        await asyncio.sleep(2)
        assert it.runtime.conversation.ringing
        await asyncio.sleep(20)
        assert not it.runtime.conversation.ringing
        assert "say that it is over" in said(it)


@pytest.mark.about("workbuddy")
@pytest.mark.parametrize("begin", [house, awake])
@pytest.mark.parametrize("changed", [False, True])
async def test_an_agent_that_says_nothing_of_its_own_accord_is_left_alone(begin, changed):
    async with ringing_in(5, begin=begin) as it:
        if changed:
            settings = AgentSettings(url=STAND_INS["workbuddy"][2])
            it.runtime.adopt(it.runtime._components, POLICY, SoundSettings(), settings)
        dials, phase = len(it.dials), it.phase
        it.wake.emit(AlarmRang("timer-9", "over"))
        await asyncio.sleep(10)
        assert (it.phase, len(it.dials)) == (phase, dials)
        assert it.runtime.conversation.ringing
        it.wake.emit(TalkPressed())
        assert (it.phase, unsettled(it)) == (phase, [])


@pytest.mark.needs("resume")
async def test_a_link_lost_before_it_was_said_does_not_lose_it():
    async with awake(alarms=clock(), timing={"create_s": 2.0}) as it:
        it.wake.emit(AlarmRang("timer-1", "say that it is over"))
        await asyncio.sleep(1)
        it.session.drop()
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.LISTENING)
        assert said(it)[-1] == "say that it is over"
        assert it.runtime.conversation.alarms == ()


@pytest.mark.needs("turns")
async def test_a_conversation_ended_before_it_was_said_leaves_it_ringing_until_a_press():
    async with awake(alarms=clock()) as it:
        it.session.say(LONG)
        await it.settle(Phase.SPEAKING)
        it.wake.emit(AlarmRang("timer-1", "over"))
        it.wake.emit(EndRequested())
        await asyncio.sleep(10)
        assert (it.phase, it.runtime.conversation.ringing) == (Phase.ASLEEP, True)
        it.wake.emit(TalkPressed())
        await asyncio.sleep(1)
        assert (it.phase, it.runtime.conversation.ringing) == (Phase.ASLEEP, False)


@pytest.mark.needs("turns")
async def test_a_mute_and_other_announcements_do_not_hold_it_up():
    async with house(alarms=clock()) as it:
        it.wake.emit(MuteChanged(muted=True))
        it.wake.emit(AnnouncementRequested("dinner"))
        it.wake.emit(AlarmRang("timer-1", "over"))
        await asyncio.sleep(10)
        assert said(it) == ["over", "dinner"]
