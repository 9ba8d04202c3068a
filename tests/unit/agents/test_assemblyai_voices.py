"""A voice that the agent does not list is told of, whatever it answers (network.py)."""

import json

import pytest

from agentsim.assemblyai.service import Service
from agentsim.assemblyai.settings import Settings
from tests.unit.agents.assemblyai_link import KEY, URL, settings
from voiced.agents.assemblyai import AssemblyAi
from voiced.agents.codec import HttpAnswer
from voiced.agents.workbuddy import WorkBuddy
from voiced.doctor.network import Ways, check_voice
from voiced.errors import LinkError


def listing(*voices):
    return HttpAnswer(200, json.dumps({"voices": list(voices)}).encode())


async def told(answer, voice="eve", agent=AssemblyAi, **changes):
    """Return result and text of what is found; `answer` is given, raised or made of the call."""
    calls = []

    async def call_http(call):
        calls.append(call)
        if isinstance(answer, Exception):
            raise answer
        return answer(call) if callable(answer) else answer

    session = {"output": {"voice": voice}} if voice else {}
    ways = Ways(URL, None, None, None, call_http)
    found = [each async for each in check_voice(agent(settings(session, **changes)), ways)]
    assert KEY not in repr((found, calls))
    return [(each.check, each.result.value, each.text) for each in found]


HAS = [("voice", "ok", "the agent has eve")]
LACKS = [("voice", "warn", "the agent does not list eve")]
UNTOLD = [("voice", "skip", "the agent does not list its voices")]
FULL = HttpAnswer(200, b'{"voices": [' + b'"eve",' * 100_000 + b'"a"]}')


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (listing({"name": "alba"}, {"name": "eve"}), HAS),
        (listing("alba", "eve"), HAS),
        (listing({"id": "eve"}, 7, None, [], {"name": {}}), HAS),
        (listing({"name": "alba"}), LACKS),
        (listing({"name": "Eve"}, {"name": KEY}), LACKS),
        (listing(), UNTOLD),
        (listing({}, None, [["eve"]], {"name": 7}), UNTOLD),
        (HttpAnswer(200, b'{"voices": {"eve": 1}}'), UNTOLD),
        (HttpAnswer(200, b'["eve"]'), UNTOLD),
        (HttpAnswer(200, b""), UNTOLD),
        (HttpAnswer(200, b"\xff<html>"), UNTOLD),
        (HttpAnswer(200, b"[" * 100_000), UNTOLD),
        (HttpAnswer(404, b'{"voices": ["eve"]}'), UNTOLD),
        (HttpAnswer(500, KEY.encode()), UNTOLD),
        (FULL, UNTOLD),
        (LinkError(f"no answer {KEY}"), UNTOLD),
    ],
)
async def test_only_a_list_of_voices_tells_whether_the_voice_is_there(answer, finding):
    assert await told(answer) == finding


@pytest.mark.parametrize(("voice", "result"), [("eve", "ok"), ("ivy", "warn")])
async def test_the_stand_in_is_asked_with_the_key_on_the_same_host(voice, result):
    service = Service(Settings(keys=[KEY]))

    def answer(call):
        assert call.url == "https://agents.example.com/v1/voices"
        status, body = service.answer(call.method, call.url, call.headers)
        return HttpAnswer(status, json.dumps(body).encode())

    ((_, found, _),) = await told(answer, voice)
    service.close()
    assert found == result


@pytest.mark.parametrize(
    "changes", [{"voice": None}, {"key": None}, {"agent": WorkBuddy}, {"voice": ""}]
)
async def test_without_a_voice_a_key_or_a_list_nothing_is_asked(changes):
    assert await told(AssertionError(), **changes) == []


async def test_on_this_machine_it_is_asked_without_tls():
    asked = []
    await told(lambda call: asked.append(call.url) or listing(), url="ws://127.0.0.1:9/v1/ws")
    assert asked == ["http://127.0.0.1:9/v1/voices"]


async def test_a_voice_with_odd_characters_is_shown_on_one_line():
    ((_, _, text),) = await told(listing("alba"), "e\x1b[2J\n" + "x" * 300)
    assert text.isprintable()
    assert len(text) < 100
