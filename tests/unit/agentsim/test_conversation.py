import asyncio
import json

import pytest

from agentsim.timing import Timing
from agentsim.understanding import Scripted
from tests.unit.agentsim.paired import paired

TOOL = {"type": "function", "name": "get_time", "parameters": {"type": "object"}}
TIME = json.dumps({"time": "2026-01-02T10:05:00+01:00"})
TURN = [
    "input.speech.started",
    "transcript.user.delta",
    "input.speech.stopped",
    "transcript.user",
    "reply.started",
]


async def test_nothing_is_said_before_the_first_frame():
    async with paired(False) as client:
        await asyncio.sleep(60)
        assert client.events == []


async def test_live_mode_sends_updated_then_ready_both_with_the_whole_config():
    async with paired() as client:
        assert client.kinds() == ["session.updated", "session.ready"]
        assert client.time_of("session.ready") - client.time_of("session.updated") == pytest.approx(
            0.017
        )
        assert client.time_of("session.ready") == pytest.approx(0.45)
        for event in client.events:
            assert event["config"]["input"]["format"] == {
                "encoding": "audio/pcm",
                "sample_rate": 24000,
            }
        ready = client.last("session.ready")
        assert ready["session_id"]
        assert ready["resume_token"]
        assert isinstance(ready["expires_at"], int)
        assert isinstance(ready["timestamp"], float)


async def test_strict_mode_sends_ready_alone():
    async with paired(mode="strict") as client:
        assert client.kinds() == ["session.ready"]


async def test_a_greeting_is_spoken_unasked_in_ten_ms_chunks_after_silence():
    async with paired({"greeting": "Hello there."}) as client:
        await asyncio.sleep(3)
        assert client.kinds()[2:] == [
            "reply.started",
            "transcript.agent.delta",
            "transcript.agent",
            "reply.done",
        ]
        assert client.last("transcript.agent")["text"] == "Hello there."
        assert client.last("reply.done")["status"] == "completed"
        assert len(client.audio) == round((0.3 + 12 * 0.06) * 48_000)
        assert not any(client.audio[:14_400])
        assert any(client.audio[14_400:])
        sent = [
            at
            for at, each in zip(client.times, client.events, strict=True)
            if each["type"] == "reply.audio"
        ]
        assert sent[1] - sent[0] == pytest.approx(0.01)
        assert sent[-1] - sent[0] == pytest.approx(1.01)


async def test_what_the_user_says_makes_a_turn():
    async with paired(hears=["tell me a joke"]) as client:
        await client.speak(1.2)
        await client.speak(1, amplitude=0)
        await asyncio.sleep(10)
        kinds = client.kinds()[2:]
        assert kinds[0] == "input.speech.started"
        assert "transcript.user.delta" in kinds
        assert client.last("transcript.user")["text"] == "tell me a joke"
        assert kinds[-1] == "reply.done"
        assert 0.1 <= client.time_of("input.speech.started") - 1 <= 0.16
        assert 0.6 <= client.time_of("input.speech.stopped") - 2.2 <= 0.7


async def test_the_words_are_told_at_once_where_the_recogniser_was_too_late_for_a_part_of_them():
    class Late(Scripted):
        def partly(self, samples, turn):
            return None

    async with paired(understanding=Late(["tell me a joke"])) as client:
        await client.speak(1.2)
        await client.speak(1, amplitude=0)
        await asyncio.sleep(1)
        kinds = client.kinds()
        assert kinds.count("transcript.user.delta") == 1
        assert kinds.index("transcript.user.delta") < kinds.index("transcript.user")
        assert client.last("transcript.user.delta")["text"] == "tell me a joke"


async def test_words_not_understood_are_repeated_in_the_users_own_voice():
    async with paired() as client:
        await client.speak(1.0)
        await client.speak(1, amplitude=0)
        await asyncio.sleep(10)
        assert client.last("transcript.agent")["text"] == "You said:"
        spoken_s = len(client.audio) / 48_000
        assert spoken_s == pytest.approx(0.3 + 9 * 0.06 + 1.1, abs=0.2)


