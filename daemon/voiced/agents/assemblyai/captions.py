"""Whole captions from pieces of transcript."""

from collections import deque

from voiced.agents.codec import Caption, within_caption

REMEMBERED = 8  # utterances: more than are ever in progress at once


class Captions:
    """The captions of both sides of one link. Keys are the agent's ids; None where it gave none."""

    def __init__(self) -> None:
        self._final: deque[str] = deque(maxlen=REMEMBERED)
        self._spoken: dict[str | None, str] = {}

    def user_so_far(self, key: str | None, text: str) -> list[Caption]:
        """Take the user's words so far, all of them. They may be late."""
        return [] if key in self._final else [Caption("user", text)]

    def user_said(self, key: str | None, text: str) -> list[Caption]:
        """Take the user's final transcript."""
        self._finish(key)
        return [Caption("user", text, final=True)]

    def agent_goes_on(
        self,
        key: str | None,
        piece: str,
        reply_id: str | None = None,
        at_ms: float | None = None,
    ) -> list[Caption]:
        """Take the agent's next words. They may be late; what exceeds a caption is dropped."""
        if key in self._final:
            return []
        before = self._spoken.pop(key, "")  # put back below as the newest
        text = within_caption(before + piece)
        self._spoken[key] = text
        if len(self._spoken) > REMEMBERED:
            del self._spoken[next(iter(self._spoken))]
        if piece and text == before:
            return []
        return [Caption("agent", text, reply_id=reply_id, at_ms=at_ms)]

    def agent_said(
        self, key: str | None, text: str, reply_id: str | None = None, *, interrupted: bool
    ) -> list[Caption]:
        """Take the agent's final transcript."""
        self._finish(key)
        return [Caption("agent", text, True, interrupted, reply_id)]  # noqa: FBT003 - a record's fields

    def _finish(self, key: str | None) -> None:
        self._spoken.pop(key, None)
        if key is not None:
            self._final.append(key)
