"""A card's own volume controls, through alsa-lib's mixer.

A control has a name and an index: several of one name, such as `PCM,0` and `PCM,1`, belong together. Each is read
and set by itself, and a failure of one does not stop the others.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from math import log10
from threading import Lock
from typing import Any

from voiced.devices.sound.streams import Direction
from voiced.lib.event_loop import on_thread

log = logging.getLogger(__name__)

PREFERRED = ("PCM", "Speaker", "Headset", "Headphone", "Master", "Digital")
"""Usual names of the playback volume, best first."""

OFF = "none"
ANY = "auto"

_MOST_INDEXES = 32
_INPUTS = (
    "mic",
    "line in",
    "linein",
    "aux",
    "input",
    "sidetone",
    "side tone",
    "monitor",
    "loopback",
)
"""Words in the names of controls that route an input to the speaker: they are not the volume."""

_LARGEST_DB = 60.0
_SMALLEST_SPAN_DB = 12.0
"""A shorter range is a driver's mistake: a card that counts steps as 1/256 dB reports 0.4 dB for 100 steps."""
_NEAR_DB = 6.0
_MUTED_DB = -99_999.0  # below every range, so it is clamped to the softest


@dataclass(frozen=True, slots=True)
class Level:
    """The state of one control.

    Attributes:
        name: The card's name for it, with its index if there are several.
        percent: Its volume in per cent of its range; None if it has none.
        is_off: It has a switch, which is off.
    """

    name: str
    percent: int | None
    is_off: bool


class AlsaMixer:
    """The playback volume of one open card. Implements `Mixer`.

    Control transfers over USB take milliseconds, so they run on a thread; of several volumes requested meanwhile,
    only the last is set. `controls` are all controls of one name.
    """

    def __init__(self, controls: Sequence[Any], name: str, alsa: Any) -> None:
        self._controls = controls
        self._name = name
        self._alsa = alsa
        self._wanted: int | None = None
        self._is_busy = False
        self._is_failing = False
        self._is_closed = False
        self._wanted_lock = Lock()  # never held during a transfer, so `set_volume` does not block
        self._controls_lock = Lock()

    def set_volume(self, percent: int) -> None:
        with self._wanted_lock:
            self._wanted = percent
            if self._is_busy or self._is_closed:
                return
            self._is_busy = True
        on_thread("mixer", self._set_wanted)

    def close(self) -> None:
        """Release the card soon; otherwise an unplugged card stays registered. Idempotent."""
        if not self._is_closed:
            self._is_closed = True
            on_thread("mixer", self._release)

    def _release(self) -> None:
        """Thread: any."""
        with self._controls_lock:
            _close(self._controls)

    def _set_wanted(self) -> None:
        """Thread: any."""
        while (percent := self._next_wanted()) is not None:
            with self._controls_lock:
                errors = [] if self._is_closed else self._set(percent)
            for error in errors[:1]:
                if not self._is_failing:
                    log.warning("the mixer control %s cannot be set: %s", self._name, error)
                self._is_failing = True

    def _next_wanted(self) -> int | None:
        with self._wanted_lock:
            percent, self._wanted = self._wanted, None
            if percent is None:
                # Under the same lock as the look: a request from now on starts a new thread.
                self._is_busy = False
            return percent

    def _set(self, percent: int) -> list[Exception]:
        """Set all controls; return the errors."""
        errors: list[Exception] = []
        for control in self._controls:
            try:
                _set_loudness(control, percent, self._alsa)
            except Exception as error:  # noqa: BLE001 - a card that is unplugged fails in many ways
                errors.append(error)
        return errors


def playback_mixer(device: str, wanted: str, alsa: Any = None) -> AlsaMixer | None:
    """Return the control for the playback volume of a card, or None if it has none.

    A playback switch that is off is switched on and logged. A control that routes an input to the speaker is
    refused even if it is named; then the sound is scaled.

    Thread: any but the loop's.

    Args:
        device: The ALSA name of the card, like `hw:CARD=Array`.
        wanted: The control's name, `auto` for the usual ones, or `none`.
        alsa: The library; `alsaaudio` if None.
    """
    if wanted == OFF:
        return None
    if _is_input(wanted):
        log.warning(
            "%s: the mixer control %s plays an input through the speaker and is left alone; the sound "
            "is scaled instead. Set audio.playback.mixer to another control, or to auto",
            *(device, wanted),
        )
        return None
    library = alsa or import_module("alsaaudio")
    counts = _names(device, library)
    chosen: AlsaMixer | None = None
    for name in _candidates(counts) if wanted == ANY else [wanted]:
        controls = list(_controls(device, name, counts[name], library))
        if chosen is None or name in PREFERRED:
            _switch_on(device, name, controls)
        loud = [control for control in controls if _has_volume(control)]
        if loud and chosen is None:
            chosen = AlsaMixer(loud, name, library)
            controls = [control for control in controls if control not in loud]
        _close(controls)
    if chosen is None and wanted != ANY:
        log.warning("%s has no mixer control %s for the volume", device, wanted)
    return chosen


