"""Opening one ALSA PCM: native format, everything checked afterwards, failures put into words."""

import contextlib
import ctypes
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, cast

from voiced.core.pcm import PcmFormat
from voiced.devices.cards import Direction, PcmName, StreamFormat
from voiced.devices.choice import Choice
from voiced.errors import DeviceError, Trouble

XRUN = -32
"""What `read`, `write` and `avail` return after an over- or underrun (-EPIPE)."""

EVERY = -1
"""In place of a capture channel: all of them."""

# Capture at 16 kHz where offered: what arrays process natively, and all that speech needs.
# Playback at 48 kHz where offered: some speakerphones play anything else at the wrong speed.
_PREFERRED_RATES_HZ: dict[Direction, tuple[int, ...]] = {
    "capture": (16000, 48000, 24000, 32000, 44100, 8000),
    "playback": (48000, 24000, 44100, 32000, 16000, 8000),
}
_USUAL_CHANNELS: dict[Direction, int] = {"capture": 1, "playback": 2}


class Pcm(Protocol):
    """What we use of `alsaaudio.PCM`."""

    def read(self) -> tuple[int, bytes]:
        """Return one period."""

    def write(self, data: bytes | bytearray) -> int:
        """Return how many frames were taken."""

    def avail(self) -> int:
        """Return how many frames could be written, or a negative errno."""

    def drop(self) -> object:
        """Stop at once."""

    def close(self) -> None:
        """Let go of the device."""

    def info(self) -> dict[str, Any]:
        """Return the parameters in force."""


