import itertools

import numpy as np
import pytest

from voiced.audio.earcons import earcon
from voiced.core.earcons import Earcon

RATES_HZ = (8_000, 16_000, 44_100, 48_000)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("which", Earcon)
def test_an_earcon_is_short_soft_and_does_not_click(which, rate_hz):
    samples = np.frombuffer(earcon(which, rate_hz), "<i2").astype(int)
    assert 0.05 <= samples.size / rate_hz <= 0.6
    assert 0.2 <= np.abs(samples).max() / 32768 <= 0.26
    assert samples[0] == 0
    assert abs(samples[-1]) < 100
    steepest = 0.25 * 32768 * 2 * np.pi * 1000 / rate_hz
    assert np.abs(np.diff(samples)).max() <= steepest


def loudest_hz(which, piece):
    samples = np.frombuffer(earcon(which, 16_000), "<i2").astype(float)
    half = samples.size // 2
    return np.argmax(np.abs(np.fft.rfft(samples[:half] if piece == 0 else samples[half:], 16_000)))


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(Earcon, 2)))
def test_earcons_sound_different(one, other):
    lengths = [len(earcon(which, 16_000)) for which in (one, other)]
    pitches = [[loudest_hz(which, piece) for piece in (0, 1)] for which in (one, other)]
    assert pitches[0] != pytest.approx(pitches[1], abs=25) or lengths[0] != lengths[1]


@pytest.mark.parametrize(
    ("which", "rises"),
    [
        (Earcon.WAKE, True),
        (Earcon.UNMUTED, True),
        (Earcon.ONLINE, True),
        (Earcon.END, False),
        (Earcon.MUTED, False),
        (Earcon.OFFLINE, False),
    ],
)
def test_what_begins_rises_and_what_ends_falls(which, rises):
    first, last = loudest_hz(which, 0), loudest_hz(which, 1)
    assert (last > first + 50) if rises else (last < first - 50)


def test_three_low_ones_are_an_error():
    samples = np.abs(np.frombuffer(earcon(Earcon.ERROR, 16_000), "<i2").astype(int))
    sounding = np.flatnonzero(samples > 500)
    assert np.count_nonzero(np.diff(sounding) > 0.03 * 16_000) == 2  # rests between three
    others = [
        loudest_hz(which, piece) for which in set(Earcon) - {Earcon.ERROR} for piece in (0, 1)
    ]
    assert {loudest_hz(Earcon.ERROR, piece) < min(others) for piece in (0, 1)} == {True}
