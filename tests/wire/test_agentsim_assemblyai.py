"""The stand-in over real sockets, row by row of the protocol facts' conformance list."""

import asyncio
import base64
import json
import ssl
from contextlib import asynccontextmanager

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.certificate import make_certificate
from agentsim.faults import Faults
from agentsim.timing import Timing
from agentsim.understanding import Scripted
from voiced.devices.network.websocket import Connection

pytestmark = pytest.mark.real_time

QUICK = Timing(
    ready_s=0.03,
    updated_lead_s=0.01,
    greeting_s=0.02,
    think_s=0.02,
    create_s=0.02,
    leading_silence_s=0.05,
    call_done_s=0.02,
    grace_s=0.4,
)
PATIENCE_S = 5
SILENCE = b"\x00\x00" * 1200
BUZZ = (b"\x00\x20" * 12 + b"\x00\xe0" * 12) * 50
TOOL = {"type": "function", "name": "get_time"}


class Client:
    """A plain client: notes what comes, waits for what it is told to."""

    def __init__(self, socket):
        self.socket = socket
        self.events = []

    async def send(self, kind, **fields):
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind):
        """Read to the next event of this kind and return it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = json.loads(await self.socket.recv())
                self.events.append(event)
                if event["type"] == kind:
                    return event

    async def closed(self):
        """Read to the end and return the close code."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while True:
                    self.events.append(json.loads(await self.socket.recv()))
            except ConnectionClosed:
                return self.socket.close_code

    async def hear(self, seconds, chunk=SILENCE):
        for _ in range(round(seconds / 0.05)):
            audio = base64.b64encode(chunk).decode()
            await self.send("input.audio", audio=audio)
            await asyncio.sleep(0.05)

    async def fill(self):
        """Send until the socket's buffers are full."""
        while True:
            await self.socket.send("x" * 60_000)

    def kinds(self):
        return [each["type"] for each in self.events if each["type"] != "reply.audio"]


@asynccontextmanager
async def joined(server, session=None, key="k1", query=""):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with connect(
        server.url + query,
        additional_headers=headers,
        max_size=8 << 20,
        create_connection=Connection,
    ) as socket:
        client = Client(socket)
        if session is not None:
            await client.send("session.update", session=session)
        yield client


def serving(*faults, timing=QUICK, **settings):
    return serve_assemblyai(Settings(faults=Faults(faults), timing=timing, **settings))


async def test_row_1_silent_until_the_first_frame():
    async with serving() as server, joined(server) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.socket.recv()


@pytest.mark.parametrize(("key", "query"), [("wrong", ""), (None, ""), (None, "?token=wrong")])
async def test_row_1_a_bad_credential_is_upgraded_told_and_closed(key, query):
    async with serving(keys=["k1"]) as server, joined(server, key=key, query=query) as client:
        assert await client.closed() == 1008
        assert [each["code"] for each in client.events] == ["unauthorized"]


@pytest.mark.parametrize(
    ("mode", "kinds"),
    [("live", ["session.updated", "session.ready"]), ("strict", ["session.ready"])],
)
async def test_row_2_ready_and_a_greeting(mode, kinds):
    async with serving(mode=mode) as server, joined(server, {"greeting": "Hi."}) as client:
        done = await client.until("reply.done")
        assert client.kinds()[: len(kinds)] == kinds
        assert client.kinds()[len(kinds)] == "reply.started"
        assert done["status"] == "completed"


@pytest.mark.parametrize(
    ("session", "code", "close_code"),
    [
        ({"nonsense": 1}, "invalid_config", 1008),
        ({"output": {"voice": "ivy"}}, "invalid_value", 1008),
        (
            {"input": {"format": {"encoding": "audio/pcm", "sample_rate": 16000}}},
            "internal_error",
            1011,
        ),
        ({"agent_id": "x", "greeting": "y"}, "invalid_value", 1008),
        ({"agent_id": "x"}, "agent_not_found", 1008),
    ],
)
async def test_row_3_a_fatal_first_update(session, code, close_code):
    async with serving() as server, joined(server, session) as client:
        assert await client.closed() == close_code
        assert client.events[-1]["code"] == code


