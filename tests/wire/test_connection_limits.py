"""Who gets as far as the web server, and how long anything may take, over real sockets."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.whole import until
from tests.wire.peers import reset
from voiced.api.admission import Rank, Room
from voiced.api.connection_limits import ConnectionLimiter, Limits

pytestmark = pytest.mark.real_time

HEAD = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
ROOMS = {Rank.STRANGER: Room(6, 4), Rank.OWN: Room(4, 4), Rank.MEMBER: Room(4, 4)}
LIMITS = Limits(ROOMS, 200, handshake_s=0.3, head_s=0.3, body_s=0.2, answer_s=0.2, stalled_s=0.3)
PATIENT = replace(LIMITS, head_s=30, body_s=30, answer_s=30)
OWN = "127.0.0.9"


class Echo(asyncio.Protocol):
    """What serves those who came in; `SETTLE` and `FLOOD` are orders."""

    def __init__(self, connection):
        self.connection = connection

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if b"MEMBER" in data:
            assert self.connection.take_place(Rank.MEMBER, "m")
        if b"SETTLE" in data:
            assert self.connection.settle()
        if b"UPGRADE" in data:
            self.connection.upgrade()
        self.transport.write(bytes(20_000_000) if b"FLOOD" in data else b"inside:" + data)


def arrival(peer):
    return (Rank.OWN if peer == OWN else Rank.STRANGER), peer


@asynccontextmanager
async def limiter(limits=LIMITS, tls=None):
    refused = []
    it = ConnectionLimiter(
        Echo, refused.append, arrival, None if tls is None else lambda: tls, limits
    )
    it.refusals = refused
    server = await asyncio.get_running_loop().create_server(it, "127.0.0.1", 0)
    async with server, asyncio.TaskGroup() as group:
        it.spawn = group.create_task
        yield it, server.sockets[0].getsockname()[1]
        it.clear()


async def opened(port, address="127.0.0.1", **options):
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0), **options)


async def answered(port, *pieces, pause_s=0.0, address="127.0.0.1", **options):
    reader, writer = await opened(port, address, **options)
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause_s)
        async with asyncio.timeout(5):
            return await reader.read(1000)
    except ConnectionError:
        return b"cut"
    finally:
        writer.close()


async def test_who_is_let_in_while_the_gate_closes_is_sent_away():
    async with limiter() as (it, port):
        it.clear()
        assert await answered(port, HEAD) == b""
        assert it.places.guests == []


async def is_cut(reader, within_s=5):
    async with asyncio.timeout(within_s):
        try:
            return await reader.read(100_000_000) in (b"", b"cut")
        except ConnectionError:
            return True


@pytest.mark.parametrize("pieces", [(HEAD,), (HEAD[:10], HEAD[10:]), (HEAD[:-1], HEAD[-1:])])
async def test_a_whole_head_comes_in_however_it_is_cut(pieces):
    async with limiter(PATIENT) as (_, port):
        assert await answered(port, *pieces, pause_s=0.01) == b"inside:" + HEAD


async def test_what_follows_the_head_comes_in_as_it_comes():
    async with limiter(PATIENT) as (_, port):
        said = await answered(port, HEAD + b"body", b"more", pause_s=0.05)
        assert said == b"inside:" + HEAD + b"bodyinside:more"


@pytest.mark.parametrize("n_bytes", [200, 10_000])
@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
async def test_too_long_a_head_is_refused_even_if_it_is_whole(n_bytes, end):
    async with limiter(PATIENT) as (it, port):
        head = HEAD[:-2] + b"X: " + b"x" * n_bytes + end
        assert (await answered(port, head)).startswith(b"HTTP/1.1 431 ")
        assert it.refusals == ["431"]


@pytest.mark.parametrize(
    "sent",
    [b"", b"\r\n\r\n\r\n", HEAD[:5], HEAD, HEAD + b"half a body"],
    ids=["nothing", "empty lines", "head", "body", "more"],
)
async def test_whoever_is_slow_is_cut_off_in_every_phase(sent):
    async with limiter() as (it, port):
        reader, writer = await opened(port)
        writer.write(sent)
        if len(sent) >= len(HEAD):
            assert (await reader.read(1000)).startswith(b"inside:")
        assert await is_cut(reader)
        assert it.refusals == ["late"]
        writer.close()
        assert it.places.guests == []


async def test_whoever_takes_nothing_of_the_answer_is_cut_off_though_settled():
    async with limiter() as (it, port):
        _, writer = await opened(port, limit=1)
        writer.write(HEAD[:-2] + b"MEMBER: SETTLE FLOOD\r\n\r\n")
        await until(lambda: it.refusals == ["late"], within_s=5)
        await until(lambda: it.places.guests == [])
        writer.close()


async def test_whoever_is_settled_may_take_as_long_as_he_likes():
    async with limiter() as (_, port):
        said = await answered(port, HEAD[:-2] + b"MEMBER: SETTLE\r\n\r\n", b"more", pause_s=0.6)
        assert said.endswith(b"inside:more")


async def test_strangers_cannot_take_the_places_of_others():
    async with limiter(PATIENT) as (it, port):
        member = await opened(port)
        member[1].write(HEAD[:-2] + b"MEMBER: yes\r\n\r\n")
        assert (await member[0].read(1000)).startswith(b"inside:")
        strangers = [await opened(port, f"127.0.0.{n % 5 + 2}") for n in range(20)]
        await until(lambda: it.refusals.count("crowded") == 20 - ROOMS[Rank.STRANGER].places)
        assert await answered(port, HEAD, address=OWN) == b"inside:" + HEAD
        assert await answered(port, HEAD, address="127.0.0.8") == b"inside:" + HEAD
        member[1].write(b"still here")
        assert await member[0].read(1000) == b"inside:still here"
        for _, writer in [member, *strangers]:
            writer.close()


async def test_the_oldest_of_the_same_address_makes_way():
    async with limiter(PATIENT) as (_, port):
        elsewhere = await opened(port, "127.0.0.2")
        here = [await opened(port) for _ in range(ROOMS[Rank.STRANGER].per_group)]
        assert await answered(port, HEAD) == b"inside:" + HEAD
        assert (await here[0][0].read(12)) == b"HTTP/1.1 503"
        here[1][1].write(HEAD)
        elsewhere[1].write(HEAD)
        assert (await here[1][0].read(7)) == (await elsewhere[0].read(7)) == b"inside:"
        for _, writer in [elsewhere, *here]:
            writer.close()


async def test_who_had_to_make_way_takes_no_place_any_more():
    async with limiter(PATIENT) as (it, port):
        reader, writer = await opened(port)
        writer.write(HEAD)
        assert (await reader.read(1000)).startswith(b"inside:")
        (guest,) = it.places.guests
        it.places.leave(guest)
        guest.make_way()
        with pytest.raises(ConnectionAbortedError):
            guest.take_place(Rank.MEMBER, "m")
        assert not guest.settle()
        assert it.places.guests == []
        writer.close()


async def test_frames_without_a_mask_close_the_connection():
    async with limiter(PATIENT) as (it, port):
        reader, writer = await opened(port)
        writer.write(HEAD[:-2] + b"U: UPGRADE\r\n\r\n")
        await reader.read(1000)
        masked, unmasked = b"\x81\x82aaaa\x00\x00", b"\x81\x02hi"
        writer.write(masked)
        assert await reader.read(1000) == b"inside:" + masked
        writer.write(unmasked)
        assert await reader.read() == b"\x88\x02\x03\xea"
        assert it.refusals == ["unmasked"]
        writer.close()


@pytest.fixture
def trusting(authority):
    return ssl.create_default_context(cafile=authority.ca_file)


async def test_a_head_comes_in_over_tls_and_from_this_device_also_without(serving, trusting):
    async with limiter(PATIENT, serving) as (it, port):
        for address in ("127.0.0.1", OWN):
            secure = {"ssl": trusting, "server_hostname": "localhost"}
            assert await answered(port, HEAD, address=address, **secure) == b"inside:" + HEAD
        assert await answered(port, HEAD, address=OWN) == b"inside:" + HEAD
        assert it.refusals == []
        assert await answered(port, HEAD) in (b"", b"cut")
        assert it.refusals == ["tls"]


@pytest.mark.parametrize("address", ["127.0.0.1", OWN])
@pytest.mark.parametrize(
    "sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16" * 600]
)
async def test_a_handshake_that_does_not_end_well_is_cut_off(serving, caplog, address, sent):
    async with limiter(LIMITS, serving) as (it, port):
        reader, writer = await opened(port, address)
        writer.write(sent)
        assert await is_cut(reader)
        await until(lambda: it.places.guests == [])
        assert it.refusals
        writer.close()
    assert caplog.text == ""


async def test_a_handshake_that_is_broken_off_leaves_nothing(serving, caplog):
    async with limiter(PATIENT, serving) as (it, port):
        for sent in (b"", b"\x16\x03\x01\x02\x00\x01"):
            for address in ("127.0.0.1", OWN):
                _, writer = await opened(port, address)
                writer.write(sent)
                await asyncio.sleep(0.05)
                reset(writer)
        await until(lambda: it.places.guests == [])
    assert caplog.text == ""