async def test_speech_over_a_reply_interrupts_it_with_the_triple():
    async with paired() as client:
        client.session.say("a " * 100)
        await asyncio.sleep(2)
        await client.speak(0.5)
        triple = client.kinds()[-3:]
        assert triple == ["input.speech.started", "transcript.agent", "reply.done"]
        assert client.time_of("reply.done") - client.time_of("input.speech.started") <= 0.002
        transcript = client.last("transcript.agent")
        assert transcript["interrupted"]
        assert 10 < len(transcript["text"]) < 60
        assert client.last("reply.done")["status"] == "interrupted"
        assert client.events[-1]["type"] == "reply.done"


async def test_a_short_sound_does_not_interrupt():
    async with paired() as client:
        client.session.say("a " * 50)
        await asyncio.sleep(2)
        await client.speak(0.16)
        await client.speak(5, amplitude=0)
        assert "input.speech.started" not in client.kinds()
        assert client.last("reply.done")["status"] == "completed"


@pytest.mark.parametrize(
    "detection",
    [{"interrupt_response": False}, {"uninterruptible_turns": ["greeting"]}],
)
async def test_a_reply_can_be_set_not_to_be_interrupted(detection):
    session = {"greeting": "a " * 50, "input": {"turn_detection": detection}}
    async with paired(session) as client:
        await asyncio.sleep(1)
        await client.speak(1)
        await client.speak(6, amplitude=0)
        assert next(each["status"] for each in client.find("reply.done")) == "completed"


async def test_going_on_before_the_reply_merges_both_utterances():
    async with paired(timing=Timing(think_s=1.0)) as client:
        await client.speak(1.0)
        await client.speak(0.8, amplitude=0)
        await client.speak(1.0)
        await client.speak(1.0, amplitude=0)
        await asyncio.sleep(10)
        assert len(client.find("reply.started")) == 1
        assert len(client.audio) / 48_000 > 0.3 + 9 * 0.06 + 2


async def test_a_tool_turn_waits_for_its_result_and_speaks_it():
    async with paired({"tools": [TOOL]}) as client:
        client.session.hear("what time is it")
        await asyncio.sleep(1)
        assert client.kinds()[2:] == [*TURN, "tool.call", "reply.done"]
        call = client.last("tool.call")
        assert (call["name"], call["arguments"]) == ("get_time", {})
        client.send("tool.result", call_id=call["call_id"], result=TIME)
        await asyncio.sleep(5)
        assert client.last("transcript.agent")["text"] == "It is ten oh five."


async def test_a_result_before_reply_done_is_taken_live_and_a_violation_in_strict_mode():
    for mode, violations in (("live", 0), ("strict", 1)):
        async with paired({"tools": [TOOL]}, mode=mode) as client:
            client.session.hear("what time is it")
            await asyncio.sleep(0.65)
            call = client.last("tool.call")
            assert client.kinds()[-1] == "tool.call"
            client.send("tool.result", call_id=call["call_id"], result=TIME)
            await asyncio.sleep(5)
            assert client.last("transcript.agent")["text"] == "It is ten oh five."
            assert client.service.violations == violations


async def test_several_calls_need_every_result():
    rule = {"do": [{"call": [{"name": "a"}, {"name": "b"}]}, {"say": "{a.x} and {b}"}]}
    async with paired(scenario={"turns": [rule]}) as client:
        client.session.hear("go")
        await asyncio.sleep(1)
        first, second = client.find("tool.call")
        client.send("tool.result", call_id=second["call_id"], result="2 apples")
        await asyncio.sleep(2)
        assert len(client.find("reply.started")) == 1
        client.send("tool.result", call_id=first["call_id"], result='{"x": 1}')
        await asyncio.sleep(5)
        assert client.last("transcript.agent")["text"] == "one and 2 apples"


async def test_a_tool_without_an_answer_times_out():
    async with paired({"tools": [TOOL | {"timeout_seconds": 3}]}) as client:
        client.session.hear("what time is it")
        await asyncio.sleep(10)
        assert client.last("transcript.agent")["text"] == "Sorry, I got no answer."


async def test_a_failed_tool_is_spoken_about():
    async with paired({"tools": [TOOL]}) as client:
        client.session.hear("what time is it")
        await asyncio.sleep(1)
        call_id = client.last("tool.call")["call_id"]
        client.send("tool.result", call_id=call_id, result="no clock", is_error=True)
        await asyncio.sleep(5)
        assert client.last("transcript.agent")["text"] == "Sorry, that did not work."


async def test_a_hold_tool_keeps_the_agent_silent_and_deaf_until_its_result():
    async with paired({"tools": [TOOL | {"execution_mode": "hold"}]}) as client:
        client.session.hear("what time is it")
        await asyncio.sleep(1)
        before = len(client.find("transcript.user"))
        await client.speak(1)
        await client.speak(2, amplitude=0)
        assert client.kinds()[-2:] == ["input.speech.started", "input.speech.stopped"]
        assert len(client.find("transcript.user")) == before
        client.send("tool.result", call_id=client.last("tool.call")["call_id"], result=TIME)
        await asyncio.sleep(5)
        assert client.last("transcript.agent")["text"] == "It is ten oh five."


async def test_an_interrupted_turn_wants_no_results():
    async with paired({"tools": [TOOL]}, timing=Timing(call_done_s=2), mode="strict") as client:
        client.session.hear("what time is it")
        await asyncio.sleep(1)
        client.session.interrupt()
        client.send("tool.result", call_id=client.last("tool.call")["call_id"], result=TIME)
        await asyncio.sleep(5)
        assert len(client.find("reply.started")) == 1
        assert client.service.events.find("violation", rule="result-of-no-call")


async def test_reply_create_speaks_after_180_ms_and_replaces_the_greeting():
    async with paired({"greeting": "a " * 50}) as client:
        await asyncio.sleep(1)
        client.send("reply.create", instructions='Say "good morning" now.')
        await asyncio.sleep(4)
        texts = [each["text"] for each in client.find("transcript.agent")]
        assert texts[-1] == "good morning"
        assert [each["status"] for each in client.find("reply.done")] == [
            "interrupted",
            "completed",
        ]
        assert client.time_of("reply.started", 1) == pytest.approx(2.18)


async def test_session_end_is_answered_and_closes_1000():
    async with paired() as client:
        await client.speak(0.5, amplitude=0)
        client.send("session.end")
        await client.finished.wait()
        ended = client.events[-1]
        assert ended["type"] == "session.ended"
        assert ended["audio_duration_seconds"] == 0.5
        assert client.connection.close_code == 1000


async def test_a_session_ends_by_itself_when_its_time_is_over():
    async with paired(timing=Timing(session_s=100)) as client:
        await asyncio.sleep(100)
        assert client.kinds()[-1] == "session.ended"
        assert client.connection.close_code == 1000


async def test_a_user_whose_sound_stops_coming_ends_the_turn():
    async with paired() as client:
        await client.speak(0.5)
        await asyncio.sleep(3)
        assert "input.speech.stopped" in client.kinds()


async def test_g711_goes_both_ways():
    session = {
        "input": {"format": {"encoding": "audio/pcma"}},
        "output": {"format": {"encoding": "audio/pcmu"}},
        "greeting": "Hi.",
    }
    async with paired(session, keep_heard=True) as client:
        await asyncio.sleep(2)
        assert client.audio[:2400] == b"\xff" * 2400
        assert len(client.audio) == round((0.3 + 3 * 0.06) * 8000)
        client.hear(b"\xd5" * 400)
        assert client.session.hearing.uplink.audio_s == 0.05
        assert bytes(client.session.hearing.uplink.heard) == b"\xd5" * 400


async def test_volume_is_mutable_and_changes_what_is_heard():
    peaks = []
    for volume in (100, 50):
        async with paired() as client:
            client.send("session.update", session={"output": {"volume": volume}})
            client.session.say("Hello.")
            await asyncio.sleep(2)
            samples = memoryview(client.audio).cast("h")
            peaks.append(max(samples))
    assert peaks[1] == pytest.approx(peaks[0] / 2, rel=0.01)
