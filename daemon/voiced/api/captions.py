"""Captions for people to read: in step with the sound, and kept only if the settings allow it."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from voiced.agents.codec import Caption

BEHIND = 256  # captions that a watcher may have unread; a slower one is dropped
LOOK_EVERY_S = 0.04
MOST_WAITING = 512
MOST_WAITING_CHARS = 256 * 1024  # together: each holds all words of its reply so far, up to 64 KiB
MOST_KEPT_CHARS = 1024 * 1024  # of all lines together


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance of the transcript.

    Attributes:
        at: When it ended, in seconds since 1970.
        speaker: `user` or `agent`.
        text: The words.
    """

    at: float
    speaker: str
    text: str = field(repr=False)


def _now() -> float:
    return datetime.now(UTC).timestamp()


class Subtitles:
    """Shows captions to all watchers. Implements `CaptionSink`.

    An agent's words arrive before their sound: those with a position in their reply wait until
    the speaker has played that far.

    Args:
        heard_ms: Returns how much of a reply was heard; None if it is not being played.
        now: Returns the time in seconds since 1970.
    """

    def __init__(
        self, heard_ms: Callable[[str], float | None], now: Callable[[], float] = _now
    ) -> None:
        self._heard_ms = heard_ms
        self._now = now
        self._lines: deque[Line] = deque(maxlen=0)
        self._kept_chars = 0
        self._waiting: deque[Caption] = deque()
        self._waiting_chars = 0
        self._timer: asyncio.TimerHandle | None = None
        self._watchers: set[_Watcher] = set()

    @property
    def keeps(self) -> bool:
        """Whether a transcript is kept in memory."""
        return self._lines.maxlen != 0

    @property
    def lines(self) -> list[Line]:
        """The transcript kept, the oldest line first."""
        return [*self._lines]

    def keep(self, n_lines: int) -> None:
        """Keep at most `n_lines` from now on, in memory only."""
        if n_lines != self._lines.maxlen:
            self._lines = deque(self._lines, maxlen=n_lines)
            self._kept_chars = sum(len(line.text) for line in self._lines)

    def caption(self, caption: Caption) -> None:
        """Show it when its sound is played."""
        if caption.final and caption.text:
            self._remember(Line(self._now(), caption.speaker, caption.text))
        if not self._watchers:
            return
        if caption.speaker == "user":
            self._show(caption)
            return
        if caption.interrupted:  # the sound of what waits will never be played
            self._waiting.clear()
            self._waiting_chars = 0
        self._waiting.append(caption)
        self._waiting_chars += len(caption.text)
        while len(self._waiting) > MOST_WAITING or self._waiting_chars > MOST_WAITING_CHARS:
            self._show_next()
        self._show_due()

    async def watch(self) -> AsyncGenerator[Caption, None]:
        """Yield captions when they are due; ends for a watcher that is too slow."""
        watcher = _Watcher()
        self._watchers.add(watcher)
        try:
            while (caption := await watcher.next()) is not None:
                yield caption
        finally:
            self._watchers.discard(watcher)

    def _show_due(self) -> None:
        """Show what is due, and look again soon if more waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self._is_due(self._waiting[0]):
            self._show_next()
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._show_due)

    def _is_due(self, caption: Caption) -> bool:
        if caption.reply_id is None or caption.interrupted:
            return True
        heard_ms = self._heard_ms(caption.reply_id)
        if heard_ms is None:
            return True
        # The final transcript has no position: it is due with the last words before it.
        return caption.at_ms is None or heard_ms >= caption.at_ms

    def _remember(self, line: Line) -> None:
        if not self.keeps:
            return
        if len(self._lines) == self._lines.maxlen:
            self._forget_oldest()
        self._lines.append(line)
        self._kept_chars += len(line.text)
        while self._kept_chars > MOST_KEPT_CHARS:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        self._kept_chars -= len(self._lines.popleft().text)

    def _show_next(self) -> None:
        caption = self._waiting.popleft()
        self._waiting_chars -= len(caption.text)
        self._show(caption)

    def _show(self, caption: Caption) -> None:
        for watcher in [*self._watchers]:
            if not watcher.show(caption):
                self._watchers.discard(watcher)


class _Watcher:
    """The captions that one watcher has not read yet."""

    def __init__(self) -> None:
        self._unread: asyncio.Queue[Caption | None] = asyncio.Queue(BEHIND)
        self._n_chars = 0

    async def next(self) -> Caption | None:
        """Return the next caption; None once this watcher was too slow."""
        caption = await self._unread.get()
        if caption is not None:
            self._n_chars -= len(caption.text)
        return caption

    def show(self, caption: Caption) -> bool:
        """Add a caption; return False, and end, if there are too many unread."""
        if self._unread.full() or self._n_chars > MOST_WAITING_CHARS:
            self._unread.get_nowait()  # makes room for the end
            self._unread.put_nowait(None)
            return False
        self._n_chars += len(caption.text)
        self._unread.put_nowait(caption)
        return True
