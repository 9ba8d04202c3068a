"""Tool calls in progress, and their results."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.session_state import SessionState
from agentsim.assemblyai.tool_objects import DEFAULT_TIMEOUT_S
from agentsim.steps import ToolOrder

GUARD_S = 0.9
"""Although the gate is closed, a client may answer about 1 s after the user stopped speaking."""


@dataclass(slots=True)
class Outcome:
    """The results of the calls of one turn.

    Attributes:
        known: The result of each tool by its name, decoded if it is JSON.
        failed: A tool reported an error.
        timed_out: A tool did not answer in time.
    """

    known: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    timed_out: bool = False


@dataclass(slots=True)
class _Group:
    waiting: set[str]
    outcome: Outcome
    over: Callable[[Outcome], None]


@dataclass(slots=True)
class _Pending:
    name: str
    holds: bool
    group: _Group
    timer: asyncio.TimerHandle


class ToolCalls:
    """The calls of one session."""

    def __init__(self, session: SessionState) -> None:
        self._session = session
        self._pending: dict[str, _Pending] = {}
        self._informational: set[str] = set()
        self._n_calls = 0

    @property
    def holding(self) -> bool:
        """A tool is running during which the agent neither speaks nor listens."""
        return any(pending.holds for pending in self._pending.values())

    def place(self, orders: Sequence[ToolOrder], over: Callable[[Outcome], None]) -> None:
        """Call tools; call `over` once, when each has answered or timed out."""
        tools = {tool["name"]: tool for tool in self._session.config["tools"]}
        ids = [self._send(order.name, order.arguments) for order in orders]
        group = _Group(set(ids), Outcome(), over)
        for call_id, order in zip(ids, orders, strict=True):
            tool: Mapping[str, Any] = tools.get(order.name, {})
            timer = self._session.timers.after(
                tool.get("timeout_seconds", DEFAULT_TIMEOUT_S),
                lambda call_id=call_id: self._time_out(call_id),  # type: ignore[misc]  # mypy: default
            )
            holds = tool.get("execution_mode") == "hold"
            self._pending[call_id] = _Pending(order.name, holds, group, timer)
        for call_id, order in zip(ids, orders, strict=True):
            if tools.get(order.name, {}).get("http") is not None:
                self._informational.add(call_id)
                self._settle(call_id, {"status": "done"})
        self._session.inject("tool")

    def inform(self, name: Any) -> None:
        """Send a `tool.call` that the client must not answer."""
        self._informational.add(self._send(name, {}))

    def result(self, body: Mapping[str, Any]) -> None:
        """Take a `tool.result`."""
        call_id, result = body.get("call_id"), body.get("result")
        is_error = body.get("is_error", False)
        if not (
            isinstance(call_id, str) and isinstance(result, str) and isinstance(is_error, bool)
        ):
            raise Refusal("invalid_format", "call_id and result must be strings.", "result")
        self._check_gate()
        if call_id in self._informational:
            self._session.violate("result-of-http-tool")
            self._session.log("http_tool_answered", call_id=call_id)
        elif call_id not in self._pending:
            self._session.violate("result-of-no-call")
            self._session.log("result_ignored", call_id=call_id)
        else:
            self._pending[call_id].group.outcome.failed |= is_error
            self._settle(call_id, _decoded(result))

    def forget(self) -> None:
        """Expect no more results, because the turn was interrupted or the connection lost."""
        for pending in self._pending.values():
            self._session.timers.cancel(pending.timer)
        self._pending.clear()

    def _send(self, name: Any, arguments: Mapping[str, Any]) -> str:
        self._n_calls += 1
        call_id = f"call_{self._session.id}_{self._n_calls}"
        self._session.send("tool.call", call_id=call_id, name=name, arguments=dict(arguments))
        return call_id

    def _time_out(self, call_id: str) -> None:
        self._session.log("tool_timeout", call_id=call_id)
        self._pending[call_id].group.outcome.timed_out = True
        self._settle(call_id, None)

    def _settle(self, call_id: str, value: Any) -> None:
        pending = self._pending.pop(call_id)
        self._session.timers.cancel(pending.timer)
        pending.group.outcome.known[pending.name] = value
        pending.group.waiting.discard(call_id)
        if not pending.group.waiting:
            pending.group.over(pending.group.outcome)

    def _check_gate(self) -> None:
        session = self._session
        if session.latest == "reply.done":
            return
        silent_s = session.timers.now() - session.stopped_at
        if session.latest == "input.speech.started" and silent_s >= GUARD_S:
            return
        session.violate("result-outside-the-gate")


def _decoded(result: str) -> Any:
    try:
        return json.loads(result)
    except ValueError:
        return result
