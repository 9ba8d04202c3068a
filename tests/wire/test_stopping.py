"""SIGTERM, whatever the daemon is doing: exit 0 within 3 s, and the agent's session is ended."""

import contextlib
import json
import signal
import subprocess
import sys
import time
import wave

import pytest

from tests.flows.house import tone
from tests.wire.test_commands import happened, voiced, wait_for

pytestmark = pytest.mark.real_time

PROMISED_S = 3.0
GREETING = "A greeting that takes rather a long time to be spoken, so that there is time to act."


@contextlib.contextmanager
def stand_in(folder, *options):
    events = folder / "events.jsonl"
    command = [sys.executable, "-m", "agentsim", "assemblyai", "--events", events]
    with subprocess.Popen(
        [*command, "--voice", "tone", "--understanding", "none", *options],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        process.events = events
        process.url = json.loads(process.stdout.readline())["url"]
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()


@contextlib.contextmanager
def daemon(folder, url, *, wake="always", greeting="", sound=b""):
    key = folder / "key"
    key.write_text("top-secret-key\n")
    key.chmod(0o600)
    with wave.open(str(folder / "in.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(8_000) + sound + bytes(160_000))
    path = folder / "voiced.yaml"
    path.write_text(
        f"version: 1\n"
        f"agent: {{url: '{url}', key: {{file: {key}}}, session: {{greeting: '{greeting}'}}}}\n"
        f"audio:\n"
        f"  capture: {{device: 'wav:{folder}/in.wav'}}\n"
        f"  playback: {{device: 'wav:{folder}/out.wav'}}\n"
        f"wake: {{mode: {wake}}}\n"
    )
    process = voiced("run", "--config", str(path))
    process.key = key
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until_status(process, status):
    for line in process.stderr:
        if f"status: {status}" in line:
            return
    raise AssertionError(f"never {status}")


def stop(process):
    """Ask it to stop; return how long that took."""
    asked_s = time.monotonic()
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0
    return time.monotonic() - asked_s


SPEECH = tone(600)
PHASES = {
    "asleep": ([], {"wake": "button"}, None),
    "connecting": (["--ready-delay", "14"], {}, True),
    "listening": ([], {}, True),
    "hearing": ([], {"sound": SPEECH}, True),
    "thinking": (["--think", "20"], {"sound": SPEECH}, True),
    "speaking": ([], {"greeting": GREETING}, True),
    "rejected": (["--keys", "another"], {}, None),
}


@pytest.mark.parametrize("status", PHASES)
def test_sigterm_in_every_phase(status, tmp_path):
    options, about, has_link = PHASES[status]
    with (
        stand_in(tmp_path, *options) as agent,
        daemon(tmp_path, agent.url, **about) as process,
    ):
        until_status(process, status)
        time.sleep(0.3)  # the first status is shown before signals are heard
        if has_link:
            wait_for(lambda: happened(agent.events, "received", type="session.update"))
        assert stop(process) < PROMISED_S
        assert bool(happened(agent.events, "received", type="session.end")) is bool(has_link)


def test_sigterm_in_the_middle_of_an_outage(tmp_path):
    with stand_in(tmp_path) as agent, daemon(tmp_path, agent.url) as process:
        until_status(process, "listening")
        agent.kill()
        until_status(process, "offline")
        assert stop(process) < PROMISED_S


def test_sigterm_while_the_agent_hangs(tmp_path):
    with stand_in(tmp_path) as agent, daemon(tmp_path, agent.url) as process:
        until_status(process, "listening")
        agent.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        assert stop(process) < PROMISED_S


def test_a_new_key_counts_at_once(tmp_path):
    with (
        stand_in(tmp_path, "--keys", "a-better-key") as agent,
        daemon(tmp_path, agent.url) as process,
    ):
        until_status(process, "rejected")
        process.key.write_text("a-better-key\n")
        changed_s = time.monotonic()
        until_status(process, "listening")
        assert time.monotonic() - changed_s < 10
        assert stop(process) < PROMISED_S
