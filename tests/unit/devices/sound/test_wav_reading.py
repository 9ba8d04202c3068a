"""WAV files as the programs that people use write them."""

import asyncio
import os
import struct
import threading
import wave
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.core.pcm import PcmFormat
from voiced.devices.sound import wav_reading
from voiced.devices.sound.wav import WavMicrophone
from voiced.devices.sound.wav_reading import read_wav
from voiced.errors import DeviceError

PCM = array("h", range(-300, 300)).tobytes()
UNKNOWN = 0xFFFFFFFF
GUID = bytes.fromhex("000000001000800000aa00389b71")


def chunk(name, body, n_bytes=None):
    size = len(body) if n_bytes is None else n_bytes
    return name + struct.pack("<I", size) + body + bytes(len(body) % 2)


def fmt(tag=1, channels=1, rate_hz=16000, bits=16, more=b"", frame=None):
    frame = channels * bits // 8 if frame is None else frame
    return chunk(
        b"fmt ", struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame, frame, bits) + more
    )


def extensible(tag=1, bits=16, guid=GUID, **more):
    return fmt(0xFFFE, bits=bits, **more, more=struct.pack("<HHIH", 22, bits, 4, tag) + guid)


def riff(*chunks, magic=b"RIFF", n_bytes=None):
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack("<I", len(body) if n_bytes is None else n_bytes) + body


