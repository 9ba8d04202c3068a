"""Quirks of microphone arrays and speakerphones by USB id: one table, one row per product.

Source: vendors' documents and reports of users. An unknown device gets harmless defaults. Nothing here writes to
a device's permanent memory.
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
        cancels_echo: It removes its own playback from what it captures.
        channel: The capture channel to use.
        playback_hz: The only rate it plays at the right speed.
        needs_playback: It captures nothing unless its own playback is open.
        off_hook: It captures zeros until it is told over HID that a call is active.
        capture_gain: The capture volume it needs, in per cent; None leaves the owner's.
        reboots: Its chip understands the reboot command of the XVF3800.
        oldest_firmware: Older versions are known to fail.
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
"""The profile of every other device."""

PROFILES: Mapping[str, Profile] = {
    # Six-channel firmware: processed sound in channel 0, raw microphones in 1-4, playback in 5.
    "2886:0018": Profile("ReSpeaker Mic Array v2.0 (XVF3000)", cancels_echo="yes"),
    # Channel 0 suppresses echo and noise; channel 1 is for speech recognition and passes echo.
    "2886:001a": Profile(
        "ReSpeaker XVF3800",
        cancels_echo="yes",
        needs_playback=True,
        capture_gain=100,  # 0 dB; some were found saved at less, which made them deaf
        reboots=True,
        oldest_firmware=(2, 0, 10),
    ),
    "2886:0019": Profile("ReSpeaker Lite", cancels_echo="doubtful"),
    "20b1:": Profile("XMOS VocalFusion (XVF3610)", cancels_echo="yes"),
    # They also offer 8 and 16 kHz playback, but play it at three times the speed.
    "0b0e:0412": Profile("Jabra Speak 410", cancels_echo="yes", playback_hz=48_000),
    "0b0e:0420": Profile("Jabra Speak 510", cancels_echo="yes", playback_hz=48_000),
    "0b0e:0422": Profile("Jabra Speak 510", cancels_echo="yes", playback_hz=48_000),
    "0b0e:2475": Profile("Jabra Speak 710", cancels_echo="yes", playback_hz=48_000),
    "291a:3301": Profile(
        "Anker PowerConf", cancels_echo="yes", playback_hz=48_000, off_hook=True, capture_gain=40
    ),
}


def profile_of(usb_id: str | None) -> Profile:
    """Return the profile for a USB id, or for its vendor."""
    if usb_id is None:
        return PLAIN
    vendor = usb_id.partition(":")[0] + ":"
    return PROFILES.get(usb_id) or PROFILES.get(vendor) or PLAIN


def best_card(cards: Iterable[Card], direction: Direction) -> Card | None:
    """Return the card that `auto` means, or None."""
    return next(iter(by_merit(cards, direction)), None)


def by_merit(cards: Iterable[Card], direction: Direction) -> list[Card]:
    """Return the cards that `auto` may use, best first.

    Cards whose formats suit speech come first; those without a usable format are left out. Among equals, arrays
    that cancel echo come first, then cards with both directions, then cards on USB, because the others are the
    board's own. Virtual cables are used only by name.
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
