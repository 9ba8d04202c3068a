"""The process ends in time, and says what is wrong, whatever hangs on a thread of it."""

import contextlib
import json
import os
import subprocess
import sys
import time

import pytest

from tests.ports import free_port
from tests.wire.test_commands import wait_for
from tests.wire.test_service import Systemd

pytestmark = pytest.mark.real_time

WITHIN_S = 2.0
SETTINGS = """\
version: 1
agent: {{url: 'wss://agent.invalid/v1/ws', key: {{file: '{folder}/key'}}}}
audio: {{capture: {{device: default, silent_after_s: 0}}, playback: {{device: default, mixer: none}}}}
sounds: {{earcons: false, causes: false}}
wake: {{mode: always}}
mqtt: {{host: broker.invalid}}
kiosk: {{listen: '0.0.0.0:{kiosk}'}}
metrics: {{listen: '0.0.0.0:{metrics}', token: {{file: '{folder}/key'}}}}
mcp: {{home: {{url: 'https://mcp.invalid/mcp'}}}}
remote: {{url: 'https://settings.invalid/kitchen.yaml', interval_s: 5}}
"""


@contextlib.contextmanager
def daemon(folder, hangs, notify):
    (folder / "key").write_text("k\n")
    (folder / "key").chmod(0o600)
    path = folder / "voiced.yaml"
    path.write_text(SETTINGS.format(folder=folder, kiosk=free_port(), metrics=free_port()))
    places = {"STATE_DIRECTORY": str(folder / "state"), "RUNTIME_DIRECTORY": str(folder)}
    systemd = {"NOTIFY_SOCKET": str(notify.path), "WATCHDOG_USEC": "2000000"}
    command = [sys.executable, "-m", "tests.wire.hanging"]
    environment = {**os.environ, **places, "HANGS": hangs}
    process = subprocess.Popen([*command, "run", "--config", path], env=environment | systemd)

    def status():
        asked = [*command, "status", "--json"]
        done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    process.status = status
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def stop(process):
    """Ask it to stop; return how long that takes."""
    asked_s = time.monotonic()
    process.terminate()
    assert process.wait(20) == 0
    return time.monotonic() - asked_s


@pytest.fixture
def notify(tmp_path):
    with contextlib.closing(Systemd(tmp_path)) as listening:
        yield listening


@pytest.mark.parametrize("hangs", ["opening", "closing", "names", "opening names", "closing names"])
def test_the_process_ends_in_time_whatever_hangs(tmp_path, hangs, notify, measured):
    with daemon(tmp_path, hangs, notify) as process:
        notify.wait("READY=1", within_s=30)
        wait_for(lambda: process.status().get("status"))
        took_s = stop(process)
    measured(f"{hangs} hang: exit {took_s:.2f} s after SIGTERM")
    assert took_s < WITHIN_S


def test_an_opening_that_hangs_is_shown_and_systemd_is_not_told_that_all_is_well(tmp_path, notify):
    with daemon(tmp_path, "opening", notify) as process:
        notify.wait("STATUS=no-microphone", within_s=30)
        wait_for(lambda: process.status().get("microphone") == "opening hangs")
        assert process.status()["speaker"] == "opening hangs"
        with contextlib.suppress(TimeoutError):
            notify.wait("nothing of the kind", within_s=0.5)
        notify.forget()
        with pytest.raises(TimeoutError):
            notify.wait("WATCHDOG=1", within_s=3)
        assert stop(process) < WITHIN_S
