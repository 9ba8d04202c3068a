"""Find the card of a configured sound device, and its profile."""

from dataclasses import dataclass
from pathlib import Path

from voiced.devices.sound.cards import ASOUND, DEFAULT, Card, PcmName, list_cards, name_of, resolve
from voiced.devices.sound.quirks import PLAIN, Profile, by_merit, profile_of
from voiced.devices.sound.streams import Direction
from voiced.errors import DeviceError

AUTO = "auto"


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