class AlsaLibrary(Protocol):
    """What we use of the module `alsaaudio`."""

    ALSAAudioError: type[Exception]
    PCM_CAPTURE: int
    PCM_PLAYBACK: int
    PCM_NORMAL: int
    PCM_NONBLOCK: int
    PCM_FORMAT_S16_LE: int
    PCM: Callable[..., Pcm]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to open and how.

    Attributes:
        device: The name the configuration gives it.
        direction: Which side.
        period_ms: How much sound moves at a time.
        n_periods: How many of those the device's ring should hold.
        channel: The capture channel that must exist; None is that of the card's profile, as is EVERY.
        partner: The device of the other direction.
        mixer: The mixer control for the volume: its name, `auto` or `none`.
    """

    device: str
    direction: Direction
    period_ms: int
    n_periods: int
    channel: int | None = 0
    partner: str | None = None
    mixer: str = "none"


@dataclass(frozen=True, slots=True)
class OpenPcm:
    """An open PCM and the parameters the device settled on.

    Attributes:
        device: The name the configuration gives it.
        pcm: The device.
        alsa: The library it came from.
        format: Its own rate and channel count.
        period_frames: Frames in one period.
        ring_frames: Frames its ring holds.
        channel: The capture channel to listen to.
        choice: The card, and what is known of it.
    """

    device: str
    pcm: Pcm
    alsa: AlsaLibrary
    format: PcmFormat
    period_frames: int
    ring_frames: int
    channel: int = 0
    choice: Choice = field(default_factory=lambda: Choice(PcmName("")))

    @property
    def period_s(self) -> float:
        """Duration of one period."""
        return self.period_frames / self.format.rate_hz

    def drop(self) -> None:
        """Stop at once and forget what the ring holds, even if the device is dead."""
        with contextlib.suppress(self.alsa.ALSAAudioError):  # whoever reads or writes hears of it
            self.pcm.drop()

    def close(self) -> None:
        """Let go of the device without playing out what its ring holds."""
        self.drop()  # `close` alone drains: half a second
        self.pcm.close()


def alsa_library() -> AlsaLibrary:
    """Return `alsaaudio`, imported now.

    Raises:
        DeviceError: If it is not installed.
    """
    try:
        library = cast("AlsaLibrary", import_module("alsaaudio"))
    except ImportError as error:
        hint = "install pyalsaaudio 0.11 or newer, or use wav:PATH as the device"
        raise DeviceError("ALSA", "the Python package pyalsaaudio is missing", hint) from error
    _silence_alsa_lib()
    return library


@functools.cache
def _silence_alsa_lib() -> None:
    """Keep alsa-lib from writing a dozen lines to standard error for each card that is not there.

    Its error handler becomes a C function that does nothing with its arguments. One of ours would
    need memory that can be written and executed, which a hardened service does not get.
    """
    with contextlib.suppress(OSError, AttributeError):
        handler = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(handler)


def open_pcm(alsa: AlsaLibrary, wanted: Wanted, choice: Choice) -> OpenPcm:
    """Open what was chosen, in its native format as far as that is known.

    Thread: any but the loop's, as opening can block.

    Raises:
        DeviceError: If it cannot be opened, or not as 16-bit sound with the wanted channel.
    """
    name, profile = choice.name, choice.profile
    channel = profile.channel if wanted.channel in (None, EVERY) else wanted.channel
    asked = native_format(name.formats, wanted.direction, channel, profile.playback_hz)
    capturing = wanted.direction == "capture"
    try:
        pcm = alsa.PCM(
            type=alsa.PCM_CAPTURE if capturing else alsa.PCM_PLAYBACK,
            # Reads block until a period is complete. Writes must never block: see alsa.py.
            mode=alsa.PCM_NORMAL if capturing else alsa.PCM_NONBLOCK,
            device=name.pcm,
            rate=asked.rate_hz,
            channels=asked.channels,
            format=alsa.PCM_FORMAT_S16_LE,
            periodsize=asked.bytes_in(wanted.period_ms) // asked.frame_bytes,
            periods=wanted.n_periods,
        )
    except alsa.ALSAAudioError as error:
        raise _refused(wanted.device, error) from error
    # Setters fail silently and leave other values in force: what counts is what came out.
    info = pcm.info()
    got = PcmFormat(info["rate"], info["channels"])
    opened = OpenPcm(
        wanted.device, pcm, alsa, got, info["period_size"], info["buffer_size"], channel, choice
    )
    if problem := _unfit(info, channel):
        opened.close()
        raise DeviceError(wanted.device, *problem)
    return opened


def native_format(
    formats: tuple[StreamFormat, ...],
    direction: Direction,
    channel: int = 0,
    playback_hz: int | None = None,
) -> PcmFormat:
    """Return the rate and channel count to ask for: one the card offers, never more than needed.

    Args:
        formats: What it offers.
        direction: Which side.
        channel: The channel that must exist.
        playback_hz: The only rate it plays at the right speed.
    """
    rates_hz = _PREFERRED_RATES_HZ[direction]
    if direction == "playback" and playback_hz is not None:
        rates_hz = (playback_hz,)
    fitting = [f for f in formats if f.encoding == "S16_LE" and f.channels > channel]
    for rate_hz in rates_hz:
        if channels := [f.channels for f in fitting if rate_hz in f.rates_hz]:
            return PcmFormat(rate_hz, min(channels))
    return PcmFormat(rates_hz[0], max(channel + 1, _USUAL_CHANNELS[direction]))


def lost(device: str, error: Exception) -> DeviceError:
    """Return what to raise when an open device fails."""
    return DeviceError(device, f"it stopped working ({_reason(error)})", "check its cable")


def _refused(device: str, error: Exception) -> DeviceError:
    """Return what to raise when a device does not open. ALSA gives no number, only a text."""
    reason = _reason(error)
    if reason in {"No such device", "No such file or directory"}:
        return DeviceError(device, f"no such sound device ({reason})", "see `voiced devices`")
    if reason == "Device or resource busy":
        problem, hint = "another program is using it", "stop that program first"
        return DeviceError(device, problem, hint, Trouble.BUSY)
    if reason == "Permission denied":
        return DeviceError(device, "not allowed to open it", "add the user to the group audio")
    return DeviceError(device, f"it does not open ({reason})", "see `voiced devices`")


def _reason(error: Exception) -> str:
    """Return the text without the device name that pyalsaaudio puts behind it."""
    return str(error).rsplit(" [", 1)[0]


def _unfit(info: dict[str, Any], channel: int) -> tuple[str, str] | None:
    """Return what is wrong with the parameters in force and what to do about it."""
    encoding = info["format_name"]
    if encoding != "S16_LE":
        hint = "name it plughw:CARD=...,DEV=0 and ALSA converts"
        return f"it offers {encoding} but not 16-bit little-endian samples", hint
    if info["channels"] <= channel:
        return (
            f"it has {info['channels']} channels, so there is no channel {channel}",
            "channels count from 0",
        )
    if info["period_size"] * 2 > info["buffer_size"]:
        return "its ring holds less than two periods", "set a shorter period_ms"
    return None
