"""The commands as people run them: processes, signals, exit codes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import wave

import numpy as np
import pytest

pytestmark = pytest.mark.real_time

LIMIT_S = 60


def voiced(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "voiced", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture
def stand_in(tmp_path):
    """A stand-in agent as a process of its own: its URL and its event log."""
    events = tmp_path / "events.jsonl"
    options = ["--voice", "tone", "--understanding", "none", "--ready-delay", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "agentsim", "assemblyai", "--events", events, *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield json.loads(process.stdout.readline())["url"], events
        process.terminate()
    assert process.returncode == 0


def happened(events, kind, **fields):
    """Return the stand-in's events of one kind."""
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    return [line for line in lines if line["event"] == kind and fields.items() <= line.items()]


def wait_for(condition):
    deadline_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


@pytest.fixture
def settings(tmp_path, stand_in):
    url, _ = stand_in
    key = tmp_path / "key"
    key.write_text("top-secret-key\n")
    key.chmod(0o600)
    with wave.open(str(tmp_path / "in.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(32_000))
    path = tmp_path / "voiced.yaml"
    path.write_text(
        f"version: 1\n"
        f"agent: {{url: '{url}', key: {{file: {key}}}, session: {{greeting: secret greeting}}}}\n"
        f"audio:\n"
        f"  capture: {{device: 'wav:{tmp_path}/in.wav'}}\n"
        f"  playback: {{device: 'wav:{tmp_path}/out.wav'}}\n"
        f"wake: {{mode: always}}\n"
        f"log: {{level: debug}}\n"
    )
    return path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_talks_until_it_is_asked_to_stop(settings, stand_in, number, tmp_path):
    _, events = stand_in
    daemon = voiced("run", "--config", str(settings))
    wait_for(lambda: happened(events, "sent", type="reply.done"))
    daemon.send_signal(number)
    asked_s = time.monotonic()
    _, log = daemon.communicate(timeout=LIMIT_S)
    assert time.monotonic() - asked_s < 3
    assert daemon.returncode == 0
    assert happened(events, "received", type="session.end")
    assert "secret" not in log
    assert "session_id=" in log
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert np.frombuffer(file.readframes(file.getnframes()), "<i2").any()


def test_the_talk_button_can_be_pressed_by_a_signal(settings, stand_in):
    _, events = stand_in
    settings.write_text(settings.read_text().replace("always", "button"))
    daemon = voiced("run", "--config", str(settings))
    line = ""
    while "status: asleep" not in line:
        line = daemon.stderr.readline()
    time.sleep(0.3)
    assert not happened(events, "connected")
    daemon.send_signal(signal.SIGUSR1)
    wait_for(lambda: happened(events, "sent", type="session.ready"))
    daemon.send_signal(signal.SIGUSR1)
    wait_for(lambda: happened(events, "received", type="session.end"))
    daemon.terminate()
    daemon.communicate(timeout=LIMIT_S)
    assert daemon.returncode == 0


def test_a_device_that_is_not_there_does_not_stop_the_daemon(settings, stand_in):
    settings.write_text(settings.read_text().replace("in.wav", "gone.wav"))
    daemon = voiced("run", "--config", str(settings))
    line = ""
    while "no microphone" not in line:
        line = daemon.stderr.readline()
    daemon.terminate()
    daemon.communicate(timeout=LIMIT_S)
    assert daemon.returncode == 0


def test_bad_settings_are_one_line_and_exit_78(settings):
    settings.write_text(settings.read_text().replace("level: debug", "level: loud"))
    daemon = voiced("run", "--config", str(settings))
    _, log = daemon.communicate(timeout=LIMIT_S)
    assert daemon.returncode == 78
    assert len(log.splitlines()) == 1
    assert f"{settings}:7: log.level:" in log


def test_the_demo_holds_a_conversation_by_itself(tmp_path):
    output = tmp_path / "speaker.wav"
    demo = voiced("demo", "--wav", "--output", str(output))
    shown, _ = demo.communicate(timeout=LIMIT_S)
    assert demo.returncode == 0, shown
    assert "you: what time is it" in shown
    assert "get_time" in shown
    assert "a full turn was heard and answered" in shown
    with wave.open(str(output)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    assert np.sqrt(np.mean(sound**2)) > 100


@pytest.mark.long
@pytest.mark.parametrize(
    ("asks", "news"),
    [
        ("timer", "a timer rang and was announced"),
        ("timer,goodbye", "a timer rang and was announced"),
        ("timer,goodbye,offline", "a timer rang locally"),
    ],
)
def test_the_demo_waits_for_the_timer_it_has_set(tmp_path, asks, news):
    demo = voiced("demo", "--wav", "--ask", asks, "--output", str(tmp_path / "o.wav"))
    shown, _ = demo.communicate(timeout=2 * LIMIT_S)
    assert demo.returncode == 0, shown
    assert "you: set a timer for twenty seconds" in shown
    assert "set_timer" in shown
    assert news in shown


def test_a_demo_in_which_nobody_speaks_fails(tmp_path):
    demo = voiced("demo", "--wav", "--seconds", "1", "--output", str(tmp_path / "o.wav"))
    shown, _ = demo.communicate(timeout=LIMIT_S)
    assert demo.returncode == 1
    assert "NO full turn" in shown


def test_a_demo_can_be_stopped(tmp_path):
    demo = voiced("demo", "--wav", "--output", str(tmp_path / "o.wav"))
    line = ""
    while "status: listening" not in line:
        line = demo.stdout.readline()
    demo.send_signal(signal.SIGINT)
    asked_s = time.monotonic()
    demo.communicate(timeout=LIMIT_S)
    assert time.monotonic() - asked_s < 3


async def test_the_demo_in_a_terminal_obeys_keys(tmp_path):
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voiced", "demo", "--wav"),
        *("--output", str(tmp_path / "o.wav")),
        stdin=theirs,
        stdout=theirs,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    shown = bytearray()

    def read():
        try:
            shown.extend(os.read(ours, 65536))
        except OSError:  # the other end is closed
            asyncio.get_running_loop().remove_reader(ours)

    asyncio.get_running_loop().add_reader(ours, read)

    async def until(text):
        async with asyncio.timeout(LIMIT_S):
            while text not in shown:
                await asyncio.sleep(0.05)
        del shown[: shown.index(text)]

    await until(b"o listening")
    os.write(ours, b"m")
    await until(b"x muted")
    os.write(ours, b"m")
    await until(b"o listening")
    os.write(ours, b"1")
    await until(b"you: what time is it")
    await until(b"agent: It is")
    os.write(ours, b"q")
    await asyncio.wait_for(process.wait(), 3)
    await process.stderr.read()
    asyncio.get_running_loop().remove_reader(ours)
    os.close(ours)


def test_devices_and_help_and_version():
    for arguments in (["devices"], ["--help"], ["run", "--help"], ["--version"]):
        command = voiced(*arguments)
        shown, _ = command.communicate(timeout=LIMIT_S)
        assert command.returncode == 0
        assert shown


def test_a_card_that_is_not_there_does_not_flood_the_log(tmp_path):
    path = tmp_path / "voiced.yaml"
    path.write_text('agent: {url: "ws://127.0.0.1:9"}\naudio: {capture: {device: no_such_pcm}}\n')
    daemon = subprocess.Popen(
        [sys.executable, "-m", "voiced", "run", "--config", str(path)],
        env=os.environ | {"STATE_DIRECTORY": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(4)
    daemon.terminate()
    _, log = daemon.communicate(timeout=10)
    assert daemon.returncode == 0
    assert "no microphone: no_such_pcm" in log
    assert "ALSA lib" not in log
    assert len(log.splitlines()) < 12
