"""Open one ALSA PCM in its native format, check the result, and explain failures."""

import contextlib
import ctypes
import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Protocol, cast

from voiced.core.pcm import PcmFormat
from voiced.devices.sound.cards import PcmName
from voiced.devices.sound.encodings import ENCODINGS, S16, CardEncoding
from voiced.devices.sound.selection import Choice
from voiced.devices.sound.streams import Direction, Fitness, StreamFormat
from voiced.errors import DeviceError, SoundFault

XRUN = -32
"""What `read`, `write` and `avail` return after an over- or underrun (-EPIPE)."""

EVERY = -1
"""Stands for all capture channels."""

# Capture at 16 kHz where offered: what arrays process natively, and all that speech needs.
# Playback at 48 kHz where offered: some speakerphones play anything else at the wrong speed.
_PREFERRED_RATES_HZ: dict[Direction, tuple[int, ...]] = {
    "capture": (16000, 48000, 24000, 32000, 44100, 8000),
    "playback": (48000, 24000, 44100, 32000, 16000, 8000),
}
_USUAL_CHANNELS: dict[Direction, int] = {"capture": 1, "playback": 2}

_CONVERTED_CHANNELS = 2
"""Channels to ask for where ALSA converts: for a single one it would average all of them."""

_NOT_OFFERED = {"Invalid argument", "Unknown error 524", "Operation not supported"}
"""How a card refuses an unsupported format; 524 is ENOTSUPP, from HDMI without a screen."""


class Pcm(Protocol):
    """The part of `alsaaudio.PCM` that we use."""

    def read(self) -> tuple[int, bytes]:
        """Return one period."""

    def write(self, data: bytes | bytearray) -> int:
        """Return how many frames were written."""

    def avail(self) -> int:
        """Return how many frames could be written, or a negative errno."""

    def drop(self) -> object:
        """Stop at once."""

    def close(self) -> None:
        """Drain, then close the device."""

    def info(self) -> dict[str, Any]:
        """Return the actual parameters."""


class AlsaLibrary(Protocol):
    """The part of the module `alsaaudio` that we use."""

    ALSAAudioError: type[Exception]
    PCM_CAPTURE: int
    PCM_PLAYBACK: int
    PCM_NORMAL: int
    PCM_NONBLOCK: int
    PCM: Callable[..., Pcm]


class UnfitError(DeviceError):
    """The device's format cannot be used: another PCM name or another card may work.

    Attributes:
        is_missing_channel: It opens, but lacks the requested channel.
    """

    is_missing_channel = False


