import wave
from pathlib import Path

import numpy as np
import pytest

from voiced.audio.levels import rms_dbfs
from voiced.audio.silence_skipper import SilenceSkipper
from voiced.core.pcm import PcmFormat

SPOKEN = sorted(Path("/usr/share/sounds/alsa").glob("*_*.wav")) + sorted(
    Path("daemon/voiced/cli/demo/words").glob("*.wav")
)
BACKLOG_MS = 5000


def periods(path):
    with wave.open(str(path)) as file:
        pcm_format = PcmFormat(file.getframerate())
        pcm = file.readframes(file.getnframes())
    n_bytes = pcm_format.bytes_in(20)
    return pcm_format, [pcm[at : at + n_bytes] for at in range(0, len(pcm) - n_bytes, n_bytes)]


def noise(dbfs, n_periods, seed=1):
    source = np.random.default_rng(seed)
    samples = source.normal(0, 32768 * 10 ** (dbfs / 20), (n_periods, 320))
    return [np.clip(each, -32768, 32767).astype("<i2").tobytes() for each in samples]


def left_out(chunks, pcm_format, backlog_ms=BACKLOG_MS):
    skipper = SilenceSkipper()
    return [skipper.skip(pcm, pcm_format, backlog_ms) for pcm in chunks]


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.stem)
def test_no_audible_period_of_speech_is_left_out(path):
    pcm_format, chunks = periods(path)
    loudest_dbfs = max(map(rms_dbfs, chunks))
    for pcm, gone in zip(chunks, left_out(chunks, pcm_format), strict=True):
        assert not gone or rms_dbfs(pcm) < max(-50, loudest_dbfs - 30)


def test_there_was_speech_to_try():
    assert len(SPOKEN) > 10


@pytest.mark.parametrize("floor_dbfs", [-90, -60, -55])
def test_a_pause_shrinks_to_its_first_fifth_of_a_second(floor_dbfs):
    speech = noise(-20, 25)
    gone = left_out([*speech, *noise(floor_dbfs, 100), *speech], PcmFormat(16_000))
    assert not any(gone[:35])
    assert all(gone[35:125])
    assert not any(gone[125:])


def test_a_steady_noise_of_any_level_is_not_taken_for_a_pause_in_itself():
    for dbfs in (-45, -30, -10):
        assert not any(left_out(noise(dbfs, 500), PcmFormat(16_000)))


def test_without_a_backlog_nothing_is_left_out():
    assert not any(left_out(noise(-90, 100), PcmFormat(16_000), backlog_ms=300))
