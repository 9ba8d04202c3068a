"""A speaker that the microphone hears, as in a room: the guard, half duplex, earcons."""

import asyncio

import numpy as np
import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.understanding import Scripted
from tests.devices.test_conversation import (
    AUDIO,
    HUMAN,
    QUICK,
    best_correlation,
    loudness,
    spoken_by_a_human,
)
from tests.whole import converse, daemon, until
from voiced.config.schema import AudioSection, SoundsSection
from voiced.core.earcons import Earcon
from voiced.core.events import EndRequested
from voiced.devices.sound.cue_files import CueFiles

pytestmark = pytest.mark.real_time

OWN_WORDS = "this is what I say and what I hear of myself"
REPLIES = 20
WAKES = 50


def echoing(echo):
    return AudioSection(capture=AUDIO.capture, playback=AUDIO.playback, echo=echo)


class EchoEar(Scripted):
    """Understands what the agent itself has just said, as a recogniser would in a room with an echo."""

    said = staticmethod(list)

    def understand(self, samples, turn):
        return self.said()[-1]


class DeafEar(Scripted):
    """Understands nothing, and says so with an empty text."""

    def understand(self, samples, turn):
        return ""


def interruptions(server):
    done = server.service.events.find("sent", type="reply.done")
    return len([each for each in done if each.get("status") == "interrupted"])


@pytest.mark.parametrize("ear", [EchoEar, DeafEar])
async def test_an_agent_that_hears_itself_falls_back_within_three_replies(
    rig, measured, caplog, ear
):
    settings = Settings(timing=QUICK, understanding=ear())
    with rig.echo():
        async with (
            serve_assemblyai(settings) as server,
            daemon(server.url, audio=echoing("hardware")) as it,
        ):
            settings.understanding.said = lambda: it.captions.final("agent")
            await converse(it)
            session = server.service.sessions[0]
            session.say(OWN_WORDS)
            while not it.runtime.conversation.half_duplex:  # every echo is answered
                await asyncio.sleep(0.05)
                if it.led.shown[-1] == "listening":
                    session.say(OWN_WORDS)
                assert it.led.shown.count("speaking") <= 5
                await asyncio.sleep(0.2)
            replies = it.led.shown.count("speaking")
            before = interruptions(server)
            for _ in range(3):
                await until(lambda: it.led.shown[-1] == "listening", 20)
                session.say(OWN_WORDS)
                await until(lambda: it.led.shown[-1] == "speaking")
                await until(lambda: it.led.shown[-1] != "speaking", 20)
            after = interruptions(server)
    measured(f"echo at 0 dB, {ear.__name__}: half duplex after {replies} replies")
    assert caplog.text.count("keeps interrupting itself") == 1
    assert before == 3
    assert replies <= 3 + 1  # the fourth begins in the moment in which the third is judged
    assert after == before


@pytest.mark.long
async def test_half_duplex_never_interrupts_itself(rig):
    with rig.echo():
        async with (
            serve_assemblyai(Settings(timing=QUICK)) as server,
            daemon(server.url, audio=echoing("half_duplex")) as it,
        ):
            await converse(it)
            session = server.service.sessions[0]
            for n in range(REPLIES):
                session.say(f"this is reply number {n} and nobody interrupts it")
                await until(lambda: it.led.shown[-1] == "speaking")
                await until(lambda: it.led.shown[-1] != "speaking", 20)
                await asyncio.sleep(0.6)
                assert it.led.shown[-1] == "listening"
            assert "hearing" not in it.led.shown
            done = server.service.events.find("sent", type="reply.done")
            assert len(done) == REPLIES
            assert not [each for each in done if each.get("status") == "interrupted"]


@pytest.mark.long
async def test_words_spoken_right_at_the_wake_arrive_whole_and_the_earcon_does_not(rig, measured):
    settings = Settings(timing=QUICK, keep_heard=True, listening=False)
    likeness, earcon_share = [], []
    spoken = spoken_by_a_human()
    wake = np.frombuffer(CueFiles(earcons=True, prompts=False)(Earcon.WAKE, None, 24_000), "<i2")
    async with (
        serve_assemblyai(settings) as server,
        daemon(server.url, audio=AUDIO, sounds=SoundsSection()) as it,
    ):
        for n in range(WAKES):
            with rig.record_speaker() as recording:
                feeding = rig.feed(HUMAN)
                await converse(it)
                await asyncio.to_thread(feeding.wait)
                await asyncio.sleep(0.25)
            uplink = server.service.sessions[n].hearing.uplink
            heard = np.frombuffer(bytes(uplink.heard), "<i2")
            likeness.append(best_correlation(heard, spoken))
            earcon_share.append(abs(best_correlation(heard[: len(spoken) // 3], wake)))
            assert loudness(recording.between(0, 1e12)) > 100
            it.wake.emit(EndRequested())
            await until(lambda: it.led.shown[-1] == "asleep")
            await asyncio.sleep(0.15)
    measured(
        f"speech right at the wake, {WAKES} times: correlation with what was spoken at least "
        f"{min(likeness):.3f}, with the earcon at most {max(earcon_share):.3f}"
    )
    assert min(likeness) > 0.95
    assert max(earcon_share) < 0.35
