"""One connection to an MCP server, by the SDK. Only for the worker thread."""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import anyio
import anyio.lowlevel
import httpx2
import mcp_types as types
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from mcp import ClientSession
from mcp.client.session import IncomingMessage
from mcp.shared.exceptions import MCPError
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher

from voiced import __version__
from voiced.errors import LinkError, NotAskedError, ToolError, VoicedError
from voiced.tools.declared.program_client import program_socket
from voiced.tools.mcp.answers import Answers
from voiced.tools.mcp.http import Connect, Web, asking
from voiced.tools.mcp.prompts import (
    EMPTY,
    LATE,
    ForeignPrompt,
    prompt_names,
    prompt_text,
    refused,
)
from voiced.tools.mcp.sanitize import (
    MOST_DESCRIPTION_CHARS,
    ForeignResult,
    ForeignTool,
    result,
    schema_text,
)
from voiced.tools.mcp.spec import Server
from voiced.tools.mcp.stdio import process, served_process

JOIN_WITHIN_S = 15.0
START_WITHIN_S = 60.0  # for a program: on a small board, Python takes 20 s to import the SDK
ANSWER_WITHIN_S = 10.0
LOOK_AGAIN_S = 60.0  # poll: servers need not report changed tools, and Home Assistant's does not
PROMPT_FIRST_S = 1.0  # how long the tools wait for the prompt, to be one change for the agent
PROMPT_EVERY_S = 5.0  # least time between two requests: each changed prompt updates the session
BREATH_S = 0.5  # least time between two lists of tools, whatever the server reports
MOST_PAGES = 20
MOST_LISTED = 1000
MOST_LISTED_CHARS = 1024 * 1024  # of all tools together; later ones are dropped

# Begins the SDK's error for an event that is too long; its code is that of a lost connection.
_UNREADABLE = "SSE stream failed"


@dataclass(frozen=True, slots=True)
class Offered:
    """What a server offers to the agent.

    Attributes:
        tools: Its tools.
        prompt: Its prompt, if the settings ask for it.
    """

    tools: Sequence[ForeignTool]
    prompt: ForeignPrompt


