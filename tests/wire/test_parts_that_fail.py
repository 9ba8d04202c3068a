"""What is not vital fails in a real daemon: the conversation goes on, and `voiced status` tells of it."""

import json
import os
import shutil
import subprocess
import sys
import wave

import pytest

from tests.ports import free_port
from tests.wire.test_commands import happened, stand_in, wait_for

pytestmark = pytest.mark.real_time
__all__ = ["stand_in"]

SETTINGS = """\
version: 1
agent: {{url: '{url}', key: {{file: '{folder}/key'}}}}
audio: {{capture: {{device: 'wav:{folder}/in.wav'}}, playback: {{device: 'wav:{folder}/out.wav'}}}}
sounds: {{earcons: false, causes: false}}
wake: {{mode: always}}
led: {{pin: 25}}
mqtt: {{host: 127.0.0.1, port: {port}}}
"""

LIMITED = 'echo 0 >/proc/sys/user/max_inotify_instances; exec "$@"'
"""Within a user namespace of its own, so that nobody else goes short."""


def test_without_inotify_and_with_parts_that_fail_a_conversation_goes_on(tmp_path, stand_in):
    assert shutil.which("unshare")
    url, events = stand_in
    (tmp_path / "key").write_text("top-secret-key\n")
    (tmp_path / "key").chmod(0o600)
    with wave.open(str(tmp_path / "in.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(32_000))
    path = tmp_path / "voiced.yaml"
    path.write_text(SETTINGS.format(url=url, folder=tmp_path, port=free_port()))
    environment = {
        **os.environ,
        "STATE_DIRECTORY": str(tmp_path / "state"),
        "RUNTIME_DIRECTORY": str(tmp_path),
    }
    voiced = [sys.executable, "-m", "voiced"]
    process = subprocess.Popen(
        ["unshare", "-Ur", "sh", "-c", LIMITED, "sh", *voiced, "run", "--config", path],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )

    def status(*options):
        asked = [*voiced, "status", *options]
        done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
        return done.stdout

    try:
        wait_for(lambda: happened(events, "sent", type="session.ready"))
        wait_for(lambda: "light on GPIO 25" in status())
        found = json.loads(status("--json"))
        assert found["status"] == "listening"
        [fault] = [fault for fault in found["faults"] if fault["name"] == "light on GPIO 25"]
        assert fault["failures"] >= 1
        assert "Raspberry Pi" in fault["reason"] or "gpio" in fault["reason"].lower()
        path.write_text(path.read_text().replace("/out.wav'", "/out.wav', volume: 33"))
        wait_for(lambda: "volume 33 %" in status())
        assert len(happened(events, "sent", type="session.ready")) == 1
        process.terminate()
        _, said = process.communicate(timeout=10)
        assert process.returncode == 0
        assert said.count("file watch: Too many open files") == 1
        assert said.count("files of the system: Too many open files") == 1
        assert said.count("light on GPIO 25") == 1
    finally:
        process.kill()
        process.communicate()
