import math
import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.audio.resample import Resampler

RATES_HZ = [8_000, 16_000, 24_000, 44_100, 48_000]
PAIRS = list(product(RATES_HZ, repeat=2))
CHANGES = [(source_hz, target_hz) for source_hz, target_hz in PAIRS if source_hz != target_hz]
EVERY_CHANGE = pytest.mark.parametrize(("source_hz", "target_hz"), CHANGES)
EVERY_PAIR = pytest.mark.parametrize(("source_hz", "target_hz"), PAIRS)


def sine(rate_hz, tone_hz, amplitude, duration_s=0.25):
    n_frames = np.arange(int(rate_hz * duration_s))
    samples = amplitude * np.sin(2 * np.pi * tone_hz * n_frames / rate_hz)
    return np.rint(samples).astype("<i2").tobytes()


def resampled(pcm, source_hz, target_hz):
    return np.frombuffer(Resampler(source_hz, target_hz).process(pcm), "<i2").astype(float)


def spectrum(samples, rate_hz):
    """Return frequencies and levels, in dB of a full-scale sine; the start is left out."""
    settled = samples[len(samples) // 10 :]
    window = np.kaiser(len(settled), 20)
    levels = np.abs(np.fft.rfft(settled * window)) * 2 / window.sum() / 32768
    return np.arange(len(levels)) * rate_hz / len(settled), 20 * np.log10(levels + 1e-9)


@EVERY_CHANGE
def test_no_spur_of_a_tone_in_the_band_exceeds_minus_75_db(source_hz, target_hz):
    nyquist_hz = min(source_hz, target_hz) / 2
    for share in (0.04, 0.27, 0.5, 0.66, 0.8, 0.9):
        pcm = sine(source_hz, share * nyquist_hz, 32_000)
        at_hz, level_db = spectrum(resampled(pcm, source_hz, target_hz), target_hz)
        spur_db = level_db[np.abs(at_hz - share * nyquist_hz) > 100].max()
        assert spur_db <= -75, f"{spur_db:.1f} dB beside {share} of Nyquist"


@pytest.mark.parametrize(
    ("source_hz", "target_hz"), [pair for pair in CHANGES if pair[0] > pair[1]]
)
def test_no_tone_above_the_band_is_heard_within_it(source_hz, target_hz):
    for share in (1.1, 1.17, 1.25, 1.5, 1.9, 2.7, 3.3, 4.2, 5.4):
        tone_hz = share * target_hz / 2
        if tone_hz < source_hz / 2:
            pcm = sine(source_hz, tone_hz, 32_000)
            _, level_db = spectrum(resampled(pcm, source_hz, target_hz), target_hz)
            assert level_db.max() <= -75, f"{level_db.max():.1f} dB of {share} of Nyquist"


@EVERY_CHANGE
@pytest.mark.parametrize(("share", "loss_db"), [(0.1, 0.02), (0.5, 0.02), (0.8, 0.15)])
def test_the_band_passes_evenly(source_hz, target_hz, share, loss_db):
    tone_hz = share * min(source_hz, target_hz) / 2
    out = resampled(sine(source_hz, tone_hz, 20_000), source_hz, target_hz)
    rms = np.sqrt(np.mean(out[len(out) // 2 :] ** 2))
    assert 20 * math.log10(rms * math.sqrt(2) / 20_000) == pytest.approx(0, abs=loss_db)


@EVERY_CHANGE
def test_the_stream_is_delayed_by_delay_s_and_that_is_at_most_2_ms(source_hz, target_hz):
    delay_s = Resampler(source_hz, target_hz).delay_s
    out = resampled(sine(source_hz, 1000, 20_000), source_hz, target_hz)
    at_s = np.arange(len(out)) / target_hz - delay_s
    settled = at_s > 2 * delay_s
    expected = 20_000 * np.sin(2 * np.pi * 1000 * at_s)
    assert np.abs(out - expected)[settled].max() < 6
    assert 0 < delay_s <= 0.002


@EVERY_CHANGE
def test_every_frame_leaves_as_soon_as_its_source_is_there(source_hz, target_hz):
    resampler = Resampler(source_hz, target_hz)
    n_in = n_out = 0
    for n_frames in (1, 0, 7, 160, 441, 333, 1):
        n_in += n_frames
        n_out += len(resampler.process(bytes(2 * n_frames))) // 2
        assert n_out == math.ceil(n_in * target_hz / source_hz)


@given(
    pair=st.sampled_from(PAIRS),
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(0, 1500), max_size=12),
)
def test_the_output_does_not_depend_on_how_the_stream_was_cut(pair, seed, sizes):
    pcm = random.Random(seed).randbytes(2 * sum(sizes))
    whole = Resampler(*pair)
    in_pieces = Resampler(*pair)
    pieces = []
    start = 0
    for size in sizes:
        pieces.append(in_pieces.process(pcm[start : start + 2 * size]))
        start += 2 * size
    assert b"".join(pieces) == whole.process(pcm)
    assert in_pieces.flush() == whole.flush()


@EVERY_CHANGE
def test_single_frames_give_the_same_as_one_chunk(source_hz, target_hz):
    pcm = random.Random(1).randbytes(1000)
    resampler = Resampler(source_hz, target_hz)
    single = b"".join(resampler.process(pcm[at : at + 2]) for at in range(0, 1000, 2))
    assert single == Resampler(source_hz, target_hz).process(pcm)


@EVERY_CHANGE
@pytest.mark.parametrize("level", [-32768, -1, 0, 1, 32767])
def test_a_constant_stays_exactly_what_it_is(source_hz, target_hz, level):
    pcm = level.to_bytes(2, "little", signed=True) * (source_hz // 10)
    out = resampled(pcm, source_hz, target_hz)
    assert set(out[len(out) // 2 :]) == {level}


@EVERY_CHANGE
def test_what_overshoots_is_clipped_and_does_not_wrap_round(source_hz, target_hz):
    half = source_hz // 400
    square = (b"\xff\x7f" * half + b"\x00\x80" * half) * 20
    out = resampled(square, source_hz, target_hz)
    assert out.max() == 32767
    assert out.min() == -32768
    at_s = np.arange(len(out)) / target_hz - Resampler(source_hz, target_hz).delay_s
    in_phase = np.sin(np.pi * source_hz / half * at_s)
    settled = (at_s > 0.005) & (np.abs(in_phase) > 0.8)
    assert np.all(out[settled] * in_phase[settled] > 0)


@EVERY_CHANGE
def test_flushing_brings_out_the_tail_and_starts_a_new_stream(source_hz, target_hz):
    pcm = sine(source_hz, 700, 20_000, duration_s=0.02)
    resampler = Resampler(source_hz, target_hz)
    first = resampler.process(pcm), resampler.flush()
    second = resampler.process(pcm), resampler.flush()
    assert first == second
    zeros = bytes(source_hz // 50)
    longer = Resampler(source_hz, target_hz).process(pcm + zeros)
    heard = b"".join(first)
    assert longer[: len(heard)] == heard
    assert not any(longer[len(heard) :])


@EVERY_CHANGE
def test_a_reset_forgets_the_stream_so_far(source_hz, target_hz):
    pcm = sine(source_hz, 700, 20_000, duration_s=0.02)
    resampler = Resampler(source_hz, target_hz)
    resampler.process(pcm[:-2])
    resampler.reset()
    assert resampler.process(pcm) == Resampler(source_hz, target_hz).process(pcm)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_equal_rates_pass_through_untouched_and_without_delay(rate_hz):
    resampler = Resampler(rate_hz, rate_hz)
    pcm = random.Random(1).randbytes(642)
    assert resampler.process(pcm) is pcm
    assert resampler.flush() == b""
    assert resampler.delay_s == 0


@EVERY_PAIR
def test_nothing_in_gives_nothing_out(source_hz, target_hz):
    assert Resampler(source_hz, target_hz).process(b"") == b""
