"""A real daemon whose volume changes all the time is killed at random moments."""

import json
import random
import time
import wave
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.wire.volume_daemon import Daemon
from voiced.service.signals import SignalWake
from voiced.storage.state_files import VOLUME

KILLS = 200
AT_ONCE = 8
NEVER_OLDER_S = 2.0


def live_and_die(folder, after_s):
    """Run a daemon, kill it; return what it said of its volume, and when it died."""
    daemon = Daemon(folder)
    time.sleep(after_s)
    killed_s = time.monotonic()
    daemon.process.kill()
    return daemon.rest(), killed_s


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
        file = folder / VOLUME.name
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
    daemon = Daemon(tmp_path, SignalWake)
    time.sleep(0.7)
    daemon.process.terminate()
    said = daemon.rest()
    assert daemon.process.exitcode == 0
    assert json.loads((tmp_path / VOLUME.name).read_text())["volume"] == said[-1][1]
