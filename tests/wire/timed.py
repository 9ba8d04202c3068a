"""A strict stand-in agent, and a daemon that is a process of its own and hears what we let it hear."""

import asyncio
import contextlib
import os
import signal
import sys
import wave
from pathlib import Path

import numpy as np

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.timing import Timing
from agentsim.understanding import Scripted
from tests.flows.house import tone
from tests.whole import until

QUICK = Timing(ready_s=0.05, greeting_s=0.05, think_s=0.05, leading_silence_s=0.0, call_done_s=0.05)
RATE_HZ = 16_000
WINDOW_S = 0.1
VOICE_HZ = 440
"""What the stand-in's plainest voice sounds like."""
QUIET = 100

SETTINGS = """\
version: 1
agent: {{url: '{url}', key: {{file: {folder}/key}}}}
audio:
  capture: {{device: 'wav:{folder}/in.wav', silent_after_s: 0}}
  playback: {{device: 'wav:{folder}/out.wav'}}
sounds: {{causes: false}}
"""


@contextlib.asynccontextmanager
async def agent(*hears, **options):
    """Serve a stand-in that takes its turns for `hears`, and allows nothing against the rules."""
    settings = Settings(mode="strict", timing=QUICK, understanding=Scripted(hears), **options)
    async with serve_assemblyai(settings) as server:
        yield server
    violations = server.service.events.find("violation")
    assert violations == [], violations


async def received(server, kind, number=1, within_s=20.0):
    """Return when the agent got its n-th message of a kind, on the monotonic clock."""
    await until(lambda: len(server.service.events.find("received", type=kind)) >= number, within_s)
    return server.service.events.find("received", type=kind)[number - 1]["t"]


class Device:
    """Where a daemon lives; it outlives every process.

    Attributes:
        prefix: A command that runs the daemon's command.
    """

    def __init__(self, folder, url):
        self.folder = folder
        self.process = None
        self.prefix = ()
        (folder / "key").write_text("top-secret-key\n")
        (folder / "key").chmod(0o600)
        (folder / "voiced.yaml").write_text(SETTINGS.format(url=url, folder=folder))

    @contextlib.asynccontextmanager
    async def on(self, *, speech=b"", **environment):
        """Run the daemon; `speech` is said 2 s after its start. In the end it is killed."""
        with wave.open(str(self.folder / "in.wav"), "wb") as file:
            file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            file.writeframes(bytes(2 * 2 * RATE_HZ) + speech)
        places = {
            "STATE_DIRECTORY": str(self.folder / "state"),
            "RUNTIME_DIRECTORY": str(self.folder),
        }
        run = (sys.executable, "-m", "voiced", "run", "--config", self.folder / "voiced.yaml")
        command = [*self.prefix, *run]
        with (self.folder / "log").open("w") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command, stderr=log, env=os.environ | places | environment
            )
        try:
            await until(lambda: self.log.count("status: ") > 1)
            await asyncio.sleep(0.3)  # the first status is shown before signals are heard
            yield self
            assert self.process.returncode is None
        finally:
            self.process.kill()
            await self.process.wait()
            assert "Traceback" not in self.log

    @property
    def log(self):
        return (self.folder / "log").read_text()

    @property
    def status(self):
        return self.log.rpartition("status: ")[2].split("\n")[0]

    def press(self):
        """Press the talk button."""
        self.process.send_signal(signal.SIGUSR1)

    def played(self):
        """Return all that was played, as samples of int16."""
        with wave.open(str(self.folder / "out.wav")) as file:
            return np.frombuffer(file.readframes(file.getnframes()), "<i2")

    def voice_s(self):
        """Return how long the agent was heard."""
        loud = [np.abs(np.fft.rfft(piece)) for piece in pieces(self.played())]
        return WINDOW_S * sum(
            spectrum.argmax() == VOICE_HZ * WINDOW_S and spectrum.max() > QUIET * RATE_HZ * WINDOW_S
            for spectrum in loud
        )

    def rings_s(self):
        """Return when sounds began, in seconds from the start."""
        return begins_s(self.played(), RATE_HZ)


def pieces(samples, rate_hz=RATE_HZ):
    size = round(WINDOW_S * rate_hz)
    return samples[: len(samples) // size * size].reshape(-1, size).astype(float)


def begins_s(samples, rate_hz):
    """Return when sounds began that had a second of silence before."""
    loud = [piece.std() > QUIET for piece in pieces(samples, rate_hz)]
    silence = round(1 / WINDOW_S)
    return [
        round(index * WINDOW_S, 1)
        for index, sounds in enumerate(loud)
        if sounds and index >= silence and not any(loud[index - silence : index])
    ]


SPEECH = tone(800)


async def set_by_voice(server, device):
    """Say something to a daemon that sleeps; return when it was told to set the timer."""
    device.press()
    await received(server, "tool.result")
    await until(lambda: len(server.service.events.find("sent", type="reply.done")) == 2)
    return server.service.events.find("sent", type="tool.call")[0]["t"]


async def send_to_sleep(server, device):
    await until(lambda: device.status == "listening")
    device.press()
    await received(server, "session.end")
    await until(lambda: device.status == "asleep")


FAKE_CLOCK = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


class WallClock:
    """A wall clock of the daemon's own, which can jump; what counts elapsed time is not touched."""

    def __init__(self, folder):
        self._file = folder / "clock"
        self.jump(0)
        self.environment = {
            "LD_PRELOAD": str(FAKE_CLOCK[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # or a thread that waits for Python never sleeps
            "TZ": "UTC",
        }

    def jump(self, by_s):
        """Set it to so much more than the right time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{by_s:+d}\n")
        new.replace(self._file)
