"""Commands from a broker. Payloads are never logged, as they may hold words to say."""

import asyncio
import logging
from collections.abc import Mapping

from voiced.api.device_control import DeviceControl
from voiced.api.mqtt_payloads import Order, wanted_mute, wanted_volume
from voiced.errors import RequestRefused
from voiced.lib.token_bucket import TokenBucket

log = logging.getLogger(__name__)

MOST_BYTES = 8 * 1024  # room for the longest text to say, in any script
ORDERS_PER_S = 10.0
BURST = 20.0

FIRST_LINES = 3  # of a repeated warning, before the limit of `LINE_EVERY_S`
LINE_EVERY_S = 60.0


class Orders:
    """Obeys commands, and logs once what it ignores.

    Args:
        topics: The command of each topic.
        control: Carries it out.
        may_unmute: Whether a command may unmute the microphone.
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
        """Return whether one more message may be handled now."""
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
        """Obey the command `payload` at `topic`.

        Args:
            topic: Where; unknown ones are not logged, as a broker could fill log and memory with them.
            payload: The command's value.
            is_kept: It is a retained message.
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
        """Log a command that is ignored: once, or each time within the rate limit."""
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
        """Mute (True), unmute (False) or toggle (None); RequestRefused if it may not unmute."""
        if muted is not True and self._control.device_state().muted and not self._may_unmute:
            raise RequestRefused(
                "the microphone can only be switched on at the device; `mqtt.unmute: true` lets others do it"
            )
        self._control.mute(muted)
