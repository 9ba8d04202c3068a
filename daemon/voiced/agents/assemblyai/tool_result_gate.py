"""When to send the results of tool calls. assemblyai.md §2, tool turn.

Results are held until `reply.done` is the latest of `reply.started`, `input.speech.started` and
`reply.done`. An interrupted reply does not open the gate, because the user is then speaking, and
the results of its own calls are discarded. Three timeouts keep a result from being held for ever.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from voiced.agents.codec import Message

GUARD_S = 1.0  # assemblyai.md §2: no reply by then after the user stopped means none will come
LOST_DONE_S = 10.0  # after such a silence, the `reply.done` was lost
DEFAULT_TIMEOUT_S = 120.0
LONGEST_TIMEOUT_S = 300
LARGEST_MARGIN_S = 2.0  # the result must arrive before the timeout, not leave by then
REMEMBERED = 256  # call ids, to ignore duplicates
MOST_CALLS = REMEMBERED  # in progress; more are ignored, as each may keep a result in memory


class _Gate(Enum):
    SHUT = "no reply was done yet"
    SHUT_BY_REPLY = "the agent speaks"
    SHUT_BY_USER = "the user speaks, or no reply has followed yet"
    OPEN = "the reply is done"


@dataclass(slots=True)
class _Call:
    name: str
    reply_id: str | None
    deadline_s: float
    result: Message | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Tool:
    timeout_s: float
    remote: bool


class ToolTurn:
    """The tool calls of one link and the gate before their results."""

    def __init__(self, *, eager: bool) -> None:
        self._eager = eager
        self._tools: dict[str, _Tool] = {}
        self._calls: dict[str, _Call] = {}
        self._seen: dict[str, None] = {}
        self._gate = _Gate.SHUT
        self._user_speaks = False
        self._quiet_since_s = 0.0

    def learn(self, tools: object) -> None:
        """Remember the session's tools. Anything but a list is ignored."""
        if not isinstance(tools, list):
            return
        known = {
            entry["name"]: _Tool(_timeout_s(entry), _is_hosted(entry))
            for entry in tools
            if isinstance(entry, dict) and isinstance(entry.get("name"), str)
        }
        self._tools = known or self._tools

    def is_remote(self, name: str) -> bool:
        """Return whether the agent runs this tool itself: its calls must not be answered."""
        tool = self._tools.get(name)
        return tool is not None and tool.remote

    def call(self, call_id: str, name: str, reply_id: str | None, now_s: float) -> bool:
        """Record a call made during `reply_id`; return False if it must not be made.

        Duplicates and calls beyond `MOST_CALLS` must not.
        """
        if call_id in self._seen or len(self._calls) >= MOST_CALLS:
            return False
        self._seen[call_id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        tool = self._tools.get(name)
        timeout_s = tool.timeout_s if tool else DEFAULT_TIMEOUT_S
        margin_s = min(LARGEST_MARGIN_S, timeout_s / 4)
        self._calls[call_id] = _Call(name, reply_id, now_s + timeout_s - margin_s)
        return True

    def give(self, call_id: str, result: Message, now_s: float) -> list[Message]:
        """Take the result of a call; return the results to send now."""
        call = self._calls.get(call_id)
        if call is not None and call.result is None:
            call.result = result
        return self.advance(now_s)

    def reply_started(self, now_s: float) -> None:
        """Close the gate: the agent speaks."""
        self._gate = _Gate.SHUT_BY_REPLY
        self._quiet_since_s = now_s

    def reply_goes_on(self, now_s: float) -> None:
        """Record that a reply is still being sent."""
        if self._gate is _Gate.SHUT_BY_REPLY:
            self._quiet_since_s = now_s

    def reply_done(self) -> None:
        """Open the gate."""
        self._gate = _Gate.OPEN

    def reply_interrupted(self, now_s: float) -> None:
        """Close the gate: the user speaks, or spoke a moment ago."""
        self._gate = _Gate.SHUT_BY_USER
        self._quiet_since_s = now_s

    def discard(self, reply_id: str | None) -> list[str]:
        """Forget the calls made during `reply_id`; return the names of tools whose results are lost."""
        lost = [call for call in self._calls.values() if call.reply_id == reply_id]
        self._calls = {key: call for key, call in self._calls.items() if call.reply_id != reply_id}
        return [call.name for call in lost if call.result is not None and call.name in self._tools]

    def speech_started(self) -> None:
        """Close the gate: the user speaks. During a reply it is closed already, until `reply.done`."""
        self._user_speaks = True
        if self._gate is not _Gate.SHUT_BY_REPLY:
            self._gate = _Gate.SHUT_BY_USER

    def speech_stopped(self, now_s: float) -> None:
        """Start the timeout of `GUARD_S`: a reply must follow soon."""
        self._user_speaks = False
        self._quiet_since_s = now_s

    def due_s(self) -> float | None:
        """Return the latest time to send a held result, or None."""
        deadlines_s = [call.deadline_s for call in self._calls.values() if call.result is not None]
        if not deadlines_s:
            return None
        guard_s = self._guard_s()
        return min(deadlines_s) if guard_s is None else min(guard_s, *deadlines_s)

    def advance(self, now_s: float) -> list[Message]:
        """Return the results to send now, each once."""
        guard_s = self._guard_s()
        is_open = (
            self._eager or self._gate is _Gate.OPEN or (guard_s is not None and guard_s <= now_s)
        )
        results: list[Message] = []
        for call_id, call in list(self._calls.items()):
            if call.result is not None and (is_open or call.deadline_s <= now_s):
                results.append(call.result)
                del self._calls[call_id]
        return results

    def _guard_s(self) -> float | None:
        """Return when a gate that the user or a reply closed opens by timeout, or None."""
        if self._gate is _Gate.SHUT_BY_REPLY:
            return self._quiet_since_s + LOST_DONE_S
        if self._gate is _Gate.SHUT_BY_USER and not self._user_speaks:
            return self._quiet_since_s + GUARD_S
        return None


def _is_hosted(entry: dict[str, Any]) -> bool:
    """Return whether the service runs it, or calls a URL for it. assemblyai.md §5, §12."""
    return entry.get("http") is not None or entry.get("deployment_id") is not None


def _timeout_s(entry: dict[str, Any]) -> float:
    timeout_s = entry.get("timeout_seconds")
    if isinstance(timeout_s, int | float) and 1 <= timeout_s <= LONGEST_TIMEOUT_S:
        return float(timeout_s)
    return DEFAULT_TIMEOUT_S
