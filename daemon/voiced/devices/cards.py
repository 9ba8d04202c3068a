"""The sound cards of this machine, read from /proc/asound, and the ALSA name that opens each.

Nothing here opens a device, so looking costs nothing and disturbs nobody.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voiced.config.kinds import SOUND_DEVICE
from voiced.errors import DeviceError

Direction = Literal["capture", "playback"]

ASOUND = Path("/proc/asound")

NAMES = "`voiced devices` lists those of this machine; definitions in ALSA's language are not taken"

USUAL_RATES_HZ = (8000, 16000, 24000, 32000, 44100, 48000)
_USB_ID = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}", re.IGNORECASE)
_CARD_IN_PCM_NAME = re.compile(r"(?:hw:|:CARD=)(?:CARD=)?([^,:]+)")
_STEP = re.compile(r"^\s*(Playback:|Capture:|Altset|Format:|Channels:|Rates:)\s*(.*?)\s*$")


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """One way a card offers to move sound.

    Attributes:
        encoding: ALSA's name of it, such as `S16_LE`.
        channels: Samples per frame.
        rates_hz: The rates it offers, lowest first.
    """

    encoding: str
    channels: int
    rates_hz: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """One direction of a card.

    Attributes:
        device: ALSA's device number on the card.
        formats: What it offers; empty where only opening it would tell (cards not on USB).
    """

    device: int
    formats: tuple[StreamFormat, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A sound card.

    Attributes:
        index: Its number, which changes from boot to boot.
        id: ALSA's short name for it.
        name: The product's name.
        usb_id: `VID:PID`, or None for a card that is not on USB.
        usb_bus: Where it is on USB, like `001/004`; empty for others.
        capture: Its microphone side, or None.
        playback: Its speaker side, or None.
    """

    index: int
    id: str
    name: str
    usb_id: str | None
    capture: Stream | None
    playback: Stream | None
    usb_bus: str = ""

    def stream(self, direction: Direction) -> Stream | None:
        """Return the side that `direction` names."""
        return self.capture if direction == "capture" else self.playback


@dataclass(frozen=True, slots=True)
class PcmName:
    """What to open.

    Attributes:
        pcm: The ALSA PCM name.
        formats: What its card is known to offer; empty if unknown.
        card: The card it belongs to, if that is known.
    """

    pcm: str
    formats: tuple[StreamFormat, ...] = ()
    card: Card | None = None


def list_cards(asound: Path = ASOUND) -> list[Card]:
    """Return the cards present now, by index."""
    found = (re.fullmatch(r"card(\d+)", path.name) for path in asound.glob("card*"))
    indexes = sorted(int(match[1]) for match in found if match)
    names = _names(_text(asound / "cards"))
    return [_card(asound / f"card{index}", index, names.get(index, "")) for index in indexes]


def resolve(device: str, direction: Direction, asound: Path = ASOUND) -> PcmName:
    """Return what to open for a configured `device`.

    Args:
        device: A USB `VID:PID`, a card id, or any ALSA PCM name.
        direction: Which side of it is wanted.
        asound: Where the kernel describes the cards.

    Raises:
        DeviceError: If it is no name, or means a card that is not here or lacks that side.
    """
    if not re.search(SOUND_DEVICE, device):
        raise DeviceError(device, "this is not the name of a sound device", NAMES)
    cards = list_cards(asound)
    if match := _CARD_IN_PCM_NAME.search(device):
        wanted, pcm = match[1], device
        same = [card for card in cards if wanted in {card.id, str(card.index)}]
    else:
        wanted, pcm = device, None
        same = [card for card in cards if wanted == card.id or wanted.lower() == card.usb_id]
        if not same and not _USB_ID.fullmatch(device):
            return PcmName(device)
    if not same:
        raise DeviceError(device, f"no sound card {wanted} is connected", _present(cards))
    for card in same:
        if stream := card.stream(direction):
            hw = f"hw:CARD={card.id},DEV={stream.device}"
            return PcmName(pcm or hw, stream.formats, card)
    side = "microphone" if direction == "capture" else "speaker"
    raise DeviceError(device, f"the card has no {side} side", "`voiced devices` lists what it has")


def _present(cards: list[Card]) -> str:
    if not cards:
        return "no sound card is present at all; plug one in"
    known = ", ".join(f"{card.usb_id or 'not USB'} ({card.id})" for card in cards)
    return f"present: {known}"


def _names(cards_text: str) -> dict[int, str]:
    lines = re.finditer(r"^\s*(\d+) \[[^\]]*\]: .*? - (.*)$", cards_text, re.MULTILINE)
    return {int(line[1]): line[2].strip() for line in lines}


def _card(folder: Path, index: int, name: str) -> Card:
    return Card(
        index=index,
        id=_text(folder / "id").strip(),
        name=name,
        usb_id=_text(folder / "usbid").strip().lower() or None,
        capture=_stream(folder, "capture"),
        playback=_stream(folder, "playback"),
        usb_bus=_text(folder / "usbbus").strip(),
    )


def _stream(folder: Path, direction: Direction) -> Stream | None:
    letter = direction[0]
    found = (re.fullmatch(rf"pcm(\d+){letter}", path.name) for path in folder.glob("pcm*"))
    devices = [int(match[1]) for match in found if match]
    if not devices:
        return None
    device = min(devices)
    return Stream(device, _formats(_text(folder / f"stream{device}"), direction))


def _formats(stream_text: str, direction: Direction) -> tuple[StreamFormat, ...]:
    """Read the layout of sound/usb/proc.c: per direction, one Format/Channels/Rates per altset."""
    formats = []
    side, encoding, channels = "", "", 0
    for line in stream_text.splitlines():
        if (match := _STEP.match(line)) is None:
            continue
        key, value = match.groups()
        if key in {"Playback:", "Capture:"}:
            side = key[:-1].lower()
        elif key == "Format:":
            encoding = value.split()[0] if value else ""
        elif key == "Channels:" and value.isdigit():
            channels = int(value)
        elif key == "Rates:" and side == direction:
            formats.append(StreamFormat(encoding, channels, _rates_hz(value)))
    return tuple(formats)


def _rates_hz(value: str) -> tuple[int, ...]:
    numbers = [int(number) for number in re.findall(r"\d+", value)]
    if "continuous" in value and numbers:
        low_hz, high_hz = min(numbers), max(numbers)
        return tuple(rate_hz for rate_hz in USUAL_RATES_HZ if low_hz <= rate_hz <= high_hz)
    return tuple(sorted(numbers))


def _text(path: Path) -> str:
    """Return a file's text, empty if it is not there: cards come and go while we look."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
