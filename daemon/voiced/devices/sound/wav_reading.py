"""Read WAV files: any PCM encoding, extended headers, and headers of a stream through a pipe.

Source: Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" and its WAVEFORMATEXTENSIBLE.
"""

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from voiced.core.pcm import PcmFormat
from voiced.devices.sound.channels import one_channel
from voiced.devices.sound.encodings import ENCODINGS, EXTEND_SIGN, CardEncoding
from voiced.errors import DeviceError
from voiced.lib.regular_file import require_regular

LARGEST_BYTES = 256 * 1024 * 1024
"""More than two hours of mono at 16 kHz. A file is read into memory."""

HIGHEST_HZ = 384_000
_PCM, _EXTENSIBLE = 1, 0xFFFE
_SAME_AS_TAG = bytes.fromhex("000000001000800000aa00389b71")
"""The rest of a subformat GUID that starts with one of the old format tags."""

_UNKNOWN = 0xFFFF_FFFF
_FMT_BYTES, _SUBFORMAT_AT = 16, 24
_DS64_BYTES, _DATA_SIZE_AT = 24, 8
_HINT = "convert it: `ffmpeg -i IN -c:a pcm_s16le OUT.wav`"

_LOWER, _UPPER = ENCODINGS["S24_LE"], ENCODINGS["S32_LE"]
"""Where 24 bits are in 4 bytes: arecord uses the lower three, the standard the upper three."""

_BY_BITS: Mapping[tuple[int, int], CardEncoding] = {
    (8, 1): ENCODINGS["U8"],
    (16, 2): ENCODINGS["S16_LE"],
    (24, 3): ENCODINGS["S24_3LE"],
    (24, 4): _LOWER,
    (32, 4): ENCODINGS["S32_LE"],
}
"""By bits per sample and bytes per sample."""

_TAGS = {
    0x0002: "Microsoft ADPCM",
    0x0003: "floating-point samples",
    0x0006: "A-law",
    0x0007: "mu-law",
    0x0011: "IMA ADPCM",
    0x0031: "GSM",
    0x0055: "MP3",
    0x0161: "Windows Media Audio",
}
_BEGINNINGS = {
    b"OggS": "an Ogg file",
    b"fLaC": "a FLAC file",
    b"ID3": "an MP3 file",
    b"\xff\xfb": "an MP3 file",
    b"FORM": "an AIFF file",
    b"RIFX": "a big-endian WAV file",
    b"caff": "a CAF file",
    b".snd": "an AU file",
    b"\x1aE\xdf\xa3": "a WebM or Matroska file",
    b"RIFF": "a RIFF file that holds no WAVE",
}


@dataclass(frozen=True, slots=True)
class _Form:
    """The sample format in the header."""

    channels: int
    rate_hz: int
    encoding: CardEncoding


def read_wav(path: Path | str, channel: int) -> tuple[PcmFormat, bytes]:
    """Return one channel of a WAV file of PCM samples, as int16 LE.

    Blocks until the end of a pipe.

    Raises:
        DeviceError: If there is no such file, no such channel, or it is of another kind.
    """
    device = f"wav:{path}"
    form, sound = _parse(_content(path, device), device)
    if channel >= form.channels:
        problem = f"it has {form.channels} channels, so there is no channel {channel}"
        raise DeviceError(device, problem, "channels count from 0")
    whole = len(sound) - len(sound) % (form.encoding.n_bytes * form.channels)
    encoding = form.encoding
    if encoding is _LOWER:
        encoding = _where_24_are(sound[:whole], device)
    mono = one_channel(sound[:whole], channel, form.channels, encoding)
    return PcmFormat(form.rate_hz), mono


def read_wav_file(path: Path, channel: int) -> tuple[PcmFormat, bytes]:
    """As `read_wav`, but only for a regular file, so it never blocks.

    Raises:
        DeviceError: If there is no such file, no such channel, or it is of another kind.
    """
    try:
        require_regular(path)
    except OSError as error:
        raise _unreadable(f"wav:{path}", error) from error
    return read_wav(path, channel)


def _where_24_are(sound: bytes, device: str) -> CardEncoding:
    """Find out where 24 bits are in 4 bytes, which the header does not say.

    Raises:
        DeviceError: If they are not 24.
    """
    if sound[3::4] == sound[2::4].translate(EXTEND_SIGN):
        return _LOWER
    if not any(sound[0::4]):
        return _UPPER
    raise DeviceError(device, "it says 24-bit samples, but they fill 4 bytes each", _HINT)