def set_capture_gain(device: str, percent: int, alsa: Any = None) -> int:
    """Set every capture volume of a card and switch it on; return how many were set.

    A card remembers what was once set, and too low a value makes it deaf.

    Thread: any but the loop's.
    """
    library = alsa or import_module("alsaaudio")
    n_set = 0
    for name, count in _names(device, library).items():
        controls = list(_controls(device, name, count, library))
        for control in controls:
            errors: list[Exception] = []
            if "Capture Volume" in control.volumecap():
                where = (library.MIXER_CHANNEL_ALL, library.PCM_CAPTURE)
                _ask(control, "setvolume", percent, *where, errors=errors)
                n_set += not errors
            if "Capture Mute" in control.switchcap():
                _ask(control, "setrec", 1, errors=errors)
            for error in errors[:1]:
                log.warning("%s: the capture volume %s cannot be set: %s", device, name, error)
        _close(controls)
    return n_set


def levels(device: str, direction: Direction, alsa: Any = None) -> list[Level]:
    """Return the state of a card's controls for one direction, except those that route inputs to the speaker.

    Thread: any but the loop's.
    """
    library = alsa or import_module("alsaaudio")
    capturing = direction == "capture"
    side = library.PCM_CAPTURE if capturing else library.PCM_PLAYBACK
    switch, read, off = (
        ("Capture Mute", "getrec", 0) if capturing else ("Playback Mute", "getmute", 1)
    )
    has_volume = _has_capture_volume if capturing else _has_volume
    found: list[Level] = []
    for name, count in _names(device, library).items():
        if not capturing and _is_input(name):
            continue
        controls = list(_controls(device, name, count, library))
        for number, control in enumerate(controls):
            has_switch = switch in control.switchcap()
            if not has_switch and not has_volume(control):
                continue
            states = _ask(control, read) if has_switch else ()
            values = _ask(control, "getvolume", side) if has_volume(control) else ()
            is_off = bool(states) and all(bool(state) == bool(off) for state in states)
            label = f"{name},{number}" if len(controls) > 1 else name
            found.append(Level(label, max(values) if values else None, is_off))
        _close(controls)
    return found


def loudness_db(percent: int) -> float:
    """Return a volume in decibels, by the cubic law with which the playout scales sound."""
    return 60 * log10(percent / 100) if percent > 0 else _MUTED_DB


def _set_loudness(control: Any, percent: int, library: Any) -> None:
    """Set one control in decibels, or in per cent of its range if its decibels are missing or wrong."""
    low_db, high_db = _span_db(control, library)
    if high_db - low_db < _SMALLEST_SPAN_DB or abs(high_db) > _LARGEST_DB:
        control.setvolume(percent)
        return
    # 0 dB is full volume; many cards distort above it. Some ranges end below 0 dB, or begin there.
    full_db = high_db if high_db < -_NEAR_DB or low_db >= 0 else 0.0
    wanted_db = min(max(full_db + loudness_db(percent), low_db), high_db)
    every, playback = library.MIXER_CHANNEL_ALL, library.PCM_PLAYBACK
    control.setvolume(round(wanted_db * 100), every, playback, library.VOLUME_UNITS_DB)


def _span_db(control: Any, library: Any) -> tuple[float, float]:
    """Return the range of a playback volume in decibels; (0, 0) if the card does not report it."""
    with suppress(Exception):
        low, high = control.getrange(library.PCM_PLAYBACK, library.VOLUME_UNITS_DB)
        return low / 100, high / 100  # alsa-lib counts in hundredths
    return 0.0, 0.0


def _switch_on(device: str, name: str, controls: Sequence[Any]) -> None:
    for control in controls:
        if "Playback Mute" in control.switchcap():
            states = _ask(control, "getmute")
            errors: list[Exception] = []
            _ask(control, "setmute", 0, errors=errors)
            if states and any(states):
                log.warning(
                    "%s: the playback switch of %s was off; it %s",
                    *(device, name, f"stays off: {errors[0]}" if errors else "is switched on"),
                )


def _candidates(counts: Counter[str]) -> list[str]:
    others = [name for name in counts if name not in PREFERRED and not _is_input(name)]
    return [name for name in PREFERRED if name in counts] + others


def _is_input(name: str) -> bool:
    return any(word in name.lower() for word in _INPUTS)


def _has_volume(control: Any) -> bool:
    return not {"Playback Volume", "Volume"}.isdisjoint(control.volumecap())


def _has_capture_volume(control: Any) -> bool:
    return "Capture Volume" in control.volumecap()


def _names(device: str, library: Any) -> Counter[str]:
    try:
        return Counter(library.mixers(device=device))
    except library.ALSAAudioError as error:
        log.warning("%s: its volume controls cannot be read: %s", device, error)
        return Counter()


def _controls(device: str, name: str, count: int, library: Any) -> Iterator[Any]:
    """Yield the controls of one name; their indexes may have gaps."""
    for index in range(_MOST_INDEXES):
        if not count:
            return
        with suppress(library.ALSAAudioError):
            control = library.Mixer(name, id=index, device=device)
            count -= 1
            yield control


def _ask(control: Any, method: str, *args: Any, errors: list[Exception] | None = None) -> Any:
    """Call a method of a control; return None if it fails. An unplugged card raises many kinds of errors."""
    try:
        return getattr(control, method)(*args)
    except Exception as error:  # noqa: BLE001 - see above
        if errors is not None:
            errors.append(error)
        return None


def _close(controls: Sequence[Any]) -> None:
    for control in controls:
        with suppress(Exception):
            control.close()
