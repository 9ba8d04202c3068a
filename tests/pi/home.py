"""A Pi in its home: installed, wired, within reach of an agent; and what a person there does and sees."""

import re
import subprocess
import time
from pathlib import Path

import numpy as np

from tests.pi.agent import KEY, NAME, Agent
from tests.pi.guest import CommandError
from tests.pi.machine import BUTTON, LIGHT, VirtualPi
from tests.pi.qemu import AGENT_HOST
from voiced.audio.resample import Resampler

ROOT = Path(__file__).resolve().parents[2]
FILES = "/srv/voiced"
WHEELS = "/srv/wheels"
SETTINGS = "/etc/voiced/voiced.yaml"
# What the tests bring, and what the system itself writes as it runs: logs, caches, clocks, lists of packages.
NOT_OURS = "/proc /sys /dev /srv /tmp /root /home /run /var/log /var/tmp /var/cache /var/lib/systemd /var/lib/dpkg /var/lib/apt"
EVERYTHING = (
    f"find / {' '.join(f'-path {path} -prune -o' for path in NOT_OURS.split())} -name __pycache__ -prune -o -print; "
    "find /run -iname '*voiced*'; getent passwd; getent group"
)
ESPEAK_HZ, MIC_HZ = 22_050, 16_000

SETTINGS_TEXT = f"""\
version: 1
device: {{name: kitchen}}
agent:
  protocol: assemblyai
  url: URL
  key: {{credential: api-key}}
  session: {{system_prompt: You are a helpful kitchen., greeting: Hello there}}
network: {{ca_file: /etc/voiced/ca.pem}}
button: {{pin: {BUTTON}, press: talk, hold: mute, hold_s: 1.5}}
led: {{pin: {LIGHT}}}
"""


