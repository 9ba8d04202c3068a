"""Who speaks in a demo, and who watches."""

import asyncio

from tests.fakes import RecordingSpeaker, ScriptedTool
from voiced.agents.codec import Caption
from voiced.cli.demo.person import Keyboard, ScriptedPerson
from voiced.cli.demo.witness import Witness, WitnessedSpeaker, WitnessedTool
from voiced.core.actions import Status
from voiced.core.events import MuteChanged, StopRequested, TalkPressed, Woken

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
