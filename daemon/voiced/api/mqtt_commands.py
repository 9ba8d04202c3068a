"""What is ordered at a broker: read, and done. A payload may be what somebody says, and is never logged."""

import asyncio
import logging
from collections.abc import Mapping

from voiced.api.device_control import DeviceControl
from voiced.api.mqtt_payloads import Order, wanted_mute, wanted_volume
from voiced.errors import RequestRefused
from voiced.lib.token_bucket import TokenBucket

log = logging.getLogger(__name__)

MOST_BYTES = 8 * 1024
"""As many as the longest text to say may have, in any script."""

ORDERS_PER_S = 10.0
BURST = 20.0

FIRST_LINES = 3
LINE_EVERY_S = 60.0
"""Of what may be told again: as many at once, then one for each time that has passed."""


class Orders:
    """Does what is ordered, and says once what it does not do.

    Args:
        topics: What is ordered at which topic.
        control: Does it.
        may_unmute: Whether the microphone may be switched on.
    """

    def __init__(
        self, topics: Mapping[str, Order], control: DeviceControl, *, may_unmute: bool = False
    ) -> None:
        self._topics = topics
        self._control = control
        self._may_unmute = may_unmute
        self._told: set[tuple[str, str]] = set()
        self._lines = TokenBucket(FIRST_LINES, LINE_EVERY_S)
        self._crowds = TokenBucket(FIRST_LINES, LINE_EVERY_S)
        self._patience = TokenBucket(BURST, 1 / ORDERS_PER_S)
        self._crowded = False

    def has_patience(self) -> bool:
        """Tell whether one more message may be looked at now."""
        now_s = asyncio.get_running_loop().time()
        self._crowded = self._crowded and not self._patience.is_full(now_s)
        if self._patience.take(now_s) == 0:
            return True
        if not self._crowded:
            self._crowded = True
            level = logging.WARNING if self._crowds.take(now_s) == 0 else logging.DEBUG
            log.log(level, "mqtt.ignored: more than %g commands a second", ORDERS_PER_S)
        return False

    def take(self, topic: str, payload: bytes, *, is_kept: bool) -> None:
        """Do what `payload` says at `topic`.

        Args:
            topic: Where; at others nothing was asked for, and a broker could fill log and memory with them.
            payload: What.
            is_kept: The broker had it from before.
        """
        order = self._topics.get(topic)
        if order is None:
            return
        if is_kept:
            self.ignore(topic, "it was retained, so it may be old")
        elif len(payload) > MOST_BYTES:
            self.ignore(topic, f"more than {MOST_BYTES} bytes")
        else:
            try:
                self._do(order, payload.decode())
            except UnicodeDecodeError:
                self.ignore(topic, "not UTF-8")
            except RequestRefused as error:
                self.ignore(topic, str(error), each_time=order == "say")

    def ignore(self, topic: str, why: str, *, each_time: bool = False) -> None:
        """Tell of something that is not done: once, or each time as long as that fills no journal."""
        has_lines = each_time and self._lines.take(asyncio.get_running_loop().time()) == 0
        is_new = (topic, why) not in self._told
        self._told.add((topic, why))
        level = logging.WARNING if is_new or has_lines else logging.DEBUG
        log.log(level, "mqtt.ignored: %s: %s", topic, why)

    def _do(self, order: Order, payload: str) -> None:
        match order:
            case "talk":
                self._control.talk()
            case "end":
                self._control.end()
            case "press":
                self._control.press()
            case "mute":
                self._mute(wanted_mute(payload))
            case "volume":
                self._control.set_volume(wanted_volume(payload))
            case "say":
                self._control.say(payload)

    def _mute(self, muted: bool | None) -> None:  # noqa: FBT001 - it is the one argument
        """Switch the microphone off (True) or on, or over (None).

        Raises:
            RequestRefused: If that would let others hear what goes on without a hand on the device.
        """
        if muted is not True and self._control.device_state().muted and not self._may_unmute:
            raise RequestRefused(
                "the microphone can only be switched on at the device; `mqtt.unmute: true` lets others do it"
            )
        self._control.mute(muted)
