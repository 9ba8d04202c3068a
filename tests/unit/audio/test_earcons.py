import itertools

import numpy as np
import pytest

from voiced.audio.earcons import earcon
from voiced.core.actions import Earcon

RATES_HZ = (8_000, 16_000, 44_100, 48_000)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("which", Earcon)
def test_an_earcon_is_short_soft_and_does_not_click(which, rate_hz):
    samples = np.frombuffer(earcon(which, rate_hz), "<i2").astype(int)
    assert 0.2 <= samples.size / rate_hz <= 0.6
    assert 0.2 <= np.abs(samples).max() / 32768 <= 0.26
    assert samples[0] == 0
    assert abs(samples[-1]) < 100
    steepest = 0.25 * 32768 * 2 * np.pi * 700 / rate_hz
    assert np.abs(np.diff(samples)).max() <= steepest


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(Earcon, 2)))
def test_earcons_sound_different(one, other):
    spectra = []
    for which in (one, other):
        samples = np.frombuffer(earcon(which, 16_000), "<i2").astype(float)
        spectra.append(np.abs(np.fft.rfft(samples, 16_000))[:1000])
    assert np.argmax(spectra[0]) != pytest.approx(np.argmax(spectra[1]), abs=50)
