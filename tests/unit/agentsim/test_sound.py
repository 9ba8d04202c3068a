import wave
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsim.sound import g711
from agentsim.sound.resample import Resampler, resample
from agentsim.sound.wav import mu_law_wav, read_wav
from agentsim.sound.wire import ENCODINGS


def mu_code(sample):
    """One sample by the recommendation's decision values, the slow way."""
    magnitude = min(abs(sample >> 2), 8159) + 33
    segment = max(0, magnitude.bit_length() - 6)
    code = segment << 4 | (magnitude >> segment + 1) & 15
    return (code ^ 0x7F) if sample < 0 else (code ^ 0xFF)


def a_code(sample):
    magnitude = ~(sample >> 3) if sample < 0 else sample >> 3
    segment = max(0, magnitude.bit_length() - 5)
    code = segment << 4 | (magnitude >> max(1, segment)) & 15
    return code ^ (0x55 if sample < 0 else 0xD5)


EVERY = np.arange(-32_768, 32_768, dtype=np.int16)


@pytest.mark.parametrize(
    ("encode", "code"), [(g711.encode_mu_law, mu_code), (g711.encode_a_law, a_code)]
)
def test_every_sample_has_the_code_of_the_recommendation(encode, code):
    assert encode(EVERY) == bytes(code(int(sample)) for sample in EVERY)


@pytest.mark.parametrize(
    ("encode", "decode", "silence", "extremes"),
    [
        (g711.encode_mu_law, g711.decode_mu_law, b"\xff", (-32124, 32124)),
        (g711.encode_a_law, g711.decode_a_law, b"\xd5", (-32256, 32256)),
    ],
)
def test_every_code_survives_a_round_trip(encode, decode, silence, extremes):
    codes = bytes(range(256))
    again = encode(decode(codes))
    different = [code for code in codes if again[code] != code]
    assert different in ([], [0x7F])  # mu-law has two zeros
    assert encode(np.zeros(1, np.int16)) == silence
    assert (decode(codes).min(), decode(codes).max()) == extremes


@pytest.mark.parametrize(
    ("from_hz", "to_hz"),
    [(24_000, 16_000), (8_000, 16_000), (16_000, 24_000), (22_050, 24_000), (24_000, 8_000)],
)
def test_a_tone_keeps_its_pitch_its_level_and_its_place(from_hz, to_hz):
    def tone(rate_hz):
        return np.rint(8000 * np.sin(2 * np.pi * 1000 * np.arange(rate_hz // 2) / rate_hz)).astype(
            np.int16
        )

    converted, wanted = resample(tone(from_hz), from_hz, to_hz), tone(to_hz)
    assert len(converted) == len(wanted)
    inner = slice(200, -200)
    assert np.abs(converted[inner].astype(int) - wanted[inner]).max() < 120


@given(
    st.lists(st.integers(1, 700), min_size=1, max_size=20),
    st.sampled_from([(24_000, 16_000), (8_000, 16_000), (22_050, 24_000)]),
)
def test_the_size_of_chunks_does_not_matter(sizes, rates):
    samples = np.random.default_rng(0).integers(-9000, 9000, sum(sizes)).astype(np.int16)
    whole = Resampler(*rates)(samples)
    stream = Resampler(*rates)
    pieces = [stream(piece) for piece in np.split(samples, np.cumsum(sizes)[:-1])]
    assert np.array_equal(whole, np.concatenate(pieces))


def test_what_is_above_the_lower_nyquist_frequency_does_not_fold_back():
    high = np.rint(16_000 * np.sin(2 * np.pi * 11_000 * np.arange(24_000) / 24_000)).astype(
        np.int16
    )
    assert np.abs(resample(high, 24_000, 16_000)[200:-200]).max() < 16


@pytest.mark.parametrize("name", ENCODINGS)
def test_an_encoding_knows_its_lengths(name):
    encoding = ENCODINGS[name]
    samples = np.arange(-800, 800, 2, dtype=np.int16)
    payload = encoding.encode(samples)
    assert len(payload) == len(samples) * encoding.bytes_per_frame
    assert np.abs(encoding.decode(payload).astype(int) - samples).max() <= 20
    assert encoding.seconds(encoding.bytes_in(0.5)) == 0.5


def test_wav_files_are_read_whole_or_cut_short():
    samples = np.arange(-50, 50, dtype=np.int16)
    content = BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, 22_050, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    read, rate_hz = read_wav(content.getvalue())
    assert rate_hz == 22_050
    assert np.array_equal(read, samples)
    assert len(read_wav(content.getvalue()[:-21])[0]) == 89


def test_mu_law_wav_files_come_back_as_written():
    samples = g711.decode_mu_law(bytes(range(255)))
    read, rate_hz = read_wav(mu_law_wav(samples, 8000))
    assert rate_hz == 8000
    assert np.array_equal(read, samples)


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEdata\4\0\0\0aaaa"]
)
def test_what_is_no_wav_file_is_refused(content):
    with pytest.raises(ValueError, match="WAV"):
        read_wav(content)
