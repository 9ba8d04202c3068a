"""Changed settings: chosen, tried, kept or taken back."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from voiced.assembly.factory import catalogue
from voiced.config.history import (
    Record,
    Sent,
    forget_trial,
    keep,
    propose,
    refusal,
    take_back,
    wait_left_s,
    without_wait,
)
from voiced.config.load import DROP_INS, Examined, as_texts, examine_sources, secrets
from voiced.config.resolve import Choice, Received, choose, name_of, with_sent
from voiced.config.schema_services import RemoteSection
from voiced.core.events import SettingsRead
from voiced.core.state import AWAKE
from voiced.errors import ConfigError, NotSavedError
from voiced.lib.listeners import Listeners
from voiced.reload.applier import SettingsApplier
from voiced.reload.trial import Health, Trial, Verdict, health_without, ill_parts
from voiced.storage.settings_store import RecordFile

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
"""How often the daemon's health is looked at during a trial."""


def now() -> float:
    """Return seconds since 1970, by whatever the device's clock says."""
    return datetime.now(UTC).timestamp()


def _too_soon(record: Record) -> str:
    many = f"the last {record.n_failed} trials" if record.n_failed > 1 else "the last trial"
    return f"not tried yet, because {many} failed; `voiced reload --remote` tries it at once"


def _warn(choice: Choice) -> None:
    for warning in choice.best.warnings:
        log.warning("%s", warning)
    if choice.refused is not None:
        log.warning("what the server sent is not used: %s", choice.refused)


@dataclass(frozen=True, slots=True)
class Probes:
    """What can be tried while settings are on trial.

    Attributes:
        status: Tells whether whoever asks for the status is answered.
        server: Tells whether the network reaches the server that sends settings.
    """

    status: Callable[[], Awaitable[bool]]
    server: Callable[[], Awaitable[bool]]


