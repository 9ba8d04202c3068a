"""A card's own volume controls, through alsa-lib's mixer."""

import asyncio
import logging
from contextlib import suppress
from importlib import import_module
from threading import Lock
from typing import Any

log = logging.getLogger(__name__)

PREFERRED = ("PCM", "Speaker", "Headset", "Headphone", "Master", "Digital")
"""Where the playback volume is, by the names cards give it, best first."""

OFF = "none"
ANY = "auto"


class AlsaMixer:
    """The playback volume of one open card. Fills `Mixer`.

    Control transfers over USB take milliseconds, so they run beside the loop; of several volumes
    wanted meanwhile only the last is set.
    """

    def __init__(self, control: Any, name: str) -> None:
        self._control = control
        self._name = name
        self._wanted: int | None = None
        self._is_busy = False
        self._is_failing = False
        self._is_closed = False
        self._lock = Lock()

    def set_volume(self, percent: int) -> None:
        self._wanted = percent
        if not self._is_busy and not self._is_closed:
            self._is_busy = True
            asyncio.get_running_loop().run_in_executor(None, self._set_wanted)

    def close(self) -> None:
        """Let go of the card, soon: else a card that is unplugged stays half there. Idempotent."""
        if not self._is_closed:
            self._is_closed = True
            asyncio.get_running_loop().run_in_executor(None, self._let_go)

    def _let_go(self) -> None:
        """Thread: any."""
        with self._lock, suppress(Exception):
            self._control.close()

    def _set_wanted(self) -> None:
        """Thread: any."""
        try:
            with self._lock:
                while (percent := self._wanted) is not None and not self._is_closed:
                    self._wanted = None
                    self._control.setvolume(percent)
        except Exception as error:  # noqa: BLE001 - a card that is unplugged fails in many ways
            if not self._is_failing:
                log.warning("the mixer control %s does not work: %s", self._name, error)
            self._is_failing = True
        finally:
            self._is_busy = False


def playback_mixer(device: str, wanted: str, alsa: Any = None) -> AlsaMixer | None:
    """Return the control for the playback volume of a card, or None if it has none.

    Thread: any but the loop's.

    Args:
        device: The ALSA name of the card, like `hw:CARD=Array`.
        wanted: Its name, or `auto` for the usual ones, or `none`.
        alsa: The library; `alsaaudio` if None.
    """
    if wanted == OFF:
        return None
    library = alsa or import_module("alsaaudio")
    for name in PREFERRED if wanted == ANY else (wanted,):
        try:
            control = library.Mixer(name, device=device)
            if "Playback Volume" in control.volumecap() or "Volume" in control.volumecap():
                return AlsaMixer(control, name)
        except library.ALSAAudioError as error:
            if wanted != ANY:
                log.warning("%s has no mixer control %s (%s)", device, name, error)
    return None


def set_capture_gain(device: str, percent: int, alsa: Any = None) -> int:
    """Set every capture volume of a card and switch it on; return how many there are.

    A card remembers what somebody once set; too low a value makes it deaf.

    Thread: any but the loop's.
    """
    library = alsa or import_module("alsaaudio")
    n_set = 0
    try:
        for name in library.mixers(device=device):
            control = library.Mixer(name, device=device)
            if "Capture Volume" in control.volumecap():
                control.setvolume(percent, library.MIXER_CHANNEL_ALL, library.PCM_CAPTURE)
                n_set += 1
            if "Capture Mute" in control.switchcap():
                control.setrec(1)
    except library.ALSAAudioError as error:
        log.warning("%s: the capture volume cannot be set: %s", device, error)
    return n_set
