"""A sound card without hardware: a private PulseAudio server with a virtual speaker and microphone.

ALSA sees five PCMs: `vspk` and `vmic` are what the daemon opens, `vspk2` is another speaker, `vmicfeed`
is where a test speaks, `vloop` is where it listens. Everything lives in a temporary folder and dies with the rig.
"""

import contextlib
import json
import math
import os
import shutil
import subprocess
import tempfile
import threading
import time
import wave
from array import array
from dataclasses import dataclass, field
from pathlib import Path

SPEAKER_RATE_HZ = 48000
MICROPHONE_RATE_HZ = 16000
START_TIMEOUT_S = 10.0
AUDIBLE = 200  # a sample's size: the least that counts as heard
AS_HARDWARE = ("chrt", "--rr", "5") if os.geteuid() == 0 else ()
"""No busy processor makes the clock of a real sound card late."""

# Without norewinds the first write after idle stalls for two seconds.
_SERVER = """\
load-module module-null-sink norewinds=1 sink_name=spk rate={speaker} channels=2 format=s16le
load-module module-null-sink norewinds=1 sink_name=spk2 rate={speaker} channels=2 format=s16le
load-module module-null-sink norewinds=1 sink_name=mic rate={microphone} channels=1 format=s16le
load-module module-native-protocol-unix auth-anonymous=1 socket={socket}
"""
_ALSA = """\
</usr/share/alsa/alsa.conf>
pcm.vspk {{ type pulse server "unix:{socket}" device "spk" }}
pcm.vspk2 {{ type pulse server "unix:{socket}" device "spk2" }}
pcm.vmic {{ type pulse server "unix:{socket}" device "mic.monitor" }}
pcm.vmicfeed {{ type pulse server "unix:{socket}" device "mic" }}
pcm.vloop {{ type pulse server "unix:{socket}" device "spk.monitor" }}
ctl.vspk {{ type pulse server "unix:{socket}" sink "spk" }}
"""


class SoundRig:
    """Start with `with` or `async with`; then run programs with `environment` added to theirs.

    Attributes:
        speaker: The PCM to play to.
        microphone: The PCM to capture from.
        environment: What a process needs in its environment to see the PCMs.
    """

    speaker = "vspk"
    microphone = "vmic"

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}
        self._folder = Path()
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "SoundRig":
        for program in ("pulseaudio", "pactl", "pacat"):
            if shutil.which(program) is None:
                raise RuntimeError(
                    f"The sound rig needs {program}: "
                    "apt-get install pulseaudio pulseaudio-utils libasound2-plugins"
                )
        self._folder = folder = Path(tempfile.mkdtemp(prefix="rig-"))
        socket = folder / "pulse.sock"
        (folder / "rig.conf").write_text(_ALSA.format(socket=socket))
        (folder / "rig.pa").write_text(
            _SERVER.format(socket=socket, speaker=SPEAKER_RATE_HZ, microphone=MICROPHONE_RATE_HZ)
        )
        self.environment = {
            "ALSA_CONFIG_PATH": str(folder / "rig.conf"),
            "PULSE_SERVER": f"unix:{socket}",
            "PULSE_COOKIE": str(folder / "cookie"),
            "XDG_RUNTIME_DIR": str(folder),
        }
        self.plug_in()
        return self

    def plug_in(self) -> None:
        """Start the server, at first or after `kill`; return when its devices are usable."""
        folder = self._folder
        (folder / "pulse.sock").unlink(missing_ok=True)
        options = "-n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --realtime=no --high-priority=no"
        with (folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                [*AS_HARDWARE, "pulseaudio", *options.split(), "-F", folder / "rig.pa"],
                env=self._environment() | {"HOME": str(folder)},
                stdout=log,
                stderr=log,
            )
        self._wait_until_up()

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def __aenter__(self) -> "SoundRig":
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    def kill(self) -> None:
        """Pull the plug: both directions fail at once, as when a USB card is unplugged."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def control(self, *words: str) -> str:
        """Tell the server something by `pactl`; return its answer."""
        done = subprocess.run(
            ["pactl", *words], env=self._environment(), capture_output=True, text=True, check=True
        )
        return done.stdout

    @contextlib.contextmanager
    def echo(self, attenuation_db: float = 0.0, source: str = "spk.monitor"):
        """Let the microphone hear the speaker while the block runs: an acoustic path of about 41 ms."""
        options = (f"source={source}", "sink=mic", "latency_msec=30", "source_dont_move=true")
        module = self.control("load-module", "module-loopback", *options).strip()
        try:
            listed = json.loads(self.control("--format=json", "list", "sink-inputs"))
            [path] = [it["index"] for it in listed if str(it["owner_module"]) == module]
            self.control("set-sink-input-volume", str(path), f"-{attenuation_db:g}dB")
            time.sleep(0.3)
            yield
        finally:
            self.control("unload-module", module)

    def feed(self, path: Path | str) -> "subprocess.Popen[bytes]":
        """Begin to speak a WAV file into the virtual microphone; wait on what is returned."""
        with wave.open(str(path), "rb") as file:
            rate_hz, channels = file.getframerate(), file.getnchannels()
            pcm = file.readframes(file.getnframes())
        sound = self._folder / f"feed-{time.monotonic_ns()}.raw"
        sound.write_bytes(pcm)
        with sound.open("rb") as stdin:
            return subprocess.Popen(
                self._pacat("--playback", "mic", rate_hz, channels, latency_ms=50),
                env=self._environment(),
                stdin=stdin,
            )

    @contextlib.contextmanager
    def record_speaker(self, channels: int = 1):
        """Record what is heard at the virtual speaker while the block runs."""
        with self.record("spk.monitor", SPEAKER_RATE_HZ, channels) as recording:
            yield recording

    @contextlib.contextmanager
    def record(self, source: str, rate_hz: int, channels: int = 1):
        """Record one of the server's sources while the block runs."""
        recording = Recording(rate_hz, channels)
        recorder = subprocess.Popen(
            self._pacat("--record", source, rate_hz, channels, latency_ms=5),
            env=self._environment(),
            stdout=subprocess.PIPE,
        )
        thread = threading.Thread(target=_collect, args=(recorder.stdout, recording), daemon=True)
        thread.start()
        try:
            recording.wait_until(time.monotonic())
            yield recording
        finally:
            recorder.terminate()
            recorder.wait()
            thread.join()
            recorder.stdout.close()

    def _pacat(self, mode: str, device: str, rate_hz: int, channels: int, *, latency_ms: int):
        return [
            *(*AS_HARDWARE, "pacat", mode, f"--device={device}", "--raw", "--format=s16le"),
            *(f"--rate={rate_hz}", f"--channels={channels}", f"--latency-msec={latency_ms}"),
        ]

    def _wait_until_up(self) -> None:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline_s and self._server.poll() is None:
            answer = subprocess.run(
                ["pactl", "info"], env=self._environment(), capture_output=True, check=False
            )
            if answer.returncode == 0:
                return
            time.sleep(0.05)
        log = (self._folder / "log").read_text()
        self.__exit__()
        raise RuntimeError(f"pulseaudio did not start:\n{log}")

    def _environment(self) -> dict[str, str]:
        return os.environ | self.environment


