"""Conversations at their edges: who was first, what is left over, what waits."""

import asyncio
import logging

import pytest

from tests.fakes import ScriptedTool
from tests.flows.house import awake, house, tone
from voiced.core.events import MuteChanged, TalkPressed, Woken
from voiced.core.pcm import PcmFormat
from voiced.core.state import Phase


async def test_who_changes_their_mind_at_once_is_not_connected():
    async with house() as it:
        it.wake.emit(TalkPressed())
        it.wake.emit(TalkPressed())
        await asyncio.sleep(2)
        assert not it.dials


async def test_a_session_that_parts_badly_does_not_disturb_the_next():
    async with awake(faults=["ignore-end"]) as it:
        it.wake.emit(TalkPressed())
        it.wake.emit(TalkPressed())
        await it.settle(Phase.LISTENING)
        await asyncio.sleep(10)
        assert it.phase is Phase.LISTENING
        assert len(it.dials) == 2


@pytest.mark.needs("burst")
async def test_what_was_said_while_connecting_leaves_at_no_more_than_twice_its_pace():
    async with house(timing={"ready_s": 3.0}, listening=False) as it:
        it.wake.emit(Woken("test"))
        await it.settle(Phase.LISTENING)
        await asyncio.sleep(1.0)
        assert 1.5 < it.session.hearing.uplink.audio_s < 2.3
        await asyncio.sleep(5.0)
        assert it.runtime.uplink.queued_ms < 100


async def test_muting_while_connecting_takes_back_what_was_said():
    async with house(timing={"ready_s": 2.0}, listening=False) as it:
        it.wake.emit(Woken("test"))
        it.microphone.say(tone(1_000))
        await asyncio.sleep(1.2)
        it.wake.emit(MuteChanged(muted=True))
        it.wake.emit(MuteChanged(muted=False))
        await asyncio.sleep(4)
        assert len(it.heard())
        assert not it.heard().any()


async def test_a_microphone_that_comes_back_with_another_rate_is_heard_right():
    async with awake(listening=False) as it:
        it.microphone.unplug()
        await asyncio.sleep(0.1)
        it.microphone.format = PcmFormat(48_000)
        it.microphone.plug()
        await asyncio.sleep(3)
        before = it.session.hearing.uplink.audio_s
        await asyncio.sleep(2)
        assert it.session.hearing.uplink.audio_s - before == pytest.approx(2.0, abs=0.05)


async def test_a_microphone_that_stays_away_is_mourned_once(caplog):
    async with house() as it:
        it.microphone.unplug()
        await asyncio.sleep(30)
        lines = [line for line in caplog.records if "no microphone" in line.getMessage()]
        assert [line.levelno for line in lines if line.levelno >= logging.WARNING] == [
            logging.WARNING
        ]


async def test_the_last_odd_piece_of_a_reply_is_heard_too():
    async with awake(faults=["chunk-bytes=700"], speaker_hz=24_000) as it:
        it.session.say("abc")  # 180 ms: twelve pieces and a third
        await asyncio.sleep(2)
        assert it.speaker.sounding_ms == pytest.approx(180, abs=3)


async def test_a_send_that_fails_says_why_the_link_was_lost(caplog):
    async with awake() as it:
        it.session.freeze()
        await it.settle(Phase.CONNECTING)
        assert "link lost: the connection is gone" in caplog.messages


@pytest.mark.needs("tools")
async def test_a_result_whose_turn_the_user_talked_over_is_sent_in_the_end():
    slow = ScriptedTool("slow", {"ok": True}, delay_s=2.0)
    async with awake(tools=[slow], faults=["silent-agent"]) as it:
        it.session.call("slow")
        await asyncio.sleep(1.0)
        it.session.send("input.speech.started")
        await asyncio.sleep(2.0)
        assert slow.finished == 1
        assert not it.sent("tool.result")
        it.session.send("input.speech.stopped")
        await asyncio.sleep(2.0)
        assert len(it.sent("tool.result")) == 1


async def test_reply_names_of_an_earlier_link_are_taken_again():
    async with awake(faults=["no-reply-id", "resume=session_not_found"]) as it:
        it.session.say("a long reply " * 5)
        await it.settle(Phase.SPEAKING)
        it.wake.emit(TalkPressed())
        it.session.drop()
        await it.settle(Phase.CONNECTING)
        await it.settle(Phase.LISTENING)
        before = it.speaker.sounding_ms
        it.session.say("again")
        await asyncio.sleep(2)
        assert it.speaker.sounding_ms - before == pytest.approx(300, rel=0.1)
