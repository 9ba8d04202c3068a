import importlib.util
import struct
import sys
import warnings

import pytest

from voiced.audio import g711
from voiced.core.pcm import Encoding

SAMPLES = range(-32768, 32768)
EVERY_SAMPLE = struct.pack("<65536h", *SAMPLES)
EVERY_CODE = bytes(range(256))
G711 = [Encoding.MULAW, Encoding.ALAW]


def segment_of(magnitude, ends):
    return next((number for number, end in enumerate(ends) if magnitude <= end), None)


def mulaw_code(sample):
    """Mu-law by its segment rule: 14 bits, clip 8159, bias 33."""
    magnitude = min(abs(sample >> 2), 8159) + 33
    segment = segment_of(magnitude, [0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF, 0x1FFF])
    code = 0x7F if segment is None else segment * 16 + (magnitude >> (segment + 1)) % 16
    return code ^ (0x7F if sample < 0 else 0xFF)


def alaw_code(sample):
    """A-law by its segment rule: 13 bits."""
    value = sample >> 3
    magnitude = value if value >= 0 else -value - 1
    segment = segment_of(magnitude, [0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF])
    code = segment * 16 + (magnitude >> max(segment, 1)) % 16
    return code ^ (0x55 if sample < 0 else 0xD5)


def mulaw_sample(code):
    code ^= 0xFF
    magnitude = ((code % 16 * 8 + 0x84) << (code // 16 % 8)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def alaw_sample(code):
    code ^= 0x55
    segment = code // 16 % 8
    magnitude = code % 16 * 16 + 8
    if segment:
        magnitude = (magnitude + 0x100) << (segment - 1)
    return magnitude if code & 0x80 else -magnitude


RULES = {Encoding.MULAW: (mulaw_code, mulaw_sample), Encoding.ALAW: (alaw_code, alaw_sample)}


@pytest.mark.parametrize("encoding", G711)
def test_every_sample_is_encoded_by_the_segment_rule(encoding):
    rule, _ = RULES[encoding]
    assert g711.encode(EVERY_SAMPLE, encoding) == bytes(rule(sample) for sample in SAMPLES)


@pytest.mark.parametrize("encoding", G711)
def test_every_code_is_decoded_by_the_segment_rule(encoding):
    _, rule = RULES[encoding]
    expected = struct.pack("<256h", *(rule(code) for code in EVERY_CODE))
    assert g711.decode(EVERY_CODE, encoding) == expected


@pytest.mark.parametrize("encoding", G711)
def test_every_code_but_negative_zero_survives_decoding_and_encoding(encoding):
    again = g711.encode(g711.decode(EVERY_CODE, encoding), encoding)
    changed = {code for code in EVERY_CODE if again[code] != code}
    assert changed == ({0x7F} if encoding is Encoding.MULAW else set())


def test_the_c_library_of_older_pythons_agrees():
    """`audioop` left Python with 3.13; from then on the segment rules above stand alone."""
    assert (importlib.util.find_spec("audioop") is not None) == (sys.version_info < (3, 13))
    if sys.version_info < (3, 13):
        with warnings.catch_warnings(action="ignore"):
            import audioop
        assert g711.encode(EVERY_SAMPLE, Encoding.MULAW) == audioop.lin2ulaw(EVERY_SAMPLE, 2)
        assert g711.encode(EVERY_SAMPLE, Encoding.ALAW) == audioop.lin2alaw(EVERY_SAMPLE, 2)
        assert g711.decode(EVERY_CODE, Encoding.MULAW) == audioop.ulaw2lin(EVERY_CODE, 2)
        assert g711.decode(EVERY_CODE, Encoding.ALAW) == audioop.alaw2lin(EVERY_CODE, 2)


def test_linear_pcm_passes_through():
    assert g711.encode(EVERY_SAMPLE, Encoding.S16LE) is EVERY_SAMPLE
    assert g711.decode(EVERY_SAMPLE, Encoding.S16LE) is EVERY_SAMPLE


@pytest.mark.parametrize("encoding", list(Encoding))
def test_silence_is_what_digital_zero_encodes_to(encoding):
    assert g711.encode(bytes(2), encoding) == g711.SILENCE[encoding]


@pytest.mark.parametrize("encoding", list(Encoding))
def test_nothing_stays_nothing(encoding):
    assert g711.encode(b"", encoding) == b""
    assert g711.decode(b"", encoding) == b""
