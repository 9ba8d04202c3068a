"""The page for a screen, and for a phone in the same network: served, fed and obeyed.

Imported only where there is to be a page.
"""

import asyncio
import hashlib
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from voiced.errors import VoicedError
from voiced.host.visitors import COOKIE, Doorman
from voiced.host.website import Address, Website
from voiced.steering import CannotError, Steering
from voiced.subtitles import Subtitles
from voiced.wishes import Wishes

log = logging.getLogger(__name__)

PAGE = Path(__file__).with_name("page")
KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
MOST_ORDER_BYTES = 64 * 1024
"""As many as the longest prompt may have, in any script."""

ORDERS_PER_S = 10.0
BURST = 20.0
SEND_WITHIN_S = 5.0
PULSE_S = 20.0
PART_WITHIN_S = 0.5
LOOK_EVERY_S = 0.5
WRONG_TOKENS = 5
FORGIVEN_AFTER_S = 60.0
REMEMBERED_ADDRESSES = 256
A_YEAR_S = 31_536_000


class Kiosk:
    """Serves the page. Fills `Chore`.

    Args:
        address: Where.
        doorman: Who is let in.
        steering: What is shown and done.
        subtitles: What is said.
        may_read: Tells whether a visitor from some address may read what is said.
        wishes: What a person may set; None if they may not.
    """

    def __init__(
        self,
        address: Address,
        doorman: Doorman,
        steering: Steering,
        subtitles: Subtitles,
        may_read: Callable[[str], bool],
        wishes: Wishes | None = None,
    ) -> None:
        self._doorman = doorman
        self._steering = steering
        self._subtitles = subtitles
        self._may_read = may_read
        self._wishes = wishes
        self._files = {path.name: _File(path) for path in PAGE.iterdir() if path.suffix in KINDS}
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()
        paths = {
            "GET /live": self._live,
            "POST /enter": self._enter,
            "GET /{name:[a-z.]*}": self._file,
        }
        self.run = Website(address, doorman, paths).run

    async def _file(self, request: web.Request) -> web.Response:
        file = self._files.get(request.match_info["name"] or "index.html")
        if file is None:
            raise web.HTTPNotFound
        if request.headers.get("If-None-Match") == file.tag:
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": file.tag})
        return web.Response(
            body=file.content, content_type=file.kind, charset="utf-8", headers={"ETag": file.tag}
        )

    async def _enter(self, request: web.Request) -> web.Response:
        """Let a browser in for good that shows the token once."""
        if self._is_tiresome(request.remote or ""):
            raise web.HTTPTooManyRequests
        token = (await request.text()).strip()
        if not self._doorman.lets_in(token):
            self._wrong.setdefault(request.remote or "", []).append(time.monotonic())
            raise web.HTTPForbidden
        answer = web.Response(status=HTTPStatus.NO_CONTENT)
        answer.set_cookie(COOKIE, token, max_age=A_YEAR_S, httponly=True, samesite="Strict")
        return answer

    def _is_tiresome(self, address: str) -> bool:
        """Tell whether somebody has guessed too often of late."""
        while len(self._wrong) > REMEMBERED_ADDRESSES:
            self._wrong.popitem(last=False)
        recent = [
            at_s
            for at_s in self._wrong.get(address, [])
            if time.monotonic() - at_s < FORGIVEN_AFTER_S
        ]
        if recent:
            self._wrong[address] = recent
        else:
            self._wrong.pop(address, None)
        return len(recent) >= WRONG_TOKENS

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        """Show everything as it happens, and do what is ordered."""
        socket = web.WebSocketResponse(
            max_msg_size=MOST_ORDER_BYTES, heartbeat=PULSE_S, compress=False, timeout=PART_WITHIN_S
        )
        if not socket.can_prepare(request):
            raise web.HTTPUpgradeRequired
        await socket.prepare(request)
        if not self._doorman.lets_in(request.cookies.get(COOKIE)):
            await socket.close(code=WSCloseCode.POLICY_VIOLATION)
            return socket
        async with asyncio.TaskGroup() as group:
            address = request.remote or ""
            feeding = [
                group.create_task(self._show(socket), name="kiosk status"),
                group.create_task(self._caption(socket, address), name="kiosk captions"),
            ]
            if self._wishes is not None:
                feeding.append(group.create_task(self._offer(socket), name="kiosk settings"))
            await self._obey(socket)
            for task in feeding:
                task.cancel()
        return socket

    async def _show(self, socket: web.WebSocketResponse) -> None:
        async with aclosing(self._steering.watch()) as sights:
            async for sight in sights:
                await _send(socket, {"type": "sight", **asdict(sight)})
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)

    async def _offer(self, socket: web.WebSocketResponse) -> None:
        """Show what a person may set, now and whenever it has changed."""
        assert self._wishes is not None  # noqa: S101 - nobody calls this without
        shown: Mapping[str, str | None] | None = None
        while True:
            now = self._wishes.now()
            if now != shown:
                await _send(socket, {"type": "settings", **now})
                shown = now
            await asyncio.sleep(LOOK_EVERY_S)

    async def _caption(self, socket: web.WebSocketResponse, address: str) -> None:
        async with aclosing(self._subtitles.watch()) as captions:
            async for caption in captions:
                if not self._may_read(address):
                    continue
                words = {"speaker": caption.speaker, "text": caption.text}
                state = {"final": caption.final, "interrupted": caption.interrupted}
                await _send(socket, {"type": "caption", **words, **state})
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)

    async def _obey(self, socket: web.WebSocketResponse) -> None:
        patience, before_s = BURST, time.monotonic()
        async for message in socket:
            now_s = time.monotonic()
            patience = min(BURST, patience + (now_s - before_s) * ORDERS_PER_S) - 1
            before_s = now_s
            if patience < 0 or message.type is not WSMsgType.TEXT:
                await socket.close(code=WSCloseCode.POLICY_VIOLATION)
                return
            try:
                if await self._do(json.loads(message.data)):
                    await _send(socket, {"type": "kept"})
            except (ValueError, KeyError, TypeError, AttributeError):
                await _send(socket, {"type": "problem", "text": "That was not understood."})
            except VoicedError as error:
                await _send(socket, {"type": "problem", "text": str(error)})

    async def _do(self, order: Mapping[str, Any]) -> bool:
        """Obey; tell whether there is something that was kept."""
        match order["do"]:
            case "talk":
                self._steering.press()
            case "mute":
                self._steering.mute(None)
            case "volume":
                self._steering.set_volume(int(order["to"]))
            case "settings" if self._wishes is not None:
                await self._wishes.change(
                    {str(key): str(to) for key, to in order["changed"].items()}
                )
                return True
            case _:
                raise CannotError("there is no such order")
        return False


class _File:
    """A file of the page, held in memory."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        self.kind = KINDS[path.suffix]
        self.tag = f'"{hashlib.sha256(self.content).hexdigest()[:16]}"'


async def _send(socket: web.WebSocketResponse, message: Mapping[str, object]) -> None:
    """Send, or let go of somebody who does not take it."""
    try:
        async with asyncio.timeout(SEND_WITHIN_S):
            await socket.send_str(json.dumps(message, ensure_ascii=False))
    except (TimeoutError, ConnectionError):
        with suppress(ConnectionError, TimeoutError):
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