@dataclass(frozen=True, slots=True)
class Native:
    """The format to request from a card.

    Attributes:
        rate_hz: Frames per second.
        channels: Samples per frame.
        encoding: How each sample is written.
    """

    rate_hz: int
    channels: int
    encoding: CardEncoding = S16


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to open and how.

    Attributes:
        device: Its name in the settings.
        direction: Which side.
        period_ms: How much sound moves at a time.
        n_periods: How many periods the device's ring should hold.
        channel: The capture channel that must exist; for None and EVERY, that of the card's profile.
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
        device: Its name in the settings.
        pcm: The device.
        alsa: The library it came from.
        format: Its own rate and channel count.
        period_frames: Frames in one period.
        ring_frames: Frames its ring holds.
        channel: The capture channel to listen to.
        choice: The card, and what is known of it.
        encoding: How it writes samples.
    """

    device: str
    pcm: Pcm
    alsa: AlsaLibrary
    format: PcmFormat
    period_frames: int
    ring_frames: int
    channel: int = 0
    choice: Choice = field(default_factory=lambda: Choice(PcmName("")))
    encoding: CardEncoding = S16

    @property
    def period_s(self) -> float:
        """Duration of one period."""
        return self.period_frames / self.format.rate_hz

    def drop(self) -> None:
        """Stop at once and discard the ring's content, even if the device has failed."""
        with contextlib.suppress(
            self.alsa.ALSAAudioError
        ):  # a thread that reads or writes sees the error
            self.pcm.drop()

    def close(self) -> None:
        """Close the device without draining its ring."""
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
        UnfitError: If what it offers cannot be used.
        DeviceError: If it cannot be opened.
    """
    name, profile = choice.name, choice.profile
    channel = profile.channel if wanted.channel in (None, EVERY) else wanted.channel
    asked = native_format(
        name.formats, wanted.direction, channel, profile.playback_hz, converts=name.converts
    )
    pcm = _open(alsa, wanted, name.pcm, asked)
    if not (_is_known(pcm) or name.formats or name.converts):
        pcm = _open_otherwise(alsa, wanted, name.pcm, asked, pcm)
    # pyalsaaudio ignores errors of each setting, so compare with what the device really does.
    info = pcm.info()
    opened = OpenPcm(
        wanted.device,
        pcm,
        alsa,
        PcmFormat(info["rate"], info["channels"]),
        info["period_size"],
        info["buffer_size"],
        channel,
        choice,
        ENCODINGS.get(info["format_name"], S16),
    )
    if problem := _unfit(wanted.device, info, channel):
        opened.close()
        raise problem
    return opened


def _open(alsa: AlsaLibrary, wanted: Wanted, pcm: str, asked: Native) -> Pcm:
    capturing = wanted.direction == "capture"
    try:
        return alsa.PCM(
            type=alsa.PCM_CAPTURE if capturing else alsa.PCM_PLAYBACK,
            # Reads block until a period is complete. Writes must never block: see alsa_playback.py.
            mode=alsa.PCM_NORMAL if capturing else alsa.PCM_NONBLOCK,
            device=pcm,
            rate=asked.rate_hz,
            channels=asked.channels,
            format=getattr(alsa, f"PCM_FORMAT_{asked.encoding.name}"),
            periodsize=int(asked.rate_hz * wanted.period_ms / 1000),
            periods=wanted.n_periods,
        )
    except alsa.ALSAAudioError as error:
        raise _refused(wanted.device, error) from error


def _open_otherwise(alsa: AlsaLibrary, wanted: Wanted, name: str, asked: Native, pcm: Pcm) -> Pcm:
    """Reopen the PCM in each encoding that we know until one works; return the last one opened."""
    for encoding in ENCODINGS.values():
        pcm.close()
        pcm = _open(alsa, wanted, name, replace(asked, encoding=encoding))
        if _is_known(pcm):
            break
    return pcm


def _is_known(pcm: Pcm) -> bool:
    return pcm.info()["format_name"] in ENCODINGS


def native_format(
    formats: tuple[StreamFormat, ...],
    direction: Direction,
    channel: int = 0,
    playback_hz: int | None = None,
    *,
    converts: bool = False,
) -> Native:
    """Return what to ask for: something the card offers, never more than needed.

    Args:
        formats: What it offers.
        direction: Which side.
        channel: The channel that must exist.
        playback_hz: The only rate it plays at the right speed.
        converts: Whether ALSA converts what the card offers: then 16 bits do, but still as many channels as it
            has, because ALSA averages them into one.
    """
    rates_hz = _PREFERRED_RATES_HZ[direction]
    if direction == "playback" and playback_hz is not None:
        rates_hz = (playback_hz,)
    order = list(ENCODINGS)
    offers = [offer for offer in formats if converts or offer.encoding in order]
    offers = [offer for offer in offers if offer.channels > channel]
    for is_poor in (False, True):
        for rate_hz in rates_hz:
            fitting = [
                (order.index(offer.encoding) if not converts else 0, offer.channels)
                for offer in offers
                if rate_hz in offer.rates_hz and (is_poor or offer.fitness is Fitness.GOOD)
            ]
            if fitting:
                encoding, channels = min(fitting)
                return Native(rate_hz, channels, ENCODINGS[order[encoding]])
    usual = _CONVERTED_CHANNELS if converts else _USUAL_CHANNELS[direction]
    return Native(rates_hz[0], max(channel + 1, usual))


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
        return DeviceError(device, problem, hint, SoundFault.BUSY)
    if reason == "Permission denied":
        return DeviceError(device, "not allowed to open it", "add the user to the group audio")
    problem = f"it does not open ({reason})"
    if reason in _NOT_OFFERED:
        return UnfitError(device, problem, "see `voiced devices`")
    return DeviceError(device, problem, "see `voiced devices`")


def _reason(error: Exception) -> str:
    """Return the text without the device name that pyalsaaudio puts behind it."""
    return str(error).rsplit(" [", 1)[0]


def _unfit(device: str, info: dict[str, Any], channel: int) -> DeviceError | None:
    """Return the error for unusable parameters, or None."""
    if (encoding := info["format_name"]) not in ENCODINGS:
        problem = f"it offers sound as {encoding}, which cannot be used"
        return UnfitError(device, problem, "use another card")
    if info["channels"] <= channel:
        problem = f"it has {info['channels']} channels, so there is no channel {channel}"
        error = UnfitError(device, problem, "channels count from 0")
        error.is_missing_channel = True
        return error
    if info["period_size"] * 2 > info["buffer_size"]:
        problem = "its buffer is shorter than two periods"
        return DeviceError(device, problem, "set a shorter period_ms")
    return None
