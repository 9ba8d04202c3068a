"""WorkBuddy over real sockets: the calls, the frames and their pace, and an unruly client."""

import asyncio
import contextlib
import json

import aiohttp
import numpy as np
import pytest

from agentsim.faults import Faults
from agentsim.timing import Timing
from agentsim.workbuddy.server import serve_workbuddy
from agentsim.workbuddy.settings import Settings
from tests.fakes import RecordingSpeaker, ScriptedMicrophone
from tests.flows.house import tone
from tests.whole import converse, daemon, until
from voiced.config.schema import NetworkSection
from voiced.core.state import Phase, Policy

pytestmark = pytest.mark.real_time

QUICK = Timing(ready_s=0.05, greeting_s=0.05, think_s=0.05, leading_silence_s=0.0)


def stand_in(*faults, **options):
    return Settings(timing=QUICK, faults=Faults(faults), keep_heard=True, **options)


@contextlib.asynccontextmanager
async def client(server):
    async with aiohttp.ClientSession() as session:
        yield session


async def call(session, server, name, key="k", method="POST"):
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{server.url}/api/v1/sdk/{name}"
    async with session.request(method, url, headers=headers, json={}) as answer:
        return answer.status, await answer.json()


async def ending(socket):
    """Return the text messages until the close, and its code."""
    messages = [message async for message in socket]
    texts = [each.data for each in messages if each.type is aiohttp.WSMsgType.TEXT]
    return [json.loads(text) for text in texts], socket.close_code


async def test_a_turn_over_real_sockets():
    microphone, speaker = ScriptedMicrophone(), RecordingSpeaker()
    async with (
        serve_workbuddy(stand_in(greeting="Hello there.")) as server,
        daemon(server.url, protocol="workbuddy", microphone=microphone, speaker=speaker) as it,
    ):
        await converse(it)
        await until(lambda: "speaking" in it.led.shown)
        await until(lambda: it.led.shown[-1] == "listening")
        before_ms = speaker.sounding_ms
        microphone.say(tone(600))
        await until(lambda: speaker.sounding_ms > before_ms + 300)
    (session,) = server.service.sessions
    assert session.ended == "gone"
    assert server.service.connections[0].close_code is None
    (gone,) = server.service.events.find("client_gone")
    assert gone["code"] == 1000
    assert server.service.violations == 0


async def test_the_whole_of_it_over_tls(authority, serving):
    async with (
        serve_workbuddy(stand_in(), tls=serving) as server,
        daemon(
            server.url,
            protocol="workbuddy",
            microphone=ScriptedMicrophone(),
            speaker=RecordingSpeaker(),
            network=NetworkSection(ca_file=authority.ca_file),
        ) as it,
    ):
        assert server.url.startswith("https://")
        await converse(it)


async def test_a_dropped_connection_becomes_a_new_conversation_and_says_so(caplog):
    caplog.set_level("INFO", "voiced")
    async with (
        serve_workbuddy(stand_in()) as server,
        daemon(
            server.url,
            protocol="workbuddy",
            microphone=ScriptedMicrophone(),
            speaker=RecordingSpeaker(),
        ) as it,
    ):
        await converse(it)
        server.service.sessions[0].drop()
        await until(lambda: len(server.service.sessions) == 2)
        await until(lambda: it.runtime.conversation.phase is Phase.LISTENING)
    assert "a new conversation begins" in caplog.messages


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
async def test_frames_keep_their_size_and_their_pace(rate_hz):
    """A minute of it is measured by scripts/bench; this is a look."""
    microphone = ScriptedMicrophone(rate_hz)
    async with (
        serve_workbuddy(stand_in(listening=False)) as server,
        daemon(
            server.url,
            protocol="workbuddy",
            microphone=microphone,
            speaker=RecordingSpeaker(),
            policy=Policy(idle_timeout_s=None),
        ) as it,
    ):
        await converse(it)
        await asyncio.sleep(4)
        seen = server.service.sessions[0].hearing.discipline
        assert seen.odd_sized == 0
        assert seen.frames > 180
        assert server.service.violations == 0


