"""What the user of a measurement says: recorded sentences with time for the answers between."""

import wave
from pathlib import Path

from scripts.benchmarks.programs import ROOT
from voiced.audio.resample import Resampler

WORDS = ROOT / "daemon" / "voiced" / "cli" / "demo" / "words"
CYCLE_S = 9.0
DEVICE_HZ = 16_000
WIRE_HZ = 24_000


def write_user(folder: Path, duration_s: float) -> tuple[Path, Path]:
    """Write a user who speaks every 9 s; return the WAV files at 16 and at 24 kHz."""
    sentences = [_read(path) for path in sorted(WORDS.glob("*.wav"))]
    cycle_bytes = int(CYCLE_S * DEVICE_HZ) * 2
    n_cycles = int(duration_s / CYCLE_S) + 1
    said = [sentences[at % len(sentences)].ljust(cycle_bytes, b"\0") for at in range(n_cycles)]
    pcm = b"".join(said)[: int(duration_s * DEVICE_HZ) * 2]
    native, converted = folder / "user16.wav", folder / "user24.wav"
    _write(native, DEVICE_HZ, pcm)
    _write(converted, WIRE_HZ, Resampler(DEVICE_HZ, WIRE_HZ).process(pcm))
    return native, converted


def _read(path: Path) -> bytes:
    with wave.open(str(path), "rb") as file:
        if (file.getnchannels(), file.getframerate()) != (1, DEVICE_HZ):
            raise RuntimeError(f"{path} is not mono at {DEVICE_HZ} Hz")
        return file.readframes(file.getnframes())


def _write(path: Path, rate_hz: int, pcm: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(pcm)
