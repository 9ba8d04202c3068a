"""Health and metrics, for the monitoring of many devices. Imported only if the settings ask for it."""

from http import HTTPStatus

from aiohttp import web

from voiced.api.access import AccessPolicy
from voiced.api.device_control import DeviceControl
from voiced.api.http_server import Address, HttpServer, Visit
from voiced.api.metrics import Metrics, Reading
from voiced.api.refusals import Refusals
from voiced.core.actions import Status

__all__ = ["Address", "Metrics", "Monitor", "Reading"]

# The statuses of a device that works.
WELL = frozenset(
    {
        *(Status.ASLEEP, Status.CONNECTING, Status.LISTENING, Status.HEARING),
        *(Status.THINKING, Status.SPEAKING, Status.MUTED),
    }
)

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


class Monitor:
    """Serves /healthz and /metrics. Implements `BackgroundTask`.

    Args:
        address: Where to listen.
        access: Who is let in.
        control: The state of the device.
        metrics: The metrics.
        refusals: Counts refused requests.
    """

    def __init__(
        self,
        address: Address,
        access: AccessPolicy,
        control: DeviceControl,
        metrics: Metrics,
        refusals: Refusals,
    ) -> None:
        self._wants_token = access.token is not None
        self._control = control
        self._metrics = metrics
        routes = {"GET /healthz": self._health, "GET /metrics": self._figures}
        site = HttpServer(address, access, routes, refusals)
        self.run, self.routes = site.run, site.routes

    async def _health(self, visit: Visit) -> web.Response:
        """Answer 200 if the device works, else 503."""
        self._let_in(visit)
        device_state = self._control.device_state()
        well = Status(device_state.status) in WELL
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        shown = {"healthy": well, "status": device_state.status, "since": device_state.since}
        return web.json_response(shown, status=status)

    async def _figures(self, visit: Visit) -> web.Response:
        self._let_in(visit)
        return web.Response(body=self._metrics.text(), headers={"Content-Type": TEXT_FORMAT})

    def _let_in(self, visit: Visit) -> None:
        """Refuse visitors without the token; if none is set, all but this device."""
        visitor = visit.visitor
        if not (visitor.is_known if self._wants_token else visitor.is_device):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
