"""The stand-in agent on this machine, where the Pi finds it over its network: behind TLS, by a name."""

import json
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from tests.pi.qemu import AGENT_HOST
from tests.wire.certificates import Authority

NAME = "agent.test"
KEY = "a-key-that-nobody-may-see"


class Agent:
    """One agent; started again it is at the same address.

    Attributes:
        authority: Who vouches for it.
        record_folder: Where what each session hears is written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.authority = Authority.found(folder)
        self.authority.serving("agent", names=f"DNS:{NAME},IP:{AGENT_HOST}")
        self.record_folder = folder / "heard-0"
        self._events = folder / "events.jsonl"
        self._process: subprocess.Popen[str] | None = None
        self.port = 0
        self._starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"wss://{NAME}:{self.port}/v1/ws"

    def start(self, *options: str) -> None:
        """Start it, or start it anew with other options of `agentsim assemblyai`."""
        self.stop()
        self._starts += 1
        self.record_folder = self.folder / f"heard-{self._starts}"  # session ids begin anew
        self.record_folder.mkdir()
        command = [
            *(sys.executable, "-m", "agentsim", "assemblyai", "--exit-with-parent"),
            *("--port", str(self.port), "--tls", "--keys", KEY),
            *("--cert", self.folder / "agent.pem", "--key", self.folder / "agent.key"),
            *("--events", self._events, "--record", self.record_folder),
            *options,
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        where = json.loads(self._process.stdout.readline())
        self.port = int(where["url"].partition("://")[2].partition("/")[0].rpartition(":")[2])

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None

    def events(self, kind: str = "", since_s: float = 0.0) -> list[dict[str, Any]]:
        """Return what has happened to it, in order."""
        if not self._events.exists():
            return []
        found = [json.loads(line) for line in self._events.read_text().splitlines()]
        for event in found:
            event["at_s"] = datetime.fromisoformat(event["wall"]).timestamp()
        return [
            event for event in found if event["at_s"] >= since_s and kind in ("", event["event"])
        ]

    def wait(self, kind: str, since_s: float, within_s: float, count: int = 1) -> dict[str, Any]:
        """Return the first, or the `count`th, event of a kind since then."""
        deadline_s = time.monotonic() + within_s
        while len(found := self.events(kind, since_s)) < count:
            if time.monotonic() > deadline_s:
                seen = [event.get("event") for event in self.events("", since_s)]
                raise TimeoutError(f"the agent saw no {kind} within {within_s:g} s, only {seen}")
            time.sleep(0.1)
        return found[count - 1]
