"""Changed settings: chosen, tried, kept or taken back."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from voiced.adopter import Adopter
from voiced.app import catalogue
from voiced.config.choice import Choice, choose, name_of, with_sent
from voiced.config.load import DROP_INS, Source, as_texts, secrets
from voiced.config.outside import RemoteSection
from voiced.config.record import Record, Sent, forget_trial, keep, propose, refusal, take_back
from voiced.core.events import SettingsRead
from voiced.core.state import AWAKE
from voiced.core.trial import Health, Trial, Verdict, health_without, ill_parts
from voiced.errors import ConfigError
from voiced.host.record_file import RecordFile

log = logging.getLogger(__name__)

Read = Callable[[], list[Source] | ConfigError]
"""Returns the device's own files, or why they cannot be read."""

LOOK_EVERY_S = 0.5
"""How often the daemon's health is looked at during a trial."""


def _nobody() -> None:
    pass


async def _always() -> bool:
    return True


async def _never() -> bool:
    return False


def _warn(choice: Choice) -> None:
    for warning in choice.best.warnings:
        log.warning("%s", warning)
    if choice.refused is not None:
        log.warning("what the server sent is not used: %s", choice.refused)


class Reconfigurer:
    """Follows the device's own files and what a server sends. Fills `Chore`.

    Args:
        path: The settings file.
        choice: What the daemon began with.
        kept: What is kept of earlier settings.
        adopter: What carries changes out.
        read: Reads the device's own files.
        answers: Tells whether whoever asks for the status is answered.

    Attributes:
        complaint: Why the device's own files as they are now are not used, if they are not.
        followed: Is called when the device's own files were read again.
        complained: Is called when there is another complaint.
        server_answers: Tells whether the network reaches the server that sends settings.
    """

    def __init__(
        self,
        path: Path,
        choice: Choice,
        kept: RecordFile,
        adopter: Adopter,
        read: Read,
        answers: Callable[[], Awaitable[bool]] = _always,
    ) -> None:
        self._path = path
        self._choice = choice
        self._kept = kept
        self._adopter = adopter
        self._read = read
        self._answers = answers
        self.complaint = ""
        self._before = health_without(kept.record.ill)
        self._proposed = asyncio.Event()
        self.followed: Callable[[], None] = _nobody
        self.complained: Callable[[], None] = _nobody
        self.server_answers: Callable[[], Awaitable[bool]] = _never
        if kept.record.trial is not None:
            self._proposed.set()

    def _begin(self) -> None:
        choice = self._choice
        _warn(choice)
        if choice.complaint is None:
            self._keep_local(choice)
        else:
            self._complain(choice.complaint)

    @property
    def remote(self) -> RemoteSection | None:
        """Where to ask for more settings; only the device's own files say so."""
        return self._choice.local.remote

    @property
    def device_name(self) -> str:
        """What the device is called."""
        return self._choice.local.device.name

    @property
    def record(self) -> Record:
        """What is kept of the settings."""
        return self._kept.record

    def paths(self) -> list[Path]:
        """Return the files that may change, folders whose files may change among them."""
        found = (secret.path() for _, secret in secrets(self._adopter.wanted))
        return [self._path, self._path.parent / DROP_INS, *filter(None, found)]

    def reread(self) -> list[str]:
        """Read the device's own files again, and use them if they can be used.

        Returns:
            The names of what has changed, a line for each reload class.
        """
        try:
            choice = choose(self._read(), self._kept.record, catalogue())
        except ConfigError as error:
            self._complain(error)
            return []
        if choice.complaint is not None:
            self._complain(choice.complaint)
            return []
        self.complaint = ""
        self._keep_local(choice)
        lines = self._use(choice)
        self.followed()
        return lines

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
            "taken_back": None
            if failed is None
            else {"revision": failed.revision, "digest": failed.digest, "reason": failed.reason},
            "waiting": self._adopter.waiting,
            "complaint": self.complaint,
        }

    def _use(self, choice: Choice, *, at_once: bool = False) -> list[str]:
        self._choice = choice
        _warn(choice)
        lines = self._adopter.want(choice.best.settings, at_once=at_once)
        if self.complaint:
            self._adopter.runtime.dispatch(SettingsRead(usable=False))
        return lines

    def _keep_local(self, choice: Choice) -> None:
        local = as_texts(choice.sources)
        self._kept.put(msgspec.structs.replace(choice.record, local=local))

    def _complain(self, error: ConfigError) -> None:
        if str(error) != self.complaint:
            self.complaint = str(error)
            log.error("%s; the settings from before stay", error)
            self.complained()
        self._adopter.runtime.dispatch(SettingsRead(usable=False))

    async def take(self, sent: Sent) -> None:
        """Try what a server sent, if it is new.

        Raises:
            ConfigError: Why it is not even tried.
        """
        record = self._kept.record
        if record.sent is not None and record.sent.text == sent.text:
            return
        with_sent(self._choice.sources, self._choice.local, sent, catalogue())
        if (reason := refusal(record, sent)) is not None:
            raise ConfigError(name_of(sent), reason)
        self._before = self._sound_health()
        self._kept.put(propose(record, sent, ill_parts(self._before)))
        await self._kept.settle()  # if it ends this process, the next one must know
        log.info("%s is tried", name_of(sent))
        self._use(choose(self._choice.sources, self._kept.record, catalogue()))
        self._proposed.set()

    async def run(self) -> None:
        """Watch over every trial until cancelled."""
        self._begin()
        while True:
            await self._proposed.wait()
            self._proposed.clear()
            await self._try()

    async def _try(self) -> None:
        """Watch over what is tried, until it is kept or taken back or something newer is tried."""
        loop = asyncio.get_running_loop()
        trial = None
        while self._kept.record.trial is not None and not self._proposed.is_set():
            remote = self.remote
            if remote is None:
                self._kept.put(forget_trial(self._kept.record))
                return
            if trial is None and self._adopter.is_settled:
                trial = Trial(loop.time(), remote.trial_s, self._before)
            health = await self._health()
            verdict = Verdict.WAIT if trial is None else trial.judge(loop.time(), health)
            if trial is not None and verdict is not Verdict.WAIT:
                self._end(verdict, trial.reason)
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def _end(self, verdict: Verdict, reason: str) -> None:
        record = self._kept.record
        name = "remote" if record.trial is None else name_of(record.trial)
        if verdict is Verdict.KEEP:
            log.info("%s is good and kept", name)
            self._kept.put(keep(record))
            return
        log.error("%s is taken back: %s", name, reason)
        self._kept.put(take_back(record, reason))
        sources = self._choice.sources
        self._use(choose(sources, self._kept.record, catalogue()), at_once=True)

    async def _health(self) -> Health:
        sound = self._sound_health()
        reached = sound.reached
        if reached is False:  # without a network it is out of reach whatever the settings say
            reached = not await self.server_answers()
        return replace(sound, answers=await self._answers(), reached=reached)

    def _sound_health(self) -> Health:
        now = self._adopter.runtime.conversation
        return Health(
            hears=now.microphone is None,
            speaks=now.speaker is None,
            accepted=not (now.refused or now.update_refused),
            reached=True if now.phase in AWAKE else False if now.offline else None,
        )
