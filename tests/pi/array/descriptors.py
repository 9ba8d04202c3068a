"""What the array tells of itself: a ReSpeaker USB Mic Array with six channels, full speed, USB Audio Class 1.

Made from the class documents and from what is known of the device, not a dump of it.
"""

VENDOR, PRODUCT = 0x2886, 0x0018
RATE_HZ = 16_000
MIC_CHANNELS, SPEAKER_CHANNELS = 6, 2
SPEAKER_ENDPOINT, MIC_ENDPOINT = 0x01, 0x81
FRAMES_PER_MS = RATE_HZ // 1000
FEATURE_UNIT = 2

STRINGS = [
    "",
    "SEEED",
    "ReSpeaker 4 Mic Array (UAC1.0)",
    "0001",
    "ReSpeaker Speaker",
    "ReSpeaker Mic",
    "SEEED Control",
]

_CONTROL, _SPEAKER, _MIC, _VENDOR_SPECIFIC = range(4)
INTERFACE_CLASSES = [(1, 1), (1, 2), (1, 2), (255, 255)]
SPEAKER_BYTES = FRAMES_PER_MS * 2 * SPEAKER_CHANNELS
MIC_BYTES = FRAMES_PER_MS * 2 * MIC_CHANNELS
"""One millisecond exactly: a larger packet makes old kernels complain of each."""


def le16(value: int) -> list[int]:
    return [value & 255, value >> 8]


def le24(value: int) -> list[int]:
    return [value & 255, value >> 8 & 255, value >> 16]


def _part(*content: int) -> bytes:
    return bytes([len(content) + 1, *content])


def device() -> bytes:
    return _part(
        1, *le16(0x0200), 0xEF, 2, 1, 64, *le16(VENDOR), *le16(PRODUCT), *le16(0x0200), 1, 2, 0, 1
    )


def configuration() -> bytes:
    units = b"".join(
        [
            _part(0x24, 2, 1, *le16(0x0101), 0, SPEAKER_CHANNELS, *le16(0x0003), 0, 0),  # from USB
            _part(0x24, 6, FEATURE_UNIT, 1, 1, 0x03, 0x00, 0x00, 0),  # mute and volume
            _part(0x24, 3, 3, *le16(0x0301), 0, FEATURE_UNIT, 0),  # to the speaker
            _part(0x24, 2, 4, *le16(0x0205), 0, MIC_CHANNELS, *le16(0x0000), 0, 0),  # the array
            _part(0x24, 3, 6, *le16(0x0101), 0, 4, 0),  # to USB
        ]
    )
    control = _part(4, _CONTROL, 0, 0, 1, 1, 0, 0)
    control += _part(0x24, 1, *le16(0x0100), *le16(10 + len(units)), 2, _SPEAKER, _MIC) + units
    adaptive_out, asynchronous_in = 0x09, 0x05
    speaker = _stream(
        _SPEAKER, 4, 1, SPEAKER_CHANNELS, (SPEAKER_ENDPOINT, adaptive_out, SPEAKER_BYTES)
    )
    mic = _stream(_MIC, 5, 6, MIC_CHANNELS, (MIC_ENDPOINT, asynchronous_in, MIC_BYTES))
    vendor = _part(4, _VENDOR_SPECIFIC, 0, 0, 0xFF, 0xFF, 0xFF, 6)
    body = control + speaker + mic + vendor
    return _part(2, *le16(9 + len(body)), 4, 1, 0, 0x80, 250) + body


def _stream(
    interface: int, name: int, terminal: int, channels: int, endpoint: tuple[int, int, int]
) -> bytes:
    address, attributes, max_bytes = endpoint
    return b"".join(
        [
            _part(4, interface, 0, 0, 1, 2, 0, name),
            _part(4, interface, 1, 1, 1, 2, 0, name),
            _part(0x24, 1, terminal, 1, *le16(1)),
            _part(0x24, 2, 1, channels, 2, 16, 1, *le24(RATE_HZ)),
            _part(5, address, attributes, *le16(max_bytes), 1, 0, 0),
            _part(0x25, 1, 0, 0, 0, 0),
        ]
    )
