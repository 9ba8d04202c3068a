"""Run the tools that the agent calls, beside the conversation.

Neither the agent nor a tool is trusted: calls are limited in number and size, answers in time and size, and a
tool that does not end is abandoned. Arguments and answers are not logged, nor the text of an exception, which
may quote them.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping

from voiced.core.actions import RunTool
from voiced.core.events import Event, ToolReturned
from voiced.errors import ToolError
from voiced.lib.json_limits import NotJsonError, TooLargeError, as_json, within
from voiced.lib.task_group import TaskGroup
from voiced.ports import Controls, Tool
from voiced.runtime.guard import whereabouts

log = logging.getLogger(__name__)

TOOL_SHARE = 0.8
"""Share of the agent's time limit that a tool gets; the rest is for the call and the answer to travel."""

MOST_AT_ONCE = 4
MOST_WAITING = 32
MOST_STUCK = 4
"""How many calls of one tool may ignore their cancellation before it is no longer called."""

LARGEST_ARGUMENTS = 64 * 1024  # characters of JSON, as are these
LONGEST_ANSWER = 16_000
LONGEST_SENTENCE = 1_000

LEAVE_S = 0.3
"""How long the process waits at its end for tools to clean up."""

Outcome = tuple[str, bool]
"""A tool's answer as JSON, and whether it is an error."""


class ToolCalls:
    """Runs tools, each in its own task, and dispatches ToolReturned for each call."""

    def __init__(
        self, tools: Mapping[str, Tool], controls: Controls, dispatch: Callable[[Event], None]
    ) -> None:
        self.tools = tools
        self._controls = controls
        self._dispatch = dispatch
        self._calls: set[asyncio.Task[None]] = set()
        self._running: dict[asyncio.Task[Outcome], str] = {}
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    def begin(self, order: RunTool, group: TaskGroup) -> None:
        """Call a tool, watched by a task of `group`; its result is dispatched."""
        tool = self.tools.get(order.name)
        if tool is None:
            self._refuse(order, f"there is no tool named {order.name!r}")
        elif len(self._calls) >= MOST_AT_ONCE + MOST_WAITING:
            self._refuse(order, "Too many calls are waiting. Try again later.")
        elif self._n_stuck(order.name) >= MOST_STUCK:
            self._refuse(order, f"{order.name} hangs: earlier calls of it have not ended.")
        elif _is_too_much(order.arguments):  # before it waits: many that wait would fill the memory
            self._refuse(order, f"That is too much for {order.name}: the arguments are too large.")
        else:
            watching = group.create_task(self._watch(order, tool), name=f"call of {order.name}")
            self._calls.add(watching)
            watching.add_done_callback(self._calls.discard)

    def cancel(self) -> None:
        """Cancel every call, without waiting for the tools to end."""
        for watching in self._calls:
            watching.cancel()

    async def end(self) -> None:
        """Cancel every call, give the tools a moment to clean up, and abandon those that do not end."""
        self.cancel()
        for running in self._running:
            running.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=LEAVE_S)
        for running, name in self._running.items():
            log.warning("the tool %s does not end and is abandoned", name)
            # `asyncio.Runner` waits at its end for every task it knows, for ever if one ignores its cancellation.
            asyncio._unregister_task(running)  # noqa: SLF001 - documented in asyncio-extending

    def _refuse(self, order: RunTool, problem: str) -> None:
        self._dispatch(ToolReturned(order.call_id, *_apology(problem)))

    def _n_stuck(self, name: str) -> int:
        return sum(
            known == name and running.cancelling() > 0 for running, known in self._running.items()
        )

    async def _watch(self, order: RunTool, tool: Tool) -> None:
        """Wait for a call and dispatch its result. If cancelled, it does not wait for the tool."""
        deadline_s = asyncio.get_running_loop().time() + TOOL_SHARE * tool.spec.timeout_s
        running: asyncio.Task[Outcome] | None = None
        try:
            # The wait for a free slot counts: the agent's time limit runs from its call.
            async with asyncio.timeout_at(deadline_s), self._room:
                running = self._start(order, tool)
                await asyncio.wait({running})
            outcome = _outcome(running, order.name)
        except TimeoutError:
            outcome = _apology(f"{order.name} took too long.")
        except asyncio.CancelledError:
            if running is not None:
                did = "had finished" if running.done() else "may have acted"
                log.info("the tool %s %s, but its turn was interrupted", order.name, did)
            raise
        finally:
            if running is not None:
                running.cancel()
        self._dispatch(ToolReturned(order.call_id, *outcome))

    def _start(self, order: RunTool, tool: Tool) -> asyncio.Task[Outcome]:
        # Not in a group: it would wait for a tool that ignores its cancellation.
        running = asyncio.get_running_loop().create_task(
            _attempt(order, tool, self._controls), name=f"tool {order.name}"
        )
        self._running[running] = order.name
        running.add_done_callback(self._running.pop)
        return running


async def _attempt(order: RunTool, tool: Tool, controls: Controls) -> Outcome:
    """Call a tool and return its result, or an error whatever it raises."""
    name = order.name
    try:
        return as_json(await tool.call(order.arguments, controls), LONGEST_ANSWER), False
    except TimeoutError:
        return _apology(f"{name} took too long.")
    except ToolError as exc:
        return _apology(str(exc))
    except TooLargeError:
        return _apology(f"The answer of {name} is too long.")
    except NotJsonError:
        log.warning("the tool %s answered with something that is not JSON", name)
        return _apology(f"The answer of {name} makes no sense.")
    except asyncio.CancelledError:
        raise
    except BaseException as exc:  # noqa: BLE001 - a broken tool must not end the conversation
        log.error("the tool %s broke: %s", name, whereabouts(exc))  # noqa: TRY400 - see above
        return _broken(name)


def _is_too_much(arguments: Mapping[str, object]) -> bool:
    try:
        within(arguments, LARGEST_ARGUMENTS)
    except ValueError:
        return True
    return False


def _outcome(ended: asyncio.Task[Outcome], name: str) -> Outcome:
    if ended.cancelled():
        log.error("the tool %s broke: it cancelled itself", name)
        return _broken(name)
    return ended.result()


def _broken(name: str) -> Outcome:
    return _apology(f"{name} is broken.")


def _apology(problem: str) -> Outcome:
    return json.dumps({"error": problem[:LONGEST_SENTENCE]}), True
