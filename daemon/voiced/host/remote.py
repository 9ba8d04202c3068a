"""Settings from a server: asked for in time, checked, handed on."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote, urljoin, urlsplit

from voiced import __version__
from voiced.agents.codec import HttpAnswer, HttpCall
from voiced.config.choice import sent_of
from voiced.config.outside import RemoteSection
from voiced.config.record import Record, Sent
from voiced.config.signature import SUFFIX, verify
from voiced.core.schedule import Uniform, first_wait_s, next_wait_s
from voiced.errors import ConfigError, LinkError, VoicedError
from voiced.ports import HttpCaller

log = logging.getLogger(__name__)

NAME = "remote"
MOST_REDIRECTS = 3
OF_LATE_S = 1.0
OK, NOT_MODIFIED = 200, 304
_MOVED = {301, 302, 303, 307, 308}
_VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}


_uniform = random.SystemRandom().uniform


class Taker(Protocol):
    """Who wants the settings.

    Attributes:
        remote: Where to ask, if anywhere.
        device_name: What the device is called.
        record: What is kept of earlier settings.
    """

    @property
    def remote(self) -> RemoteSection | None: ...
    @property
    def device_name(self) -> str: ...
    @property
    def record(self) -> Record: ...

    async def take(self, sent: Sent) -> None:
        """Try what a server sent, if it is new.

        Raises:
            ConfigError: Why it is not even tried.
        """


@dataclass(frozen=True, slots=True)
class Report:
    """How the asking goes.

    Attributes:
        asked_at: When the server was asked last, in seconds since 1970; None if never.
        answered: It did answer then, whatever it was.
        usable_at: When it last answered with what can be used.
        error: Why what it sent last is not used, or why it sent nothing.
    """

    asked_at: float | None = None
    answered: bool = False
    usable_at: float | None = None
    error: str = ""


class RemoteSettings:
    """Asks a server for settings again and again. Fills `Chore`.

    Args:
        taker: Who wants them.
        caller: Makes what makes the calls for a section of settings.
        serial: Tells this device's serial number.
        uniform: Returns a random number between two.

    Attributes:
        report: How the asking goes.
    """

    def __init__(
        self,
        taker: Taker,
        caller: Callable[[RemoteSection], HttpCaller],
        serial: Callable[[], str | None] = lambda: None,
        uniform: Uniform = _uniform,
    ) -> None:
        self.report = Report()
        self._taker = taker
        self._caller = caller
        self._serial = serial
        self._uniform = uniform
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()
        self._answered = asyncio.Event()
        self._validators: Mapping[str, str] = {}
        self._refusal: ConfigError | None = None

    def follow(self) -> None:
        """Take note that the device's own settings may have changed: what was refused may fit now."""
        self._validators, self._refusal = {}, None
        self._changed.set()

    async def ask(self) -> Report:
        """Ask now; return how it went."""
        if self._taker.remote is None:
            return Report(error="no server is set: write a section `remote`")
        self._answered.clear()
        self._asked.set()
        await self._answered.wait()
        return self.report

    async def answers(self) -> bool:
        """Tell whether the server has answered of late; ask it if it has not been asked."""
        report = self.report
        if report.asked_at is None or not 0 <= _now() - report.asked_at < OF_LATE_S:
            report = await self.ask()
        return report.answered

    async def run(self) -> None:
        """Ask in time until cancelled."""
        while True:
            remote, self._validators = self._taker.remote, {}
            if remote is None:
                self._answered.set()  # nobody else will
            async with asyncio.TaskGroup() as group:
                asking = None
                if remote is not None:
                    asking = group.create_task(self._ask_in_time(remote), name="remote settings")
                while self._taker.remote == remote:
                    self._changed.clear()
                    await self._changed.wait()
                if asking is not None:
                    asking.cancel()

    async def _ask_in_time(self, remote: RemoteSection) -> None:
        failures, known = 0, self._taker.record.sent is not None
        wait_s = first_wait_s(remote.interval_s, has_settings=known, uniform=self._uniform)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._asked.wait()
            self._asked.clear()
            failures = 0 if await self._try(remote) else failures + 1
            if not self._asked.is_set():  # whoever asked meanwhile wants to know how it is now
                self._answered.set()
            wait_s = next_wait_s(remote.interval_s, failures, self._uniform)

    async def _try(self, remote: RemoteSection) -> bool:
        """Ask once; tell whether the server answered."""
        error, answered = "", True
        try:
            await self._take(remote)
        except ConfigError as exc:
            error = str(exc)
        except VoicedError as exc:
            error, answered = f"{NAME}: {exc}", False
        if error:
            log.log(logging.DEBUG if error == self.report.error else logging.WARNING, "%s", error)
        elif self.report.error:
            log.info("the settings from the server are all right again")
        now = _now()
        usable_at = self.report.usable_at if error else now
        self.report = Report(now, answered, usable_at, error)
        return answered

    async def _take(self, remote: RemoteSection) -> None:
        """Ask for the settings, and hand on what is new.

        Raises:
            ConfigError: If what the server sent is not to be used.
            LinkError: If it sent nothing.
        """
        call = self._caller(remote)
        url = self._address(remote)
        answer = await _get(call, url, self._validators)
        if answer.status == NOT_MODIFIED:
            if self._refusal is not None:
                raise self._refusal
            return
        _check_kind(answer)
        if remote.public_key is not None:
            signature = await _get(call, signature_url(url), {})
            if signature.status != OK:
                problem = f"has no signature: the server answered {signature.status}"
                raise ConfigError(NAME, problem, f"put the file {SUFFIX} beside it")
            signed = answer.body, signature.body, remote.public_key
            await asyncio.to_thread(verify, *signed, NAME)
        # From here on the same text would have the same fate.
        self._validators = {
            request: answer.headers[name]
            for name, request in _VALIDATORS.items()
            if name in answer.headers
        }
        try:
            self._refusal = None
            await self._taker.take(sent_of(answer.body, _now()))
        except ConfigError as error:
            self._refusal = error
            raise

    def _address(self, remote: RemoteSection) -> str:
        url = remote.url.replace("{name}", quote(self._taker.device_name, safe=""))
        if "{serial}" not in url:
            return url
        serial = self._serial()
        if serial is None:
            problem = "this device does not tell its serial number"
            raise ConfigError("remote.url", problem, "use {name} instead")
        return url.replace("{serial}", quote(serial, safe=""))


