"""A real daemon whose volume changes all the time is killed at random moments."""

import json
import random
import signal
import subprocess
import sys
import time
import wave
from concurrent.futures import ThreadPoolExecutor

import pytest

from voiced.host.memory import FILE_NAME

KILLS = 200
AT_ONCE = 8
NEVER_OLDER_S = 2.0

DAEMON = """
import asyncio, os, sys, time
from pathlib import Path
from voiced.app import Extras, assemble
from voiced.config.schema import AgentSection, AudioSection, CaptureSection, PlaybackSection, Settings
from voiced.core.events import VolumeStepped

folder = Path(sys.argv[1])

class Fingers:
    async def watch(self, emit):
        runtime.volume = 100
        for n in range(100):
            emit(VolumeStepped(-1))
            os.write(1, f"{time.monotonic()} {runtime.volume}\\n".encode())
            await asyncio.sleep(0.01 * (1 + n % 6))
        await asyncio.Event().wait()

audio = AudioSection(
    capture=CaptureSection(device=f"wav:{folder / 'in.wav'}"),
    playback=PlaybackSection(device=f"wav:{folder / 'out.wav'}"),
)
settings = Settings(agent=AgentSection(url="ws://127.0.0.1:9"), audio=audio)
runtime = assemble(settings, Extras(state_folder=folder, key="k", wake_sources=[Fingers()]))
asyncio.run(runtime.run())
"""


def live_and_die(folder, after_s):
    """Run a daemon, kill it; return what it said of its volume, and when it died."""
    daemon = subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    first = daemon.stdout.readline()
    time.sleep(after_s)
    killed_s = time.monotonic()
    daemon.send_signal(signal.SIGKILL)
    rest, errors = daemon.communicate()
    assert b"Traceback" not in errors, errors
    lines = (first + rest).decode().rsplit("\n", 1)[0].splitlines()
    return [(float(at_s), int(volume)) for at_s, volume in map(str.split, lines)], killed_s


def silence(folder):
    """Give a daemon's folder a microphone."""
    folder.mkdir(exist_ok=True)
    with wave.open(str(folder / "in.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(640))


@pytest.mark.long
def test_the_remembered_volume_is_never_corrupt_and_never_old(tmp_path):
    chance = random.Random(7)

    def trial(number):
        folder = tmp_path / str(number % AT_ONCE)
        silence(folder)
        said, killed_s = live_and_die(folder, chance.uniform(0.0, 2.8))
        file = folder / FILE_NAME
        if not file.exists():
            assert killed_s - said[0][0] < NEVER_OLDER_S
            return 0.0
        kept = json.loads(file.read_text())["volume"]
        told_s = {volume: at_s for at_s, volume in said}
        # It was still right when the next one was told; what an earlier life left, until this one.
        outdated_s = said[0][0] if kept not in told_s else told_s.get(kept - 1, killed_s)
        return max(0.0, killed_s - outdated_s)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        lanes = [
            pool.submit(lambda lane=lane: [trial(n) for n in range(lane, KILLS, AT_ONCE)])
            for lane in range(AT_ONCE)
        ]
        ages_s = [age_s for lane in lanes for age_s in lane.result()]
    assert len(ages_s) == KILLS
    assert max(ages_s) <= NEVER_OLDER_S


def test_a_stop_in_good_order_loses_nothing(tmp_path):
    silence(tmp_path)
    daemon = subprocess.Popen(
        [sys.executable, "-c", DAEMON.replace("Fingers()", "Fingers(), Signals()").replace(
            "class Fingers", "from voiced.host.signals import SignalWake as Signals\nclass Fingers"
        ), str(tmp_path)],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    daemon.stdout.readline()
    time.sleep(0.7)
    daemon.terminate()
    out, _ = daemon.communicate(timeout=10)
    assert daemon.returncode == 0
    last = int(out.decode().splitlines()[-1].split()[1])
    assert json.loads((tmp_path / FILE_NAME).read_text())["volume"] == last
