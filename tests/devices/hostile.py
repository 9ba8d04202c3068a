"""Strangers who mean harm to a page, and a broker who does: python -m tests.devices.hostile PAGE BROKER.

They print a line once the device has found the broker, who is polite until a line comes on standard input. Then they try what strangers try: each request 25 times,
every malformed one, bodies that never come, connections held open; and the broker floods the device.
They print what came of it as JSON.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from contextlib import suppress
from functools import partial
from itertools import cycle

from tests.wire import strangers
from tests.wire.broker import packet, whole_packet
from tests.wire.test_hostile_broker import FORBIDDEN, MEGABYTE, SET_VOLUME, TAKEN, length, message

TIMES = 25
SOCKETS = 1000
BODIES = 64
PUBLISH, QUALITY = 3, 0b110  # of an MQTT packet's first byte
FLOOD_BYTES = 20 * MEGABYTE
HEAD = "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def requests(port):
    """Return what is sent, by what is wrong with it."""
    here = f"127.0.0.1:{port}"

    def head(path="/", *, method="GET", host=here, more="", body=""):
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        return HEAD.format(method=method, path=path, host=host, more=length + more) + body

    return {
        "wrong host": head(host="evil.test"),
        "wrong origin": head("/live", more=UPGRADE + "Origin: http://evil.test\r\n"),
        "no token": head("/live", more=UPGRADE),
        "wrong token": head("/enter", method="POST", body="guess"),
        "wrong cookie": head("/live", more=UPGRADE + "Cookie: voiced=guess\r\n"),
        "traversal": head("/../../etc/passwd"),
        "traversal in disguise": head("/%2e%2e/%2e%2e/etc/passwd"),
        "huge header": head(more=f"X-Long: {'x' * 65_536}\r\n"),
    }


async def outcome(port, text):
    """Return how a request was answered: its status, or for a socket the code it was closed with."""
    reader = writer = None
    try:
        async with asyncio.timeout(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(text.encode())
            line = await reader.readline()
            status = line.split(b" ")[1].decode() if line else "closed"
            if status == "101":
                frames = (await reader.read()).partition(b"\r\n\r\n")[2]
                status = f"close {int.from_bytes(frames[2:4], 'big')}"
    except ConnectionError:
        return "closed"
    except TimeoutError:
        return "still open"
    finally:
        if writer is not None:
            writer.close()
    return status


async def slow(port):
    """Send a request letter by letter; return whether it was cut off."""
    try:
        async with asyncio.timeout(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for letter in "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + "x" * 1000:
                writer.write(letter.encode())
                await asyncio.sleep(0.2)
                if reader.at_eof() or writer.is_closing():
                    break
    except ConnectionError:
        return "closed"
    except TimeoutError:
        return "still open"
    return "closed"


async def crowd(port):
    """Open very many connections and hold them; return how many were sent away."""
    held = []
    for _ in range(SOCKETS):
        with suppress(OSError):
            held.append(await asyncio.open_connection("127.0.0.1", port))
    await asyncio.sleep(1)
    away = sum(reader.at_eof() or bool(reader._buffer) for reader, _ in held)
    for _, writer in held:
        writer.close()
    return {"opened": len(held), "sent away": away}


async def bodiless(port):
    """Begin requests whose bodies never come, and hold them; return how each ended."""
    head = HEAD.format(
        method="POST", path="/enter", host=f"127.0.0.1:{port}", more="Content-Length: 5\r\n"
    )
    async with asyncio.TaskGroup() as group:
        held = [group.create_task(outcome(port, head)) for _ in range(BODIES)]
    return Counter(task.result() for task in held)


async def malformed(port):
    """Send every request of which one part is malformed; return how each was answered."""
    found, connect = Counter(), partial(asyncio.open_connection, "127.0.0.1", port)
    for method, path in (("GET", "/"), ("GET", "/live"), ("POST", "/enter")):
        every = strangers.requests(method, path, f"127.0.0.1:{port}", is_foreign_refused=True)
        for sent, _ in every:
            found[await strangers.answer(connect, sent)] += 1
    return found


def taken(subscription, version):
    """Return what a broker answers to a subscription: each of its topics is subscribed to."""
    number, properties = subscription[:2], b"\0" if version == 5 else b""
    at, topics = 2 + len(properties), 0
    while at < len(subscription):
        at += 2 + int.from_bytes(subscription[at : at + 2], "big") + 1
        topics += 1
    answer = number + properties + bytes(topics)
    return b"\x90" + length(len(answer)) + answer


async def acknowledge(reader, writer):
    """Acknowledge what a device publishes: it leaves a broker that does not for 10 s."""
    with suppress(OSError, asyncio.IncompleteReadError):
        while True:
            first, body = await whole_packet(reader)
            if first >> 4 == PUBLISH and first & QUALITY:
                at = 2 + int.from_bytes(body[:2], "big")
                writer.write(b"\x40\x02" + body[at : at + 2])


class Broker:
    """Takes a device; once it is let loose it floods the device, or sends what MQTT forbids."""

    def __init__(self):
        self.found, self.loose = asyncio.Event(), asyncio.Event()
        self.did = Counter()
        self._harm = cycle(["a flood", *FORBIDDEN])

    async def talk(self, reader, writer):
        with suppress(OSError, asyncio.IncompleteReadError):
            version = (await packet(reader))[6]
            writer.write(TAKEN[version])
            writer.write(taken(await packet(reader), version))
            self.found.set()
            polite = asyncio.create_task(acknowledge(reader, writer))
            await self.loose.wait()
            polite.cancel()
            unread = asyncio.create_task(reader.read(-1))
            kind = next(self._harm)
            if kind == "a flood":
                await self._flood(writer, version)
            else:
                writer.write(FORBIDDEN[kind])
                self.did["forbidden"] += 1
            await unread
        writer.close()

    async def _flood(self, writer, version):
        head = message(SET_VOLUME, b"", version=version)[2:]
        for _ in range(5):
            writer.write(b"\x30" + length(len(head) + FLOOD_BYTES) + head)
            for _ in range(FLOOD_BYTES // MEGABYTE):
                if not writer.is_closing():
                    writer.write(bytes(MEGABYTE))
                    await writer.drain()
            self.did["floods"] += 1
            await asyncio.sleep(0.5)
        writer.write(FORBIDDEN["a topic that is empty"])


async def main(page_port, broker_port):
    found = {}
    broker = Broker()
    await asyncio.start_server(broker.talk, "127.0.0.1", broker_port)
    await broker.found.wait()
    sys.stdout.write("found\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    broker.loose.set()
    async with asyncio.TaskGroup() as group:
        loris = [group.create_task(slow(page_port)) for _ in range(8)]
        for name, text in requests(page_port).items():
            found[name] = Counter([await outcome(page_port, text) for _ in range(TIMES)])
        found["malformed"] = await malformed(page_port)
        found["bodiless"] = await bodiless(page_port)
        found["crowd"] = await crowd(page_port)
    found["slow"] = Counter(task.result() for task in loris)
    found["broker"] = broker.did
    return found


if __name__ == "__main__":
    os.setpriority(os.PRIO_PROCESS, 0, 0)  # they have machines of their own
    sys.stdout.write(json.dumps(asyncio.run(main(*map(int, sys.argv[1:])))))
