"""A stranger in the same network who means harm to a page: python -m tests.devices.hostile PORT.

Tries what strangers try, 25 times each, holds connections open, and prints what came of it as JSON.
"""

import asyncio
import json
import sys
from collections import Counter
from contextlib import suppress

TIMES = 25
SOCKETS = 1000
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
                if reader.at_eof():
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


async def main(port):
    found = {}
    async with asyncio.TaskGroup() as group:
        loris = [group.create_task(slow(port)) for _ in range(8)]
        for name, text in requests(port).items():
            found[name] = Counter([await outcome(port, text) for _ in range(TIMES)])
        found["crowd"] = await crowd(port)
    found["slow"] = Counter(task.result() for task in loris)
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(int(sys.argv[1])))))
