"""Copying samples between one channel and many."""

from hypothesis import given
from hypothesis import strategies as st

from voiced.devices.channels import one_channel, to_all_channels

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
