"""The system on the virtual Pi, by ssh."""

import io
import json
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.pi.images import Image

BOOT_WITHIN_S = 180.0


class CommandError(AssertionError):
    """A command on the Pi failed."""


class Guest:
    """A root shell on the Pi.

    Args:
        port: Where its ssh answers on this machine.
        folder: Where the connection that all commands share has its socket.
    """

    def __init__(self, image: Image, port: int, folder: Path) -> None:
        self._control = folder / "ssh.sock"
        options = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "ConnectTimeout=5",
            "ServerAliveInterval=10",
            "ControlMaster=auto",
            f"ControlPath={self._control}",
            "ControlPersist=600",
        ]
        self.ssh = ["ssh", "-p", str(port), "-i", str(image.folder / "key")]
        self.ssh += [part for option in options for part in ("-o", option)]
        self.ssh.append("root@127.0.0.1")

    def __call__(self, command: str, *, within_s: float = 120, stdin: bytes | None = None) -> str:
        """Run a shell command; return what it printed.

        Raises:
            CommandError: If it does not exit 0.
        """
        code, output = self.attempt(command, within_s=within_s, stdin=stdin)
        if code:
            raise CommandError(f"{command!r} exited {code}:\n{output[-4000:]}")
        return output

    def attempt(
        self, command: str, *, within_s: float = 120, stdin: bytes | None = None
    ) -> tuple[int, str]:
        """Run a shell command; return its exit code and what it printed."""
        ran = subprocess.run(
            [*self.ssh, command],
            input=stdin if stdin is not None else b"",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=within_s,
            check=False,
        )
        return ran.returncode, ran.stdout.decode(errors="replace")

    def write(self, path: str, content: str | bytes) -> None:
        content = content.encode() if isinstance(content, str) else content
        self(f"cat > {path}", stdin=content)

    def copy(self, paths: dict[Path, str], folder: str) -> None:
        """Copy files and folders of this machine into a folder, under new names."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, name in paths.items():
                archive.add(path, name, filter=_plain)
        self(f"mkdir -p {folder} && tar -C {folder} -xf -", stdin=packed.getvalue())

    def wait_until_up(self) -> float:
        """Return how long it took until the system says that it has started."""
        started_s = time.monotonic()
        self.disconnect()
        state = "systemctl is-system-running"
        self.until(
            lambda: self.attempt(state, within_s=20)[1].strip() in ("running", "degraded"),
            BOOT_WITHIN_S,
        )
        return time.monotonic() - started_s

    def disconnect(self) -> None:
        """Forget the shared connection: its other end is gone."""
        subprocess.run([*self.ssh, "-O", "exit"], capture_output=True, check=False)
        self._control.unlink(missing_ok=True)

    @staticmethod
    def until(condition: Callable[[], Any], within_s: float, what: str = "") -> Any:
        """Wait for a condition; return what it returned."""
        deadline_s = time.monotonic() + within_s
        while True:
            try:
                if found := condition():
                    return found
            except (subprocess.TimeoutExpired, CommandError):
                pass
            if time.monotonic() > deadline_s:
                raise CommandError(f"not within {within_s:g} s: {what or condition}")
            time.sleep(0.2)

    def journal(self, *, since: str = "", boot: bool = True) -> list[dict[str, Any]]:
        """Return the daemon's part of the journal, an entry a dictionary."""
        limits = (" -b" if boot else "") + (f" --after-cursor='{since}'" if since else "")
        text = self(f"journalctl -u voiced -o json --no-pager{limits}")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def cursor(self) -> str:
        """Return a mark in the journal; what comes after it is new."""
        text = self("journalctl -n 0 --show-cursor --no-pager")
        return text.rpartition("-- cursor: ")[2].strip()

    def show(self, *properties: str, unit: str = "voiced") -> dict[str, str]:
        """Return properties of the service."""
        text = self(f"systemctl show {unit} -p {','.join(properties)}")
        return dict(line.partition("=")[::2] for line in text.splitlines())


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what nobody needs there; nobody's user owns the rest."""
    if any(part in {"__pycache__", ".git", ".venv"} for part in Path(entry.name).parts):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
