"""The page for a screen, and for phones in the same network, with its live WebSocket.

Imported only if the settings ask for it.
"""

import asyncio
import hashlib
import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from voiced.api.access import COOKIE, AccessPolicy, RefusedError, Visitor
from voiced.api.captions import Subtitles
from voiced.api.device_control import DeviceControl
from voiced.api.http_server import Address, HttpServer, Responder, Visit
from voiced.api.refusals import Refusals
from voiced.errors import RequestRefused, VoicedError
from voiced.lib.task_group import TaskGroup
from voiced.lib.token_bucket import TokenBucket
from voiced.reload.overrides import UserOverrides

PAGE = Path(__file__).with_name("page")
KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
MOST_ORDER_BYTES = 64 * 1024  # room for the longest prompt, in any script
ORDERS_PER_S = 10.0
BURST = 20.0
SEND_WITHIN_S = 5.0
PULSE_S = 20.0
PART_WITHIN_S = 0.5
LOOK_EVERY_S = 0.5
WRONG_TOKENS = 5
FORGIVEN_AFTER_S = 60.0
REMEMBERED_GROUPS = 256
A_YEAR_S = 31_536_000


@dataclass(frozen=True, slots=True)
class Permits:
    """What visitors may do.

    Attributes:
        may_read: Returns whether they may read captions; called with whether they are at the device.
        overrides: The settings that a person may change; None if they may not.
    """

    may_read: Callable[[bool], bool]
    overrides: UserOverrides | None = None


class Kiosk:
    """Serves the page. Implements `BackgroundTask`.

    Args:
        address: Where to listen.
        access: Who is let in.
        control: The state of the device, and what can be done with it.
        subtitles: The captions.
        permits: What visitors may do.
        refusals: Counts refused requests.
    """

    def __init__(
        self,
        address: Address,
        access: AccessPolicy,
        control: DeviceControl,
        subtitles: Subtitles,
        permits: Permits,
        refusals: Refusals,
    ) -> None:
        self._access = access
        self._control = control
        self._subtitles = subtitles
        self._may_read = permits.may_read
        self._overrides = permits.overrides
        files = [_File(path) for path in PAGE.iterdir() if path.suffix in KINDS]
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()
        routes: dict[str, Responder] = {f"GET /{file.name}": file.answer for file in files}
        routes |= {"GET /": routes["GET /index.html"]}
        routes |= {"GET /live": self._live, "POST /enter": self._enter}
        site = HttpServer(address, access, routes, refusals)
        self.run, self.routes = site.run, site.routes

    async def _enter(self, visit: Visit) -> web.Response:
        """Give a browser that sends the token a cookie, so that it needs it only once."""
        group, token = visit.visitor.group, visit.text.strip()
        if self._guesses_too_often(group):
            raise RefusedError(HTTPStatus.TOO_MANY_REQUESTS)
        if not self._access.knows(token):
            self._wrong.setdefault(group, []).append(time.monotonic())
            raise RefusedError(HTTPStatus.FORBIDDEN)
        answer = web.Response(status=HTTPStatus.NO_CONTENT)
        is_secure = visit.connection.is_encrypted or visit.visitor.is_secure
        answer.set_cookie(
            COOKIE, token, max_age=A_YEAR_S, httponly=True, samesite="Strict", secure=is_secure
        )
        return answer

    def _guesses_too_often(self, group: str) -> bool:
        """Return whether this group has guessed too often lately."""
        while len(self._wrong) > REMEMBERED_GROUPS:
            self._wrong.popitem(last=False)
        recent = [
            at_s
            for at_s in self._wrong.get(group, [])
            if time.monotonic() - at_s < FORGIVEN_AFTER_S
        ]
        if recent:
            self._wrong[group] = recent
        else:
            self._wrong.pop(group, None)
        return len(recent) >= WRONG_TOKENS

    async def _live(self, visit: Visit) -> web.WebSocketResponse:
        """Show everything as it happens, and obey commands."""
        if not _asks_for_socket(visit.request.headers):
            raise RefusedError(HTTPStatus.UPGRADE_REQUIRED)
        may_enter = visit.visitor.may_enter
        if may_enter and not visit.connection.settle():
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE)
        if not visit.connection.upgrade():
            raise RefusedError(HTTPStatus.BAD_REQUEST)
        socket = web.WebSocketResponse(
            max_msg_size=MOST_ORDER_BYTES, heartbeat=PULSE_S, compress=False, timeout=PART_WITHIN_S
        )
        await socket.prepare(visit.request)
        if may_enter:
            await self._serve(socket, visit.visitor)
        else:
            # A browser cannot read the status of a refused upgrade, but it can read a close code.
            await socket.close(code=WSCloseCode.POLICY_VIOLATION)
        return socket

    async def _serve(self, socket: web.WebSocketResponse, visitor: Visitor) -> None:
        async with TaskGroup() as group:
            feeding = [
                group.create_task(self._show_state(socket), name="kiosk status"),
                group.create_task(self._show_captions(socket, visitor), name="kiosk captions"),
            ]
            if self._overrides is not None:
                feeding.append(
                    group.create_task(self._show_settings(socket), name="kiosk settings")
                )
            await self._obey(socket)
            for task in feeding:
                task.cancel()

    async def _show_state(self, socket: web.WebSocketResponse) -> None:
        async with aclosing(self._control.watch()) as states:
            async for device_state in states:
                await _send(socket, {"type": "sight", **asdict(device_state)})
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)

    async def _show_settings(self, socket: web.WebSocketResponse) -> None:
        """Show the settings that a person may change, now and after every change."""
        assert self._overrides is not None  # noqa: S101 - checked by the caller
        shown: Mapping[str, str | None] | None = None
        while True:
            now = self._overrides.now()
            if now != shown:
                await _send(socket, {"type": "settings", **now})
                shown = now
            await asyncio.sleep(LOOK_EVERY_S)

    async def _show_captions(self, socket: web.WebSocketResponse, visitor: Visitor) -> None:
        async with aclosing(self._subtitles.watch()) as captions:
            async for caption in captions:
                if not self._may_read(visitor.is_device):
                    continue
                words = {"speaker": caption.speaker, "text": caption.text}
                state = {"final": caption.final, "interrupted": caption.interrupted}
                await _send(socket, {"type": "caption", **words, **state})
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)

    async def _obey(self, socket: web.WebSocketResponse) -> None:
        allowance = TokenBucket(BURST, 1 / ORDERS_PER_S)
        async for message in socket:
            if allowance.take(time.monotonic()) > 0 or message.type is not WSMsgType.TEXT:
                await socket.close(code=WSCloseCode.POLICY_VIOLATION)
                return
            try:
                if await self._carry_out(json.loads(message.data)):
                    await _send(socket, {"type": "kept"})
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                await _send(socket, {"type": "problem", "text": "That was not understood."})
            except VoicedError as error:
                await _send(socket, {"type": "problem", "text": str(error)})

    async def _carry_out(self, order: Mapping[str, Any]) -> bool:
        """Obey a command; return whether something was saved."""
        match order["do"]:
            case "talk":
                self._control.press()
            case "mute":
                self._control.mute(None)
            case "volume":
                self._control.set_volume(_integer(order["to"]))
            case "settings" if self._overrides is not None:
                await self._overrides.change(_texts(order["changed"]), _texts(order.get("was", {})))
                return True
            case _:
                raise RequestRefused("there is no such command")
        return False


