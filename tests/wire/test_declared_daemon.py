"""Declared tools in a whole daemon: asked for by voice, answered, interrupted, and never in the log."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from aiohttp import web

from agentsim.scenario import Phrases, Rule, Scenario
from agentsim.steps import Call, Say, ToolOrder
from tests.fakes import RecordingCaptions
from tests.flows.house import tone
from tests.tool_turns import results
from tests.whole import until
from tests.wire.afar import QUICK, kiosk
from tests.wire.mcp_house import is_alive

pytestmark = pytest.mark.real_time

KEY, PLACE, ANSWER = "sekrit-key-1", "sekrit-place-2", "sekrit-answer-3"
PROGRAM = """
import os, sys, time
from pathlib import Path

parent = os.getpid()
if os.fork() == 0:
    os.setsid()
    Path(sys.argv[1]).write_text(f"{parent} {os.getpid()}")
    time.sleep(600)
time.sleep(float(sys.argv[2]))
print('{"said": "' + sys.argv[3] + '"}')
"""
DECLARED = """\
http_tools:
  look_up:
    description: Look up the weather.
    url: "http://127.0.0.1:{port}/weather/{{{{place}}}}"
    headers: {{{{Authorization: {{{{prefix: "Bearer ", file: "{folder}/token"}}}}}}}}
    parameters: {{{{properties: {{{{place: {{{{type: string}}}}}}}}, required: [place]}}}}
    response: /weather
command_tools:
  play:
    description: Play something.
    argv: ["{python}", "-IS", "{folder}/program.py", "{folder}/pids", "{{{{seconds}}}}", "{{{{title}}}}"]
    parameters:
      properties: {{{{seconds: {{{{type: number}}}}, title: {{{{type: string}}}}}}}}
      required: [seconds, title]
    timeout_s: 20
"""


def does(number, name, arguments, then):
    return Rule((Call((ToolOrder(name, arguments),)), Say(then)), turn=number)


STORY = Scenario(
    rules=(
        does(1, "look_up", {"place": PLACE}, "It is {look_up.result}."),
        does(2, "play", {"seconds": 0, "title": PLACE}, "I played {play.said}."),
    ),
    phrases=Phrases(error="No.", timeout="Late."),
)


@asynccontextmanager
async def weather_service():
    """A service that notes what it is asked, and answers unless `let_go` is cleared."""
    it = SimpleNamespace(asked=[], let_go=asyncio.Event())
    it.let_go.set()

    async def answer(request):
        it.asked.append((request.path, request.headers.get("Authorization")))
        await it.let_go.wait()
        return web.json_response({"weather": ANSWER})

    application = web.Application()
    application.router.add_get("/{rest:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    it.port = runner.addresses[0][1]
    try:
        yield it
    finally:
        await runner.cleanup()


@asynccontextmanager
async def at_home(folder, caplog, scenario, **options):
    """A daemon whose settings declare both kinds, in a conversation with a strict stand-in."""
    caplog.set_level("DEBUG", "voiced")
    (folder / "token").write_text(KEY)
    (folder / "token").chmod(0o600)
    (folder / "program.py").write_text(PROGRAM)
    async with weather_service() as service:
        declared = DECLARED.format(port=service.port, folder=folder, python=sys.executable)
        async with kiosk(folder, declared, mode="strict", scenario=scenario, **options) as it:
            it.captions, it.weather = RecordingCaptions(), service
            it.extras["captions"] = [it.captions]
            async with it.running():
                await it.converse()
                it.service, it.session = it.agent.service, it.agent.service.sessions[-1]
                yield it
            assert it.service.violations == 0
            assert it.service.sessions == [it.session]
    assert "Traceback" not in caplog.text
    assert [secret for secret in (KEY, PLACE, ANSWER) if secret in caplog.text] == []
    assert [secret for secret in (KEY,) if secret in json.dumps([*it.service.events])] == []


async def ask(it):
    """Say something, and wait until it has been heard."""
    n_said = len(it.service.events.find("sent", type="input.speech.stopped"))
    it.microphone.say(tone(700))
    await until(lambda: len(it.service.events.find("sent", type="input.speech.stopped")) > n_said)


async def heard(it, text):
    await until(lambda: it.captions.final("agent")[-1:] == [text])
    await until(lambda: it.status == "listening")


async def test_what_declared_tools_answer_is_said(tmp_path, caplog):
    async with at_home(tmp_path, caplog, STORY) as it:
        await ask(it)
        await heard(it, f"It is {ANSWER}.")
        assert it.weather.asked == [(f"/weather/{PLACE}", f"Bearer {KEY}")]
        await ask(it)
        await heard(it, f"I played {PLACE}.")
        assert len(results(it)) == 2


async def test_an_interruption_ends_program_and_request_and_says_that_they_may_have_acted(
    tmp_path, caplog
):
    both = (
        ToolOrder("play", {"seconds": 600, "title": PLACE}),
        ToolOrder("look_up", {"place": PLACE}),
    )
    rules = (Rule((Call(both), Say("Never said.")), turn=1), Rule((Say("Still here."),), turn=2))
    # A reply that is done cannot be interrupted, and to start programs takes a busy machine its time.
    long_reply = replace(QUICK, call_done_s=30)
    async with at_home(tmp_path, caplog, Scenario(rules=rules), timing=long_reply) as it:
        it.weather.let_go.clear()
        await ask(it)
        pids = tmp_path / "pids"
        await until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        await until(lambda: it.weather.asked)
        running = [int(pid) for pid in pids.read_text().split()]
        assert all(map(is_alive, running))
        it.session.interrupt()
        await until(lambda: not any(map(is_alive, running)), within_s=2)
        it.session.send("input.speech.stopped")
        await ask(it)
        await heard(it, "Still here.")
        assert results(it) == []
        assert "Never said." not in it.captions.final("agent")
    for name in ("play", "look_up"):
        line = f"the tool {name} may have acted, but its turn was interrupted"
        assert caplog.messages.count(line) == 1
