"""Calling the tools that the agent asks for, beside the conversation."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from voiced.core.actions import RunTool
from voiced.core.events import Event, ToolReturned
from voiced.errors import ToolError
from voiced.ports import Controls, Tool

log = logging.getLogger(__name__)

TOOL_SHARE = 0.8
"""Of the time the agent gives a tool; the rest is for the call and the apology to travel."""


class ToolCalls:
    """Runs tools, each in a task of its own.

    Args:
        controls: What a tool may do to the device.
        dispatch: Takes what came of a call.

    Attributes:
        tools: What there is, by name.
    """

    def __init__(
        self, tools: Mapping[str, Tool], controls: Controls, dispatch: Callable[[Event], None]
    ) -> None:
        self.tools = tools
        self._controls = controls
        self._dispatch = dispatch
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, order: RunTool, group: asyncio.TaskGroup) -> None:
        """Call a tool in a task of `group`; what comes of it is dispatched."""
        task = group.create_task(self._run(order), name=f"tool {order.name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        """End every call that runs."""
        for task in self._running:
            task.cancel()

    async def _run(self, order: RunTool) -> None:
        result, is_error = await self._call(order.name, order.arguments)
        self._dispatch(ToolReturned(order.call_id, result, is_error))

    async def _call(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """Return a tool's answer as JSON text, and whether it is an apology."""
        tool = self.tools.get(name)
        if tool is None:
            return json.dumps({"error": f"there is no tool named {name!r}"}), True
        try:
            async with asyncio.timeout(TOOL_SHARE * tool.spec.timeout_s):
                return json.dumps(await tool.call(arguments, self._controls)), False
        except TimeoutError:
            problem = f"{name} took too long"
        except ToolError as exc:
            problem = str(exc)
        except Exception:  # a broken tool must not end the conversation
            problem = f"{name} is broken"
            log.exception("tool %s broke", name)
        return json.dumps({"error": problem}), True
