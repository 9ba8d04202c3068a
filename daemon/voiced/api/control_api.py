"""The requests that the control socket answers: how other programs on this device control the daemon."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass

from voiced.api.captions import Subtitles
from voiced.api.control_socket import Answer, Ask, Question
from voiced.api.device_control import DeviceControl
from voiced.errors import RequestRefused
from voiced.runtime.guard import Fault

MOST_DIGITS = 9
_MUTES = {"on": True, "off": False, "toggle": None}


@dataclass(frozen=True, slots=True)
class ControlApi:
    """Answers requests about the daemon.

    Attributes:
        control: The daemon.
        subtitles: The transcript.
        settings: Returns where its settings come from.
        faults: Returns which of its parts fail.
        page: Returns the links to its page.
        disk: Returns the state of its disk.
    """

    control: DeviceControl
    subtitles: Subtitles
    settings: Callable[[], Answer]
    faults: Callable[[], Sequence[Fault]]
    page: Callable[[], Answer]
    disk: Callable[[], Answer]

    def questions(self) -> Mapping[str, Ask]:
        """Return the routes and what answers them."""
        return {
            "GET /status": self._status,
            "GET /transcript": self._transcript,
            "GET /kiosk": self._kiosk,
            "POST /talk": self._talk,
            "POST /end": self._end,
            "POST /mute": self._mute,
            "POST /volume": self._volume,
            "POST /say": self._say,
        }

    async def events(self) -> AsyncGenerator[Answer, None]:
        """Yield the state of the device, now and after every change."""
        async with aclosing(self.control.watch()) as states:
            async for device_state in states:
                yield asdict(device_state)

    async def _status(self, _question: Question) -> Answer:
        faults = [asdict(fault) for fault in self.faults()]
        device_state, cause = asdict(self.control.device_state()), self.control.cause()
        seen = {**device_state, "cause": cause, "faults": faults}
        return {**seen, "settings": self.settings(), "disk": self.disk()}

    async def _transcript(self, _question: Question) -> Answer:
        if not self.subtitles.keeps:
            raise RequestRefused(
                "nothing that was said is kept; write `privacy: {transcripts: true}`"
            )
        return {"lines": [asdict(line) for line in self.subtitles.lines]}

    async def _kiosk(self, _question: Question) -> Answer:
        return self.page()

    async def _talk(self, _question: Question) -> Answer:
        self.control.talk()
        return await self._status(_question)

    async def _end(self, _question: Question) -> Answer:
        self.control.end()
        return await self._status(_question)

    async def _mute(self, question: Question) -> Answer:
        to = question.parameters.get("to", "toggle")
        if to not in _MUTES:
            raise RequestRefused(f"{to[:20]!r} is not a mute command; use {', '.join(_MUTES)}")
        self.control.mute(_MUTES[to])
        return await self._status(question)

    async def _volume(self, question: Question) -> Answer:
        wanted = question.parameters.get("to", "")
        if not (wanted.isdecimal() and len(wanted) <= MOST_DIGITS):
            raise RequestRefused(f"{wanted[:20]!r} is not a volume; use 0 to 100")
        self.control.set_volume(int(wanted))
        return await self._status(question)

    async def _say(self, question: Question) -> Answer:
        self.control.say(question.text)
        return await self._status(question)
