"""A thousand kills at any moment of fetching, checking, trying and keeping settings from a server.

Every process is a fork of this one, so that a life lasts no longer than what it is about; its clock runs
twenty times as fast, so that trials end within it.
"""

import asyncio
import http.server
import os
import random
import selectors
import signal
import time
from functools import partial

import aiohttp.web  # noqa: F401 - so that no fork has to
import pytest

from tests.fakes import RecordingSpeaker, ScriptedMicrophone
from voiced.assembly.factory import ComponentCache, Extras, catalogue
from voiced.config.history import decode
from voiced.config.load import examine
from voiced.config.resolve import choose
from voiced.service.run import follow
from voiced.storage.settings_store import RecordFile, last_record
from voiced.storage.state_files import SETTINGS
from voiced.storage.state_store import StateStore

KILLS = 1000
LONGEST_LIFE_S = 0.5
BROKEN = 0.1
NEW = 0.15
"""How often there is something new when the server is asked."""

HURRY = 20

LOCAL = """\
version: 1
device: {{name: kitchen}}
agent: {{url: 'ws://127.0.0.1:9/', key: {{file: {folder}/key}}}}
audio: {{capture: {{silent_after_s: 0}}}}
log: {{level: error}}
remote: {{url: 'http://127.0.0.1:{port}/x', interval_s: 5, trial_s: 5}}
"""


class HurriedSelector(selectors.DefaultSelector):
    def select(self, timeout=None):
        return super().select(None if timeout is None else timeout / HURRY)


class HurriedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock runs faster than the world's."""

    def __init__(self):
        super().__init__(HurriedSelector())

    def time(self):
        return time.monotonic() * HURRY


def revision(number):
    """Return what the server sends as its n-th revision; some are broken, some are large."""
    dice = random.Random(number)
    filler = f"# {'x' * 70}\n" * dice.choice([1, 10, 1000])
    key = "loudness" if dice.random() < BROKEN else "volume"
    return (
        f"revision: {number}\naudio: {{playback: {{{key}: {10 + number % 91}}}}}\n{filler}# end\n"
    )


class Server(http.server.HTTPServer):
    """Sends one revision after another."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.dice = random.Random(5)
        self.newest = 1

    def settings(self):
        self.newest += self.dice.random() < NEW
        return revision(self.newest).encode()


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        content = self.server.settings()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


async def live(folder, path):
    """What a process does from its start on, in a hurry."""
    kept = RecordFile(StateStore(folder / "state"), path)
    kept.begin(time.time())
    choice = choose(examine(path, catalogue()), kept.record, catalogue())
    it = follow(path, choice, kept, ComponentCache(), folder / "sock")
    runtime = it.assemble(
        Extras(
            microphone=ScriptedMicrophone(),
            speaker=RecordingSpeaker(),
            store=kept.store,
        )
    )
    running = asyncio.create_task(runtime.run())
    while not running.done():
        it.reloader.may_try()  # so many crashes would have it wait for hours
        await it.remote.ask()
        await asyncio.sleep(2)
    running.result()


def forked(work):
    """Do `work` in a process of its own; return its id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(1)
    return pid


def life(folder, path):
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        runner.run(live(folder, path))


@pytest.fixture
def server():
    it = Server()
    pid = forked(it.serve_forever)
    yield it
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    it.server_close()


def check(folder, path, highest):
    """Look at what is on the disk as the next process would; return the highest revision so far."""
    file = folder / "state" / SETTINGS.name
    if not file.exists():
        return highest
    record = decode(file.read_bytes())
    for sent in (record.good, record.trial):
        if sent is not None:
            assert sent.text == revision(sent.revision)
            assert sent.digest not in {each.digest for each in record.failed}
    choice = choose(examine(path, catalogue()), record, catalogue())
    assert (choice.complaint, choice.refused) == (None, None)
    if record.sent is not None:
        assert choice.best.settings.audio.playback.volume == 10 + record.sent.revision % 91
    assert (record.highest or 0) >= highest
    return record.highest or 0


def test_no_kill_leaves_half_of_anything(tmp_path, server, measured):
    (tmp_path / "key").write_text("k\n")
    (tmp_path / "key").chmod(0o600)
    path = tmp_path / "voiced.yaml"
    path.write_text(LOCAL.format(folder=tmp_path, port=server.server_port))
    dice, highest, states = random.Random(9), 0, {"trial": 0, "good": 0, "neither": 0}
    for _ in range(KILLS):
        pid = forked(partial(life, tmp_path, path))
        time.sleep(dice.uniform(0, LONGEST_LIFE_S))
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)  # it lives
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        highest = check(tmp_path, path, highest)
        record = last_record(tmp_path / "state", path)
        states["trial" if record.trial else "good" if record.good else "neither"] += 1
    measured(
        f"{KILLS} kills: the next start found settings on trial {states['trial']} times, kept ones "
        f"{states['good']} times, up to revision {highest}"
    )
    assert min(states["trial"], states["good"]) > KILLS / 20
    assert highest > KILLS / 20
