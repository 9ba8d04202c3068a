"""A plain client of the shape that vendors' tutorials have: what `voiced` is measured against.

A thread reads the microphone in chunks of 50 ms, a queue and a second thread play what comes. No
resampling (the sound is opened at the service's 24 kHz), no reaction to an interruption.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import queue
import signal
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import websockets

RATE_HZ = 24_000
KEY = {"Authorization": "Bearer any-key-will-do"}
CHUNK_FRAMES = RATE_HZ // 20
CHUNK_S = CHUNK_FRAMES / RATE_HZ


class Source(Protocol):
    """A microphone."""

    def read(self) -> bytes:
        """Return the next chunk when it is complete."""


class Sink(Protocol):
    """A speaker."""

    def write(self, pcm: bytes) -> None:
        """Play `pcm`, returning when there is room for more."""


class Card:
    """A sound card in one direction."""

    def __init__(self, name: str, *, capture: bool) -> None:
        import alsaaudio

        self._pcm = alsaaudio.PCM(
            type=alsaaudio.PCM_CAPTURE if capture else alsaaudio.PCM_PLAYBACK,
            device=name,
            rate=RATE_HZ,
            channels=1,
            format=alsaaudio.PCM_FORMAT_S16_LE,
            periodsize=CHUNK_FRAMES,
        )

    def read(self) -> bytes:
        """Return the next chunk."""
        return self._pcm.read()[1]

    def write(self, pcm: bytes) -> None:
        """Play `pcm`."""
        self._pcm.write(pcm)


class PacedFile:
    """A WAV file in one direction, in real time."""

    def __init__(self, path: str, *, capture: bool) -> None:
        self._file = wave.open(path, "rb" if capture else "wb")  # noqa: SIM115 - open to the end
        if not capture:
            self._file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        self._pause = threading.Event()
        self._due_s = time.monotonic()

    def read(self) -> bytes:
        """Return the next chunk; silence when the file is over."""
        self._wait(CHUNK_S)
        return self._file.readframes(CHUNK_FRAMES).ljust(2 * CHUNK_FRAMES, b"\0")

    def write(self, pcm: bytes) -> None:
        """Keep `pcm`, for as long as it sounds."""
        self._file.writeframes(pcm)
        self._wait(len(pcm) / 2 / RATE_HZ)

    def _wait(self, duration_s: float) -> None:
        self._due_s = max(self._due_s, time.monotonic() - CHUNK_S) + duration_s
        self._pause.wait(max(0.0, self._due_s - time.monotonic()))


class Client:
    """The whole client.

    Attributes:
        wire_ms: From a chunk's completion to its message written.
        replies: When the first sound of each reply came, and when it went to the speaker.
    """

    def __init__(self, microphone: Source, speaker: Sink) -> None:
        self.wire_ms: list[float] = []
        self.replies: list[list[float]] = []
        self._microphone = microphone
        self._speaker = speaker
        self._captured: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._to_play: queue.Queue[tuple[list[float], bytes]] = queue.Queue()
        self._latest = ""

    async def run(self, url: str) -> None:
        """Hold a conversation until SIGTERM."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, over.set)
        async with (
            websockets.connect(url, additional_headers=KEY) as socket,
            asyncio.TaskGroup() as group,  # noqa: TID251 - what the tutorials use
        ):
            await socket.send(json.dumps({"type": "session.update", "session": {}}))
            receiving = group.create_task(self._receive(socket, loop))
            sending = group.create_task(self._send(socket))
            await over.wait()
            sending.cancel()
            await socket.send(json.dumps({"type": "session.end"}))
            await receiving

    async def _receive(
        self, socket: websockets.ClientConnection, loop: asyncio.AbstractEventLoop
    ) -> None:
        async for message in socket:
            event = json.loads(message)
            if event["type"] == "session.ready":
                _start("microphone", lambda: self._capture(loop))
                _start("speaker", self._play)
            elif event["type"] == "reply.audio":
                if event["reply_id"] != self._latest:
                    self._latest = event["reply_id"]
                    self.replies.append([time.monotonic()])
                self._to_play.put((self.replies[-1], base64.b64decode(event["data"])))

    async def _send(self, socket: websockets.ClientConnection) -> None:
        while True:
            complete_s, pcm = await self._captured.get()
            audio = base64.b64encode(pcm).decode()
            await socket.send(json.dumps({"type": "input.audio", "audio": audio}))
            self.wire_ms.append((time.monotonic() - complete_s) * 1000)

    def _capture(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: we are done
            while True:
                pcm = self._microphone.read()
                loop.call_soon_threadsafe(self._captured.put_nowait, (time.monotonic(), pcm))

    def _play(self) -> None:
        while True:
            times, pcm = self._to_play.get()
            if len(times) == 1:
                times.append(time.monotonic())
            self._speaker.write(pcm)


def _start(name: str, work: Callable[[], None]) -> None:
    threading.Thread(target=work, name=name, daemon=True).start()


def _sound(device: str, *, capture: bool) -> Card | PacedFile:
    if device.startswith("wav:"):
        return PacedFile(device.removeprefix("wav:"), capture=capture)
    return Card(device, capture=capture)


def main() -> None:
    """Hold a conversation until SIGTERM, then write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--microphone", required=True, help="ALSA name, or wav:PATH at 24 kHz")
    parser.add_argument("--speaker", required=True)
    parser.add_argument("--report", type=Path, required=True)
    options = parser.parse_args()
    client = Client(
        _sound(options.microphone, capture=True), _sound(options.speaker, capture=False)
    )
    asyncio.run(client.run(options.url))
    report = {"wire_ms": client.wire_ms, "replies": client.replies}
    options.report.write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main()
