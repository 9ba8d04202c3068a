"""Measure the delay and the level of a room's echo.

A sweep finds the delay, because nothing else correlates with it. Noise shaped like speech measures the level,
because echo cancellers treat it as speech. The background noise before the test is subtracted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiced.audio.resample import Resampler

RATE_HZ = 16_000
"""Both sounds are generated and compared at this rate."""

LEVEL = 0.25  # peak, -12 dBFS
SWEEP_S = 1.0
PAUSE_S = 0.6
SPEECH_S = 2.0
LONGEST_DELAY_S = 1.0
SWEEP_HZ = (200.0, 7000.0)
LOWEST_HZ = 120.0
KNEE_HZ = 500.0

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EchoPath:
    """The echo of the test sound.

    Attributes:
        delay_s: How much later it was captured than played.
        loss_db: How much quieter.
        heard: It stood out from the noise; if not, `loss_db` is a lower limit.
        likeness: Normalised correlation with the sweep, from 0 to 1.
    """

    delay_s: float
    loss_db: float
    heard: bool
    likeness: float


def sweep() -> Samples:
    """Return an exponential sweep, n_frames from -1 to 1 at `RATE_HZ`."""
    seconds = np.arange(round(SWEEP_S * RATE_HZ)) / RATE_HZ
    low, high = SWEEP_HZ
    growth = np.log(high / low) / SWEEP_S
    phase = 2 * np.pi * low * np.expm1(growth * seconds) / growth
    fade = np.minimum(1.0, np.minimum(seconds, SWEEP_S - seconds) / 0.02)
    return np.asarray(LEVEL * fade * np.sin(phase))


def speech_noise() -> Samples:
    """Return noise with the spectrum and the rhythm of speech, n_frames from -1 to 1 at `RATE_HZ`."""
    n = round(SPEECH_S * RATE_HZ)
    # A fixed seed: `measure` generates the same noise again, to know the power that was played.
    spectrum = np.fft.rfft(np.random.default_rng(4).standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    # The long-term spectrum of speech: flat to 500 Hz, then 9 dB down each octave.
    shape = (np.maximum(hz, KNEE_HZ) / KNEE_HZ) ** -1.5 * (hz >= LOWEST_HZ)
    noise = np.fft.irfft(spectrum * shape, n)
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4.0 * np.arange(n) / RATE_HZ)  # four a second
    sound = noise * syllables
    return np.asarray(LEVEL * sound / np.abs(sound).max())


def trial_sound(gain: float) -> Samples:
    """Return what to play: silence, sweep, silence, speech noise, silence."""
    pause = np.zeros(round(PAUSE_S * RATE_HZ))
    return gain * np.concatenate((pause, sweep(), pause, speech_noise(), pause))


def as_pcm(sound: Samples, rate_hz: int) -> bytes:
    """Return a sound as mono int16 LE at another rate."""
    pcm = np.rint(sound * 32767).astype("<i2").tobytes()
    resampler = Resampler(RATE_HZ, rate_hz)
    return resampler.process(pcm) + resampler.flush()


def from_pcm(pcm: bytes, rate_hz: int) -> Samples:
    """Return mono int16 LE at some rate as a sound."""
    resampler = Resampler(rate_hz, RATE_HZ)
    samples = np.frombuffer(resampler.process(pcm) + resampler.flush(), "<i2")
    return samples.astype(np.float64) / 32768


def measure(captured: Samples, began_s: float, gain: float) -> EchoPath:
    """Find the test sound in what was captured.

    Args:
        captured: One channel.
        began_s: When the test sound left the speaker, on the clock of `captured`, from its start.
        gain: What the test sound was scaled by.
    """
    first = round((began_s + PAUSE_S) * RATE_HZ)
    delay_frames, likeness = _find(captured, sweep(), first)
    speech_at = first + delay_frames + round((SWEEP_S + PAUSE_S) * RATE_HZ)
    echo = captured[max(speech_at, 0) : speech_at + round(SPEECH_S * RATE_HZ)]
    quiet = captured[: max(first, 1)][-round(PAUSE_S * RATE_HZ) :]
    noise_power = _power(quiet)
    echo_power = _power(echo) - noise_power
    heard = likeness > HEARD_LIKENESS and echo_power > noise_power / 4
    played_power = _power(gain * speech_noise())
    floor = max(noise_power, FLOOR_POWER)
    loss_db = 10 * np.log10(played_power / (max(echo_power, floor) if heard else floor))
    return EchoPath(delay_frames / RATE_HZ, float(loss_db), heard, likeness)


HEARD_LIKENESS = 0.2
FLOOR_POWER = 10 ** (-90 / 10)


def _find(captured: Samples, sound: Samples, first: int) -> tuple[int, float]:
    """Return how far after `first` the best match of `sound` begins, in frames, and its likeness."""
    margin = round(0.05 * RATE_HZ)
    longest = round(LONGEST_DELAY_S * RATE_HZ)
    piece = captured[max(first - margin, 0) : first + longest + sound.size]
    if piece.size < sound.size:
        return 0, 0.0
    # Cross-correlation by FFT, zero-padded to a power of two so that it does not wrap around.
    size = 1 << int(np.ceil(np.log2(piece.size + sound.size)))
    spectrum = np.fft.rfft(piece, size) * np.conj(np.fft.rfft(sound, size))
    matches = np.fft.irfft(spectrum, size)[: piece.size - sound.size + 1]
    at = int(np.argmax(np.abs(matches)))
    energy = _power(piece[at : at + sound.size]) * sound.size
    likeness = abs(matches[at]) / np.sqrt(max(energy, 1e-30) * np.dot(sound, sound))
    return at - min(margin, first), float(min(likeness, 1.0))


def _power(samples: Samples) -> float:
    return float(np.mean(samples**2)) if samples.size else 0.0
