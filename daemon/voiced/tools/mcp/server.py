"""MCP servers for the rest of the daemon: the tools to call, and a background task for each server."""

import asyncio
import gc
import logging
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from voiced.agents.codec import ToolSpec
from voiced.devices.network.connector import Connector
from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.link import LinkOptions
from voiced.errors import LinkError, LinkRejected, NotAskedError, ToolError, VoicedError
from voiced.lib.backoff import AFTER_REFUSAL, Backoff
from voiced.lib.waiting import uniform, until_changed
from voiced.ports import Controls, Tool
from voiced.tools.coercion import coerced
from voiced.tools.declared.tool import agent_waits_s
from voiced.tools.mcp.prompts import with_prompt
from voiced.tools.mcp.sanitize import ForeignResult, Offer, offers, read
from voiced.tools.mcp.spec import Server
from voiced.tools.mcp.worker_thread import WorkerThread, WorkerThreadError

if TYPE_CHECKING:
    from voiced.tools.mcp.client import Client, Offered

log = logging.getLogger(__name__)

END_WITHIN_S = 1.7  # to end a server: its program gets twice 0.3 s to end, and 1 s to be killed
MOST_TOLD = 100  # different warnings about a server: one that keeps renaming its tools has more
TELL_EVERY_S = 60.0  # least time between two lines about the number of tools
LEAST_PAUSE_S = 1.0  # between two attempts, however often the agent calls
SEEK_WITHIN_S = 5.0  # how long a call waits for the attempt to connect that it started


class McpServer:
    """Stays connected to a server and offers its tools. Implements `BackgroundTask`.

    Tools that are known stay on offer without a connection, until the server reports others: the
    agent's list must not flap with the connection.

    Args:
        server: The server, from the settings.
        worker: The worker thread that all servers share.
        changed: Called when tools or prompt have changed.
        waits: When to reconnect.
        connector: Opens connections, on the main loop.

    Attributes:
        name: Name of this task.
        tools: The tools on offer, by the agent's names.
        prompt: The server's prompt; empty until it is known, and if the settings want none.
        missing: Names of tools that the settings allow but the server does not have.
        reached: Set while there is a connection and its tools are known.
        tried: Set once the first attempt to connect has ended, successful or not.
    """

    def __init__(
        self,
        server: Server,
        worker: WorkerThread,
        changed: Callable[[], None],
        waits: Backoff | None = None,
        connector: Connector | None = None,
    ) -> None:
        self.name = f"mcp {server.name}"
        self.tools: Mapping[str, Tool] = {}
        self.prompt = ""
        self.missing: Sequence[str] = ()
        self.reached = asyncio.Event()
        self.tried = asyncio.Event()
        self._server = server
        self._worker = worker
        self._changed = changed
        self._waits = waits or Backoff()
        self._connector = connector or Connector(LinkOptions())
        self._client: Client | None = None
        self._specs: Mapping[str, ToolSpec] = {}
        self._complaints: set[str] = set()
        self._outage: set[str] = set()
        self._hidden: Sequence[str] = ()
        self._joined_s = 0.0
        self._counted_s = -TELL_EVERY_S
        self._wanted = asyncio.Event()
        self._attempted = asyncio.Event()
        self._refusals = 0

    async def run(self) -> None:
        """Stay connected until cancelled; then end the server's program, within about a second."""
        clock = asyncio.get_running_loop().time
        failures = 0
        while True:
            self._joined_s = 0.0
            self._wanted.clear()
            try:
                client_class = await self._worker.run(_client_class)  # nothing to end yet: no wait
                live = partial(self._live, client_class, asyncio.get_running_loop())
                await self._worker.run(live, wait_s=END_WITHIN_S)
            except VoicedError as error:
                self._refusals = self._refusals + 1 if isinstance(error, LinkRejected) else 0
                self._log_outage(error)
            except WorkerThreadError as error:
                self._log_outage(LinkError(str(error)))
            finally:
                self._client = None
                self.reached.clear()
                self.tried.set()
                if not self._joined_s:
                    self._attempted.set()
            if self._attempted.is_set():
                self._attempted = asyncio.Event()
            if self._joined_s and clock() - self._joined_s >= self._waits.steady_s:
                failures = 0
            await self._pause(failures)
            failures += 1

    async def _pause(self, failures: int) -> None:
        """Wait before the next attempt; less if a call needs the server, or if the secrets change."""
        if self._refusals:
            pause_s = AFTER_REFUSAL.pause_s(self._refusals - 1, uniform)
            await until_changed(self._secrets, pause_s)
            return
        pause_s = self._waits.pause_s(failures, uniform)
        least_s = min(pause_s, LEAST_PAUSE_S)
        await asyncio.sleep(least_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s - least_s):
                await self._wanted.wait()

    def _secrets(self) -> object:
        return self._server.headers(), self._server.environment()

    async def _reconnect_now(self) -> None:
        """Start an attempt to connect, and wait for it: the server may be back during a long pause."""
        if self._refusals:
            return
        self._wanted.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(SEEK_WITHIN_S, self._server.timeout_s)):
                await self._attempted.wait()

    def complain(self, text: str) -> None:
        """Log once what is wrong with its offer."""
        self._log_once(text, text, self._complaints)

    def hide(self, names: Sequence[str]) -> None:
        """Record its tools that are left out because of their names; log them if they have changed."""
        if names and names != self._hidden:
            self.complain(f"left out, because other tools have these names: {', '.join(names)}")
        self._hidden = names

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ForeignResult:
        """Call a tool by the server's name for it.

        Raises:
            ToolError: With a sentence for the agent.
        """
        client = self._client
        try:
            if client is not None:
                return await self._worker.run(partial(client.call, name, arguments))
        except NotAskedError:  # the connection was lost before the call was made, so retry below
            if self._client is client:
                self._client, self._attempted = None, asyncio.Event()
        except WorkerThreadError:
            raise ToolError(self._server.away) from None
        await self._reconnect_now()
        if self._client is None:
            raise ToolError(self._server.away)
        try:
            return await self._worker.run(partial(self._client.call, name, arguments))
        except WorkerThreadError:
            raise ToolError(self._server.away) from None

    async def _live(self, client_class: "type[Client]", main: asyncio.AbstractEventLoop) -> None:
        """Run one connection. Thread: the worker."""
        connect = partial(_connect_on_main, main, self._connector)
        await client_class(self._server, partial(self._pass_offer, main), connect).live()

    def _pass_offer(
        self, main: asyncio.AbstractEventLoop, client: "Client", offered: "Offered"
    ) -> None:
        """Pass the sanitized offer to the main loop. Thread: the worker."""
        server = self._server
        tools, prompt = offered.tools, offered.prompt
        offer = offers(server.name, tools, server.allow, agent_waits_s(server.timeout_s))
        offer = with_prompt(offer, server.prompt, prompt)
        with suppress(RuntimeError):  # the loop is closed
            main.call_soon_threadsafe(self._take_offer, client, offer)

    def _take_offer(self, client: "Client", offer: Offer) -> None:
        if self._client is None:
            self._joined_s = asyncio.get_running_loop().time()
            log.info("mcp.connected: %s at %s", self._server.name, self._server.place)
            self._outage.clear()
        self._client = client
        self._refusals = 0
        self._attempted.set()
        for complaint in offer.complaints:
            self._log_once(complaint, complaint, self._complaints)
        self.missing = offer.missing
        prompt = self.prompt if offer.prompt is None else offer.prompt
        has_changed = (offer.specs, prompt) != (self._specs, self.prompt)
        self.prompt = prompt
        if offer.specs != self._specs:
            self._specs = offer.specs
            self.tools = {
                spec.name: McpTool(spec, partial(self.call, name))
                for name, spec in offer.specs.items()
            }
            self._count(len(offer.specs))
        if has_changed:
            self._changed()
        self.reached.set()
        self.tried.set()

    def _count(self, n_tools: int) -> None:
        now_s = asyncio.get_running_loop().time()
        is_due = now_s - self._counted_s >= TELL_EVERY_S
        if is_due:
            self._counted_s = now_s
        level = logging.INFO if is_due else logging.DEBUG
        log.log(level, "mcp.tools: %s offers %d", self._server.name, n_tools)

    def _log_outage(self, error: VoicedError) -> None:
        """Log that there is no connection: one warning per outage, and one per problem of the owner's."""
        transient = isinstance(error, LinkError) and not isinstance(error, LinkRejected)
        self._log_once("network" if transient else str(error), str(error), self._outage)

    def _log_once(self, topic: str, text: str, told: set[str]) -> None:
        is_new = topic not in told and len(told) < MOST_TOLD
        level = logging.WARNING if is_new else logging.DEBUG
        if is_new:
            told.add(topic)
            text += "; further problems are not logged" if len(told) == MOST_TOLD else ""
        log.log(level, "mcp.trouble: %s at %s: %s", self._server.name, self._server.place, text)


