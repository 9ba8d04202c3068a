"""`agentsim assemblyai` as a program."""

import asyncio
import base64
import json
import signal
import ssl
import subprocess
import sys
import time
import wave

import numpy as np
import pytest
from websockets.asyncio.client import connect

from agentsim.sound import SPEECH_HZ
from agentsim.sound.resample import resample
from agentsim.sound.wire import PCM, PCMU
from agentsim.speaking import Espeak
from tests import uncovered
from tests.wire.mcp_house import is_alive
from voiced.devices.network.websocket import Connection

pytestmark = pytest.mark.real_time

PATIENCE_S = 20
HEADERS = {"Authorization": "Bearer k1"}
TOOL = {"type": "function", "name": "get_time"}


class Program:
    def __init__(self, *options, env=None):
        command = [sys.executable, "-m", "agentsim", "assemblyai", *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
        )

    def __enter__(self):
        self.where = json.loads(self.process.stdout.readline())
        return self

    def __exit__(self, *_error):
        self.stop(signal.SIGKILL)

    def stop(self, signal_number=signal.SIGTERM):
        """End the program; return its exit code, the rest of its stdout, and its stderr."""
        self.process.send_signal(signal_number)
        stdout, stderr = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, stdout, stderr


def connected(program, **options):
    return connect(
        program.where["url"], additional_headers=HEADERS, create_connection=Connection, **options
    )


async def until(socket, kind):
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event = json.loads(await socket.recv())
            if event["type"] == kind:
                return event


async def speak(socket, samples, encoding):
    """Send sound at `SPEECH_HZ` in real time, 50 ms at a time, then silence until cancelled."""
    payload = encoding.encode(resample(samples, SPEECH_HZ, encoding.rate_hz))
    size = encoding.bytes_in(0.05)
    due = asyncio.get_running_loop().time()
    while True:
        chunk, payload = payload[:size], payload[size:]
        chunk = chunk.ljust(size, encoding.silence[:1])
        audio = base64.b64encode(chunk).decode()
        await socket.send(json.dumps({"type": "input.audio", "audio": audio}))
        due += 0.05
        await asyncio.sleep(due - asyncio.get_running_loop().time())


@pytest.mark.parametrize(
    ("encoding", "text"), [(PCM, "what time is it"), (PCMU, "what is the time")]
)
async def test_a_spoken_question_is_heard_understood_and_answered_aloud(tmp_path, encoding, text):
    options = ("--events", str(tmp_path / "events.jsonl"), "--record", str(tmp_path))
    # To listen takes a core; covered and beside others it fell behind the voice.
    with Program(*options, env=uncovered.environment()) as program:
        async with connected(program) as socket:
            formats = {"format": {"encoding": encoding.name}}
            session = {"tools": [TOOL], "input": formats, "output": formats}
            await socket.send(json.dumps({"type": "session.update", "session": session}))
            await until(socket, "session.ready")
            before = time.monotonic()
            async with asyncio.TaskGroup() as tasks:
                microphone = tasks.create_task(speak(socket, Espeak().render(text), encoding))
                assert (await until(socket, "transcript.user.delta"))["text"]
                assert (await until(socket, "transcript.user"))["text"] == text
                call = await until(socket, "tool.call")
                await until(socket, "reply.done")
                result = {
                    "type": "tool.result",
                    "call_id": call["call_id"],
                    "result": '{"time": "noon"}',
                }
                await socket.send(json.dumps(result))
                heard = []
                while (event := json.loads(await socket.recv()))["type"] != "reply.done":
                    if event["type"] == "reply.audio":
                        heard.append(encoding.decode(base64.b64decode(event["data"])))
                microphone.cancel()
            await socket.send('{"type": "session.end"}')
            await until(socket, "session.ended")
        assert program.stop() == (0, "", "")
    assert np.abs(np.concatenate(heard)).max() > 3000
    entries = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    (first,) = [entry for entry in entries if entry["event"] == "first_audio"]
    assert 0 <= first["t"] - before < 1
    assert entries[-1] == entries[-1] | {"event": "summary", "sessions": 1, "violations": 0}
    assert text not in (tmp_path / "events.jsonl").read_text()
    (recording,) = tmp_path.glob("*.wav")
    with wave.open(str(recording)) as file:
        assert file.getframerate() == encoding.rate_hz
        assert file.getnframes() > 2 * encoding.rate_hz


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly_with_a_client_connected(signal_number):
    with Program("--mode", "strict", "--voice", "tone") as program:
        async with connected(program) as socket:
            await socket.send('{"type": "session.update", "session": {}, "extra": 1}')
            await until(socket, "session.ready")
            stopping = asyncio.get_running_loop().run_in_executor(None, program.stop, signal_number)
            await socket.wait_closed()
            assert socket.close_code == 1001
            assert await stopping == (0, '{"violations": 1}\n', "")


async def test_its_certificate_can_be_trusted():
    with Program("--tls", "--ready-delay", "0.01") as program:
        trusting = ssl.create_default_context(cafile=program.where["ca"])
        async with connected(program, ssl=trusting) as socket:
            await socket.send('{"type": "session.update", "session": {}}')
            await until(socket, "session.ready")
        assert program.stop()[0] == 0


def test_it_ends_with_its_parent():
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'agentsim', 'assemblyai',"
        " '--exit-with-parent'], stdout=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline().decode(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    pid = int(parent.stdout.readline().split()[0])
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + PATIENCE_S
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--scenario", "nowhere"), "agentsim: nowhere: no such scenario file; shipped ones: demo"),
        (("--fault", "dorp"), "agentsim: fault 'dorp': no such switch; did you mean drop?"),
        (("--port", "1", "--host", "192.0.2.1"), "agentsim: "),
    ],
)
def test_a_mistake_is_one_line_and_exit_64(options, problem):
    program = Program(*options)
    stdout, stderr = program.process.communicate(timeout=PATIENCE_S)
    assert program.process.returncode == 64
    assert stdout == ""
    assert stderr.startswith(problem)
    assert stderr.count("\n") == 1


def test_the_faults_can_be_listed():
    program = Program("--list-faults")
    stdout, _stderr = program.process.communicate(timeout=PATIENCE_S)
    assert program.process.returncode == 0
    assert "drop @reply: cut the TCP connection" in stdout
