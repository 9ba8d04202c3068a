"""Speaking to the array from a test."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.pi.sockets import connected


class ArrayProcess:
    """The array, in a process of its own: its clock must not wait for anybody.

    Attributes:
        usb_socket: What QEMU connects to.
    """

    def __init__(self, folder: Path) -> None:
        self.usb_socket = folder / "usb.sock"
        control = folder / "array.sock"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.pi.array", self.usb_socket, control],
            stdin=subprocess.DEVNULL,
        )
        self._connection = connected(control)
        self._answers = self._connection.makefile()

    def plug(self) -> None:
        self._do("plug")

    def unplug(self) -> None:
        self._do("unplug")

    def stall(self, stalled: bool) -> None:
        """Stop sending what the microphones hear, though the stream runs; or send again."""
        self._do("stall", stalled=stalled)

    def say(self, path: Path) -> float:
        """Say a mono WAV file of 16 kHz into the microphones; return how long it takes."""
        takes_s: float = self._do("say", path=str(path))["takes_s"]
        return takes_s

    def hush(self) -> None:
        self._do("hush")

    def record(self, path: Path) -> float:
        """Write what the speaker plays to a WAV file from now on; return the time of its start."""
        started_s: float = self._do("record", path=str(path))["started_s"]
        return started_s

    def stop_recording(self) -> None:
        self._do("stop_recording")

    def facts(self) -> dict[str, Any]:
        return self._do("facts")

    def close(self) -> None:
        self._answers.close()
        self._connection.close()
        self._process.terminate()
        self._process.wait()

    def _do(self, order: str, **details: Any) -> dict[str, Any]:
        self._connection.sendall(json.dumps({"do": order, **details}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._answers.readline())
        if not answer["ok"]:
            raise RuntimeError(f"the array cannot {order}: {answer['error']}")
        return answer
