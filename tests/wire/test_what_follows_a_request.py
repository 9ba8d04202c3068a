"""What strangers send after a whole request costs nothing: one is answered, the rest is not even kept."""

import asyncio
import gc
import socket
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from tests.memory import forget_peak, peak_mib
from voiced.api.access import AccessPolicy
from voiced.api.http_server import Site
from voiced.api.refusal_log import Refusals

pytestmark = pytest.mark.real_time

PORT = 8080
ROUNDS, AT_A_TIME = 3, 32
MOST_MIB = 16
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
BYTES = 300_000
FOLLOWING = {
    "NUL": b"\0",
    "bytes": b"\xff",
    "escapes": b"\x1b[",
    "one long word": b"GET",
    "the same again": WHOLE,
    "requests without a host": b"GET / HTTP/1.1\r\n\r\n",
    "heads that do not end": b"X: y\r\n",
}


async def index(_visit):
    return web.Response(text="x")


@asynccontextmanager
async def served():
    """Serve one page; yield its port."""
    listening = asyncio.get_running_loop().create_future()

    async def listen(gate):
        loop = asyncio.get_running_loop()
        listening.set_result(await loop.create_server(gate, "127.0.0.1", 0, start_serving=False))
        return listening.result()

    door = AccessPolicy(PORT)
    site = Site("kiosk", door.visitor, {"GET /": index}, Refusals())
    serving = asyncio.create_task(site.serve(listen, door.arrival))
    yield (await listening).sockets[0].getsockname()[1]
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


def send(port, sent):
    """Have many connections send the same at once, and wait for the end of each."""
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(AT_A_TIME)]
    for each in connections:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * BYTES)
        each.setblocking(False)
    for each in connections:
        each.send(sent)
    for each in connections:
        each.settimeout(10)
        with suppress(ConnectionError):  # it leaves what it has not read
            while each.recv(1000):
                pass
        each.close()


async def test_rubbish_after_a_request_takes_no_memory(measured):
    """The library quotes what it does not understand, in an exception whose frames hold all that came."""
    grown = {}
    async with served() as port:
        await asyncio.to_thread(send, port, WHOLE)
        gc.collect()
        gc.disable()  # it comes late in a daemon: most of what lives there is left alone
        try:
            for name, rubbish in FOLLOWING.items():
                sent = WHOLE + rubbish * (BYTES // len(rubbish))
                forget_peak()
                before = peak_mib()
                for _ in range(ROUNDS):
                    await asyncio.to_thread(send, port, sent)
                grown[name] = peak_mib() - before
        finally:
            gc.enable()
    worst = max(grown, key=grown.get)
    measured(
        f"{len(grown)} kinds of rubbish after a request, {ROUNDS * AT_A_TIME} times each: "
        f"{grown[worst]:.1f} MiB at most ({worst})"
    )
    assert grown[worst] < MOST_MIB
