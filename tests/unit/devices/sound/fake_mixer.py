"""The mixer part of `alsaaudio` 0.11 without a card, with the arithmetic of its C source."""

import threading


class AlsaError(Exception):
    pass


class Element:
    """One simple control.

    Args:
        name: Its name.
        index: Its index; another one of this name has another.
        playback: Its smallest, largest and present playback volume.
        capture: As `playback`, for the capture volume.
        heard: Whether its playback switch is on; None if it has none.
        records: Whether its capture switch is on; None if it has none.
        db: The decibels of the smallest and the largest playback volume.
        refuses: It fails whenever it is set.
    """

    def __init__(self, name, index=0, *, playback=None, capture=None, heard=None, records=None, db=None, refuses=False):  # noqa: PLR0913 # fmt: skip
        self.name, self.index = name, index
        self.playback, self.capture = list(playback or ()), list(capture or ())
        self.heard, self.records, self.db, self.refuses = heard, records, db, refuses

    @property
    def playback_db(self):
        low, high, value = self.playback
        return self.db[0] + (self.db[1] - self.db[0]) * (value - low) / (high - low)


class FakeMixers:
    """A library whose only card has these controls.

    Attributes:
        slow: Nothing is set unless it is.
        closed: How many controls were let go of.
        n_set: How many volumes were set.
    """

    ALSAAudioError = AlsaError
    PCM_PLAYBACK, PCM_CAPTURE, MIXER_CHANNEL_ALL = 0, 1, -1
    VOLUME_UNITS_PERCENTAGE, VOLUME_UNITS_RAW, VOLUME_UNITS_DB = 0, 1, 2

    def __init__(self, *elements):
        self.elements = elements
        self.slow = threading.Event()
        self.slow.set()
        self.n_opened = self.closed = self.n_set = 0

    def mixers(self, cardindex=-1, device="default"):
        return [element.name for element in self.elements]

    def Mixer(self, control="Master", id=0, cardindex=-1, device="default"):  # noqa: A002, N802
        for element in self.elements:
            if (element.name, element.index) == (control, id):
                self.n_opened += 1
                return Control(element, self)
        raise AlsaError(f"Unable to find mixer control {control},{id} [{device}]")


class Control:
    def __init__(self, element, library):
        self._element, self._library = element, library

    def volumecap(self):
        it = self._element
        return ["Playback Volume"] * bool(it.playback) + ["Capture Volume"] * bool(it.capture)

    def switchcap(self):
        it = self._element
        return ["Playback Mute"] * (it.heard is not None) + ["Capture Mute"] * (
            it.records is not None
        )

    def _side(self, pcmtype):
        if pcmtype is None:
            pcmtype = 0 if self._element.playback else 1
        return self._element.capture if pcmtype else self._element.playback

    def getrange(self, pcmtype=None, units=1):
        low, high, _ = self._side(pcmtype)
        if units == FakeMixers.VOLUME_UNITS_DB:
            low, high = (round(100 * value) for value in self._element.db or (0, 0))
        return [low, high]

    def getvolume(self, pcmtype=None, units=0):
        low, high, value = self._side(pcmtype)
        return [round(100 * (value - low) / (high - low))] * 2

    def setvolume(self, volume, channel=-1, pcmtype=None, units=0):
        self._library.slow.wait(5)
        self._refuse()
        side = self._side(pcmtype)
        low, high, _ = side
        if units == FakeMixers.VOLUME_UNITS_DB:
            low_db, high_db = self._element.db
            volume = 100 * (volume / 100 - low_db) / (high_db - low_db)
        self._library.n_set += 1
        side[2] = min(max(round((high - low) * volume * 0.01) + low, low), high)

    def getmute(self):
        return [int(not self._element.heard)] * 2

    def setmute(self, off, channel=-1):
        self._refuse()
        self._element.heard = not off

    def getrec(self):
        return [int(self._element.records)] * 2

    def setrec(self, on, channel=-1):
        self._refuse()
        self._element.records = bool(on)

    def close(self):
        assert self._library.slow.is_set()
        self._library.closed += 1

    def _refuse(self):
        if self._element.refuses:
            raise AlsaError("No such device")