class SettingsReloader:
    """Follows the device's own files and what a server sends. Implements `BackgroundTask`.

    Args:
        path: The settings file.
        choice: What the daemon began with.
        kept: What is kept of earlier settings.
        applier: What carries changes out.
        read: Reads the device's own files, and examines them.
        probes: What a trial asks besides.

    Attributes:
        choice: The settings to run with.
        complaint: Why the device's own files as they are now are not used, if they are not.
        on_reload: Are called when the device's own files were read again.
        on_complaint: Are called when there is another complaint.
    """

    def __init__(
        self,
        path: Path,
        choice: Choice,
        kept: RecordFile,
        applier: SettingsApplier,
        read: Callable[[], Examined],
        probes: Probes,
    ) -> None:
        self._path = path
        self.choice = choice
        self._kept = kept
        self._applier = applier
        self._read = partial(asyncio.to_thread, read)
        self._probes = probes
        self.complaint = ""
        self._before = health_without(kept.record.ill)
        self._proposed = asyncio.Event()
        self._changing = asyncio.Lock()  # what is checked beside the loop must be what is used
        self._next_trial_s = 0.0
        self.on_reload: Listeners[[]] = Listeners()
        self.on_complaint: Listeners[[]] = Listeners()
        self._goes_back = False
        self._has_begun = False

    def _begin(self) -> None:
        self._has_begun = True
        choice = self.choice
        _warn(choice)
        if choice.complaint is None:
            self._keep_local(choice)
        else:
            self._complain(choice.complaint)
            self._wait()

    @property
    def remote(self) -> RemoteSection | None:
        """Where to ask for more settings; only the device's own files say so."""
        return self.choice.local.settings.remote

    @property
    def device_name(self) -> str:
        """What the device is called."""
        return self.choice.local.settings.device.name

    @property
    def record(self) -> Record:
        """What is kept of the settings."""
        return self._kept.record

    def paths(self) -> list[Path]:
        """Return the files that may change, folders whose files may change among them."""
        found = (secret.path() for _, secret in secrets(self._applier.wanted))
        return [self._path, self._path.parent / DROP_INS, *filter(None, found)]

    async def reload(self, read: Callable[[], Awaitable[Examined]] | None = None) -> list[str]:
        """Read the device's own files again, and use them if they can be used.

        Args:
            read: Does that in another way, while nothing else changes; whatever it raises is raised.

        Returns:
            The names of what has changed, a line for each reload class.
        """
        async with self._changing:
            found = await (read or self._read)()
            try:
                choice = await self._choose(found, self._kept.record)
            except ConfigError as error:
                self._complain(error)
                return []
            if choice.complaint is not None:
                self._complain(choice.complaint)
                return []
            self.complaint = ""
            self._keep_local(choice)
            lines = self._use(choice)
        self.on_reload()
        return lines

    def may_try(self) -> None:
        """Let what a server sends next be tried, however soon after a failure."""
        self._kept.put(without_wait(self._kept.record))
        self._wait()

    def _wait(self) -> None:
        left_s = wait_left_s(self._kept.record, now())
        self._next_trial_s = asyncio.get_running_loop().time() + left_s

    def report(self) -> dict[str, object]:
        """Return what an operator wants to know, as JSON can hold it."""
        record = self._kept.record
        sent = record.sent
        failed = record.failed[-1] if record.failed else None
        return {
            "revision": None if sent is None else sent.revision,
            "digest": None if sent is None else sent.digest,
            "taken_at": None if sent is None else sent.taken_at,
            "on_trial": record.trial is not None,
            "next_trial_at": now() + left_s if (left_s := self._wait_left_s()) else None,
            "taken_back": None
            if failed is None
            else {"revision": failed.revision, "digest": failed.digest, "reason": failed.reason},
            "waiting": self._applier.waiting,
            "complaint": self.complaint,
        }

    def _use(self, choice: Choice, *, at_once: bool = False) -> list[str]:
        self.choice = choice
        _warn(choice)
        lines = self._applier.apply(choice.best.settings, at_once=at_once)
        if self.complaint:
            self._applier.runtime.dispatch(SettingsRead(usable=False))
        return lines

    def _keep_local(self, choice: Choice) -> None:
        local = as_texts(choice.local.sources)
        record = msgspec.structs.replace(choice.record, local=local)
        if local != self._kept.record.local:
            record = without_wait(record)  # what failed before may fit now
        self._kept.put(record)
        self._wait()

    def _complain(self, error: ConfigError) -> None:
        if str(error) != self.complaint:
            self.complaint = str(error)
            log.error("%s; the previous settings stay in force", error)
            self.on_complaint()
        self._applier.runtime.dispatch(SettingsRead(usable=False))

    def _wait_left_s(self) -> float:
        return max(0.0, self._next_trial_s - asyncio.get_running_loop().time())

    async def take(self, received: Received) -> None:
        """Try what a server sent, if it is new.

        Raises:
            ConfigError: Why it is not even tried.
        """
        remote, sent = self.remote, received.sent
        async with self._changing:
            record = self._kept.record
            if record.sent is not None and record.sent.text == sent.text:
                return
            over = self.choice.local, received.document, catalogue()
            best = await asyncio.to_thread(with_sent, *over)
            if self.remote != remote:  # another one may be believed now
                return
            if (reason := refusal(record, sent)) is not None:
                raise ConfigError(name_of(sent), reason)
            if self._wait_left_s():
                raise ConfigError(name_of(sent), _too_soon(record), "see `voiced status`")
            await self._propose(sent)
            self._use(replace(self.choice, best=best, refused=None))
            self._goes_back = False
            self._proposed.set()

    async def _propose(self, sent: Sent) -> None:
        before, health = self._kept.record, self._before
        if before.trial is None:
            health = self._sound_health()
        try:  # if it ends this process, the next one must know
            await self._kept.change(lambda record: propose(record, sent, ill_parts(health)))
        except NotSavedError as error:
            problem = f"is not tried, because it could not be reverted ({error})"
            hint = "free some space, or fix the disk"
            raise ConfigError(name_of(sent), problem, hint) from error
        self._before = health
        log.info("%s is tried", name_of(sent))

    async def _choose(self, found: Examined, record: Record) -> Choice:
        return await asyncio.to_thread(choose, found, record, catalogue(), now())

    async def _choose_again(self, record: Record) -> Choice:
        """Return what to run with, of the files as they were last read, if this machine still has what they need."""
        sources = self.choice.local.sources
        found = await asyncio.to_thread(examine_sources, sources, catalogue())
        return await self._choose(found, record)

    async def run(self) -> None:
        """Watch over every trial until cancelled; started again, over the one that goes on."""
        if not self._has_begun:
            self._begin()
        if self._kept.record.trial is not None or self._goes_back:
            self._proposed.set()
        while True:
            await self._proposed.wait()
            self._proposed.clear()
            await self._try()
            await self._go_back()

    async def _try(self) -> None:
        """Watch over what is tried, until it is kept or taken back. Something newer may take its place."""
        loop = asyncio.get_running_loop()
        trial, judged = None, None
        while (tried := self._kept.record.trial) is not None:
            if self.remote is None:
                async with self._changing:
                    self._kept.put(forget_trial(self._kept.record))
                return
            if judged is not tried and self._applier.is_settled:
                judged = tried
                if trial is None:
                    trial = Trial(loop.time(), self.remote.trial_s, self._before)
                else:
                    trial.go_on(loop.time())
            health = await self._health()
            if trial is not None and judged is tried:
                verdict = trial.judge(loop.time(), health)
                if verdict is not Verdict.WAIT and await self._end(tried, verdict, trial.reason):
                    return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _end(self, tried: Sent, verdict: Verdict, reason: str) -> bool:
        """Do what the verdict about what was tried says; tell whether that has ended its trial."""
        async with self._changing:
            record = self._kept.record
            if record.trial is not tried:
                return False
            if verdict is Verdict.KEEP:
                return await self._keep(tried)
            record = take_back(record, reason, now())
            choice = None
            with suppress(ConfigError):  # `_go_back` tells of it, and tries again
                choice = await self._choose_again(record)
            log.error("%s is reverted: %s", name_of(tried), reason)
            self._kept.put(record)
            self._wait()
            self._goes_back = choice is None
            if choice is not None:
                self._use(choice, at_once=True)
            return True

    async def _keep(self, tried: Sent) -> bool:
        """Keep what was tried; tell whether that is safe on the disk: until it is, the trial goes on."""
        if not self._kept.is_safe:
            return False
        try:
            await self._kept.change(keep)
        except NotSavedError as error:
            log.warning("%s works, but is not kept yet: %s", name_of(tried), error)
            return False
        log.info("%s works and is kept", name_of(tried))
        self._wait()
        return True

    async def _go_back(self) -> None:
        """Use what counts once a trial was taken back, if it could not be used at once.

        As long as that cannot be used, perhaps because a file is away, the device goes on with what it has.
        """
        hindrance = ""
        while self._goes_back and not self._proposed.is_set():
            async with self._changing:
                try:
                    choice = await self._choose_again(self._kept.record)
                except ConfigError as error:
                    hindrance = str(error)
                    self._complain(error)
                else:
                    self._goes_back = False
                    if self.complaint == hindrance:
                        self.complaint = ""
                    self._use(choice, at_once=True)
            if self._goes_back:
                await asyncio.sleep(LOOK_EVERY_S)

    async def _health(self) -> Health:
        sound = self._sound_health()
        reached = sound.reached
        if reached is False:  # without a network it is out of reach whatever the settings say
            reached = not await self._probes.server()
        return replace(sound, answers=await self._probes.status(), reached=reached)

    def _sound_health(self) -> Health:
        seen = self._applier.runtime.conversation
        return Health(
            hears=seen.microphone is None,
            speaks=seen.speaker is None,
            accepted=not (seen.refused or seen.update_refused),
            reached=True if seen.phase in AWAKE else False if seen.offline else None,
        )
