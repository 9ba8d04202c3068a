"""A real daemon whose volume changes all the time, to be killed.

It is forked from a process that has imported everything already: the imports would take most of the time.
"""

import asyncio
import multiprocessing
import os
import time
import traceback

from voiced.assembly.factory import Extras, assemble
from voiced.config.schema import AgentSection, Settings
from voiced.config.schema_sound import AudioSection, CaptureSection, PlaybackSection
from voiced.core.events import VolumeStepped
from voiced.storage.state_store import StateStore

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload([__name__, "voiced.devices.sound.wav"])


class Fingers:
    """Turn the volume down step by step, and say so each time."""

    def __init__(self, out):
        self._out = out
        self.runtime = None

    async def watch(self, emit):
        self.runtime.volume = 100
        for n in range(100):
            emit(VolumeStepped(-1))
            os.write(self._out, f"{time.monotonic()} {self.runtime.volume}\n".encode())
            await asyncio.sleep(0.01 * (1 + n % 6))
        await asyncio.Event().wait()


def _live(folder, out, sources):
    fingers = Fingers(out.fileno())
    audio = AudioSection(
        capture=CaptureSection(device=f"wav:{folder / 'in.wav'}"),
        playback=PlaybackSection(device=f"wav:{folder / 'out.wav'}"),
    )
    settings = Settings(agent=AgentSection(url="ws://127.0.0.1:9"), audio=audio)
    extras = Extras(store=StateStore(folder), key="k", wake_sources=[fingers, *sources])
    fingers.runtime = assemble(settings, extras)
    asyncio.run(fingers.runtime.run())


def _tell(folder, out, *sources):
    try:
        _live(folder, out, [source() for source in sources])
    except BaseException:
        os.write(out.fileno(), traceback.format_exc().encode())
        raise


class Daemon:
    """One life of it.

    Args:
        folder: Where its state is.
        sources: What else wakes it.
    """

    def __init__(self, folder, *sources):
        said, out = forks.Pipe(duplex=False)
        self._said = os.fdopen(os.dup(said.fileno()), "rb")
        said.close()
        self.process = forks.Process(target=_tell, args=(folder, out, *sources))
        self.process.start()
        out.close()
        self._first = self._said.readline()

    def rest(self):
        """Return what it said until its end: when the volume was what."""
        with self._said:
            told = self._first + self._said.read()
        self.process.join()
        lines = told.decode().rsplit("\n", 1)[0].splitlines()
        assert "Traceback" not in told.decode(), told.decode()
        return [(float(at_s), int(volume)) for at_s, volume in map(str.split, lines)]
