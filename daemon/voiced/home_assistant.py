"""How a device looks over MQTT, to Home Assistant and to whoever watches a fleet. Pure.

The configuration it introduces itself with is documented at
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload. Nothing that is said is
in any of it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from voiced import __version__
from voiced.core.actions import Status
from voiced.core.state import MICROPHONE_TROUBLES, SPEAKER_TROUBLES
from voiced.steering import CannotError, Sight

Json = Mapping[str, object]

ONLINE, OFFLINE = "online", "offline"
STATE = "state"
"""What the topic ends with at which a device tells how it fares."""

Order = Literal["talk", "end", "press", "mute", "volume", "say"]
ORDERS: tuple[Order, ...] = get_args(Order)
"""What a device can be told; each has a topic of its own."""

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
LONGEST_WORDS = 255
"""In a `text` entity: as long as any state of Home Assistant's may be."""

_ATTRIBUTES = (
    "{{ {'microphone': value_json.microphone, 'speaker': value_json.speaker, "
    "'phase': value_json.phase, 'since': value_json.since} | tojson }}"
)
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
        introduction: What it can do, for Home Assistant; empty for nobody.
        birth: Where Home Assistant says that it has started; empty for nowhere.
        orders: What it is told to do, by topic.
    """

    def __init__(self, device: Device, prefix: str, discovery: str | None) -> None:
        root = f"{prefix}/{device.name}"
        self.availability = f"{root}/availability"
        self.state = f"{root}/{STATE}"
        self.introduction = f"{discovery}/device/{device.id}/config" if discovery else ""
        self.birth = f"{discovery}/status" if discovery else ""
        self.orders: Mapping[str, Order] = {f"{root}/set/{order}": order for order in ORDERS}

    @property
    def kept(self) -> frozenset[str]:
        """Those at which a broker keeps what was told last."""
        return frozenset(filter(None, (self.availability, self.state, self.introduction)))

    def order(self, name: Order) -> str:
        """Return where one is told to do something."""
        return next(topic for topic, order in self.orders.items() if order == name)


def state(device: Device, sight: Sight, revision: str | None) -> Json:
    """Return how a device fares.

    Args:
        device: Which device: two of one name tell at the same topic.
        sight: What can be seen of it.
        revision: What its settings are called by the server that sent them.
    """
    return {
        "id": device.id,
        "status": sight.status,
        "problem": Status(sight.status) in TROUBLES,
        "phase": sight.phase,
        "since": sight.since,
        "muted": sight.muted,
        "volume": sight.volume,
        "microphone": sight.microphone,
        "speaker": sight.speaker,
        "version": sight.version,
        "revision": revision,
    }


def is_state_of(device: Device, payload: bytes) -> bool:
    """Tell whether `payload`, from a broker, is how this device fares."""
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("id") == device.id


def introduction(device: Device, topics: Topics) -> Json:
    """Return what Home Assistant must know to show and steer a device."""
    about = {
        "identifiers": [device.id],
        "name": device.name,
        "manufacturer": "voiced",
        "model": device.model,
        "sw_version": device.version,
    }
    if device.serial:
        about["serial_number"] = device.serial
    return {
        "device": about,
        "origin": {"name": "voiced", "sw_version": device.version},
        "availability_topic": topics.availability,
        "qos": QOS,
        "components": {**_shown(device, topics), **_steered(device, topics)},
    }


def _shown(device: Device, topics: Topics) -> dict[str, Json]:
    return {
        "status": {
            **_entity(device, "sensor", "status", "Status"),
            **_seen(topics, "value_json.status"),
            "json_attributes_topic": topics.state,
            "json_attributes_template": _ATTRIBUTES,
            "device_class": "enum",
            "options": [status.value for status in Status],
            "icon": "mdi:account-voice",
        },
        "problem": {
            **_entity(device, "binary_sensor", "problem", "Problem"),
            **_seen(topics, "'ON' if value_json.problem else 'OFF'"),
            "device_class": "problem",
            "entity_category": "diagnostic",
        },
        "settings": {
            **_entity(device, "sensor", "settings", "Settings revision"),
            **_seen(topics, "value_json.revision"),
            "entity_category": "diagnostic",
            "icon": "mdi:file-cog",
        },
    }


def _steered(device: Device, topics: Topics) -> dict[str, Json]:
    return {
        "mute": {
            **_entity(device, "switch", "mute", "Mute"),
            **_seen(topics, "'ON' if value_json.muted else 'OFF'"),
            "command_topic": topics.order("mute"),
            # Neither Assist nor "turn off everything" in an area reaches what is for setting up.
            "entity_category": "config",
            "icon": "mdi:microphone-off",
        },
        "volume": {
            **_entity(device, "number", "volume", "Volume"),
            **_seen(topics, "value_json.volume"),
            "command_topic": topics.order("volume"),
            "min": 0,
            "max": 100,
            "step": 1,
            "unit_of_measurement": "%",
            "icon": "mdi:volume-high",
        },
        "talk": {
            **_entity(device, "button", "talk", "Talk"),
            "command_topic": topics.order("talk"),
            "icon": "mdi:microphone-message",
        },
        "end": {
            **_entity(device, "button", "end", "End conversation"),
            "command_topic": topics.order("end"),
            "icon": "mdi:phone-hangup",
        },
        "say": {
            **_entity(device, "notify", "say", "Say"),
            "command_topic": topics.order("say"),
            "icon": "mdi:bullhorn",
        },
        "words": {  # a `notify` entity has no field to write into
            **_entity(device, "text", "words", "Words to say"),
            "command_topic": topics.order("say"),
            "max": LONGEST_WORDS,
            "icon": "mdi:bullhorn",
        },
    }


def _entity(device: Device, platform: str, key: str, name: str) -> Json:
    slug = re.sub(r"[^a-z0-9]+", "_", f"{device.name}_{key}".lower()).strip("_")
    return {
        "platform": platform,
        "unique_id": f"{device.id}_{key}",
        "default_entity_id": f"{platform}.{slug}",
        "name": name,
    }


def _seen(topics: Topics, expression: str) -> Json:
    return {"state_topic": topics.state, "value_template": f"{{{{ {expression} }}}}"}


def wanted_mute(payload: str) -> bool | None:
    """Return what to switch the microphone to: off (True), on, or over (None).

    Raises:
        CannotError: If that is not what the payload says.
    """
    try:
        return _MUTES[payload.strip().lower()]
    except KeyError:
        raise CannotError(f"not understood; use {', '.join(_MUTES)}") from None


def wanted_volume(payload: str) -> int:
    """Return how loud to be, 0 to 100; fractions are rounded.

    Raises:
        CannotError: If that is not what the payload says.
    """
    words = payload.strip()
    if _PERCENTAGE.fullmatch(words) is None or float(words) > 100:  # noqa: PLR2004 - it is what a percentage is
        raise CannotError("not understood; use 0 to 100")
    return round(float(words))
