"""The control socket: HTTP over a Unix socket, for other programs on this device.

Most devices are never asked anything, so the first request imports the HTTP library.
"""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any

from voiced.api.admission import Rank, Room
from voiced.api.connection_limits import Limits
from voiced.api.refusals import Refusals
from voiced.errors import VoicedError

BACKLOG = 16
NAME = "control"
QUESTION = b"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

MOST_CONNECTIONS = 32  # half of them may watch; of the others the oldest makes way
ANSWER_WITHIN_S = 60.0  # as long as the command `voiced` waits
TAKES_WITHIN_S = 5.0  # how long a watcher may take to read a line


@dataclass(frozen=True, slots=True)
class Question:
    """A request.

    Attributes:
        parameters: The query string, decoded.
        text: The body.
    """

    parameters: Mapping[str, str]
    text: str


Answer = Mapping[str, object]  # what JSON can hold
Ask = Callable[[Question], Awaitable[Answer]]  # may raise `VoicedError` with the reason why not
Watch = Callable[[], AsyncGenerator[Answer, None]]


class ControlSocket:
    """Answers requests. Implements `BackgroundTask`.

    Args:
        path: Where the socket is; the permissions of its folder decide who may ask.
        questions: Routes like `GET /status`, and what answers them.
        streams: Paths that can be watched, and what yields their lines.
        refusals: Counts refused requests.
        patience_s: How long `answers` waits for our own answer.
    """

    def __init__(
        self,
        path: Path,
        questions: Mapping[str, Ask],
        streams: Mapping[str, Watch] | None = None,
        refusals: Refusals | None = None,
        *,
        patience_s: float = 5.0,
    ) -> None:
        self._streams = {} if streams is None else streams
        self._refusals = refusals or Refusals()
        self._patience_s = patience_s
        self._path = path
        self._questions = questions

    async def run(self) -> None:
        """Answer until cancelled.

        Raises:
            OSError: If the socket cannot be made.
        """
        listener = self._listen()
        try:
            await _readable(listener)
            http_server = await asyncio.to_thread(import_module, "voiced.api.http_server")
            await http_server.serve_unix(listener, NAME, self._routes(), self._refusals, _limits())
        finally:
            listener.close()
            self._path.unlink(missing_ok=True)

    @property
    def routes(self) -> tuple[str, ...]:
        """Every route, those that can be watched included."""
        return (*self._questions, *(f"GET {path}" for path in self._streams))

    async def answers(self) -> bool:
        """Request our own status; return whether there was an answer."""
        try:
            async with asyncio.timeout(self._patience_s):
                reader, writer = await asyncio.open_unix_connection(self._path)
                with closing(writer):
                    writer.write(QUESTION)
                    line = await reader.readline()
        except (OSError, TimeoutError):
            return False
        return line.startswith(b"HTTP/1.1 200 ")

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            listener.bind(str(self._path))
            self._path.chmod(0o660)  # bind obeys the umask, which may exclude the group
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            raise OSError(
                error.errno, f"cannot be created: {error.strerror}", self._path
            ) from error
        return listener

    def _routes(self) -> dict[str, Any]:
        web = import_module("aiohttp.web")  # imported by now, so this is fast
        routes = {question: _answering(web, ask) for question, ask in self._questions.items()}
        return routes | {f"GET {path}": _streaming(web, it) for path, it in self._streams.items()}


def _limits() -> Limits:
    rooms = {rank: Room(MOST_CONNECTIONS, MOST_CONNECTIONS) for rank in Rank}
    return Limits(rooms, answer_s=ANSWER_WITHIN_S)


def _answering(web: Any, ask: Ask) -> Any:
    async def respond(visit: Any) -> Any:
        question = Question(visit.request.query, visit.text)
        try:
            return web.json_response(await ask(question))
        except VoicedError as error:
            return web.json_response({"error": str(error)}, status=HTTPStatus.CONFLICT)

    return respond


def _streaming(web: Any, watch: Watch) -> Any:
    async def respond(visit: Any) -> Any:
        if not visit.connection.settle():
            raise web.HTTPServiceUnavailable
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        response.force_close()
        await response.prepare(visit.request)
        # There may be nothing to send for hours: without this, a watcher that left would stay until then.
        task = asyncio.current_task()
        visit.connection.when_lost = None if task is None else task.cancel
        async with aclosing(watch()) as answers:
            async for answer in answers:
                await _write(response, json.dumps(answer).encode() + b"\n")
        visit.connection.when_lost = None
        return response

    return respond


async def _write(response: Any, line: bytes) -> None:
    try:
        async with asyncio.timeout(TAKES_WITHIN_S):
            await response.write(line)
    except TimeoutError:
        raise ConnectionAbortedError from None


async def _readable(listener: socket.socket) -> None:
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listener, arrived.set)
    try:
        await arrived.wait()
    finally:
        loop.remove_reader(listener)