def _content(path: Path | str, device: str) -> bytes:
    try:
        kind = Path(path).stat().st_mode
        if stat.S_ISCHR(kind) or stat.S_ISBLK(kind):  # opening some devices blocks or has an effect
            raise DeviceError(device, "it is neither a file nor a pipe", _HINT)
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise _unreadable(device, error) from error
    if len(content) > LARGEST_BYTES:
        problem = f"it is larger than {LARGEST_BYTES // 1024 // 1024} MiB"
        raise DeviceError(device, problem, "use a shorter one")
    return content


def _unreadable(device: str, error: OSError) -> DeviceError:
    hint = "use a WAV file of PCM samples"
    return DeviceError(device, f"cannot read it: {error.strerror}", hint)


def _parse(content: bytes, device: str) -> tuple[_Form, bytes]:
    if content[:4] not in (b"RIFF", b"RF64") or content[8:12] != b"WAVE":
        raise DeviceError(device, f"not a WAV file but {_kind(content)}", _HINT)
    form: _Form | None = None
    for name, body in _chunks(content):
        if name == b"fmt ":
            form = _form(body, device)
        elif name == b"data":
            if form is None:
                break
            return form, body
    missing = "a data chunk" if form else "a header before its sound"
    raise DeviceError(device, f"a WAV file without {missing}", _HINT)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and body of each chunk; sound of unknown length reaches to the end.

    RF64 has the length of the sound in a chunk before it (EBU Tech 3306). A program that writes to a pipe cannot
    fill in the lengths afterwards: it leaves 0, all ones or a guess that is too large.
    """
    # The length leaves out the first 8 bytes; some programs do not count the last padding byte.
    is_finished = int.from_bytes(content[4:8], "little") in (len(content) - 8, len(content) - 9)
    position, sound_bytes = 12, 0
    while position + 8 <= len(content):
        name = content[position : position + 4]
        n_bytes = int.from_bytes(content[position + 4 : position + 8], "little")
        if name == b"ds64" and content[:4] == b"RF64" and n_bytes >= _DS64_BYTES:
            at = position + 8 + _DATA_SIZE_AT
            sound_bytes = int.from_bytes(content[at : at + 8], "little")
        if name == b"data" and n_bytes == _UNKNOWN and sound_bytes:
            n_bytes = sound_bytes
        elif name == b"data" and (n_bytes == _UNKNOWN or (not n_bytes and not is_finished)):
            n_bytes = len(content)
        yield name, content[position + 8 : position + 8 + n_bytes]
        position += 8 + n_bytes + n_bytes % 2


def _form(body: bytes, device: str) -> _Form:
    if len(body) < _FMT_BYTES:
        raise DeviceError(device, "a WAV file with a header cut short", _HINT)
    tag, channels = (int.from_bytes(body[at : at + 2], "little") for at in (0, 2))
    rate_hz = int.from_bytes(body[4:8], "little")
    frame_bytes, bits = (int.from_bytes(body[at : at + 2], "little") for at in (12, 14))
    if tag == _EXTENSIBLE and body[_SUBFORMAT_AT + 2 : _SUBFORMAT_AT + 16] == _SAME_AS_TAG:
        tag = int.from_bytes(body[_SUBFORMAT_AT : _SUBFORMAT_AT + 2], "little")
    if tag != _PCM:
        encoding = _TAGS.get(tag, f"an encoding with the number {tag:#06x}")
        raise DeviceError(device, f"it contains {encoding}, not PCM samples", _HINT)
    if not channels or not 0 < rate_hz <= HIGHEST_HZ:
        raise DeviceError(device, f"it says {channels} channels at {rate_hz} Hz", _HINT)
    n_bytes, rest = divmod(frame_bytes, channels)
    if rest or (encoding_of := _BY_BITS.get((bits, n_bytes))) is None:
        problem = f"it has {bits}-bit samples, {channels} of them in {frame_bytes} bytes"
        raise DeviceError(device, problem, _HINT)
    return _Form(channels, rate_hz, encoding_of)


def _kind(content: bytes) -> str:
    if not content:
        return "an empty file"
    if content[4:8] == b"ftyp":
        return "an MP4 file"
    known = (kind for begin, kind in _BEGINNINGS.items() if content.startswith(begin))
    return next(known, "something else")
