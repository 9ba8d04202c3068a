"""What is known of microphone arrays and speakerphones, by USB id: one table, one row a product.

Source: the vendors' documents and what users of these devices report; an unknown device gets what hurts
none of them. Nothing here writes a device's permanent memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from voiced.devices.sound.cards import Card
from voiced.devices.sound.streams import Direction, Fitness

Echo = Literal["yes", "doubtful", "no"]


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of device.

    Attributes:
        name: The product.
        cancels_echo: It takes its own playback out of what it captures.
        channel: The capture channel that is fit for an agent.
        playback_hz: The only rate it plays at the right speed.
        needs_playback: It captures nothing unless its own playback is open.
        off_hook: It captures zeros until it is told that a call is on.
        capture_gain: What its capture volume must be, in per cent; None leaves it as its owner set it.
        reboots: Its chip understands the reboot command of the XVF3800.
        oldest_firmware: An older one is known to fail.
    """

    name: str
    cancels_echo: Echo = "no"
    channel: int = 0
    playback_hz: int | None = None
    needs_playback: bool = False
    off_hook: bool = False
    capture_gain: int | None = None
    reboots: bool = False
    oldest_firmware: tuple[int, int, int] | None = None


PLAIN = Profile("USB microphone")
"""Whatever is not in the table."""

PROFILES: Mapping[str, Profile] = {
    # The six-channel firmware has the processed sound in 0, raw microphones in 1-4, playback in 5.
    "2886:0018": Profile("ReSpeaker Mic Array v2.0 (XVF3000)", cancels_echo="yes"),
    # Channel 0 has echo and noise suppressed, 1 is for speech recognition and passes echo.
    "2886:001a": Profile(
        "ReSpeaker XVF3800",
        cancels_echo="yes",
        needs_playback=True,
        capture_gain=100,  # 0 dB; it has been found saved at less, and deaf
        reboots=True,
        oldest_firmware=(2, 0, 10),
    ),
    "2886:0019": Profile("ReSpeaker Lite", cancels_echo="doubtful"),
    "20b1:": Profile("XMOS VocalFusion (XVF3610)", cancels_echo="yes"),
    # They offer 8 and 16 kHz playback as well, and play it at three times the speed.
    "0b0e:0412": Profile("Jabra Speak 410", cancels_echo="yes", playback_hz=48_000),
    "0b0e:0420": Profile("Jabra Speak 510", cancels_echo="yes", playback_hz=48_000),
    "0b0e:0422": Profile("Jabra Speak 510", cancels_echo="yes", playback_hz=48_000),
    "0b0e:2475": Profile("Jabra Speak 710", cancels_echo="yes", playback_hz=48_000),
    "291a:3301": Profile(
        "Anker PowerConf", cancels_echo="yes", playback_hz=48_000, off_hook=True, capture_gain=40
    ),
}


def profile_of(usb_id: str | None) -> Profile:
    """Return what is known of a device: by its whole id, then by its vendor's."""
    if usb_id is None:
        return PLAIN
    vendor = usb_id.partition(":")[0] + ":"
    return PROFILES.get(usb_id) or PROFILES.get(vendor) or PLAIN


def best_card(cards: Iterable[Card], direction: Direction) -> Card | None:
    """Return the card to use when nobody named one, or None."""
    return next(iter(by_merit(cards, direction)), None)


def by_merit(cards: Iterable[Card], direction: Direction) -> list[Card]:
    """Return the cards to use when nobody named one, best first.

    Those whose sound is fit for speech come first, and those that offer none are left out. Of the others arrays
    that cancel echo come first, then what both hears and speaks, then what is on USB: the others are the
    board's own. A cable to another program is taken only by name.
    """

    def fitness(card: Card, direction: Direction) -> Fitness:
        stream = card.stream(direction)
        return stream.fitness if stream else Fitness.NONE

    def rank(card: Card) -> tuple[Fitness, int, bool, bool, tuple[tuple[int, ...], int]]:
        echo: list[Echo] = ["yes", "doubtful", "no"]
        both = Fitness.NONE not in (fitness(card, "capture"), fitness(card, "playback"))
        known = echo.index(profile_of(card.usb_id).cancels_echo)
        return (fitness(card, direction), known, not both, card.usb_id is None, card.place)

    usable = (card for card in cards if fitness(card, direction) is not Fitness.NONE)
    return sorted((card for card in usable if not card.is_cable), key=rank)
