"""Checks of the mixer controls of the cards in use, made before anything opens and changes them."""

from collections.abc import Callable, Iterator
from pathlib import Path

from voiced.config.schema import Settings
from voiced.devices.sound.cards import ASOUND, Card, list_cards, settings_name
from voiced.devices.sound.factory import is_file
from voiced.devices.sound.mixer import OFF, Level, levels
from voiced.devices.sound.selection import Choice, choose
from voiced.devices.sound.streams import Direction
from voiced.doctor.finding import Finding, fail, ok, skip, warn
from voiced.errors import DeviceError

FAINT_PERCENT = 10

Levels = Callable[[str, Direction], list[Level]]


def check_cards(
    settings: Settings, asound: Path = ASOUND, levels: Levels = levels
) -> Iterator[Finding]:
    """Yield the findings about the mixer controls of the cards in use.

    Args:
        settings: The settings.
        asound: The kernel's folder that describes the cards.
        levels: Returns the controls of a card.
    """
    listens = _choice(settings, "capture", asound)
    speaks = _choice(settings, "playback", asound)
    yield _equal(settings, listens, speaks, list_cards(asound))
    try:
        hears = levels(_hw(listens.name.card), "capture") if listens and listens.name.card else []
        plays = levels(_hw(speaks.name.card), "playback") if speaks and speaks.name.card else []
    except (ImportError, OSError) as error:
        yield skip("muted", f"the controls of the sound cards cannot be read: {error}")
        return
    yield _muted(settings, listens, hears, speaks, plays)
    yield _gain(settings, listens, hears)


def _choice(settings: Settings, direction: Direction, asound: Path) -> Choice | None:
    device, partner = settings.audio.capture.device, settings.audio.playback.device
    if direction == "playback":
        device, partner = partner, device
    if is_file(device):
        return None
    try:
        return choose(device, direction, None if is_file(partner) else partner, asound)
    except DeviceError:
        return None  # the check of that direction reports it


def _equal(
    settings: Settings, listens: Choice | None, speaks: Choice | None, cards: list[Card]
) -> Finding:
    audio = settings.audio
    sides: list[tuple[Direction, str, Choice | None]] = [
        ("capture", audio.capture.device, listens),
        ("playback", audio.playback.device, speaks),
    ]
    for direction, device, choice in sides:
        card = choice.name.card if choice else None
        if card is None or card.usb_id is None:
            continue
        equal = [
            other for other in cards if other.usb_id == card.usb_id and other.stream(direction)
        ]
        names = [settings_name(other, cards) for other in equal]
        # Card ids of equal cards follow the order of detection: they do not identify a card.
        is_exact = ":" in device and sum(other.goes_by(device) for other in equal) == 1
        if len(equal) > 1 and not is_exact:
            text = f"{len(equal)} cards are {card.usb_id}, and `{device}` means {settings_name(card, cards)}"
            fix = f"set `audio.{direction}.device` to one of {', '.join(names)}"
            return warn("equal cards", text, fix)
    return ok("equal cards", "no two cards can be confused")


def _muted(
    settings: Settings,
    listens: Choice | None,
    hears: list[Level],
    speaks: Choice | None,
    plays: list[Level],
) -> Finding:
    switches = [level for level in hears if level.is_off]  # of several, one that is on is enough
    if listens and listens.name.card and switches and len(switches) == len(hears):
        text = f"the capture switch {switches[0].name} of {listens.name.card.id} is off"
        if _wanted_gain(settings, listens) is not None:
            return ok("muted", f"{text}; it is switched on when the microphone is opened")
        fix = f"`amixer -c {listens.name.card.id} sset '{switches[0].name}' cap`"
        return fail("muted", text, fix)
    quiet = [level for level in plays if level.is_off]
    if speaks and speaks.name.card and quiet:
        text = f"the playback switch {quiet[0].name} of {speaks.name.card.id} is off"
        fix = f"`amixer -c {speaks.name.card.id} sset '{quiet[0].name}' unmute`"
        if settings.audio.playback.mixer == OFF:
            return fail("muted", text, f"{fix}; with `mixer: none` voiced does not do it")
        return warn(
            "muted",
            text,
            f"{fix}, if the speaker stays silent: voiced tries it when it opens the card",
        )
    if not hears and not plays:
        return skip("muted", "these cards have no switches or volumes of their own")
    return ok("muted", "no switch is off")


def _gain(settings: Settings, listens: Choice | None, hears: list[Level]) -> Finding:
    loud = [level for level in hears if level.percent is not None]
    if listens is None or listens.name.card is None or not loud:
        return skip("gain", "the microphone has no volume of its own")
    text = ", ".join(f"{level.name} {level.percent} %" for level in loud)
    wanted = _wanted_gain(settings, listens)
    if settings.audio.capture.gain is not None:
        return ok("gain", f"{text} now; `audio.capture.gain` sets {wanted} %")
    if wanted is not None:
        return ok(
            "gain", f"{text} now; {listens.profile.name} needs {wanted} %, and voiced sets it"
        )
    if max(level.percent or 0 for level in loud) < FAINT_PERCENT:
        fix = "raise it with `alsamixer`, or set `audio.capture.gain`"
        return warn("gain", f"{text}: very low", fix)
    return ok("gain", f"{text}, as it was set with alsamixer or by the maker")


def _wanted_gain(settings: Settings, listens: Choice) -> int | None:
    gain = settings.audio.capture.gain
    return listens.profile.capture_gain if gain is None else gain


def _hw(card: Card) -> str:
    return f"hw:CARD={card.id}"
