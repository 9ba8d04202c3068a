"""Health and figures for whoever watches over many devices. Imported only where they are wanted."""

from http import HTTPStatus

from aiohttp import web

from voiced.core.actions import Status
from voiced.host.visitors import Doorman
from voiced.host.website import Address, Website
from voiced.metrics import Metrics, Reading
from voiced.steering import Steering

__all__ = ["Address", "Metrics", "Monitor", "Reading"]

WELL = frozenset(
    {
        *(Status.ASLEEP, Status.CONNECTING, Status.LISTENING, Status.HEARING),
        *(Status.THINKING, Status.SPEAKING, Status.MUTED),
    }
)
"""What a device shows that does what it is there for."""

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_BEARER = "Bearer "


class Monitor:
    """Serves /healthz and /metrics. Fills `Chore`.

    Args:
        address: Where.
        doorman: Who is let in.
        steering: Tells what the device shows.
        metrics: What is counted.
    """

    def __init__(
        self, address: Address, doorman: Doorman, steering: Steering, metrics: Metrics
    ) -> None:
        self._doorman = doorman
        self._steering = steering
        self._metrics = metrics
        paths = {"GET /healthz": self._health, "GET /metrics": self._figures}
        self.run = Website(address, doorman, paths).run

    async def _health(self, request: web.Request) -> web.Response:
        """Answer 200 if the device does what it is there for, else 503."""
        self._let_in(request)
        sight = self._steering.sight()
        well = Status(sight.status) in WELL
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        shown = {"healthy": well, "status": sight.status, "since": sight.since}
        return web.json_response(shown, status=status)

    async def _figures(self, request: web.Request) -> web.Response:
        self._let_in(request)
        return web.Response(body=self._metrics.text(), headers={"Content-Type": TEXT_FORMAT})

    def _let_in(self, request: web.Request) -> None:
        shown = request.headers.get("Authorization", "")
        if not self._doorman.lets_in(shown.removeprefix(_BEARER)):
            raise web.HTTPUnauthorized