async def _connect_on_main(
    main: asyncio.AbstractEventLoop, connector: Connector, endpoint: Endpoint
) -> socket.socket:
    """Return a connection opened on the main loop, which has the resolver. Thread: the worker."""
    opened: list[socket.socket] = []
    is_given_up = threading.Event()

    async def opening() -> socket.socket:
        opened.append(await connector(endpoint))
        if is_given_up.is_set():
            opened[0].close()
        return opened[0]

    try:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(opening(), main))
    except BaseException:
        # Set before closing: a connection that is opened after the loop below closes itself.
        is_given_up.set()
        for each in opened:
            each.close()
        raise


async def _client_class() -> "type[Client]":
    """Import the SDK, which makes some 100,000 objects and takes seconds on a small board.

    A full garbage collection of them stops every thread for 50 ms on x86, and ten times that on a
    small board. So there is none during the import, and none ever looks at these objects later.

    Thread: the worker. Raises LinkRejected if the SDK is missing.
    """
    is_new = gc.isenabled() and "voiced.tools.mcp.client" not in sys.modules
    if is_new:
        gc.disable()
    try:
        from voiced.tools.mcp.client import Client
    except ImportError:
        raise LinkRejected("the MCP SDK is missing or too old", "install voiced[mcp]") from None
    finally:
        if is_new:
            gc.freeze()
            gc.enable()
    return Client


@dataclass(frozen=True, slots=True)
class McpTool:
    """One tool of a server.

    Attributes:
        spec: Its description for the agent.
        remote: Calls it.
    """

    spec: ToolSpec
    remote: Callable[[Mapping[str, Any]], Any]

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        found: ForeignResult = await self.remote(coerced(arguments, self.spec.parameters))
        if found.is_error:
            raise ToolError(found.text or f"{self.spec.name} failed.")
        return read(found)