# Silence the libraries: their log lines hold addresses, headers and messages.
for _name in ("mcp", "mcp_types", "client", "httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class Client:
    """One connection. Made for one attempt.

    Args:
        server: The server, from the settings.
        heard: Called with this client and the offer, at first and after every change.
        connect: Opens connections to servers with an address.
    """

    def __init__(
        self,
        server: Server,
        heard: Callable[["Client", Offered], None],
        connect: Connect,
    ) -> None:
        self._server = server
        self._heard = heard
        self._connect = connect
        self._web: Web | None = None
        self._requests: JSONRPCDispatcher[Any]
        self._known: Offered | None = None
        self._found = ForeignPrompt()
        self._poll_due = anyio.Event()

    async def live(self) -> None:
        """Connect and stay connected.

        Raises:
            LinkError: If the connection fails or is lost.
            ConfigError: If a secret cannot be read.
        """
        try:
            async with self._streams() as (heard, out):
                self._requests = JSONRPCDispatcher(heard, Answers(out))
                async with self._session() as session:
                    with anyio.fail_after(JOIN_WITHIN_S if self._server.url else START_WITHIN_S):
                        await session.initialize()
                    await self._poll()
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this connection only
            raise self._reason_of(error) from None

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ForeignResult:
        """Call a tool. If cancelled, the server is notified.

        Raises:
            ToolError: With a sentence for the agent.
        """
        params = {"name": name, "arguments": dict(arguments)}
        try:
            # Not session.call_tool: it validates results by the server's regular expressions.
            with asking():
                return _read(await self._ask("tools/call", params))
        except MCPError as error:
            self._poll_due.set()
            kind = ToolError if self._refused() is None else NotAskedError
            raise kind(self._sentence(error)) from None
        except (ValueError, TypeError):
            raise ToolError(f"{self._server.name} answered with something unreadable.") from None

    @asynccontextmanager
    async def _streams(self) -> AsyncGenerator[tuple[Any, Any], None]:
        server = self._server
        if server.url is None:
            environment, socket = server.environment(), program_socket()
            if socket is None:
                program = process(server.command, environment, self._poll_now)
            else:
                program = served_process(socket, server.name, environment, self._poll_now)
            async with program as streams:
                yield streams
        else:
            self._web = Web(server.url, server.headers(), server.ca_file, self._connect)
            async with self._web.open() as streams:
                yield streams

    def _session(self) -> ClientSession:
        info = types.Implementation(name="voiced", version=__version__)
        return ClientSession(
            dispatcher=self._requests, message_handler=self._notified, client_info=info
        )

    async def _notified(self, message: IncomingMessage) -> None:
        if isinstance(
            message, types.ToolListChangedNotification | types.PromptListChangedNotification
        ):
            self._poll_now()

    def _poll_now(self) -> None:
        self._poll_due.set()

    async def _poll(self) -> None:
        asked_s = -PROMPT_EVERY_S
        while True:
            self._poll_due = anyio.Event()
            with anyio.fail_after(ANSWER_WITHIN_S):
                tools = await self._tools()
            wait_s = LOOK_AGAIN_S
            if (wanted := self._server.prompt) is not None:
                if (now_s := anyio.current_time()) - asked_s >= PROMPT_EVERY_S:
                    asked_s = now_s
                    await self._update_prompt(wanted, tools)
                else:
                    wait_s = PROMPT_EVERY_S
            self._report(tools)
            await anyio.sleep(BREATH_S)
            with anyio.move_on_after(wait_s):
                await self._poll_due.wait()

    def _report(self, tools: Sequence[ForeignTool]) -> None:
        offered = Offered(tools, self._found)
        if offered != self._known:
            self._known = offered
            self._heard(self, offered)

    async def _update_prompt(
        self, wanted: str | Literal[True], tools: Sequence[ForeignTool]
    ) -> None:
        """Request the prompt; if that takes long, report the tools meanwhile."""
        answered = anyio.Event()

        async def ask() -> None:
            found = ForeignPrompt(fault=LATE)
            with anyio.move_on_after(ANSWER_WITHIN_S):
                found = await self._prompt(wanted)
            self._found = found
            answered.set()

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            with anyio.move_on_after(PROMPT_FIRST_S):
                await answered.wait()
            if not answered.is_set():
                self._report(tools)

    async def _ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a request with the `_meta` of the settings; return the answer. MCPError if it is an error."""
        meta = self._server.meta
        with_meta = {**params, "_meta": dict(meta)} if meta else dict(params)
        return await self._requests.send_raw_request(method, with_meta or None)

    async def _prompt(self, wanted: str | Literal[True]) -> ForeignPrompt:
        page = await self._answer("prompts/list", {}) or {}
        names = prompt_names(page)
        is_only = len(names) == 1 and not page.get("nextCursor")
        if wanted is True and not is_only:
            return ForeignPrompt(names=names)
        name = names[0] if wanted is True else wanted
        found = await self._answer("prompts/get", {"name": name})
        if found is not None:
            text = prompt_text(found)
            return ForeignPrompt(text) if text else ForeignPrompt(fault=EMPTY)
        return ForeignPrompt(fault=refused(name)) if name in names else ForeignPrompt(names=names)

    async def _answer(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the answer; None if it is an error, as from servers without prompts.

        Raises:
            MCPError: If the connection is closed, or the credentials are no longer valid.
        """
        try:
            return await self._ask(method, params)
        except MCPError as error:
            status = 0 if self._web is None else self._web.status
            is_closed = error.error.code == types.CONNECTION_CLOSED and self._refused() is None
            if is_closed or status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                raise
            return None

    async def _tools(self) -> list[ForeignTool]:
        # Not session.list_tools: one malformed tool would fail the whole list.
        found: dict[str, ForeignTool] = {}
        n_chars = 0
        cursors = {""}  # an empty cursor, or one seen before, is the end: servers send both
        params: dict[str, Any] = {}
        for _ in range(MOST_PAGES):
            page = await self._ask("tools/list", params)
            for listed in _listed(page):
                if listed["name"] in found:  # a page may come twice
                    continue
                n_chars += _chars_in(listed)
                if n_chars > MOST_LISTED_CHARS or len(found) >= MOST_LISTED:
                    return [*found.values()]
                schema = schema_text(listed.get("inputSchema"), _is_schema)
                found[listed["name"]] = ForeignTool(listed["name"], _description(listed), schema)
                await anyio.lowlevel.checkpoint()  # let other servers run: checking takes CPU time
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or cursor in cursors:
                break
            cursors.add(cursor)
            params = {"cursor": cursor}
        return [*found.values()]

    def _sentence(self, error: MCPError) -> str:
        """Return a sentence for the agent about a call that failed."""
        unreadable = error.error.message.startswith(_UNREADABLE)
        if error.error.code == types.PARSE_ERROR or unreadable:
            return f"{self._server.name} answered with something too long or unreadable."
        if error.error.code == types.CONNECTION_CLOSED or self._refused() is not None:
            return self._server.away
        told = result(None, [error.error.message], (), is_error=True).text
        return f"{self._server.name} cannot do that: {told}"

    def _refused(self) -> LinkError | None:
        return None if self._web is None else self._web.why()

    def _reason_of(self, error: Exception) -> VoicedError:
        """Return why the connection ended, in our words: those of libraries hold addresses and more."""
        while isinstance(error, ExceptionGroup):
            error = (error.subgroup(VoicedError) or error).exceptions[0]
        if isinstance(error, VoicedError):
            return error
        if (refused := self._refused()) is not None:
            if self._known is not None and self._web and self._web.status == HTTPStatus.NOT_FOUND:
                return LinkError("it has forgotten this connection")
            return refused
        match error:
            case TimeoutError() | httpx2.TimeoutException():
                return LinkError("it does not answer in time")
            case httpx2.ConnectError() | OSError():
                return LinkError("it cannot be reached")
            case MCPError() if error.error.code == types.CONNECTION_CLOSED:
                return LinkError("it has ended")
            case MCPError() | RuntimeError() | ValueError() | TypeError():
                return LinkError("it does not speak proper MCP")
            case _:
                return LinkError(f"the connection broke ({type(error).__name__})")


def _listed(page: Mapping[str, Any]) -> list[dict[str, Any]]:
    tools = page.get("tools")
    if not isinstance(tools, list):
        raise TypeError
    return [each for each in tools if isinstance(each, dict) and isinstance(each.get("name"), str)]


def _description(listed: Mapping[str, Any]) -> str:
    return str(listed.get("description") or listed.get("title") or "")[:MOST_DESCRIPTION_CHARS]


def _chars_in(listed: Mapping[str, Any]) -> int:
    return len(listed["name"]) + len(_description(listed)) + len(str(listed.get("inputSchema")))


def _is_schema(schema: Any) -> bool:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return False
    return True


def _read(found: Mapping[str, Any]) -> ForeignResult:
    content = found.get("content")
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise TypeError
    texts = [str(each.get("text", "")) for each in content if each.get("type") == "text"]
    others = [str(each.get("type")) for each in content if each.get("type") != "text"]
    error = found.get("isError") is True
    return result(found.get("structuredContent"), texts, others, is_error=error)
