"""How a device introduces itself to Home Assistant over MQTT. Pure.

The payload is documented at https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload.
"""

import re
from typing import get_args

from voiced.api.mqtt_payloads import QOS, Device, Diagnostics, Json, Kind, Topics
from voiced.core.actions import Status

LONGEST_WORDS = 255  # of a `text` entity: Home Assistant allows no longer state

_ATTRIBUTES = (
    "{{ {'microphone': value_json.microphone, 'speaker': value_json.speaker, "
    "'phase': value_json.phase, 'since': value_json.since} | tojson }}"
)


def introduction(
    device: Device,
    topics: Topics,
    found: Diagnostics,
    page: str | None = None,
) -> Json:
    """Return the discovery payload of a device.

    Args:
        device: Which device.
        topics: Its topics.
        found: Its diagnostics: an unknown value gets no entity.
        page: The address of its page, if others can open it.
    """
    about = {
        "identifiers": [device.id],
        "name": device.name,
        "manufacturer": "voiced",
        "model": device.model,
        "sw_version": device.version,
    }
    if device.serial:
        about["serial_number"] = device.serial
    if page is not None:
        about["configuration_url"] = page
    return {
        "device": about,
        "origin": {"name": "voiced", "sw_version": device.version},
        "availability_topic": topics.availability,
        "qos": QOS,
        "components": {
            **_shown(device, topics),
            **_diagnosed(device, topics, found),
            **_steered(device, topics),
        },
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


def _diagnosed(device: Device, topics: Topics, found: Diagnostics) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "event": {
            **_entity(device, "event", "event", "Event"),
            "state_topic": topics.events,
            "event_types": [*get_args(Kind)],
            "icon": "mdi:account-voice",
        },
        "next_alarm": {
            **_entity(device, "sensor", "next_alarm", "Next alarm"),
            **_measured(topics, "next_alarm", "timestamp"),
            "icon": "mdi:alarm",
        },
        "started": {
            **_entity(device, "sensor", "started", "Started"),
            **_measured(topics, "started", "timestamp"),
            "entity_category": "diagnostic",
        },
    }
    if found.temperature is not None:
        shown["temperature"] = {
            **_entity(device, "sensor", "temperature", "Temperature"),
            **_measured(topics, "temperature", "temperature", "°C"),
            "entity_category": "diagnostic",
        }
    if found.wifi_dbm is not None:
        shown["wifi"] = {
            **_entity(device, "sensor", "wifi", "Wi-Fi signal"),
            **_measured(topics, "wifi", "signal_strength", "dBm"),
            "entity_category": "diagnostic",
        }
    return shown


def _measured(topics: Topics, key: str, kind: str, unit: str | None = None) -> Json:
    measured = {
        "state_topic": topics.diagnostics,
        "value_template": f"{{{{ value_json.{key} }}}}",
        "device_class": kind,
    }
    number = {"unit_of_measurement": unit, "state_class": "measurement"}
    return measured | (number if unit else {})


def _steered(device: Device, topics: Topics) -> dict[str, Json]:
    return {
        "mute": {
            **_entity(device, "switch", "mute", "Mute"),
            **_seen(topics, "'ON' if value_json.muted else 'OFF'"),
            "command_topic": topics.order("mute"),
            # Assist and "turn off everything" in an area leave entities of this category alone.
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
            **_seen(topics, "''"),  # empty again at once, instead of "unknown"
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
