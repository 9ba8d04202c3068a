"""The control socket: what another program on this device can ask the daemon. HTTP over a Unix socket.

Nobody asks most devices anything, so the library for it is imported by the first question.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

BACKLOG = 16
QUESTION = b"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

Answer = Mapping[str, object]
Ask = Callable[[Mapping[str, str]], Awaitable[Answer]]
"""Takes the parameters of a question, returns what JSON can hold."""


class ControlSocket:
    """Answers questions. Fills `Chore`.

    Args:
        path: Where the socket is; the folder says who may ask.
        questions: What can be asked: `GET /status` and the like, and what answers.
        patience_s: How long we wait for our own answer.
    """

    def __init__(
        self, path: Path, questions: Mapping[str, Ask], *, patience_s: float = 5.0
    ) -> None:
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
        application = web.Application()
        for question, ask in self._questions.items():
            method, path = question.split()
            application.router.add_route(method, path, _answering(web, ask))
        return application


def _answering(web: Any, ask: Ask) -> Any:
    async def handle(request: Any) -> Any:
        return web.json_response(await ask(request.query))

    return handle


async def _readable(listener: socket.socket) -> None:
    loop, somebody = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listener, somebody.set)
    try:
        await somebody.wait()
    finally:
        loop.remove_reader(listener)