DATA = chunk(b"data", PCM)
LIST = chunk(b"LIST", b"INFOISFT\x0e\0\0\0Lavf60.16.100\0")
READ = {
    "plain": riff(fmt(), DATA),
    "with chunks around the sound": riff(LIST, fmt(), LIST, DATA, LIST),
    "cut short": riff(fmt(), DATA, n_bytes=99_999),
    "streamed by ffmpeg": riff(fmt(), LIST, chunk(b"data", PCM, UNKNOWN), n_bytes=UNKNOWN),
    "streamed with lengths of 0": riff(fmt(), chunk(b"data", PCM, 0), n_bytes=0),
    "streamed by arecord": riff(fmt(), chunk(b"data", PCM, 0x80000000), n_bytes=0x80000024),
    "streamed by sox": riff(fmt(), chunk(b"data", PCM, 0x7FFFF000), n_bytes=0x7FFFF024),
    "RF64": riff(
        chunk(b"ds64", bytes(28)),
        fmt(),
        chunk(b"data", PCM, UNKNOWN),
        magic=b"RF64",
        n_bytes=UNKNOWN,
    ),
    "RF64 with something after its sound": riff(
        chunk(b"ds64", struct.pack("<QQQI", 0, len(PCM), len(PCM) // 2, 0)),
        fmt(),
        chunk(b"data", PCM, UNKNOWN),
        LIST,
        magic=b"RF64",
        n_bytes=UNKNOWN,
    ),
    "RF64 cut short": riff(
        chunk(b"ds64", struct.pack("<QQQI", 2**64 - 1, 2**64 - 1, 2**64 - 1, 0)),
        fmt(),
        chunk(b"data", PCM, UNKNOWN),
        magic=b"RF64",
        n_bytes=UNKNOWN,
    ),
    "extended header": riff(extensible(), DATA),
    "extended and streamed": riff(extensible(), chunk(b"data", PCM, UNKNOWN), n_bytes=UNKNOWN),
}


@pytest.mark.parametrize("kind", READ)
def test_it_is_read(kind, tmp_path):
    (tmp_path / "a.wav").write_bytes(READ[kind])
    assert read_wav(tmp_path / "a.wav", 0) == (PcmFormat(16000), PCM)


def test_a_finished_file_without_sound_is_empty_whatever_follows(tmp_path):
    (tmp_path / "a.wav").write_bytes(riff(fmt(), chunk(b"data", b""), LIST))
    assert read_wav(tmp_path / "a.wav", 0)[1] == b""


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("header", [fmt, extensible])
def test_samples_of_any_width_are_converted(header, bits, tmp_path):
    values = [0, 1, -1, 100, -100, 127, -128]
    shift = bits - 8
    if bits == 8:
        sound = bytes(value + 128 for value in values)
    else:
        sound = b"".join((v << shift).to_bytes(bits // 8, "little", signed=True) for v in values)
    (tmp_path / "a.wav").write_bytes(riff(header(bits=bits), chunk(b"data", sound)))
    assert array("h", read_wav(tmp_path / "a.wav", 0)[1]).tolist() == [v << 8 for v in values]


@pytest.mark.parametrize("shift", [0, 8], ids=["lower, as arecord", "upper, as the standard"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("header", [fmt, extensible])
def test_24_bits_in_4_bytes_are_found_wherever_they_are(header, channels, shift, tmp_path):
    values = [v for v in (0x123456, -0x123456, 0x7FFFFF, -0x800000) for _ in range(channels)]
    sound = b"".join((v << shift).to_bytes(4, "little", signed=True) for v in values)
    head = header(bits=24, channels=channels, frame=4 * channels)
    (tmp_path / "a.wav").write_bytes(riff(head, chunk(b"data", sound)))
    mono = read_wav(tmp_path / "a.wav", channels - 1)[1]
    assert array("h", mono).tolist() == [4660, -4661, 32767, -32768]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (riff(fmt(3, bits=32), DATA), "it contains floating-point samples, not PCM"),
        (riff(extensible(3, bits=32), DATA), "it contains floating-point samples, not PCM"),
        (riff(fmt(6, bits=8), DATA), "it contains A-law"),
        (riff(fmt(7, bits=8), DATA), "it contains mu-law"),
        (riff(fmt(0x11, bits=4), DATA), "it contains IMA ADPCM"),
        (riff(fmt(0x55), DATA), "it contains MP3"),
        (riff(fmt(0x1234), DATA), "it contains an encoding with the number 0x1234"),
        (
            riff(extensible(1, guid=bytes(14)), DATA),
            "it contains an encoding with the number 0xfffe",
        ),
        (riff(fmt(bits=12), DATA), "it has 12-bit samples"),
        (riff(fmt(frame=4), DATA), "it has 16-bit samples, 1 of them in 4 bytes"),
        (riff(fmt(channels=2, frame=5), DATA), "it has 16-bit samples, 2 of them in 5 bytes"),
        (riff(fmt(frame=0), DATA), "it has 16-bit samples, 1 of them in 0 bytes"),
        (riff(fmt(bits=32, frame=3), DATA), "it has 32-bit samples, 1 of them in 3 bytes"),
        (riff(fmt(bits=24, frame=4), DATA), "they fill 4 bytes each"),
        (riff(fmt(channels=0), DATA), "it says 0 channels"),
        (riff(fmt(rate_hz=0), DATA), "at 0 Hz"),
        (riff(fmt(rate_hz=1_000_000), DATA), "at 1000000 Hz"),
        (riff(DATA), "without a header"),
        (riff(fmt()), "without a data chunk"),
        (riff(chunk(b"fmt ", b"\1\0\1\0"), DATA), "a header cut short"),
        (b"", "not a WAV file but an empty file"),
        (b"OggS" + bytes(40), "not a WAV file but an Ogg file"),
        (b"ID3\4" + bytes(40), "not a WAV file but an MP3 file"),
        (bytes(4) + b"ftypM4A ", "not a WAV file but an MP4 file"),
        (b"RIFF" + bytes(4) + b"AVI ", "not a WAV file but a RIFF file that holds no WAVE"),
        (b"<!doctype html>", "not a WAV file but something else"),
    ],
)
def test_what_cannot_be_read_is_named(content, problem, tmp_path):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DeviceError, match=problem) as caught:
        read_wav(tmp_path / "a.wav", 0)
    assert "ffmpeg" in caught.value.hint


def test_a_device_is_not_opened_and_what_is_too_large_is_not_kept(tmp_path, monkeypatch):
    with pytest.raises(DeviceError, match="neither a file nor a pipe"):
        read_wav("/dev/zero", 0)
    monkeypatch.setattr(wav_reading, "LARGEST_BYTES", 1024 * 1024)
    with (tmp_path / "a.wav").open("wb") as file:
        file.truncate(1024 * 1024 + 1)
    with pytest.raises(DeviceError, match="larger than 1 MiB"):
        read_wav(tmp_path / "a.wav", 0)


@given(st.binary(max_size=200), st.integers(0, 60), st.binary(max_size=8))
def test_whatever_is_in_a_file_it_is_read_or_refused(tail, at, damage):
    content = bytearray(READ["extended and streamed"][:90] + tail)
    content[at : at + len(damage)] = damage
    try:
        form, sound = wav_reading._parse(bytes(content), "wav:x")
    except DeviceError:
        return
    assert form.channels > 0
    assert len(sound) <= len(content)


@pytest.mark.real_time
async def test_a_pipe_is_read_to_its_end_and_holds_nothing_up_meanwhile(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    may_write = threading.Event()

    def write():
        may_write.wait(5)
        (tmp_path / "pipe").write_bytes(READ["streamed by ffmpeg"])

    writer = threading.Thread(target=write)
    writer.start()
    asyncio.get_running_loop().call_later(0.05, may_write.set)  # a loop that is held up never does
    async with WavMicrophone(tmp_path / "pipe").open() as capture:
        assert capture.format == PcmFormat(16000)
    writer.join()


def test_what_pythons_own_module_writes_is_read_as_it_reads_it(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        file.writeframes(PCM)
    assert read_wav(tmp_path / "a.wav", 1) == (PcmFormat(44100), array("h", PCM)[1::2].tobytes())