async def test_row_3_a_null_greeting_is_refused_and_the_next_update_accepted():
    async with serving() as server, joined(server, {"greeting": None}) as client:
        assert (await client.until("session.error"))["code"] == "invalid_format"
        await client.send("session.update", session={})
        await client.until("session.ready")


async def test_row_4_sound_before_ready_counts_and_bad_sound_is_refused():
    async with serving(mode="strict") as server, joined(server) as client:
        await client.send("input.audio", audio="AAA=")
        await client.send("session.update", session={})
        await client.until("session.ready")
        assert server.service.violations == 1
        for audio in ("?", "AAAA"):
            await client.send("input.audio", audio=audio)
            assert (await client.until("session.error"))["code"] == "invalid_audio"


async def test_row_5_a_spoken_turn_with_a_tool():
    settings = {"understanding": Scripted(["what time is it"])}
    async with serving(**settings) as server, joined(server, {"tools": [TOOL]}) as client:
        await client.until("session.ready")
        await client.hear(0.5, BUZZ)
        await client.hear(0.8)
        call = await client.until("tool.call")
        await client.until("reply.done")
        await client.send("tool.result", call_id=call["call_id"], result='{"time": "ten"}')
        assert (await client.until("transcript.agent"))["text"] == "It is ten."
        order = [kind for kind in client.kinds() if kind.startswith(("input", "reply.s", "tool"))]
        assert order == [
            "input.speech.started",
            "input.speech.stopped",
            "reply.started",
            "tool.call",
            "reply.started",
        ]


@pytest.mark.parametrize("faults", [(), ("done-first",)])
async def test_row_5_a_barge_in_comes_as_a_triple(faults):
    async with serving(*faults) as server, joined(server, {"greeting": "a " * 60}) as client:
        await client.until("reply.audio")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.hear(0.6, BUZZ))
            done = await client.until("reply.done")
        triple = (
            client.kinds()[-3:]
            if not faults
            else [*client.kinds()[-2:], (await client.until("transcript.agent"))["type"]]
        )
        assert done["status"] == "interrupted"
        expected = ["transcript.agent", "reply.done"]
        assert triple == ["input.speech.started", *(reversed(expected) if faults else expected)]


async def test_row_5_reply_create_and_updates_of_a_running_session():
    async with serving() as server, joined(server, {}) as client:
        await client.until("session.ready")
        await client.send("reply.create", instructions='Say "now".')
        assert (await client.until("transcript.agent"))["text"] == "now"
        await client.send("session.update", session={"system_prompt": "x"})
        assert (await client.until("session.updated"))["config"]["system_prompt"] == "x"
        await client.send("session.update", session={"greeting": "x"})
        assert (await client.until("session.error"))["code"] == "immutable_field"


@pytest.mark.parametrize(
    ("encoding", "n_bytes", "silence", "rate"),
    [
        ("audio/pcm", 480, 0, 48_000),
        ("audio/pcmu", 300, 0xFF, 8000),
        ("audio/pcma", 300, 0xD5, 8000),
    ],
)
async def test_row_6_sound_comes_in_real_time_after_silence(encoding, n_bytes, silence, rate):
    session = {"output": {"format": {"encoding": encoding}}, "greeting": "Hello."}
    async with serving() as server, joined(server, session) as client:
        await client.until("reply.started")
        began = asyncio.get_running_loop().time()
        await client.until("reply.done")
        took_s = asyncio.get_running_loop().time() - began
        chunks = [base64.b64decode(e["data"]) for e in client.events if e["type"] == "reply.audio"]
        assert {len(chunk) for chunk in chunks[:-1]} == {n_bytes}
        assert set(chunks[0]) == {silence}
        assert took_s == pytest.approx(sum(map(len, chunks)) / rate, abs=0.1)


async def test_row_7_session_end_closes_1000():
    async with serving() as server, joined(server, {}) as client:
        await client.until("session.ready")
        await client.send("session.end")
        assert await client.closed() == 1000
        assert client.kinds()[-1] == "session.ended"