class _File:
    """A file of the page, held in memory."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._content = path.read_bytes()
        self._kind = KINDS[path.suffix]
        self._tag = f'"{hashlib.sha256(self._content).hexdigest()[:16]}"'

    async def answer(self, visit: Visit) -> web.Response:
        headers = {"ETag": self._tag}
        if visit.request.headers.get("If-None-Match") == self._tag:
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(
            body=self._content, content_type=self._kind, charset="utf-8", headers=headers
        )


def _asks_for_socket(headers: Mapping[str, str]) -> bool:
    """Return whether a request opens a WebSocket as our page does.

    The library is less strict, and it logs what it refuses.
    """
    key = headers.get("Sec-WebSocket-Key", "")
    return (
        headers.get("Upgrade", "").strip().lower() == "websocket"
        and "upgrade" in [it.strip().lower() for it in headers.get("Connection", "").split(",")]
        and headers.get("Sec-WebSocket-Version") == "13"
        and re.fullmatch(r"[A-Za-z0-9+/]{22}==", key) is not None
        and "Sec-WebSocket-Protocol" not in headers
    )


def _integer(number: object) -> int:
    """Return a whole number; 20.0 is one too, as JavaScript has no integers."""
    if isinstance(number, bool) or not isinstance(number, int | float) or number != number // 1:
        raise TypeError
    return int(number)


def _text(value: object) -> str:
    """Return a text that a file can hold: UTF-8 has no lone surrogates."""
    if not isinstance(value, str):
        raise TypeError
    value.encode()
    return value


def _texts(value: Mapping[str, object]) -> dict[str, str]:
    return {_text(key): _text(each) for key, each in value.items()}


async def _send(socket: web.WebSocketResponse, message: Mapping[str, object]) -> None:
    """Send a message, or close the connection of a visitor that does not read it."""
    # The text of an agent may hold lone surrogates.
    text = json.dumps(message, ensure_ascii=False).encode(errors="replace").decode()
    try:
        async with asyncio.timeout(SEND_WITHIN_S):
            await socket.send_str(text)
    except (TimeoutError, ConnectionError):
        with suppress(ConnectionError, TimeoutError):
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
