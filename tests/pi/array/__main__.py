"""Run the array: `python -m tests.pi.array USB_SOCKET CONTROL_SOCKET`. Ends with whoever started it."""

import argparse
import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from tests.pi.array.device import Array
from tests.pi.array.sound import Played

SLOW_PPM = -10_000


class Control:
    """What a test may do to the array: one JSON object per line, answered by one."""

    def __init__(self, array: Array) -> None:
        self._array = array

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            order = json.loads(line)
            try:
                answer = {"ok": True, **(getattr(self, order.pop("do"))(**order) or {})}
            except Exception as error:  # noqa: BLE001 - whoever asked is told
                answer = {"ok": False, "error": repr(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    def plug(self) -> None:
        self._array.plug()

    def unplug(self) -> None:
        self._array.unplug()

    def stall(self, stalled: bool) -> None:
        self._array.stalled = stalled

    def say(self, path: str) -> dict[str, Any]:
        return {"takes_s": self._array.heard.say(Path(path)), "at_s": time.time()}

    def hush(self) -> None:
        self._array.heard.hush()

    def record(self, path: str) -> dict[str, Any]:
        self._array.played = Played(Path(path))
        return {"started_s": self._array.played.started_s}

    def stop_recording(self) -> None:
        played, self._array.played = self._array.played, None
        if played is not None:
            played.close()

    def facts(self) -> dict[str, Any]:
        it = self._array
        return {
            "plugged": it.plugged,
            "mic_on": it.mic_on,
            "saying": it.heard.is_saying,
            "volume_db": it.volume_steps / 256,
            "muted": it.muted,
        }


async def main() -> None:
    """Serve both sockets until the parent is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("usb_socket", type=Path)
    parser.add_argument("control_socket", type=Path)
    options = parser.parse_args()
    parent = os.getppid()
    array = Array(SLOW_PPM)
    for path in (options.usb_socket, options.control_socket):
        path.unlink(missing_ok=True)
    async with asyncio.TaskGroup() as group:
        await asyncio.start_unix_server(array.attach, options.usb_socket)
        await asyncio.start_unix_server(Control(array).serve, options.control_socket)
        timing = group.create_task(array.keep_time())
        while os.getppid() == parent:
            await asyncio.sleep(1)
        timing.cancel()


if __name__ == "__main__":
    asyncio.run(main())
