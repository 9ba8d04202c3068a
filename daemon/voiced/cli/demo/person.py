"""The user in a demo: a script with recorded sentences, or a person at the keyboard."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from voiced.cli.demo.witness import Witness
from voiced.core.actions import Status
from voiced.core.events import MuteChanged, StopRequested, TalkPressed, Woken
from voiced.ports import Emit

Say = Callable[[str], None]  # speaks a recorded sentence into the microphone

GREETING_LIMIT_S = 6.0
TURN_LIMIT_S = 30.0
PAUSE_S = 0.4  # silence of the agent before the next sentence
PARTING_LIMIT_S = 5.0

TIMER = "timer"
GOODBYE = "goodbye"
OFFLINE = "offline"  # not a sentence: takes the agent away


class ScriptedPerson:
    """Waits for the greeting, says its sentences, hears each answer and each timer, and stops the demo.

    Args:
        say: Speaks a sentence; None if a person does.
        witness: Counts what the agent says.
        limit_s: When to give up.
        asks: The names of the sentences; `OFFLINE` among them calls `leave`.
        leave: Takes the agent away.
    """

    def __init__(
        self,
        say: Say | None,
        witness: Witness,
        limit_s: float,
        asks: Sequence[str] = ("time", GOODBYE),
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self._say = say
        self._witness = witness
        self._limit_s = limit_s
        self._asks = tuple(asks)
        self._leave = leave
        self._status = Status.ASLEEP
        self._changed = asyncio.Event()

    def show(self, status: Status) -> None:
        """Record the status."""
        self._status = status
        self._changed.set()

    async def watch(self, emit: Emit) -> None:
        """Hold the conversation, then ask to stop."""
        emit(Woken("demo"))
        try:
            async with asyncio.timeout(self._limit_s):
                await self._converse()
        except TimeoutError:
            pass  # the summary reports what is missing
        emit(StopRequested())
        await asyncio.Event().wait()

    async def _converse(self) -> None:
        await self._until({Status.LISTENING, Status.SPEAKING, Status.REJECTED})
        if self._status is Status.REJECTED:
            return
        await self._hear_out(replies=1, limit_s=GREETING_LIMIT_S)
        if self._say is None:
            while not self._witness.full_turn:
                await self._hear_out(replies=self._witness.replies + 1, limit_s=None)
        else:
            await self._ask(self._say)
        if TIMER in self._asks:
            await self._hear_timer()

    async def _ask(self, say: Say) -> None:
        for sentence in self._asks:
            if sentence == OFFLINE:
                if GOODBYE in self._asks:
                    await self._fall_asleep()
                self._leave()
                continue
            replies = self._witness.replies + 1
            say(sentence)
            self._witness.asked = True
            await self._hear_out(replies, limit_s=TURN_LIMIT_S)

    async def _fall_asleep(self) -> None:
        with suppress(TimeoutError):  # not every agent can end the conversation
            async with asyncio.timeout(PARTING_LIMIT_S):
                await self._until({Status.ASLEEP})

    async def _hear_timer(self) -> None:
        """Wait until the agent announced the timer, or it rang often enough without an agent."""
        while not self._witness.rang_locally:
            await asyncio.sleep(PAUSE_S)
            if self._witness.announced:
                await self._hear_out(replies=1, limit_s=TURN_LIMIT_S)
                return

    async def _hear_out(self, replies: int, limit_s: float | None) -> None:
        """Wait until the agent has given `replies` replies and is silent again."""
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    await self._until({Status.LISTENING, Status.ASLEEP})
                    await asyncio.sleep(PAUSE_S)
                    silent = self._status in (Status.LISTENING, Status.ASLEEP)
                    if silent and self._witness.replies >= replies:
                        return
        except TimeoutError:
            pass  # there is no greeting, or no answer; the summary reports it

    async def _until(self, statuses: set[Status]) -> None:
        while self._status not in statuses:
            self._changed.clear()
            await self._changed.wait()


class Keyboard:
    """Keys of the terminal: space is the talk button, m mutes, q quits, digits speak."""

    def __init__(self, say: Say | None, sentences: Mapping[str, str]) -> None:
        self._say = say
        self._sentences = dict(zip("123456789", sentences, strict=False))
        self._muted = False

    async def watch(self, emit: Emit) -> None:
        """Read keys until cancelled; then restore the terminal."""
        import termios
        import tty

        fd = sys.stdin.fileno()
        before = termios.tcgetattr(fd)
        loop = asyncio.get_running_loop()
        tty.setcbreak(fd)
        loop.add_reader(fd, self._read, emit)
        emit(Woken("demo"))
        try:
            await asyncio.Event().wait()
        finally:
            loop.remove_reader(fd)
            termios.tcsetattr(fd, termios.TCSADRAIN, before)

    def _read(self, emit: Emit) -> None:
        # Not through sys.stdin: the loop does not see what its buffer holds.
        # An empty read is the end of input, and quits.
        for key in os.read(sys.stdin.fileno(), 64).decode("ascii", "replace") or "q":
            self.press(key, emit)

    def press(self, key: str, emit: Emit) -> None:
        """Act on a key."""
        if key == " ":
            emit(TalkPressed())
        elif key == "m":
            self._muted = not self._muted
            emit(MuteChanged(self._muted))
        elif key in ("q", "\x04"):
            emit(StopRequested())
        elif self._say is not None and key in self._sentences:
            self._say(self._sentences[key])
