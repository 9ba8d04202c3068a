"""What a device tells over MQTT and is told: topics and payloads. Pure. Nothing that is said is in any of it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from voiced import __version__
from voiced.api.device_control import DeviceState
from voiced.core.actions import Status
from voiced.core.events import AlarmRang, Event, Woken
from voiced.core.state import MICROPHONE_TROUBLES, SPEAKER_TROUBLES, Conversation, Phase
from voiced.errors import RequestRefused

Json = Mapping[str, object]

ONLINE, OFFLINE = "online", "offline"
STATE = "state"
"""What the topic ends with at which a device tells how it fares."""

Order = Literal["talk", "end", "press", "mute", "volume", "say"]
ORDERS: tuple[Order, ...] = get_args(Order)
"""What a device can be told; each has a topic of its own."""

Kind = Literal["conversation_started", "conversation_ended", "alarm"]

IDLE = frozenset({Phase.ASLEEP, Phase.STOPPED})
"""There is no conversation."""

TROUBLES = frozenset(
    {
        Status.OFFLINE,
        Status.REJECTED,
        Status.CONFIGURATION_ERROR,
        *MICROPHONE_TROUBLES.values(),
        *SPEAKER_TROUBLES.values(),
    }
)
"""What somebody should see to."""

QOS = 1
SAME_MOMENT = timedelta(seconds=2)

_MUTES = {"on": True, "off": False, "toggle": None}
_PERCENTAGE = re.compile(r"[0-9]{1,3}(\.[0-9]{0,20})?")
_NO_ID = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Device:
    """Which device it is.

    Attributes:
        name: What it is called; its topics hold it.
        serial: The number of its board, or what else tells it from others; None if nothing does.
        model: What kind of thing it is.
        version: Of the program.
    """

    name: str
    serial: str | None = None
    model: str = "Voice agent"
    version: str = __version__

    @property
    def id(self) -> str:
        """What it is known by for good: a new name does not make it another device."""
        return f"voiced_{_NO_ID.sub('_', self.serial or self.name)}"


class Topics:
    """Where a device tells and is told.

    Args:
        device: Which device.
        prefix: What its own topics begin with.
        discovery: What those of Home Assistant begin with; None leaves it alone.

    Attributes:
        availability: Whether it is there.
        state: How it fares.
        diagnostics: How its board fares, and what rings next.
        events: What happens.
        introduction: What it can do, for Home Assistant; empty for nobody.
        birth: Where Home Assistant says that it has started; empty for nowhere.
        orders: What it is told to do, by topic.
    """

    def __init__(self, device: Device, prefix: str, discovery: str | None) -> None:
        root = f"{prefix}/{device.name}"
        self.availability = f"{root}/availability"
        self.state = f"{root}/{STATE}"
        self.diagnostics = f"{root}/diagnostics"
        self.events = f"{root}/event"
        self.introduction = f"{discovery}/device/{device.id}/config" if discovery else ""
        self.birth = f"{discovery}/status" if discovery else ""
        self.orders: Mapping[str, Order] = {f"{root}/set/{order}": order for order in ORDERS}

    @property
    def kept(self) -> frozenset[str]:
        """Those at which a broker keeps what was told last."""
        told = (self.availability, self.state, self.diagnostics, self.introduction)
        return frozenset(filter(None, told))

    def order(self, name: Order) -> str:
        """Return where one is told to do something."""
        return next(topic for topic, order in self.orders.items() if order == name)


def state(device: Device, device_state: DeviceState, revision: str | None) -> Json:
    """Return how a device fares.

    Args:
        device: Which device: two of one name tell at the same topic.
        device_state: What can be seen of it.
        revision: What its settings are called by the server that sent them.
    """
    return {
        "id": device.id,
        "status": device_state.status,
        "problem": Status(device_state.status) in TROUBLES,
        "phase": device_state.phase,
        "since": device_state.since,
        "muted": device_state.muted,
        "volume": device_state.volume,
        "microphone": device_state.microphone,
        "speaker": device_state.speaker,
        "version": device_state.version,
        "revision": revision,
    }


def is_state_of(device: Device, payload: bytes) -> bool:
    """Tell whether `payload`, from a broker, is how this device fares."""
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("id") == device.id


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """How a device's board fares, and what rings next; None for what nobody knows.

    Attributes:
        started: When the program began.
        next_alarm: When the next timer, alarm or reminder rings.
        temperature: Of the processor, in degrees Celsius.
        wifi_dbm: How strong the signal is.
    """

    started: datetime | None = None
    next_alarm: datetime | None = None
    temperature: float | None = None
    wifi_dbm: int | None = None


def steady(found: Diagnostics, before: Diagnostics | None) -> Diagnostics:
    """Return what was found, with the moments from before where they are the same but for a clock's trembling."""
    if before is None:
        return found
    return replace(
        found,
        started=_steady(found.started, before.started),
        next_alarm=_steady(found.next_alarm, before.next_alarm),
    )


def _steady(found: datetime | None, before: datetime | None) -> datetime | None:
    is_same = found is not None and before is not None and abs(found - before) < SAME_MOMENT
    return before if is_same else found


def diagnostics(found: Diagnostics) -> Json:
    """Return what was found, as JSON can hold it."""
    heat = found.temperature
    return {
        "started": _moment(found.started),
        "next_alarm": _moment(found.next_alarm),
        "temperature": None if heat is None else round(heat, 1),
        "wifi": found.wifi_dbm,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened.

    Attributes:
        kind: What.
        by: What woke the device, if something has.
    """

    kind: Kind
    by: str | None = None


def happened(before: Conversation, event: Event | None, now: Conversation) -> Sequence[Happening]:
    """Return what is to be told of a step of the conversation."""
    found: list[Happening] = []
    if isinstance(event, AlarmRang):
        found.append(Happening("alarm"))
    if before.phase in IDLE and now.phase not in IDLE:
        by = event.source if isinstance(event, Woken) else None
        found.append(Happening("conversation_started", by))
    elif before.phase not in IDLE and now.phase in IDLE:
        found.append(Happening("conversation_ended"))
    return found


def happening(what: Happening) -> Json:
    """Return something that happened, as JSON can hold it."""
    return {"event_type": what.kind} | ({} if what.by is None else {"by": what.by})


def wanted_mute(payload: str) -> bool | None:
    """Return what to switch the microphone to: off (True), on, or over (None).

    Raises:
        RequestRefused: If that is not what the payload says.
    """
    try:
        return _MUTES[payload.strip().lower()]
    except KeyError:
        raise RequestRefused(f"not understood; use {', '.join(_MUTES)}") from None


def wanted_volume(payload: str) -> int:
    """Return how loud to be, 0 to 100; fractions are rounded.

    Raises:
        RequestRefused: If that is not what the payload says.
    """
    words = payload.strip()
    if _PERCENTAGE.fullmatch(words) is None or float(words) > 100:  # noqa: PLR2004 - it is what a percentage is
        raise RequestRefused("not understood; use 0 to 100")
    return round(float(words))
