"""Whatever a web server writes into the head of an answer: words about that, and the next try as usual."""

import asyncio
import re
from contextlib import asynccontextmanager

import pytest

from tests.unit.config.test_signature import Signer
from tests.wire.odd_headers import GOOD, VALIDATORS, heads, whole
from tests.wire.peers import leaving_nothing, tcp_server
from voiced.config.history import Record
from voiced.config.schema_services import RemoteSection
from voiced.config.yaml_document import MAX_BYTES
from voiced.devices.network.http import AiohttpCaller
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.resolver import Resolver
from voiced.reload.remote import RemoteSettings

pytestmark = pytest.mark.real_time

MOST_CHARS = 400
WORDS = re.compile(r"[ -~…]+")
HEADS = [*heads()]
USUAL = whole(b"HTTP/1.1 200 OK", GOOD.replace(b"5", b"6"))


class Device:
    """Takes whatever is offered."""

    device_name = "kitchen"

    def __init__(self, url, **section):
        self.remote = RemoteSection(url=url, **section)
        self.record = Record()
        self.taken = []

    async def take(self, received):
        self.taken.append(received.sent.revision)


class Server:
    """Answers what it is told to, by path; other paths as usual."""

    def __init__(self):
        self.answers = {}
        self.asked = []

    async def talk(self, reader, writer):
        asked = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(asked)
        path = asked.split()[1].partition(b"?")[0].decode()
        writer.write(self.answers.get(path, USUAL))
        await writer.drain()


@asynccontextmanager
async def asking(**section):
    """A device that asks a server of which it knows the address, and the real client between them."""
    server = Server()
    caller = AiohttpCaller(
        LinkOptions(), Resolver(lambda *_, **__: []), timeout_s=5, max_bytes=MAX_BYTES
    )
    async with tcp_server(server.talk) as port, leaving_nothing():
        device = Device(f"http://127.0.0.1:{port}/x", **section)
        it = RemoteSettings(device, lambda _: caller, uniform=lambda _, high: high)
        running = asyncio.create_task(it.run())
        yield it, device, server
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def asked(it):
    """Ask; return what is said. Who ended asking will never answer."""
    async with asyncio.timeout(20):
        return (await it.ask()).error


async def told(it, said):
    """Ask; return nothing if what is said is right, and otherwise what was."""
    error = await asked(it)
    if not said:
        return error
    plain = WORDS.fullmatch(error) is not None and len(error) <= MOST_CHARS
    right = any(part in error for part in said.split("|"))
    return "" if plain and right else error or "nothing was said"


async def test_whatever_is_odd_about_the_answer_it_is_told_and_the_next_is_taken(measured, caplog):
    wrong = {}
    async with asking() as (it, device, server):
        for name, head, said in HEADS:
            server.answers = {"/x": whole(head)}
            device.taken.clear()
            it.follow()
            if found := await told(it, said):
                wrong[name] = found
            if (device.taken == [5]) is not (said == ""):
                wrong[name] = f"taken: {device.taken}"
            server.answers = {}
            if await asked(it) or device.taken[-1:] != [6]:
                wrong[name] = f"the next: {it.report.error}"
        measured(f"{len(HEADS)} answers with an odd head tried where settings were asked for")
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in wrong.items())
    assert "Traceback" not in caplog.text
    assert "\x1b" not in caplog.text


async def test_a_place_to_which_we_are_sent_may_be_as_odd(measured):
    wrong = {}
    async with asking() as (it, device, server):
        for name, head, said in HEADS:
            server.answers = {
                "/x": whole(b"HTTP/1.1 302 X\r\nLocation: /y"),
                "/y": whole(head),
            }
            device.taken.clear()
            it.follow()
            if found := await told(it, said):
                wrong[name] = found
        measured(f"{len(HEADS)} of them tried where the server sends us elsewhere first")
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in wrong.items())


async def test_an_answer_to_a_later_question_may_be_as_odd(measured):
    wrong = {}
    tagged = whole(b'HTTP/1.1 200 OK\r\nETag: "a"\r\nLast-Modified: b')
    async with asking() as (it, device, server):
        for name, head, said in HEADS:
            server.answers = {"/x": tagged}
            it.follow()
            assert await told(it, "") == ""
            server.answers = {"/x": whole(head)}
            device.taken.clear()
            if found := await told(it, "" if "304" in name else said):
                wrong[name] = found
        measured(f"{len(HEADS)} of them tried where something is known already")
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in wrong.items())


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("keys") / "a")


async def test_a_signature_may_come_with_as_odd_a_head(signer, measured):
    wrong = {}
    signature = signer.sign(GOOD, "-t", "revision:5")
    async with asking(public_key=signer.public_key) as (it, device, server):
        for name, head, said in HEADS:
            server.answers = {
                "/x": whole(b"HTTP/1.1 200 OK"),
                "/x.minisig": whole(head, signature),
            }
            device.taken.clear()
            it.follow()
            error = await asked(it)
            right = device.taken == ([] if error else [5])
            plain = not error or WORDS.fullmatch(error) is not None
            if not (right and plain and len(error) <= MOST_CHARS and bool(said) >= bool(error)):
                wrong[name] = error
        measured(f"{len(HEADS)} of them tried where a signature was asked for")
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in wrong.items())


async def test_a_tag_that_cannot_be_sent_back_is_warned_of_by_its_name_and_left_out(caplog):
    async with asking() as (it, _, server):
        for name in ("ETag", "Last-Modified"):
            for value in VALIDATORS:
                caplog.clear()
                head = b"HTTP/1.1 200 OK\r\n%s: %s" % (name.encode(), value.encode())
                server.answers = {"/x": whole(head)}
                for _ in range(2):
                    assert await told(it, "") == ""
                assert b"If-" not in server.asked[-1]
                server.answers = {}
                await asked(it)
                warned = [each.message for each in caplog.records if each.levelname == "WARNING"]
                assert [name.lower() in each.lower() for each in warned] == [True], (value, warned)


async def test_a_server_without_end_is_cut_off(measured):
    async def endless(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: " + b"a" * 8000 + b"\r\n")
            await writer.drain()

    async with tcp_server(endless) as port, asking() as (it, _, server):
        to = f"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:{port}/".encode()
        server.answers = {"/x": whole(to)}
        assert await told(it, "too many headers|too long") == ""
