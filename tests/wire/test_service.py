"""`voiced run` as systemd sees it: over its notification socket, by signals, by its exit code."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest

GOOD = """\
version: 1
agent: {{url: 'ws://127.0.0.1:9/v1/ws', key: {{file: {folder}/key}}}}
audio:
  capture: {{device: 'wav:{folder}/in.wav'}}
  playback: {{device: 'wav:{folder}/out.wav'}}
wake: {{mode: button}}
"""


class Systemd:
    """The end of a notification socket that systemd would hold."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self.told = []

    def wait(self, text, within_s=10.0):
        deadline_s = time.monotonic() + within_s
        while not any(text in told for told in self.told):
            self._socket.settimeout(max(0.01, deadline_s - time.monotonic()))
            self.told.append(self._socket.recv(4096).decode())

    def forget(self):
        self.told.clear()

    def close(self):
        self._socket.close()


@pytest.fixture
def systemd(tmp_path):
    with contextlib.closing(Systemd(tmp_path)) as listening:
        yield listening


@contextlib.contextmanager
def service(folder, systemd, text, key="quite-private\n"):
    (folder / "key").write_text(key)
    (folder / "key").chmod(0o600)
    with wave.open(str(folder / "in.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(320_000))
    path = folder / "voiced.yaml"
    path.write_text(text.format(folder=folder))
    environment = {
        **os.environ,
        "NOTIFY_SOCKET": str(systemd.path),
        "WATCHDOG_USEC": "2000000",
        "STATE_DIRECTORY": str(folder / "state"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "voiced", "run", "--config", path],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    process.settings = path
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_it_is_ready_without_a_network_shows_its_status_and_gives_signs_of_life(tmp_path, systemd):
    with service(tmp_path, systemd, GOOD) as process:
        systemd.wait("READY=1")
        systemd.wait("STATUS=asleep")
        systemd.forget()
        systemd.wait("WATCHDOG=1", within_s=3)
        process.send_signal(signal.SIGHUP)
        systemd.wait("RELOADING=1\nMONOTONIC_USEC=")
        systemd.wait("READY=1")
        process.terminate()
        systemd.wait("STOPPING=1")
        assert process.wait(5) == 0


def test_all_its_threads_stay_on_one_core(tmp_path, systemd):
    with service(tmp_path, systemd, GOOD) as process:
        systemd.wait("STATUS=asleep")
        threads = Path(f"/proc/{process.pid}/task").iterdir()
        cores = [frozenset(os.sched_getaffinity(int(thread.name))) for thread in threads]
        assert set(cores) == {frozenset({max(os.sched_getaffinity(0))})}


def test_a_frozen_loop_gives_no_sign_of_life(tmp_path, systemd):
    with service(tmp_path, systemd, GOOD) as process:
        systemd.wait("READY=1")
        process.send_signal(signal.SIGSTOP)
        with contextlib.suppress(TimeoutError):
            systemd.wait("nothing of the kind", within_s=0.3)
        systemd.forget()
        with pytest.raises(TimeoutError):
            systemd.wait("WATCHDOG=1", within_s=2.5)
        process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("broken", "key"),
    [("colour: red\n", "quite-private\n"), ("x: [1\n", "quite-private\n"), ("", "")],
)
def test_with_settings_that_cannot_be_used_it_stays_up_until_they_can(
    tmp_path, systemd, broken, key
):
    with service(tmp_path, systemd, GOOD + broken, key) as process:
        systemd.wait("READY=1\nSTATUS=configuration-error: ")
        systemd.forget()
        systemd.wait("WATCHDOG=1", within_s=3)
        assert process.poll() is None
        process.settings.write_text(GOOD.format(folder=tmp_path) + "# still\ncolour: green\n")
        systemd.wait("STATUS=configuration-error: ", within_s=6)
        (tmp_path / "key").write_text("quite-private\n")
        process.settings.write_text(GOOD.format(folder=tmp_path))
        assert process.wait(8) == 0
        said = process.stdout.read()
        assert "fixed" in said
        assert "quite-private" not in said


def test_systemd_is_told_what_is_wrong_with_settings_that_were_saved(tmp_path, systemd):
    with service(tmp_path, systemd, GOOD) as process:
        systemd.wait("STATUS=asleep")
        for mistake in ("colour: red", "flavour: sweet"):
            process.settings.write_text(GOOD.format(folder=tmp_path) + f"{mistake}\n")
            systemd.wait(f"STATUS=configuration-error: {process.settings}:7: {mistake[:6]}")
        systemd.forget()
        process.settings.write_text(GOOD.format(folder=tmp_path))
        systemd.wait("STATUS=asleep")


def test_asked_to_stop_while_the_settings_are_broken_it_ends_in_good_order(tmp_path, systemd):
    with service(tmp_path, systemd, GOOD + "colour: red\n") as process:
        systemd.wait("configuration-error")
        process.terminate()
        assert process.wait(3) == 0
