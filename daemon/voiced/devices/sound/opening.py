"""Open a configured sound device: the first of its cards and PCM names that can be used."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from voiced.devices.sound.alsa_pcm import AlsaLibrary, OpenPcm, UnfitError, Wanted, open_pcm
from voiced.devices.sound.cards import ASOUND, Card
from voiced.devices.sound.driver_calls import OPEN_WITHIN_S
from voiced.devices.sound.selection import AUTO, Choice, choices
from voiced.devices.sound.streams import Direction
from voiced.errors import DeviceError, SoundFault
from voiced.lib.event_loop import on_thread

_TRIAL_PERIOD_MS = 20
_TRIAL_PERIODS = 8


def open_wanted(alsa: AlsaLibrary, wanted: Wanted, asound: Path) -> OpenPcm:
    """Open a configured device.

    The next card is tried only if one can never be used. A card that is busy or fails is waited for.

    Thread: any but the loop's, as opening can block.

    Raises:
        DeviceError: If there is no such card, or none of its names can be opened and used.
    """
    refusal: UnfitError | None = None
    for choice in choices(wanted.device, wanted.direction, wanted.partner, asound):
        try:
            return open_choice(alsa, wanted, choice)
        except UnfitError as error:
            refusal = refusal or error
    if refusal is None:
        raise AssertionError(wanted)
    raise refusal


def open_choice(alsa: AlsaLibrary, wanted: Wanted, choice: Choice) -> OpenPcm:
    """Open one card by the first of its names that can be used.

    Thread: any but the loop's, as opening can block.

    Raises:
        UnfitError: If what it offers cannot be used by any of them.
        DeviceError: If it cannot be opened.
    """
    try:
        return open_pcm(alsa, wanted, choice)
    except UnfitError as error:
        refusal = error
    instead = () if refusal.is_missing_channel else choice.name.instead
    for pcm in instead:
        name = replace(choice.name, pcm=pcm, instead=())
        try:
            return open_pcm(alsa, wanted, replace(choice, name=name))
        except DeviceError as error:
            if error.fault is SoundFault.BUSY:
                raise
    raise refusal


@dataclass(frozen=True, slots=True)
class Tried:
    """The result of trying the cards for one direction.

    Attributes:
        card: The one to use; None if there is none.
        is_busy: It is in use, so it could not be opened now.
        refusals: Ids of better cards, and why each cannot be used.
    """

    card: Card | None = None
    is_busy: bool = False
    refusals: tuple[tuple[str, str], ...] = ()


def try_cards(
    alsa: AlsaLibrary, direction: Direction, first: Card | None = None, asound: Path = ASOUND
) -> Tried:
    """Open the cards that `auto` would take, best first, until one can be used.

    Args:
        alsa: The library to open them with.
        direction: The direction to open.
        first: The card to try first, if it has that side.
        asound: Where the kernel describes them.
    """
    try:
        found = choices(AUTO, direction, None, asound)
    except DeviceError:
        return Tried()
    found.sort(key=lambda choice: first is None or _id(choice) != first.id)
    wanted = Wanted(AUTO, direction, _TRIAL_PERIOD_MS, _TRIAL_PERIODS, None)
    refusals: list[tuple[str, str]] = []
    for choice in found:
        work = on_thread("trying a card", partial(_open_and_close, alsa, wanted, choice))
        try:
            work.result(OPEN_WITHIN_S)
        except TimeoutError:
            refusals.append((_id(choice), "opening hangs"))
        except DeviceError as error:
            if error.fault is SoundFault.BUSY:
                return Tried(choice.name.card, is_busy=True, refusals=tuple(refusals))
            refusals.append((_id(choice), error.problem))
        else:
            return Tried(choice.name.card, refusals=tuple(refusals))
    return Tried(refusals=tuple(refusals))


def _open_and_close(alsa: AlsaLibrary, wanted: Wanted, choice: Choice) -> None:
    open_choice(alsa, wanted, choice).close()


def _id(choice: Choice) -> str:
    return choice.name.card.id if choice.name.card else choice.name.pcm
