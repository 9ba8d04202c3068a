"""Who speaks in a demo, and who watches."""

import asyncio
from argparse import ArgumentTypeError

import pytest

from agentsim.intents import intent_of
from tests.fakes import RecordingSpeaker, ScriptedTool
from voiced.agents.codec import Caption
from voiced.cli.demo import asked
from voiced.cli.demo.person import Keyboard, ScriptedPerson
from voiced.cli.demo.session import SENTENCES, WORDS
from voiced.cli.demo.witness import LOCAL_RINGS, Witness, WitnessedSpeaker, WitnessedTool
from voiced.core.actions import Status
from voiced.core.events import AlarmRang, MuteChanged, StopRequested, TalkPressed, Woken
from voiced.core.pcm import PcmFormat

TONE = b"\xff\x1f" * 480


async def stopped(events):
    while StopRequested() not in events:
        await asyncio.sleep(0.1)


async def test_the_script_greets_asks_says_goodbye_and_stops():
    said, events, witness = [], [], Witness()
    person = ScriptedPerson(said.append, witness, limit_s=60)
    watching = asyncio.create_task(person.watch(events.append))
    for reply in ("Hello", "It is noon", "Goodbye"):
        await asyncio.sleep(1)
        person.show(Status.SPEAKING)
        witness.caption(Caption("agent", reply, final=True))
        await asyncio.sleep(2)
        person.show(Status.LISTENING)
    await asyncio.wait_for(stopped(events), 30)
    watching.cancel()
    assert events[0] == Woken("demo")
    assert said == ["time", "goodbye"]


async def test_an_agent_that_never_answers_does_not_keep_the_script_waiting():
    events = []
    person = ScriptedPerson(lambda _: None, Witness(), limit_s=20)
    watching = asyncio.create_task(person.watch(events.append))
    person.show(Status.LISTENING)
    await asyncio.wait_for(stopped(events), 21)
    watching.cancel()


def over(witness):
    witness.noticed(None, AlarmRang("1", "A timer is over."), None, 0.0)


async def scripted(witness, asks, said, events):
    """Play the script with an agent that answers each sentence at once."""
    person = ScriptedPerson(said.append, witness, 60, asks, leave=lambda: said.append("left"))
    watching = asyncio.create_task(person.watch(events.append))
    person.show(Status.LISTENING)
    for sentence in asks:
        while sentence != "offline" and sentence not in said:
            await asyncio.sleep(0.1)
        witness.caption(Caption("agent", "Yes.", final=True))
    await asyncio.sleep(2)
    return person, watching


async def test_who_has_set_a_timer_waits_until_it_was_announced():
    said, events, witness = [], [], Witness()
    person, watching = await scripted(witness, ("timer", "goodbye"), said, events)
    assert said == ["timer", "goodbye"]
    over(witness)
    await asyncio.sleep(20)
    assert StopRequested() not in events
    for status in (Status.SPEAKING, Status.LISTENING):
        person.show(status)
        witness.show(status)
        sound(witness, bytes(len(TONE)) if status is Status.LISTENING else TONE, 60)
        await asyncio.sleep(1)
    await asyncio.wait_for(stopped(events), 5)
    watching.cancel()
    assert (witness.announced, witness.rings) == (True, 0)


async def test_where_there_is_no_agent_the_timer_has_to_go_on_ringing():
    said, events, witness = [], [], Witness()
    _, watching = await scripted(witness, ("timer", "offline"), said, events)
    assert said == ["timer", "left"]
    sound(witness, TONE, 10)  # it is not over yet, so this is no ring
    assert witness.rings == 0
    over(witness)
    for n_rings in range(1, LOCAL_RINGS + 1):
        await asyncio.sleep(2)
        assert StopRequested() not in events
        sound(witness, bytes(len(TONE)), 60)
        sound(witness, TONE, 10)
        assert witness.rings == n_rings
    await asyncio.wait_for(stopped(events), 5)
    watching.cancel()
    assert (witness.announced, witness.rang_locally) == (False, True)


