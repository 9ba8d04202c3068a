"""Which card a configured sound device is, and how it is to be treated."""

from dataclasses import dataclass
from pathlib import Path

from voiced.devices.arrays import PLAIN, Profile, best_card, profile_of
from voiced.devices.cards import ASOUND, Card, Direction, PcmName, list_cards, resolve
from voiced.errors import DeviceError

AUTO = "auto"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Choice:
    """What to open.

    Attributes:
        name: Its ALSA name and what its card offers.
        profile: What is known of the card.
    """

    name: PcmName
    profile: Profile = PLAIN


def choose(
    device: str, direction: Direction, partner: str | None = None, asound: Path = ASOUND
) -> Choice:
    """Return what to open for a configured `device`.

    Args:
        device: A USB `VID:PID`, a card id, any ALSA PCM name, or `auto` for the best card there is.
        direction: Which side of it is wanted.
        partner: The device of the other direction: `auto` prefers the same card, because an array
            cancels only the echo of what it plays itself.
        asound: Where the kernel describes the cards.

    Raises:
        DeviceError: If the name means a card that is not here or lacks that side.
    """
    name = (
        _best(direction, partner, asound) if device == AUTO else resolve(device, direction, asound)
    )
    return Choice(name, profile_of(name.card.usb_id) if name.card else PLAIN)


def _best(direction: Direction, partner: str | None, asound: Path) -> PcmName:
    cards = list_cards(asound)
    if not cards and not (asound / "cards").exists():
        return PcmName(DEFAULT)  # no kernel sound here at all, so whatever ALSA is set up with
    if partner not in (None, AUTO):
        found = _card_of(partner, direction, asound)
        if found is None:
            return PcmName(DEFAULT)
        cards = [found] if found.stream(direction) else cards
    elif partner == AUTO and direction == "playback":
        microphone = _required(best_card(cards, "capture"), "capture")
        cards = [microphone] if microphone.playback else cards
    return resolve(_required(best_card(cards, direction), direction).id, direction, asound)


def _card_of(device: str, direction: Direction, asound: Path) -> Card | None:
    """Return the card a device of the other direction is on, or None if only ALSA knows.

    A card that is not there yet is waited for: the other direction must not settle elsewhere.
    """
    other: Direction = "playback" if direction == "capture" else "capture"
    try:
        return resolve(device, other, asound).card
    except DeviceError:
        return resolve(device, direction, asound).card


def _required(card: Card | None, direction: Direction) -> Card:
    if card is None:
        side = "microphone" if direction == "capture" else "speaker"
        raise DeviceError(AUTO, f"no card with a {side} is connected", "plug one in")
    return card
