"""Settings from a server: asked for in time, checked, handed on."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

from voiced.agents.codec import HttpAnswer
from voiced.config.resolve import Received, name_of, receive
from voiced.config.schema_services import RemoteSection
from voiced.config.signature import SUFFIX, check_comment, verify
from voiced.errors import ConfigError, VoicedError
from voiced.lib.backoff import Uniform, first_wait_s, next_wait_s
from voiced.lib.task_group import TaskGroup
from voiced.lib.waiting import uniform
from voiced.ports import HttpCaller
from voiced.reload.reloader import SettingsReloader, now
from voiced.reload.remote_answer import (
    NAME,
    NOT_MODIFIED,
    OK,
    check_kind,
    get,
    naming_kind,
    signature_url,
    validators_of,
)

log = logging.getLogger(__name__)

OF_LATE_S = 1.0


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
    """Asks a server for settings again and again. Implements `BackgroundTask`.

    Args:
        reloader: Who tries them.
        caller: Makes what makes the calls for a section of settings.
        serial: Tells this device's serial number.
        uniform: Returns a random number between two.

    Attributes:
        report: How the asking goes.
    """

    def __init__(
        self,
        reloader: SettingsReloader,
        caller: Callable[[RemoteSection], HttpCaller],
        serial: Callable[[], str | None] = lambda: None,
        uniform: Uniform = uniform,
    ) -> None:
        self.report = Report()
        self._reloader = reloader
        self._caller = caller
        self._serial = serial
        self._uniform = uniform
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()
        self._answered = asyncio.Event()
        self._validators: Mapping[str, str] = {}
        self._refusal: ConfigError | None = None
        self._refused: Received | None = None
        self._odd = ""

    def follow(self) -> None:
        """Take note that the device's own settings may have changed: what was refused may fit now."""
        self._validators, self._refusal, self._refused = {}, None, None
        self._changed.set()

    def ask_again(self) -> None:
        """Forget what became of what the server sent, and ask it soon."""
        self.follow()
        self._asked.set()

    async def ask(self) -> Report:
        """Ask now; return how it went."""
        if self._reloader.remote is None:
            return Report(error="no server is set: write a section `remote`")
        self._answered.clear()
        self._asked.set()
        await self._answered.wait()
        return self.report

    async def answers(self) -> bool:
        """Tell whether the server has answered of late; ask it if it has not been asked."""
        report = self.report
        if report.asked_at is None or not 0 <= now() - report.asked_at < OF_LATE_S:
            report = await self.ask()
        return report.answered

    async def run(self) -> None:
        """Ask in time until cancelled."""
        while True:
            remote, self._validators = self._reloader.remote, {}
            if remote is None:
                self._answered.set()  # nobody else will
            async with TaskGroup() as group:
                asking = None
                if remote is not None:
                    asking = group.create_task(self._ask_in_time(remote), name="remote settings")
                while self._reloader.remote == remote:
                    self._changed.clear()
                    await self._changed.wait()
                if asking is not None:
                    asking.cancel()

    async def _ask_in_time(self, remote: RemoteSection) -> None:
        failures, known = 0, self._reloader.record.sent is not None
        wait_s = first_wait_s(remote.interval_s, has_settings=known, uniform=self._uniform)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._asked.wait()
            self._asked.clear()
            try:
                failures = 0 if await self._try(remote) else failures + 1
            except Exception:
                self.report = Report(
                    now(),
                    answered=False,
                    usable_at=self.report.usable_at,
                    error=f"{NAME}: the request failed",
                )
                raise
            finally:
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
            log.info("the settings from the server are valid again")
        at = now()
        usable_at = self.report.usable_at if error else at
        self.report = Report(at, answered, usable_at, error)
        return answered

    async def _take(self, remote: RemoteSection) -> None:
        """Ask for the settings, and hand on what is new.

        Raises:
            ConfigError: If what the server sent is not to be used.
            LinkError: If it sent nothing.
        """
        call = self._caller(remote)
        url = self._address(remote)
        known = self._validators
        answer = await get(call, url, known)
        if answer.status == NOT_MODIFIED and known:
            await self._take_again(remote)
            return
        check_kind(answer, asked_for_changes=bool(known))
        comment = None
        if remote.public_key is not None:
            signature = await _signature(call, url)
            signed = answer.body, signature, remote.public_key
            comment = await asyncio.to_thread(verify, *signed, NAME)
        # From here on the same text would have the same fate.
        self._validators = self._validators_of(answer)
        self._refusal = self._refused = None
        try:
            received = await asyncio.to_thread(receive, answer.body, now())
        except ConfigError as error:
            self._refusal = naming_kind(answer, error)
            raise self._refusal from None
        if comment is not None:
            try:
                check_comment(comment, received.sent.revision, name_of(received.sent))
            except ConfigError:
                self._validators = {}  # the signature may change while the text stays
                raise
        await self._hand_on(remote, received)

    async def _take_again(self, remote: RemoteSection) -> None:
        """Do once more what was done with what the server sent last: what was refused may fit by now.

        Raises:
            ConfigError: If it does not.
        """
        if self._refused is not None:
            await self._hand_on(remote, self._refused)
        elif self._refusal is not None:
            raise self._refusal

    async def _hand_on(self, remote: RemoteSection, received: Received) -> None:
        if self._reloader.remote != remote:  # it was checked by rules that do not count any more
            return
        self._refused = received
        await self._reloader.take(received)
        self._refused = None

    def _validators_of(self, answer: HttpAnswer) -> Mapping[str, str]:
        found, odd = validators_of(answer)
        if odd:
            level = logging.DEBUG if odd == self._odd else logging.WARNING
            log.log(level, "%s: the server's %s cannot be sent back; asking without it", NAME, odd)
        self._odd = odd
        return found

    def _address(self, remote: RemoteSection) -> str:
        url = remote.url.replace("{name}", quote(self._reloader.device_name, safe=""))
        if "{serial}" not in url:
            return url
        serial = self._serial()
        if serial is None:
            problem = "this device has no serial number"
            raise ConfigError("remote.url", problem, "use {name} instead")
        return url.replace("{serial}", quote(serial, safe=""))


async def _signature(call: HttpCaller, url: str) -> bytes:
    """Return the signature of what is at `url`.

    Raises:
        ConfigError: If there is none.
        LinkError: If the server does not answer.
    """
    answer = await get(call, signature_url(url), {})
    if answer.status != OK:
        problem = f"has no signature: the server answered {answer.status}"
        raise ConfigError(NAME, problem, f"put the file {SUFFIX} beside it")
    return answer.body