async def test_the_agent_leaves_only_when_the_conversation_is_over():
    said, events, witness = [], [], Witness()
    person, watching = await scripted(witness, ("timer", "goodbye", "offline"), said, events)
    assert said == ["timer", "goodbye"]
    person.show(Status.ASLEEP)
    await asyncio.sleep(0.1)
    assert said == ["timer", "goodbye", "left"]
    watching.cancel()


def sound(witness, pcm, n_periods):
    for _ in range(n_periods):
        witness.sounded(pcm, PcmFormat(24_000))


@pytest.mark.parametrize("text", ["", "tme", "time,", "time,noon"])
def test_a_sentence_that_nobody_recorded_is_refused_with_those_there_are(text):
    with pytest.raises(
        ArgumentTypeError, match=r"is unknown; use time, volume,.* goodbye or offline"
    ):
        asked(text)


def test_sentences_to_ask_are_named_in_a_row():
    assert asked("timer, goodbye,offline") == ("timer", "goodbye", "offline")


def test_every_sentence_of_the_demo_is_recorded_and_understood():
    assert {path.stem for path in WORDS.glob("*.wav")} == set(SENTENCES)
    assert {intent_of(sentence).name for sentence in SENTENCES.values()} == set(SENTENCES)


async def test_a_refusal_ends_the_script_at_once():
    events = []
    person = ScriptedPerson(lambda _: None, Witness(), limit_s=60)
    watching = asyncio.create_task(person.watch(events.append))
    person.show(Status.REJECTED)
    await asyncio.wait_for(stopped(events), 1)
    watching.cancel()


async def test_with_a_real_microphone_the_script_waits_for_one_full_turn():
    events, witness = [], Witness()
    person = ScriptedPerson(None, witness, limit_s=60)
    watching = asyncio.create_task(person.watch(events.append))
    person.show(Status.LISTENING)
    await asyncio.sleep(20)
    assert StopRequested() not in events
    witness.caption(Caption("user", "hello", final=True))
    witness.caption(Caption("agent", "hello", final=True))
    witness.answer_s = 1.0
    await asyncio.wait_for(stopped(events), 5)
    watching.cancel()


def test_keys_do_what_the_hint_says():
    said, events = [], []
    keyboard = Keyboard(said.append, {"time": "What time is it?", "joke": "Tell me a joke."})
    for key in " mm2q9x":
        keyboard.press(key, events.append)
    assert events == [TalkPressed(), MuteChanged(True), MuteChanged(False), StopRequested()]
    assert said == ["joke"]


def test_digits_do_nothing_where_a_person_speaks():
    Keyboard(None, {"time": "What time is it?"}).press("1", [].append)


async def test_the_witness_counts_only_what_could_be_heard_after_a_question():
    witness, speaker = Witness(), RecordingSpeaker()
    sounds = [TONE, TONE, bytes(len(TONE))]

    class Source:
        def pull(self, n_bytes):
            return (sounds.pop(0) if sounds else b"").ljust(n_bytes, b"\0")[:n_bytes]

        def played(self, n_frames):
            witness.caption(Caption("user", "hm", final=True))
            if n_frames == 960 * 3:
                sounds.append(TONE)

    async with WitnessedSpeaker(speaker, witness).open() as playback:
        playing = asyncio.create_task(playback.run(Source()))
        await asyncio.sleep(0.5)
        playing.cancel()
        playback.drop()
    assert speaker.drops == 1
    assert round(witness.audible_s, 2) == 0.06
    assert round(witness.answer_s, 2) == 0.02
    assert not witness.full_turn


async def test_a_witnessed_tool_is_the_tool():
    witness, tool = Witness(), ScriptedTool("get_time", answer=7)
    witnessed = WitnessedTool(tool, witness)
    assert witnessed.spec is tool.spec
    assert await witnessed.call({"a": 1}, None) == 7
    assert (witness.tools_called, tool.calls) == (["get_time"], [{"a": 1}])
