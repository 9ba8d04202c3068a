"""The control socket: what another program on this device can ask the daemon. HTTP over a Unix socket.

Nobody asks most devices anything, so the library for it is imported by the first question.
"""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any

from voiced.errors import VoicedError

log = logging.getLogger(__name__)

BACKLOG = 16
QUESTION = b"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

MOST_BYTES = 16 * 1024
"""The longest question."""

TAKES_WITHIN_S = 5.0
"""How long somebody who watches may take to take a line."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks.

    Attributes:
        parameters: What stands behind the question mark.
        text: The body.
    """

    parameters: Mapping[str, str]
    text: str


Answer = Mapping[str, object]
Ask = Callable[[Question], Awaitable[Answer]]
"""Takes a question, returns what JSON can hold, or raises `VoicedError` with the reason why not."""

Watch = Callable[[], AsyncGenerator[Answer, None]]
"""Returns answers, one after another, as long as somebody wants them."""


class ControlSocket:
    """Answers questions. Fills `Chore`.

    Args:
        path: Where the socket is; the folder says who may ask.
        questions: What can be asked: `GET /status` and the like, and what answers.
        streams: What can be watched: paths, and what answers line by line.
        patience_s: How long we wait for our own answer.
    """

    def __init__(
        self,
        path: Path,
        questions: Mapping[str, Ask],
        streams: Mapping[str, Watch] | None = None,
        *,
        patience_s: float = 5.0,
    ) -> None:
        self._streams = {} if streams is None else streams
        self._patience_s = patience_s
        self._path = path
        self._questions = questions

    async def run(self) -> None:
        """Answer until cancelled."""
        listener = self._listen()
        if listener is None:
            return
        try:
            await _readable(listener)
            web = await asyncio.to_thread(import_module, "aiohttp.web")
            runner = web.AppRunner(self._application(web), access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            try:
                await web.SockSite(runner, listener).start()
                await asyncio.Event().wait()
            finally:
                await runner.cleanup()
        finally:
            listener.close()
            self._path.unlink(missing_ok=True)

    async def answers(self) -> bool:
        """Ask ourselves for the status; tell whether there is an answer."""
        try:
            async with asyncio.timeout(self._patience_s):
                reader, writer = await asyncio.open_unix_connection(self._path)
                with closing(writer):
                    writer.write(QUESTION)
                    line = await reader.readline()
        except (OSError, TimeoutError):
            return False
        return line.startswith(b"HTTP/1.1 200 ")

    def _listen(self) -> socket.socket | None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            listener.bind(str(self._path))
            self._path.chmod(0o660)
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            log.warning("%s: cannot be made: %s", self._path, error.strerror)
            return None
        return listener

    def _application(self, web: Any) -> Any:
        application = web.Application(client_max_size=MOST_BYTES)
        for question, ask in self._questions.items():
            method, path = question.split()
            application.router.add_route(method, path, _answering(web, ask))
        for path, watch in self._streams.items():
            application.router.add_get(path, _streaming(web, watch))
        return application


def _answering(web: Any, ask: Ask) -> Any:
    async def handle(request: Any) -> Any:
        question = Question(request.query, await request.text())
        try:
            return web.json_response(await ask(question))
        except VoicedError as error:
            return web.json_response({"error": str(error)}, status=HTTPStatus.CONFLICT)

    return handle


def _streaming(web: Any, watch: Watch) -> Any:
    async def handle(request: Any) -> Any:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        async with aclosing(watch()) as answers:
            async for answer in answers:
                async with asyncio.timeout(TAKES_WITHIN_S):
                    await response.write(json.dumps(answer).encode() + b"\n")
        return response

    return handle


async def _readable(listener: socket.socket) -> None:
    loop, somebody = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listener, somebody.set)
    try:
        await somebody.wait()
    finally:
        loop.remove_reader(listener)
