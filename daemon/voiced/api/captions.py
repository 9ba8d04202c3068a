"""What is said, for people to read: in step with the sound, and kept only as far as that is allowed."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from voiced.agents.codec import Caption

BEHIND = 256
"""How many captions somebody may be late with; who is slower is left behind."""

LOOK_EVERY_S = 0.04
MOST_WAITING = 512

MOST_WAITING_CHARS = 256 * 1024
"""Of all captions that wait together: a caption holds all words of its reply so far, up to 64 KiB."""

MOST_KEPT_CHARS = 1024 * 1024
"""Of all lines together, however many may be kept: the most lines, of a hundred characters each."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was said.

    Attributes:
        at: When it was over, in seconds since 1970.
        speaker: Who said it: `user` or `agent`.
        text: What.
    """

    at: float
    speaker: str
    text: str = field(repr=False)


def _now() -> float:
    return datetime.now(UTC).timestamp()


class Subtitles:
    """Shows captions to whoever watches. Implements `CaptionSink`.

    An agent's words come before their sound: those that tell where in a reply they belong wait until
    that has left the speaker.

    Args:
        heard_ms: Tells how much of a reply was heard; None if it is not being heard, or no more.
        now: Tells the date and time, in seconds since 1970.
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
        """What is said is held in memory."""
        return self._lines.maxlen != 0

    @property
    def lines(self) -> list[Line]:
        """What was said of late, the oldest first."""
        return [*self._lines]

    def keep(self, n_lines: int) -> None:
        """Keep so many lines from now on, in memory only."""
        if n_lines != self._lines.maxlen:
            self._lines = deque(self._lines, maxlen=n_lines)
            self._kept_chars = sum(len(line.text) for line in self._lines)

    def caption(self, caption: Caption) -> None:
        """Show it in its time."""
        if caption.final and caption.text:
            self._remember(Line(self._now(), caption.speaker, caption.text))
        if not self._watchers:
            return
        if caption.speaker == "user":
            self._show(caption)
            return
        if caption.interrupted:
            self._waiting.clear()
            self._waiting_chars = 0
        self._waiting.append(caption)
        self._waiting_chars += len(caption.text)
        while len(self._waiting) > MOST_WAITING or self._waiting_chars > MOST_WAITING_CHARS:
            self._show_next()
        self._go_on()

    async def watch(self) -> AsyncGenerator[Caption, None]:
        """Yield captions as they are to be read, to whoever keeps up with them."""
        watcher = _Watcher()
        self._watchers.add(watcher)
        try:
            while (caption := await watcher.next()) is not None:
                yield caption
        finally:
            self._watchers.discard(watcher)

    def _go_on(self) -> None:
        """Show what is due, and look again soon if more waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self._is_due(self._waiting[0]):
            self._show_next()
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._go_on)

    def _is_due(self, caption: Caption) -> bool:
        if caption.reply_id is None or caption.interrupted:
            return True
        heard_ms = self._heard_ms(caption.reply_id)
        if heard_ms is None:
            return True
        # The words of record come when all was sent: they are due with the last words before them.
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
    """What somebody has not read yet."""

    def __init__(self) -> None:
        self._unread: asyncio.Queue[Caption | None] = asyncio.Queue(BEHIND)
        self._n_chars = 0

    async def next(self) -> Caption | None:
        """Return the next caption; None at the end, for who was too slow."""
        caption = await self._unread.get()
        if caption is not None:
            self._n_chars -= len(caption.text)
        return caption

    def show(self, caption: Caption) -> bool:
        """Add a caption; return False, and end, where there are too many unread."""
        if self._unread.full() or self._n_chars > MOST_WAITING_CHARS:
            self._unread.get_nowait()
            self._unread.put_nowait(None)
            return False
        self._n_chars += len(caption.text)
        self._unread.put_nowait(caption)
        return True
