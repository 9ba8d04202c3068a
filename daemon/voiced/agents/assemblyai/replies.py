"""The replies in progress, and their sound in whole samples."""

from dataclasses import dataclass
from enum import Enum

from voiced.agents.codec import Item, ReplyAudio
from voiced.core.events import ReplyDone, ReplyStarted

REMEMBERED = 64  # replies; late audio belongs to the newest few


class _Stage(Enum):
    OPEN = "open"
    FINISHED = "finished"
    FORGOTTEN = "forgotten"  # interrupted, or over before it began: later sound is dropped


@dataclass(slots=True)
class _Reply:
    stage: _Stage
    carry: bytes = b""


class Replies:
    """The replies of one link.

    Attributes:
        current: The reply that messages without a reply id belong to.
        sample_bytes: Size of one sample of reply sound.
    """

    def __init__(self) -> None:
        self.current: str | None = None
        self.sample_bytes = 2
        self._known: dict[str, _Reply] = {}
        self._invented = 0

    def invent_id(self) -> str:
        """Return an id for a reply that the agent started without one."""
        self._invented += 1
        return f"unnamed-{self._invented}"

    def started(self, reply_id: str) -> list[Item]:
        """Record that a reply started, unless that is known."""
        if reply_id in self._known:
            return []
        self._remember(reply_id, _Stage.OPEN)
        self.current = reply_id
        return [ReplyStarted(reply_id)]

    def audio(self, reply_id: str | None, payload: bytes) -> list[Item]:
        """Take sound of a reply. It may come before `reply.started`, or too late."""
        reply_id = reply_id or self.current
        if reply_id is None:
            return []
        items = [] if reply_id in self._known else self.started(reply_id)
        reply = self._known[reply_id]
        if reply.stage is not _Stage.OPEN:
            return []
        if reply.carry:
            payload = reply.carry + payload
            reply.carry = b""
        if len(payload) % self.sample_bytes:  # 2 at most, so a rest is one byte
            payload, reply.carry = payload[:-1], payload[-1:]
        if payload:
            items.append(ReplyAudio(reply_id, payload))
        return items

    def is_over(self, reply_id: str | None) -> bool:
        """Return whether `done` would change nothing about `reply_id`."""
        reply = self._known.get(reply_id) if reply_id else None
        return reply_id is None or (reply is not None and reply.stage is not _Stage.OPEN)

    def done(self, reply_id: str | None, *, interrupted: bool) -> list[Item]:
        """Record that a reply is over. A finished one may still be interrupted."""
        if reply_id is None:
            return []
        if reply_id == self.current:
            self.current = None
        reply = self._known.get(reply_id)
        if reply is None:
            self._remember(reply_id, _Stage.FORGOTTEN)
            return []
        stage = _Stage.FORGOTTEN if interrupted else _Stage.FINISHED
        if reply.stage in {stage, _Stage.FORGOTTEN}:
            return []
        reply.stage = stage
        return [ReplyDone(reply_id, interrupted)]

    def _remember(self, reply_id: str, stage: _Stage) -> None:
        self._known[reply_id] = _Reply(stage)
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
