"""The formats of one direction of a sound card, as the kernel describes them."""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from voiced.devices.sound.encodings import ENCODINGS

Direction = Literal["capture", "playback"]

USUAL_RATES_HZ = (8000, 16000, 24000, 32000, 44100, 48000)
SPEECH_HZ = 16_000
_STEP = re.compile(r"^\s*(Playback:|Capture:|Altset|Format:|Channels:|Rates:)\s*(.*?)\s*$")
_EIGHT_BITS = ("U8", "S8")
_NO_SAMPLES = ("DSD_", "IEC958_", "SPECIAL", "MPEG", "GSM", "IMA_ADPCM", "G723_")
"""Prefixes of encodings that are not PCM, so nothing converts them."""


class Fitness(IntEnum):
    """How well a stream suits a conversation, best first."""

    GOOD = 0
    POOR = 1
    NONE = 2


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """One format that a card offers.

    Attributes:
        encoding: ALSA's name, such as `S16_LE`.
        channels: Samples per frame.
        rates_hz: Its rates, lowest first.
    """

    encoding: str
    channels: int
    rates_hz: tuple[int, ...]

    @property
    def fitness(self) -> Fitness:
        """How well it suits: telephone quality, or an encoding that ALSA must convert, is poor."""
        if self.encoding.startswith(_NO_SAMPLES) or not self.rates_hz or not self.channels:
            return Fitness.NONE
        is_poor = self.encoding in _EIGHT_BITS or max(self.rates_hz) < SPEECH_HZ
        return Fitness.POOR if is_poor or self.encoding not in ENCODINGS else Fitness.GOOD


@dataclass(frozen=True, slots=True)
class Stream:
    """One direction of a card.

    Attributes:
        device: ALSA's device number on the card.
        formats: Its formats; empty if only opening it would tell (cards not on USB).
    """

    device: int
    formats: tuple[StreamFormat, ...] = ()

    @property
    def fitness(self) -> Fitness:
        """The fitness of its best format; good if only opening it would tell."""
        return min((offer.fitness for offer in self.formats), default=Fitness.GOOD)


def formats_in(stream_text: str, direction: Direction) -> tuple[StreamFormat, ...]:
    """Parse /proc/asound/cardN/streamN (Linux sound/usb/proc.c): one Format/Channels/Rates per altset."""
    formats = []
    side, encodings, channels = "", [""], 0
    for line in stream_text.splitlines():
        if (match := _STEP.match(line)) is None:
            continue
        key, value = match.groups()
        if key in {"Playback:", "Capture:"}:
            side = key[:-1].lower()
        elif key == "Format:":
            encodings = value.split() or [""]
        elif key == "Channels:" and value.isdecimal():
            channels = int(value)
        elif key == "Rates:" and side == direction:
            rates_hz = _rates_hz(value)
            formats += [StreamFormat(encoding, channels, rates_hz) for encoding in encodings]
    return tuple(formats)


def _rates_hz(value: str) -> tuple[int, ...]:
    numbers = [int(number) for number in re.findall(r"\d+", value)]
    if "continuous" in value and numbers:  # a range: the card takes every rate within
        low_hz, high_hz = min(numbers), max(numbers)
        usual_hz = tuple(rate_hz for rate_hz in USUAL_RATES_HZ if low_hz <= rate_hz <= high_hz)
        return usual_hz or (low_hz,)
    return tuple(sorted(numbers))