class Home:
    """One Pi, its agent and its people.

    Attributes:
        pi: The device.
        agent: What it talks to.
        table: Pairs of a scenario and what was measured in it.
        fresh: What there was before anything was installed; see `everything`.
    """

    def __init__(self, pi: VirtualPi, agent: Agent, packages: Path) -> None:
        self.pi = pi
        self.agent = agent
        self.packages = packages
        self.table: list[tuple[str, str]] = []
        self.fresh: set[str] = set()
        self.folder = pi.folder
        self._guest = pi.guest

    @property
    def wheels(self) -> Path:
        """The folder of wheels for this Pi."""
        return self.packages / f"wheels-{self.pi.image.suite}-arm64"

    def measured(self, scenario: str, figures: str) -> None:
        self.table.append((scenario, figures))

    def everything(self) -> set[str]:
        """Return every file and folder of the Pi, its users and its groups with their members."""
        return set(self._guest(EVERYTHING).splitlines())

    def bring_files(self) -> None:
        """Put the checkout's scripts, the wheels and the owner's files on the Pi."""
        names = ("scripts", "systemd", "config", "README.md")
        self._guest.copy({ROOT / name: name for name in names}, FILES)
        self._guest.copy({self.wheels: "wheels"}, "/srv")
        self._guest("mkdir -p /etc/voiced")
        self._guest(f"grep -q {NAME} /etc/hosts || echo '{AGENT_HOST} {NAME}' >> /etc/hosts")
        self._guest.write("/etc/voiced/ca.pem", Path(self.agent.authority.ca_file).read_bytes())
        self._guest.write("/srv/key", f"{KEY}\n")
        self.write_settings()

    def settings(self, more: str = "") -> str:
        return SETTINGS_TEXT.replace("URL", self.agent.url) + more

    def write_settings(self, text: str | None = None) -> None:
        self._guest.write(SETTINGS, self.settings() if text is None else text)

    def install(self, *options: str, source: str = WHEELS) -> tuple[float, str]:
        """Run the installer; return how long it took and what it printed."""
        if "--key-file" in options:  # it moves the key away
            self._guest.write("/srv/key", f"{KEY}\n")
        started_s = time.monotonic()
        command = f"{FILES}/scripts/install --from {source} {' '.join(options)}"
        said = self._guest(command, within_s=400)
        return time.monotonic() - started_s, said

    def status(self) -> str:
        """What the service tells systemd about itself."""
        return self._guest.show("StatusText")["StatusText"].partition(":")[0]

    def wait_for(self, *statuses: str, within_s: float = 30) -> str:
        """Wait for one of these statuses; return it."""
        found: str = self._guest.until(
            lambda: (now := self.status()) in statuses and now, within_s, f"status {statuses}"
        )
        return found

    def fall_asleep(self) -> None:
        """End any conversation: a first press may only silence the agent."""
        self.pi.array.hush()
        for _ in range(5):
            try:
                self.wait_for("asleep", within_s=3)
            except CommandError:
                self.pi.press()
            else:
                return
        self.wait_for("asleep")

    def converse(self) -> float:
        """Begin a conversation by a press; return when the button was pressed."""
        self.fall_asleep()
        pressed_s = self.pi.press()
        self.wait_for("listening", "speaking")
        return pressed_s

    def say(self, text: str, *, wait: bool = True) -> float:
        """Say something into the array's microphones; return how long it takes."""
        takes_s = self.pi.array.say(self.speech(text))
        if wait:
            time.sleep(takes_s)
        return takes_s

    def speech(self, text: str) -> Path:
        """Return a WAV file of somebody saying `text`."""
        path = self.folder / f"{re.sub('[^a-z]+', '-', text.lower())}.wav"
        if not path.exists():
            raw = path.with_suffix(".22k")
            command = ["espeak-ng", "-v", "en-us", "-s", "150", "-w", raw, text]
            subprocess.run(command, check=True)
            spoken = raw.read_bytes()[44:]
            write_wav(path, Resampler(ESPEAK_HZ, MIC_HZ).process(spoken + bytes(2 * ESPEAK_HZ)))
        return path

    def pid(self) -> int:
        return int(self._guest.show("MainPID")["MainPID"])

    def restarts(self) -> int:
        return int(self._guest.show("NRestarts")["NRestarts"])

    def usage(self) -> dict[str, float]:
        """Return what the daemon uses now: CPU seconds so far, MiB, threads, open files."""
        pid = self.pid()
        text = self._guest(
            f"cut -d' ' -f14,15 /proc/{pid}/stat; grep -E 'VmRSS|Threads' /proc/{pid}/status; "
            f"ls /proc/{pid}/fd | wc -l; cut -d' ' -f1 /proc/uptime"
        ).split()
        user, system, _, rss_kib, _, _, threads, files, uptime_s = text
        return {
            "cpu_s": (int(user) + int(system)) / 100,
            "rss_mib": int(rss_kib) / 1024,
            "threads": int(threads),
            "files": int(files),
            "at_s": float(uptime_s),
        }

    def cpu_percent(self, for_s: float) -> float:
        """Return the share of one core that the daemon uses in the next seconds."""
        before = self.usage()
        time.sleep(for_s)
        after = self.usage()
        return 100 * (after["cpu_s"] - before["cpu_s"]) / (after["at_s"] - before["at_s"])

    def xruns(self, cursor: str) -> list[str]:
        lines = [str(entry["MESSAGE"]) for entry in self._guest.journal(since=cursor)]
        return [line for line in lines if "overrun" in line or "underrun" in line]

    def is_light_on(self) -> bool:
        """What somebody sees who looks at the light now."""
        changes = self.pi.computer.pins.changes(LIGHT)
        return bool(changes) and changes[-1][1]

    def light_pattern(self, for_s: float) -> tuple[float, int]:
        """Return the share of time that the light was on, and how often it went on."""
        self.pi.computer.pins.changes(LIGHT)
        lit, began_s = self.is_light_on(), time.time()
        changes = [c for c in self.pi.computer.pins.changes(LIGHT, for_s=for_s) if c[0] >= began_s]
        on_s, at_s = 0.0, began_s
        for changed_s, high in [*changes, (began_s + for_s, False)]:
            on_s += (changed_s - at_s) * lit
            lit, at_s = high, changed_s
        return on_s / for_s, sum(high for _, high in changes)

    def heard_by_agent(self, session: int = -1) -> np.ndarray:
        """Return what a session of the agent has heard so far, 24 kHz."""
        recordings = sorted(self.agent.record_folder.glob("*.wav"), key=lambda p: p.stat().st_ctime)
        content = recordings[session].read_bytes()[44:]
        return np.frombuffer(content[: len(content) // 2 * 2], "<i2")

    def n_sessions(self) -> int:
        return len(list(self.agent.record_folder.glob("*.wav")))


def write_wav(path: Path, pcm: bytes) -> None:
    import wave

    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, MIC_HZ, 0, "NONE", ""))
        file.writeframes(pcm)


def read_speaker(path: Path) -> np.ndarray:
    """Return one channel of a recording of the speaker, 16 kHz."""
    content = path.read_bytes()[44:]
    return np.frombuffer(content[: len(content) // 4 * 4], "<i2")[::2]


STEP, STEP_S = 16, 0.02
"""A staircase: every 20 ms another level. A second of it tells where and how much of it is missing."""


def staircase(path: Path, duration_s: float) -> Path:
    levels = np.arange(1, round(duration_s / STEP_S) + 1) * STEP
    write_wav(path, np.repeat(levels, round(STEP_S * MIC_HZ)).astype("<i2").tobytes())
    return path


def steps_in(heard: np.ndarray, rate_hz: int = 24_000) -> dict[int, float]:
    """Return how many ms of each step of a staircase were heard, in the order of their coming."""
    numbers = np.rint(heard / STEP).astype(int)
    edges = np.flatnonzero(np.diff(numbers)) + 1
    found: dict[int, float] = {}
    for run in np.split(numbers, edges):
        if run[0] > 0 and len(run) >= rate_hz * 0.002:
            found[int(run[0])] = found.get(int(run[0]), 0.0) + len(run) * 1000 / rate_hz
    return found
