"""A web server of our own: who is let in, what every answer says, and where it listens.

Imported only where there is to be one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from voiced.host.gate import Gate
from voiced.host.visitors import HEADERS, Doorman

log = logging.getLogger(__name__)

MOST_BYTES = 16 * 1024
"""The longest request."""

REOPEN_S = 5.0
BACKLOG = 64

_NOBODY = logging.Logger("nobody")  # noqa: LOG001 - what it is told goes nowhere
_NOBODY.addHandler(logging.NullHandler())

Responder = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Attributes:
        host: A name or an address of this device.
        port: The port.
        setting: The name of the setting that says so.
    """

    host: str
    port: int
    setting: str


class Website:
    """Serves a few paths. Fills `Chore`.

    Args:
        address: Where.
        doorman: Who is let in.
        paths: What answers: `GET /healthz` and the like.
    """

    def __init__(self, address: Address, doorman: Doorman, paths: Mapping[str, Responder]) -> None:
        self._address = address
        self._doorman = doorman
        self._paths = paths

    async def run(self) -> None:
        """Serve until cancelled; where the port is taken, try again and again."""
        application = web.Application(middlewares=[self._guard], client_max_size=MOST_BYTES)
        for path, responder in self._paths.items():
            method, _, where = path.partition(" ")
            application.router.add_route(method, where, responder)
        # The library logs whatever strangers send: a stranger could fill the journal.
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2, logger=_NOBODY)
        await runner.setup()
        try:
            await self._listen(runner)
        finally:
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        loop, told, at = asyncio.get_running_loop(), False, self._address
        assert runner.server is not None  # noqa: S101 - it is set up
        while True:
            try:
                # One that serves at once leaves its sockets open if it is cancelled on the way.
                server = await loop.create_server(
                    Gate(runner.server), at.host, at.port, backlog=BACKLOG, start_serving=False
                )
                async with server:
                    await server.start_serving()
                    await asyncio.Event().wait()
            except OSError as error:
                if not told:
                    log.warning("%s: %s:%d: %s", at.setting, at.host, at.port, error.strerror)
                told = True
                await asyncio.sleep(REOPEN_S)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Responder) -> web.StreamResponse:
        """Turn away what does not come from our own page, and tell browsers what not to do."""
        hosts, origin = request.headers.getall("Host", []), request.headers.get("Origin")
        answer: web.StreamResponse
        if len(hosts) != 1 or not self._doorman.knows_host(hosts[0]):
            answer = web.Response(status=HTTPStatus.MISDIRECTED_REQUEST, text="Not this host.\n")
        elif not self._doorman.knows_origin(origin, hosts[0]):
            answer = web.Response(status=HTTPStatus.FORBIDDEN, text="Not from another page.\n")
        else:
            try:
                answer = await handler(request)
            except web.HTTPException as refusal:
                answer = web.Response(status=refusal.status, text=f"{refusal.reason}\n")
            except Exception:
                log.exception("%s: a request failed", self._address.setting)
                answer = web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
        if not answer.prepared:
            answer.headers.update(HEADERS)
            answer.force_close()
        return answer
