"""Copying samples between one channel and many, in whatever way a card writes them down."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.devices.sound.channels import every_channel, one_channel, to_all_channels
from voiced.devices.sound.encodings import ENCODINGS

SAMPLES = st.binary(max_size=400).map(lambda raw: raw[: len(raw) // 2 * 2])


@given(SAMPLES, st.integers(1, 8))
def test_every_channel_gets_the_same_samples(mono, channels):
    sound = to_all_channels(mono, channels)
    assert len(sound) == channels * len(mono)
    assert all(one_channel(sound, channel, channels) == mono for channel in range(channels))


@given(st.lists(SAMPLES, min_size=1, max_size=8))
def test_one_channel_is_never_a_mix(sounds):
    n_bytes = min(map(len, sounds))
    sounds = [sound[:n_bytes] for sound in sounds]
    interleaved = b"".join(s[i : i + 2] for i in range(0, n_bytes, 2) for s in sounds)
    for channel, sound in enumerate(sounds):
        assert one_channel(interleaved, channel, len(sounds)) == sound


def written(values, name):
    """What a card delivers that writes 24-bit `values` down, by ALSA's definitions of the encodings."""
    return b"".join(
        {
            "S16_LE": lambda v: (v >> 8).to_bytes(2, "little", signed=True),
            "S24_3LE": lambda v: v.to_bytes(3, "little", signed=True),
            "S24_LE": lambda v: v.to_bytes(4, "little", signed=True),
            "S32_LE": lambda v: (v << 8).to_bytes(4, "little", signed=True),
            "U8": lambda v: ((v >> 16) + 128).to_bytes(1, "little"),
            "S8": lambda v: (v >> 16).to_bytes(1, "little", signed=True),
        }[name](value)
        for value in values
    )


FRAMES = st.integers(1, 8).flatmap(
    lambda n: st.lists(
        st.lists(st.integers(-(2**23), 2**23 - 1), min_size=n, max_size=n), min_size=1, max_size=20
    )
)


@pytest.mark.parametrize("name", ENCODINGS)
@given(FRAMES)
def test_of_every_encoding_one_channel_is_taken_exactly(name, frames):
    n, encoding = len(frames[0]), ENCODINGS[name]
    sound = written([value for frame in frames for value in frame], name)
    kept_bits = 8 if encoding.n_bytes == 1 else 16
    expected = [
        [frame[c] >> (24 - kept_bits) << (16 - kept_bits) for frame in frames] for c in range(n)
    ]
    for channel in range(n):
        taken = one_channel(sound, channel, n, encoding)
        assert array("h", taken).tolist() == expected[channel]
    assert array("h", every_channel(sound, encoding)).tolist() == [
        value for frame in zip(*expected, strict=True) for value in frame
    ]


@pytest.mark.parametrize("name", ENCODINGS)
@given(SAMPLES, st.integers(1, 8))
def test_every_channel_of_every_encoding_gets_the_same_samples(name, mono, channels):
    encoding = ENCODINGS[name]
    values = [value << 8 for value in array("h", mono) for _ in range(channels)]
    assert to_all_channels(mono, channels, encoding) == written(values, name)