@dataclass
class Recording:
    """What was heard, and when: times are those of `time.monotonic`, alike in every process.

    The virtual speaker hands sound on in pieces of 5 ms, up to that much before it is due.
    """

    rate_hz: int
    channels: int
    samples: array = field(default_factory=lambda: array("h"))
    _origin_s: float = math.inf

    def add(self, pcm: bytes) -> None:
        """Take what has just arrived; the piece that came with the least delay sets the clock."""
        self.samples.frombytes(pcm)
        self._origin_s = min(self._origin_s, time.monotonic() - self.n_frames / self.rate_hz)

    @property
    def n_frames(self) -> int:
        """How much has been heard."""
        return len(self.samples) // self.channels

    def wait_until(self, at_s: float, timeout_s: float = 5.0) -> None:
        """Return once everything heard until `at_s` is here. Blocks."""
        deadline_s = time.monotonic() + timeout_s
        while self.n_frames == 0 or self.time_s(self.n_frames) < at_s:
            if time.monotonic() > deadline_s:
                raise RuntimeError("the virtual speaker's monitor is silent")
            time.sleep(0.01)

    def time_s(self, frame: int) -> float:
        """Return when `frame` was heard."""
        return self._origin_s + frame / self.rate_hz

    def frame_at(self, at_s: float) -> int:
        """Return the frame heard at a time."""
        return max(0, round((at_s - self._origin_s) * self.rate_hz))

    def between(self, from_s: float, to_s: float) -> array:
        """Return the samples heard between two times."""
        return self.samples[
            self.frame_at(from_s) * self.channels : self.frame_at(to_s) * self.channels
        ]

    def audible_frames(self, from_s: float, to_s: float, above: int = AUDIBLE) -> list[int]:
        """Return the frames between two times that are louder than `above`."""
        first = self.frame_at(from_s) * self.channels
        sound = self.between(from_s, to_s)
        return [(first + i) // self.channels for i, s in enumerate(sound) if abs(s) > above]

    def is_audible(self) -> bool:
        """Return whether sound was heard in the last 50 ms that are here."""
        latest = self.samples[-self.rate_hz // 20 * self.channels :]
        return max(map(abs, latest), default=0) > AUDIBLE

    def first_audible_s(self, from_s: float, to_s: float) -> float | None:
        """Return when sound was first heard in that time."""
        frames = self.audible_frames(from_s, to_s)
        return self.time_s(frames[0]) if frames else None

    def last_audible_s(self, from_s: float, to_s: float) -> float | None:
        """Return when sound was last heard in that time."""
        frames = self.audible_frames(from_s, to_s)
        return self.time_s(frames[-1]) if frames else None


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest value that `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _collect(pipe, recording: Recording) -> None:
    odd = b""
    while chunk := os.read(pipe.fileno(), 65536):
        chunk = odd + chunk
        whole = len(chunk) - len(chunk) % (2 * recording.channels)
        recording.add(chunk[:whole])
        odd = chunk[whole:]