async def test_row_7_a_dropped_session_resumes_twice_and_then_expires():
    async with serving() as server:
        async with joined(server, {}) as client:
            ready = await client.until("session.ready")
            server.service.sessions[0].drop()
            assert await client.closed() == 1006
        for _ in range(2):
            async with joined(server) as client:
                await client.send("session.resume", session_id=ready["session_id"])
                assert (await client.until("session.ready"))["session_id"] == ready["session_id"]
        await asyncio.sleep(QUICK.grace_s + 0.1)
        async with joined(server) as client:
            await client.send("session.resume", session_id=ready["session_id"])
            assert await client.closed() == 1008
            assert client.events[-1]["code"] == "session_expired"


@pytest.mark.parametrize(
    ("fault", "close_code", "code"),
    [
        ("error=at_capacity", 1008, "at_capacity"),
        ("error=concurrency_exceeded", 1008, "concurrency_exceeded"),
        ("error=internal_error@ready", 1011, "internal_error"),
        ("close=1011@ready", 1011, None),
        ("drop@ready+50", 1006, None),
        ("ended@ready", 1000, None),
    ],
)
async def test_row_8_every_way_to_end(fault, close_code, code):
    async with serving(fault) as server, joined(server, {}) as client:
        assert await client.closed() == close_code
        assert client.events[-1].get("code") == code


@pytest.mark.parametrize("fault", ["malformed-json", "binary", "huge", "unknown-type"])
async def test_row_8_every_strange_message_arrives_and_the_session_lives_on(fault):
    async with serving(fault) as server, joined(server, {}) as client:
        await client.until("session.ready")
        strange = await client.socket.recv()
        assert isinstance(strange, bytes) is (fault == "binary")
        assert (len(strange) > 2 << 20) is (fault == "huge")
        await client.send("session.end")
        assert await client.closed() == 1000


async def test_row_8_half_open_keeps_the_socket_but_reads_and_writes_nothing():
    async with serving("half-open@ready") as server, joined(server, {}) as client:
        await client.until("session.ready")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await (await client.socket.ping())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.fill(), 0.3)
        client.socket.transport.abort()


async def test_an_upgrade_can_be_answered_with_a_status():
    async with serving("upgrade-status=503*1") as server:
        with pytest.raises(InvalidStatus) as refused:
            async with joined(server):
                pass
        assert refused.value.response.status_code == 503
        async with joined(server, {}) as client:
            await client.until("session.ready")


@pytest.mark.parametrize(
    ("query", "key", "status"),
    [("?expires_in_seconds=60", "k1", 200), ("", "k1", 422), ("?expires_in_seconds=60", "k2", 404)],
)
async def test_the_token_endpoint_is_on_the_same_port(query, key, status):
    async with serving(keys=["k1"]) as server, aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bearer {key}"}
        async with http.get(f"{server.rest}/token{query}", headers=headers) as response:
            assert response.status == status
            body = await response.json()
        if status == 200:
            query = f"?token={body['token']}"
            async with joined(server, {}, key=None, query=query) as client:
                await client.until("session.ready")


async def test_tls_with_a_certificate_made_on_the_spot(tmp_path):
    certificate, key = make_certificate(tmp_path, "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=certificate)
    async with serve_assemblyai(Settings(timing=QUICK), tls=tls) as server:
        assert server.url.startswith("wss://")
        headers = {"Authorization": "Bearer k"}
        async with connect(server.url, additional_headers=headers, ssl=trusting) as socket:
            client = Client(socket)
            await client.send("session.update", session={})
            await client.until("session.ready")


async def test_a_message_above_one_mib_is_too_much():
    async with serving() as server, joined(server, {}) as client:
        await client.send("session.update", session={"system_prompt": "x" * (1 << 20)})
        assert await client.closed() == 1009


async def test_a_client_that_hangs_up_while_much_is_unsent_is_let_go_without_a_word(caplog):
    async with serving("huge=6@ready") as server, joined(server, {}) as client:
        await client.until("session.ready")
        client.socket.transport.pause_reading()
        await asyncio.sleep(0.1)  # the stand-in sends until nothing goes
        client.socket.transport.write_eof()
        await asyncio.sleep(0.1)  # it is told, and still has most of it
        client.socket.transport.resume_reading()
        assert await client.closed() == 1006
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []
