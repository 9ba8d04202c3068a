import asyncio
import json

import pytest

from agentsim.scenario import load
from agentsim.timing import Timing
from tests.unit.agentsim.paired import paired


async def test_steps_are_done_in_their_order():
    steps = ["repeat", {"say": "One."}, {"pause": 1.5}, {"say": "Two."}, "end"]
    async with paired(scenario={"turns": [{"do": steps}]}) as client:
        client.session.hear("go")
        await client.finished.wait()
        assert client.last("transcript.agent")["text"] == "One. Two."
        assert len(client.audio) / 48_000 == pytest.approx(0.3 + 1.5 + 8 * 0.06)
        assert client.kinds()[-2:] == ["reply.done", "session.ended"]
        assert client.connection.close_code == 1000


async def test_a_fault_in_an_answer_happens_in_that_answer():
    rule = {"when": {"turn": 2}, "do": [{"fault": "drop@reply+500"}, {"say": "a " * 50}]}
    async with paired(scenario={"turns": [rule]}) as client:
        client.session.hear("go")
        await asyncio.sleep(5)
        assert not client.connection.closed
        client.session.hear("go")
        await client.finished.wait()
        assert client.connection.close_code is None
        assert client.times[-1] - client.time_of("reply.started", 1) == pytest.approx(
            0.5, abs=0.011
        )


async def test_a_scenario_brings_its_greeting_its_timing_its_faults_and_its_script():
    scenario = {
        "greeting": "Hi.",
        "timing": {"ready_s": 0.1, "greeting_s": 0},
        "faults": ["burst=2"],
        "hears": ["tell me a joke"],
        "phrases": {"repeat": "Again:"},
    }
    async with paired(scenario=scenario) as client:
        assert client.time_of("session.ready") == pytest.approx(0.1)
        assert client.last("transcript.agent")["text"] == "Hi."
        assert "burst" in client.service.settings.faults
        for text in ("tell me a joke", "(1.0 s of speech)"):
            await client.speak(0.7)
            await client.speak(10, amplitude=0)
            assert client.last("transcript.user")["text"] == text
        assert client.last("transcript.agent")["text"] == "Again:"


@pytest.mark.parametrize("name", ["demo", "scripted", "tools", "rough"])
async def test_every_shipped_scenario_gives_an_answer(name):
    from agentsim.assemblyai.service import Service
    from agentsim.assemblyai.settings import Settings

    service = Service(Settings.of(load(name)))
    connection = service.connect()
    connection.receive(json.dumps({"type": "session.update", "session": {}}))
    await asyncio.sleep(10)
    service.sessions[0].hear("tell me a joke")
    await asyncio.sleep(20)
    assert service.events.find("sent", type="reply.started")
    service.close()


async def test_an_agent_can_be_silent():
    async with paired(faults=["silent-agent"]) as client:
        client.session.hear("tell me a joke")
        await asyncio.sleep(10)
        assert client.kinds()[-1] == "transcript.user"


async def test_speech_can_be_announced_on_mere_noise_without_interrupting():
    async with paired(faults=["speech-on-noise"]) as client:
        client.session.say("a " * 20)
        await asyncio.sleep(1)
        await client.speak(0.16)
        await asyncio.sleep(5)
        assert "input.speech.started" in client.kinds()
        assert client.last("reply.done")["status"] == "completed"


async def test_reply_done_can_come_as_soon_as_a_burst_is_sent():
    async with paired(faults=["burst=4", "early-done"]) as client:
        client.session.say("a" * 20)
        await asyncio.sleep(3)
        took_s = client.time_of("reply.done") - client.time_of("reply.started")
        assert took_s == pytest.approx(1.5 / 4, abs=0.02)


async def test_a_result_that_comes_while_the_user_speaks_is_spoken_about_afterwards():
    rule = {"when": {"turn": 1}, "do": [{"call": {"name": "look"}}, {"say": "Found {look}."}]}
    async with paired(scenario={"turns": [rule]}) as client:
        client.session.hear("go")
        await asyncio.sleep(1)
        call_id = client.last("tool.call")["call_id"]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.speak(1.5))
            await asyncio.sleep(0.5)
            client.send("tool.result", call_id=call_id, result="it")
        assert len(client.find("reply.started")) == 1
        await client.speak(10, amplitude=0)
        texts = [each["text"] for each in client.find("transcript.agent")]
        assert texts == ["Found it.", "You said:"]


async def test_an_http_tool_of_a_stored_agent_is_answered_by_the_service_itself():
    tool = {"type": "function", "name": "weather", "http": {"url": "https://x"}}
    rule = {"do": [{"call": {"name": "weather"}}, {"say": "It is {weather}."}]}
    scenario = {"agents": {"agent_1": {"tools": [tool]}}, "turns": [rule]}
    async with paired({"agent_id": "agent_1"}, scenario=scenario) as client:
        client.session.hear("go")
        await asyncio.sleep(5)
        assert client.last("tool.call")["name"] == "weather"
        assert client.last("transcript.agent")["text"] == "It is done."


async def test_the_user_may_speak_before_the_greeting_begins():
    async with paired({"greeting": "Hi."}, timing=Timing(greeting_s=2)) as client:
        await client.speak(1)
        await client.speak(10, amplitude=0)
        texts = [each["text"] for each in client.find("transcript.agent")]
        assert texts == ["Hi.", "You said:"]


async def test_events_keep_their_order_and_hold_no_words(tmp_path):
    async with paired(hears=["tell me a joke"]) as client:
        await client.speak(1)
        await client.speak(2, amplitude=0)
        await asyncio.sleep(8)
        client.send("session.end")
        entries = list(client.service.events)
        assert [each["t"] for each in entries] == sorted(each["t"] for each in entries)
        assert client.service.events.find("turn")[0]["intent"] == "joke"
        assert [each["audio_s"] for each in client.service.events.find("heard")] == [1, 2, 3]
        assert "joke" not in json.dumps([each for each in entries if each["event"] != "turn"])