def signature_url(url: str) -> str:
    """Return where the signature of what is at `url` is."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path + SUFFIX).geturl()


async def _get(call: HttpCaller, url: str, validators: Mapping[str, str]) -> HttpAnswer:
    """Return the answer, wherever it is.

    Raises:
        ConfigError: If it is where it must not be.
        LinkError: If there is none, or another one than is useful.
    """
    headers = {"Accept": "application/yaml, text/yaml, */*", "User-Agent": f"voiced/{__version__}"}
    for _ in range(MOST_REDIRECTS + 1):
        answer = await call(HttpCall("GET", url, {**headers, **validators}))
        if answer.status not in _MOVED:
            break
        before, url = url, urljoin(url, answer.headers.get("location", ""))
        if urlsplit(url).scheme != urlsplit(before).scheme:
            problem = "the server sends us to an address that is not https"
            raise ConfigError("remote.url", problem, "mend the server")
    else:
        raise ConfigError(
            "remote.url", "the server sends us from place to place", "mend the server"
        )
    return answer


def _check_kind(answer: HttpAnswer) -> None:
    """Return if `answer` may hold settings.

    Raises:
        ConfigError: If it is a page for people.
        LinkError: If it is none.
    """
    if answer.status != OK:
        raise LinkError(f"the server answered {answer.status}")
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/html") or answer.body.lstrip()[:1] == b"<":
        problem = "the server sent a page for people, not settings"
        raise ConfigError(NAME, problem, "does this network want a log-in page visited?")


def _now() -> float:
    """Return seconds since 1970, by whatever the device's clock says."""
    return datetime.now(UTC).timestamp()
