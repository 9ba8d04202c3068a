"""MQTT topics and payloads. They never hold what is said in a conversation. Pure."""

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
STATE = "state"  # the last level of the topic of a device's state

Order = Literal["talk", "end", "press", "mute", "volume", "say"]
ORDERS: tuple[Order, ...] = get_args(Order)  # each has a topic of its own

Kind = Literal["conversation_started", "conversation_ended", "alarm"]

IDLE = frozenset({Phase.ASLEEP, Phase.STOPPED})  # no conversation

# The statuses that show a problem in Home Assistant.
TROUBLES = frozenset(
    {
        Status.OFFLINE,
        Status.REJECTED,
        Status.CONFIGURATION_ERROR,
        *MICROPHONE_TROUBLES.values(),
        *SPEAKER_TROUBLES.values(),
    }
)
QOS = 1
SAME_MOMENT = timedelta(seconds=2)  # jitter of a moment that is computed from two clocks

_MUTES = {"on": True, "off": False, "toggle": None}
_PERCENTAGE = re.compile(r"[0-9]{1,3}(\.[0-9]{0,20})?")
_NO_ID = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Device:
    """The identity of a device.

    Attributes:
        name: Its name, part of its topics.
        serial: The serial number of its board, or another unique mark; None if there is none.
        model: Its model, for Home Assistant.
        version: Version of the program.
    """

    name: str
    serial: str | None = None
    model: str = "Voice agent"
    version: str = __version__

    @property
    def id(self) -> str:
        """Its permanent id: a device that is renamed stays the same device."""
        # Home Assistant keys its entities by this id, so it must never change.
        return f"voiced_{_NO_ID.sub('_', self.serial or self.name)}"


class Topics:
    """The topics of a device.

    Args:
        device: Which device.
        prefix: First level of its own topics.
        discovery: First level of Home Assistant's topics; None for no discovery.

    Attributes:
        availability: Whether it is online.
        state: The state of the device.
        diagnostics: The state of its board, and the next alarm.
        events: What happens.
        introduction: The discovery payload for Home Assistant; empty without discovery.
        birth: Where Home Assistant publishes that it has started; empty without discovery.
        orders: The command of each topic to which it listens.
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
        """The topics with retained messages."""
        told = (self.availability, self.state, self.diagnostics, self.introduction)
        return frozenset(filter(None, told))

    def order(self, name: Order) -> str:
        """Return the topic of a command."""
        return next(topic for topic, order in self.orders.items() if order == name)


def state(device: Device, device_state: DeviceState, revision: str | None) -> Json:
    """Return the payload of the state topic.

    Args:
        device: Which device; its id tells apart two of one name, which share the topic.
        device_state: Its state.
        revision: The revision of its settings, if a server sent them.
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
    """Return whether `payload`, from a broker, is a state of this device."""
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("id") == device.id


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """The state of a device's board, and the next alarm; None for what is unknown.

    Attributes:
        started: When the program started.
        next_alarm: When the next timer, alarm or reminder rings.
        temperature: Of the processor, in degrees Celsius.
        wifi_dbm: Strength of the Wi-Fi signal.
    """

    started: datetime | None = None
    next_alarm: datetime | None = None
    temperature: float | None = None
    wifi_dbm: int | None = None


def steady(found: Diagnostics, before: Diagnostics | None) -> Diagnostics:
    """Return `found` with the earlier moments where they differ only by clock jitter."""
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
    """Return the payload of the diagnostics topic."""
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
    """An event to publish.

    Attributes:
        kind: What happened.
        by: What woke the device, if anything did.
    """

    kind: Kind
    by: str | None = None


def happened(before: Conversation, event: Event | None, now: Conversation) -> Sequence[Happening]:
    """Return the events in one step of the conversation."""
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
    """Return the payload of an event."""
    return {"event_type": what.kind} | ({} if what.by is None else {"by": what.by})


def wanted_mute(payload: str) -> bool | None:
    """Return what to do: mute (True), unmute (False) or toggle (None).

    Raises:
        RequestRefused: If the payload is none of these.
    """
    try:
        return _MUTES[payload.strip().lower()]
    except KeyError:
        raise RequestRefused(f"not understood; use {', '.join(_MUTES)}") from None


def wanted_volume(payload: str) -> int:
    """Return the wanted volume, 0 to 100; fractions are rounded.

    Raises:
        RequestRefused: If the payload is no such number.
    """
    words = payload.strip()
    if _PERCENTAGE.fullmatch(words) is None or float(words) > 100:  # noqa: PLR2004 - it is what a percentage is
        raise RequestRefused("not understood; use 0 to 100")
    return round(float(words))
