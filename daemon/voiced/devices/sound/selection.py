"""Find the card of a configured sound device, and its profile."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from voiced.config.types import SOUND_DEVICE
from voiced.devices.sound.alsa_names import is_defined
from voiced.devices.sound.cards import ASOUND, USB_NAME, Card, PcmName, list_cards, settings_name
from voiced.devices.sound.encodings import ENCODINGS
from voiced.devices.sound.quirks import PLAIN, Profile, by_merit, profile_of
from voiced.devices.sound.streams import Direction, Stream
from voiced.errors import DeviceError

AUTO = "auto"
DEFAULT = "default"

NAMES = "`voiced devices` lists those of this machine; definitions in ALSA's language are not taken"

_PCM_OF_CARD = re.compile(r"(hw|plughw|sysdefault):(?:CARD=)?([^,:]+)(?:,(?:DEV=)?(\d+))?")


@dataclass(frozen=True, slots=True)
class Choice:
    """What to open.

    Attributes:
        name: Its ALSA name and formats.
        profile: The quirks of its card.
    """

    name: PcmName
    profile: Profile = PLAIN


def choose(
    device: str, direction: Direction, partner: str | None = None, asound: Path = ASOUND
) -> Choice:
    """Return what to open for a configured `device`: the first of `choices`, which raises the same errors."""
    return choices(device, direction, partner, asound)[0]


def choices(
    device: str, direction: Direction, partner: str | None = None, asound: Path = ASOUND
) -> list[Choice]:
    """Return what to open for a configured `device`, and the alternatives; at least one.

    Args:
        device: As `resolve` takes it, or `auto` for the best card there is.
        direction: The direction to open.
        partner: The device of the other direction; `auto` prefers its card, because an array
            cancels only the echo of what it plays itself.
        asound: Where the kernel describes the cards.

    Raises:
        DeviceError: If the name means a card that is not here or lacks that side.
    """
    if device == AUTO:
        names = _best(direction, partner, asound)
    else:
        names = [resolve(device, direction, asound)]
    return [Choice(name, profile_of(name.card.usb_id) if name.card else PLAIN) for name in names]


def resolve(
    device: str,
    direction: Direction,
    asound: Path = ASOUND,
    is_defined: Callable[[str], bool] = is_defined,
) -> PcmName:
    """Return what to open for a configured `device`.

    Args:
        device: A USB `VID:PID`, `VID:PID:SERIAL` or `VID:PID@PORT`, a card id, or the name of a PCM that ALSA's
            files define. Of equal cards it is the one in the first socket.
        direction: The direction to open.
        asound: Where the kernel describes the cards.
        is_defined: Tells whether ALSA's files define a PCM of that name.

    Raises:
        DeviceError: If it is no name, nothing has this name, or its card is not here or lacks that side.
    """
    if not re.search(SOUND_DEVICE, device):
        raise DeviceError(device, "this is not the name of a sound device", NAMES)
    cards = list_cards(asound)
    number = None
    if match := _PCM_OF_CARD.fullmatch(device):
        wanted, number = match[2], int(match[3] or 0)
        same = [card for card in cards if wanted in {card.id, str(card.index)}]
    else:
        wanted = device
        same = sorted((card for card in cards if card.goes_by(wanted)), key=lambda card: card.place)
        is_usb = USB_NAME.fullmatch(device) is not None
        if not same and not is_usb and (device == DEFAULT or is_defined(device)):
            return PcmName(device)
        if not same and not is_usb:
            raise DeviceError(
                device, "no sound card and no PCM in ALSA's files has this name", NAMES
            )
    if not same:
        raise DeviceError(device, f"no sound card {wanted} is connected", _present(cards))
    for card in same:
        if stream := card.stream(direction, number):
            return _name(card, stream, direction, device if match else None)
    side = "microphone" if direction == "capture" else "speaker"
    where = f" on device {number}" if match and any(card.stream(direction) for card in same) else ""
    problem = f"the card has no {side} side{where}"
    raise DeviceError(device, problem, "`voiced devices` lists what it has")


def name_of(card: Card, direction: Direction) -> PcmName:
    """Return what to open for a direction that `card` has."""
    stream = card.stream(direction)
    if stream is None:
        raise AssertionError(direction)
    return _name(card, stream, direction)


def _name(card: Card, stream: Stream, direction: Direction, named: str | None = None) -> PcmName:
    pcm = named or f"hw:CARD={card.id},DEV={stream.device}"
    instead = [f"plughw:CARD={card.id},DEV={stream.device}"]
    if direction == "playback" and not stream.device:
        # HDMI takes no plain samples; these are the names the system itself plays to.
        instead += [f"sysdefault:CARD={card.id}", f"hdmi:CARD={card.id},DEV=0"]
    if any(offer.encoding in ENCODINGS for offer in stream.formats):
        instead = []
    others = tuple(other for other in instead if other != pcm)
    return PcmName(pcm, stream.formats, card, others)


def _present(cards: list[Card]) -> str:
    if not cards:
        return "no sound card is present at all; plug one in"
    names = [settings_name(card, cards) if card.usb_id else "not USB" for card in cards]
    known = ", ".join(f"{name} ({card.id})" for name, card in zip(names, cards, strict=True))
    return f"present: {known}"


def _best(direction: Direction, partner: str | None, asound: Path) -> list[PcmName]:
    cards = list_cards(asound)
    if not cards and not (asound / "cards").exists():
        return [PcmName(DEFAULT)]  # no kernel sound, as in a container: use ALSA's default
    first: Card | None = None
    if partner not in (None, AUTO):
        first = _card_of(partner, direction, asound)
        if first is None:
            return [PcmName(DEFAULT)]
    elif partner == AUTO and direction == "playback":
        first = _required(by_merit(cards, "capture"), cards, "capture")[0]
    ranked = by_merit(cards, direction)
    if first is not None and first.stream(direction):
        if partner not in (None, AUTO):
            return [name_of(first, direction)]  # the card was named explicitly
        ranked = [first, *(card for card in ranked if card.id != first.id)]
    return [name_of(card, direction) for card in _required(ranked, cards, direction)]


def _card_of(device: str, direction: Direction, asound: Path) -> Card | None:
    """Return the card a device of the other direction is on, or None if only ALSA knows.

    If the card is not there yet, this raises: `auto` must wait for it and not choose another card.
    """
    other: Direction = "playback" if direction == "capture" else "capture"
    try:
        return resolve(device, other, asound).card
    except DeviceError:
        return resolve(device, direction, asound).card


def _required(ranked: list[Card], cards: list[Card], direction: Direction) -> list[Card]:
    if ranked:
        return ranked
    side = "microphone" if direction == "capture" else "speaker"
    unfit = [card.id for card in cards if card.stream(direction)]
    if not unfit:
        raise DeviceError(AUTO, f"no card with a {side} is connected", "plug one in")
    problem = f"no card with a {side} that can be used is connected"
    raise DeviceError(AUTO, problem, f"plug one in; {', '.join(unfit)} must be chosen by name")