async def test_the_calls_answer_as_documented():
    async with serve_workbuddy(stand_in(keys=["k"])) as server, client(server) as session:
        status, body = await call(session, server, "token")
        assert (status, sorted(body)) == (200, ["token", "ws_url"])
        assert await call(session, server, "heartbeat") == (200, {"status": "ok"})
        assert (await call(session, server, "token", key="other"))[0] == 401
        assert (await call(session, server, "heartbeat", key="other"))[0] == 401
        assert (await call(session, server, "token", method="GET"))[0] == 405
        assert (await call(session, server, "nothing"))[0] == 404
        server.service.settings.active = False
        assert (await call(session, server, "token"))[0] == 403
        assert (await call(session, server, "heartbeat"))[0] == 403


FIRSTS = {
    "not JSON": ("hello", "INVALID_AUTH", 4002),
    "no token": ("{}", "INVALID_AUTH", 4002),
    "no object": ("[]", "INVALID_AUTH", 4002),
    "binary": (bytes(640), "INVALID_AUTH", 4002),
    "wrong token": ('{"token": "jwt.wrong"}', "AUTH_FAILED", 4003),
}


@pytest.mark.parametrize("first", FIRSTS)
async def test_a_bad_first_message_is_refused(first):
    message, code, close_code = FIRSTS[first]
    async with (
        serve_workbuddy(stand_in()) as server,
        client(server) as session,
        session.ws_connect(server.service.ws_url) as socket,
    ):
        send = socket.send_bytes if isinstance(message, bytes) else socket.send_str
        await send(message)
        (told,), closed = await ending(socket)
        assert (told["type"], told["code"], closed) == ("error", code, close_code)


async def test_no_token_within_the_time_is_refused():
    async with (
        serve_workbuddy(stand_in(auth_s=0.2)) as server,
        client(server) as session,
        session.ws_connect(server.service.ws_url) as socket,
    ):
        (told,), closed = await ending(socket)
        assert (told["code"], closed) == ("AUTH_TIMEOUT", 4001)


@pytest.mark.parametrize(("used", "token_s"), [(True, 300.0), (False, 0.0)])
async def test_a_used_or_old_token_is_refused(used, token_s):
    async with serve_workbuddy(stand_in(token_s=token_s)) as server, client(server) as session:
        _, body = await call(session, server, "token")
        for _ in range(1 + used):
            async with session.ws_connect(body["ws_url"]) as socket:
                await socket.send_str(json.dumps({"token": body["token"]}))
                first = json.loads((await socket.receive()).data)
        assert first["code"] == "AUTH_FAILED"


async def test_a_client_that_breaks_the_rules_is_counted():
    async with serve_workbuddy(stand_in(listening=False)) as server, client(server) as session:
        _, body = await call(session, server, "token")
        async with session.ws_connect(body["ws_url"]) as socket:
            await socket.send_str(json.dumps({"token": body["token"]}))
            assert json.loads((await socket.receive()).data) == {"type": "connected"}
            await socket.send_bytes(b"\1\0" * 320)
            assert json.loads((await socket.receive()).data) == {"type": "agent_ready"}
            await socket.send_bytes(bytes(100))
            await socket.send_str("and another thing")
            await until(lambda: server.service.violations == 2)
            assert server.service.sessions[0].hearing.discipline.odd_sized == 1


async def test_the_agent_sends_real_time_frames_and_silence_between():
    async with serve_workbuddy(stand_in(greeting="Hello.")) as server, client(server) as session:
        _, body = await call(session, server, "token")
        async with session.ws_connect(body["ws_url"]) as socket:
            await socket.send_str(json.dumps({"token": body["token"]}))
            frames, loop = [], asyncio.get_running_loop()
            while len(frames) < 100:
                message = await socket.receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    frames.append((loop.time(), message.data))
            assert {len(pcm) for _, pcm in frames} == {640}
            assert frames[-1][0] - frames[0][0] == pytest.approx(2.0, abs=0.15)
            loud = [np.frombuffer(pcm, "<i2").any() for _, pcm in frames]
            assert 12 <= sum(loud) <= 20
