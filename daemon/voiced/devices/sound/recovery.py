"""Prepare sound cards that need it, and recover cards that fail."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from voiced.devices.sound.cards import ASOUND, Card, list_cards
from voiced.devices.sound.driver_calls import CLOSE_WITHIN_S, DriverCalls
from voiced.devices.sound.escalation import Escalation, EscalationStep
from voiced.devices.sound.hid import go_off_hook
from voiced.devices.sound.mixer import set_capture_gain
from voiced.devices.sound.selection import Choice
from voiced.devices.sound.usb_commands import Xvf3800, node_of
from voiced.errors import DeviceError, DeviceStuck, SoundFault, VoicedError

log = logging.getLogger(__name__)

Found = TypeVar("Found")


class OpenDevice(Protocol):
    """One open direction of a card.

    Attributes:
        periods: Periods moved.
    """

    periods: int

    def close(self) -> None:
        """Close it. Idempotent.

        Thread: any but the loop's, as closing can block.
        """


class CardRecovery:
    """Looks after the card of one direction, across all openings.

    Args:
        asound: The kernel's description of the cards.
        chip: Returns the control of an XVF3800, from its device file.
        off_hook: Tells a speakerphone, by its USB id, that a call is active.
        capture_gain: Sets the capture volumes of a card.
        calls: Makes the calls into its driver.
        gain: The capture volume in per cent, in place of the profile's.
    """

    def __init__(
        self,
        asound: Path = ASOUND,
        *,
        chip: Callable[[Path], Xvf3800] = Xvf3800,
        off_hook: Callable[[str], bool] = go_off_hook,
        capture_gain: Callable[[str, int], int] = set_capture_gain,
        calls: DriverCalls | None = None,
        gain: int | None = None,
    ) -> None:
        self._gain = gain
        self.calls = calls or DriverCalls()
        self.asound = asound
        self._chip = chip
        self._off_hook = off_hook
        self._capture_gain = capture_gain
        self._escalation = Escalation()
        self._told: set[str] = set()

    def prepare(self, choice: Choice) -> None:
        """Prepare the card for capture.

        Thread: any but the loop's.
        """
        card, profile = choice.name.card, choice.profile
        if card is None:
            return
        gain = profile.capture_gain if self._gain is None else self._gain
        if gain is not None:  # else keep what the owner set with alsamixer
            self._capture_gain(f"hw:CARD={card.id}", gain)
        if profile.off_hook and card.usb_id is not None:
            tell = partial(self._off_hook, card.usb_id)
            self._attempt("it cannot be told that a call is on", tell)
        if profile.oldest_firmware is not None:
            chip = self._chip(node_of(card.usb_bus))
            found = self._attempt("its firmware cannot be read", chip.version)
            if found is not None and found < profile.oldest_firmware:
                self._warn(
                    f"{profile.name} has firmware {_dotted(found)}; before "
                    f"{_dotted(profile.oldest_firmware)} it is known to stop capturing: update it"
                )

    @asynccontextmanager
    async def attend(
        self, device: OpenDevice, choice: Choice, period_s: float
    ) -> AsyncIterator[None]:
        """Close an open device on exit; if it failed, take the next step of recovery.

        Raises:
            DeviceError: If it failed; with the fault that was found.
            DeviceStuck: If nothing helped.
        """
        try:
            yield
        except DeviceError as error:
            await self._close(device, choice)
            raise await self.after(error, choice, device.periods * period_s) from error
        finally:
            await self._close(device, choice)

    async def _close(self, device: OpenDevice, choice: Choice) -> None:
        """Close it, but do not wait long: the next opening waits for it too, and reports a hang."""
        with suppress(DeviceError):
            await self.calls.call("closing", choice.name.pcm, device.close, within_s=CLOSE_WITHIN_S)

    async def after(self, error: DeviceError, choice: Choice, worked_s: float) -> VoicedError:
        """Take the next step of recovery on a failed card; return the error to raise.

        Args:
            error: How it failed.
            choice: The card.
            worked_s: How much sound it had moved since it was opened, in seconds.
        """
        fault = error.fault
        if fault is SoundFault.ABSENT and not worked_s and self._is_present(choice.name.card):
            fault = SoundFault.STALLED  # it is present and opens, but fails at once
        step = self._escalation.failed(fault, worked_s, reboots=choice.profile.reboots)
        if step is EscalationStep.GIVE_UP:
            return DeviceStuck(error.device, f"{error.problem}, again and again")
        if step is EscalationStep.REBOOT and choice.name.card is not None:
            log.warning("%s: restarting its chip", choice.profile.name)
            chip = self._chip(node_of(choice.name.card.usb_bus))
            reboot = partial(self._attempt, "its chip cannot be restarted", chip.reboot)
            try:
                await self.calls.call("restarting its chip", error.device, reboot)
            except DeviceError as hanging:
                return hanging
        return DeviceError(error.device, error.problem, error.hint, fault)

    def _is_present(self, card: Card | None) -> bool:
        return card is not None and card.id in {found.id for found in list_cards(self.asound)}

    def _attempt(self, problem: str, work: Callable[[], Found]) -> Found | None:
        try:
            return work()
        except OSError as error:
            self._warn(f"{problem} ({error.strerror or error})")
            return None

    def _warn(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            log.warning("sound card: %s", text)


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
