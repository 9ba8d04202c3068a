"""Which reply is heard, and when, in a whole daemon."""

import asyncio
import base64

import pytest

from tests.flows.house import awake, tone
from voiced.core.events import AnnouncementRequested, TalkPressed
from voiced.core.state import Phase

pytestmark = pytest.mark.about("assemblyai")


async def test_what_is_asked_for_after_a_silenced_answer_is_heard():
    async with awake() as it:
        it.microphone.say(tone(1500))
        await it.settle(Phase.THINKING)
        it.wake.emit(TalkPressed())
        await asyncio.sleep(20)
        assert it.phase is Phase.LISTENING
        for number in (1, 2):
            before = it.speaker.sounding_ms
            it.wake.emit(AnnouncementRequested("Say: dinner is ready"))
            await asyncio.sleep(8)
            assert len(it.sent("reply.create")) == number
            assert it.speaker.sounding_ms > before


@pytest.mark.parametrize("think_s", [3.0, 8.0, 12.0, 20.0])
async def test_a_silenced_answer_is_not_heard_however_late_it_comes(think_s):
    async with awake(timing={"think_s": think_s}) as it:
        it.microphone.say(tone(1500))
        await it.settle(Phase.THINKING)
        it.wake.emit(TalkPressed())
        await asyncio.sleep(think_s + 6)
        assert it.phase is Phase.LISTENING
        assert it.speaker.sounding_ms == 0


@pytest.mark.parametrize("dropped", [False, True])
async def test_the_answer_to_a_new_turn_does_not_wait_for_the_rest_of_an_old_reply(dropped):
    async with awake(faults=["burst=20", "early-done"]) as it:
        it.session.say("a long story that goes on and on " * 12)
        await it.settle(Phase.SPEAKING)
        await asyncio.sleep(3)
        old = it.runtime.conversation.reply_id
        if dropped:
            it.session.drop()
            await it.settle(Phase.CONNECTING)
            await it.settle(Phase.LISTENING)
            assert it.runtime.conversation.cut_reply == old
        it.microphone.say(tone(700))
        async with asyncio.timeout(10):
            while it.runtime.conversation.reply_id in (old, None):
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.6)
        assert it.runtime.playout.heard_ms(it.runtime.conversation.reply_id) > 0


async def test_two_replies_of_one_turn_are_both_heard_whole():
    async with awake(faults=["burst=20", "early-done"]) as it:
        for words in ("one moment please", "here is the answer"):
            it.session.say(words)
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.LISTENING)
        assert it.speaker.sounding_ms == pytest.approx(60 * 35, rel=0.1)


@pytest.mark.parametrize("n_pieces", [101, 102, 103])
async def test_the_last_of_what_came_is_heard_although_its_end_is_late(n_pieces):
    async with awake() as it:
        data = base64.b64encode(tone(10, 24_000)).decode()
        it.session.send("reply.started", reply_id="r1")
        for _ in range(n_pieces):
            it.session.send("reply.audio", reply_id="r1", data=data)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.6)
        assert it.speaker.sounding_ms == pytest.approx(10 * n_pieces, abs=2)
        it.session.send("reply.done", reply_id="r1", status="completed")
        await it.settle(Phase.LISTENING)
        assert it.speaker.sounding_ms == pytest.approx(10 * n_pieces, abs=2)
