"""What Home Assistant is told of a device (home_assistant.py).

What it takes is written down here as the schemas of 2026.11 have it, which
`tests/home_assistant/test_schemas.py` holds against the real ones; see also
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload and the page of each
platform, like https://www.home-assistant.io/integrations/sensor.mqtt/.
"""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from voiced.api.device_control import DeviceState
from voiced.api.home_assistant import introduction
from voiced.api.mqtt_payloads import (
    IDLE,
    ORDERS,
    Device,
    Diagnostics,
    Happening,
    Topics,
    diagnostics,
    happened,
    happening,
    state,
    steady,
    wanted_mute,
    wanted_volume,
)
from voiced.core.actions import Status
from voiced.core.events import AlarmRang, SpeechStarted, Woken
from voiced.core.state import Conversation, Phase
from voiced.errors import RequestRefused

KITCHEN = Device("Kitchen-2.old", "10000000abcd", version="1.2.3")
TOPICS = Topics(KITCHEN, "voiced", "homeassistant")
SIGHT = DeviceState(
    version="1.2.3",
    name="kitchen",
    status="asleep",
    phase="asleep",
    since="2026-01-01T00:00:00.000+00:00",
    muted=False,
    volume=70,
    microphone=None,
    speaker=None,
    half_duplex=False,
)

TEXT, WHOLE, NUMBER, YES_OR_NO, TEXTS = str, int, (int, float), bool, list

AVAILABILITY = {
    "availability": TEXTS,
    "availability_mode": TEXT,
    "availability_template": TEXT,
    "availability_topic": TEXT,
    "payload_available": TEXT,
    "payload_not_available": TEXT,
}
SENT = {"qos": WHOLE, "encoding": TEXT, "message_expiry_interval": WHOLE}
SHARED = AVAILABILITY | SENT | {"command_topic": TEXT, "state_topic": TEXT}
ENTITY = (
    AVAILABILITY
    | SENT
    | {
        "group": TEXT,
        "visible_by_default": YES_OR_NO,
        "platform": TEXT,
        "unique_id": TEXT,
        "default_entity_id": TEXT,
        "name": TEXT,
        "icon": TEXT,
        "enabled_by_default": YES_OR_NO,
        "entity_category": TEXT,
        "entity_picture": TEXT,
        "json_attributes_template": TEXT,
        "json_attributes_topic": TEXT,
    }
)
SHOWN = {"state_topic": TEXT, "value_template": TEXT}
ORDERED = {"command_topic": TEXT, "retain": YES_OR_NO}
EXPIRING = {"expire_after": WHOLE, "force_update": YES_OR_NO}
PLATFORMS = {
    "sensor": SHOWN
    | EXPIRING
    | {
        "device_class": TEXT,
        "last_reset_value_template": TEXT,
        "options": TEXTS,
        "state_class": TEXT,
        "suggested_display_precision": WHOLE,
        "unit_of_measurement": TEXT,
    },
    "binary_sensor": SHOWN
    | EXPIRING
    | {"device_class": TEXT, "off_delay": WHOLE, "payload_off": TEXT, "payload_on": TEXT},
    "switch": SHOWN
    | ORDERED
    | {
        "command_template": TEXT,
        "device_class": TEXT,
        "optimistic": YES_OR_NO,
        "payload_off": TEXT,
        "payload_on": TEXT,
        "state_off": TEXT,
        "state_on": TEXT,
    },
    "number": SHOWN
    | ORDERED
    | {
        "command_template": TEXT,
        "device_class": TEXT,
        "max": NUMBER,
        "min": NUMBER,
        "mode": TEXT,
        "optimistic": YES_OR_NO,
        "payload_reset": TEXT,
        "step": NUMBER,
        "unit_of_measurement": TEXT,
    },
    "button": ORDERED | {"command_template": TEXT, "device_class": TEXT, "payload_press": TEXT},
    "notify": ORDERED | {"command_template": TEXT},
    "event": SHOWN | {"device_class": TEXT, "event_types": TEXTS},
    "text": SHOWN
    | ORDERED
    | {
        "command_template": TEXT,
        "max": WHOLE,
        "min": WHOLE,
        "mode": TEXT,
        "optimistic": YES_OR_NO,
        "pattern": TEXT,
    },
}
NEEDED = {
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "switch": {"command_topic"},
    "number": {"command_topic"},
    "button": {"command_topic"},
    "notify": {"command_topic"},
    "text": {"command_topic"},
    "event": {"state_topic", "event_types"},
}
ABOUT = {
    "configuration_url": TEXT,
    "connections": TEXTS,
    "hw_version": TEXT,
    "identifiers": (str, list),
    "manufacturer": TEXT,
    "model": TEXT,
    "model_id": TEXT,
    "name": TEXT,
    "serial_number": TEXT,
    "suggested_area": TEXT,
    "sw_version": TEXT,
    "via_device": TEXT,
}
ORIGIN = {"name": TEXT, "sw_version": TEXT, "support_url": TEXT}
UNITS = {"enum": None, "timestamp": None, "temperature": "°C", "signal_strength": "dBm"}
CLASSES = {"sensor": UNITS.keys(), "binary_sensor": {"problem"}}
"""Those of each platform that we use."""


def check_fields(fields, documented):
    for key, value in fields.items():
        assert key in documented, key
        right = documented[key]
        assert isinstance(value, right), key
        assert right is bool or not isinstance(value, bool), key
        assert value not in ("", []), key
        if key.endswith("_topic"):
            assert re.fullmatch(r"[^+#\0]+", value), key


def check_component(component):
    platform = component["platform"]
    check_fields(component, ENTITY | PLATFORMS[platform])
    assert NEEDED[platform] | {"unique_id"} <= component.keys()
    domain, _, name = component["default_entity_id"].partition(".")
    assert domain == platform
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name)
    assert component.get("entity_category", "diagnostic") in {"diagnostic", "config"}
    if platform in {"sensor", "binary_sensor"}:
        assert component.get("entity_category") != "config"
    if "device_class" in component:
        assert component["device_class"] in CLASSES[platform]
    if platform == "sensor" and "device_class" in component:
        unit = UNITS[component["device_class"]]
        assert component.get("unit_of_measurement") == unit
        assert ("state_class" in component) is (unit is not None)
    if "options" in component:
        assert component["device_class"] == "enum"
        assert not {"state_class", "unit_of_measurement"} & component.keys()
        assert len({*component["options"]}) == len(component["options"])
    if platform == "number":
        assert component["min"] < component["max"]
        assert component["step"] >= 0.001
    if platform == "text":
        assert 0 <= component.get("min", 0) < component["max"] <= 255
    if "icon" in component:
        assert re.fullmatch(r"mdi:[a-z0-9-]+", component["icon"])


def check_introduction(text):
    """Check a device's discovery payload as Home Assistant documents it."""
    whole = json.loads(text)
    check_fields(whole, SHARED | {"device": dict, "origin": dict, "components": dict})
    assert whole["qos"] in {0, 1, 2}
    check_fields(whole["device"], ABOUT)
    assert {"identifiers", "connections"} & whole["device"].keys()
    check_fields(whole["origin"], ORIGIN)
    assert "name" in whole["origin"]
    for key, component in whole["components"].items():
        assert re.fullmatch(r"[A-Za-z0-9_-]+", key)
        check_component(component)
        assert not component["name"].startswith(whole["device"]["name"])
    for key in ("unique_id", "default_entity_id", "name"):
        values = [component[key] for component in whole["components"].values()]
        assert len({*values}) == len(values), key


WARM = Diagnostics(datetime(2026, 1, 1, tzinfo=UTC), None, 51.25, -61)


def told(device=KITCHEN, topics=TOPICS, found=WARM, page=None):
    return json.loads(json.dumps(introduction(device, topics, found, page)))


@pytest.mark.parametrize("device", [KITCHEN, Device("voiced"), Device("9", "a b/c#")])
def test_the_introduction_is_what_home_assistant_documents(device):
    topics = Topics(device, "house/voices", "homeassistant")
    page = "https://kitchen.local:8080/"
    for found in (WARM, Diagnostics()):
        check_introduction(json.dumps(introduction(device, topics, found, page)))
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", topics.introduction)


def test_everything_wanted_is_introduced():
    whole = told()
    kinds = {key: component["platform"] for key, component in whole["components"].items()}
    assert kinds == {
        "status": "sensor",
        "problem": "binary_sensor",
        "settings": "sensor",
        "event": "event",
        "next_alarm": "sensor",
        "started": "sensor",
        "temperature": "sensor",
        "wifi": "sensor",
        "mute": "switch",
        "volume": "number",
        "talk": "button",
        "end": "button",
        "say": "notify",
        "words": "text",
    }
    assert whole["device"]["sw_version"] == "1.2.3"
    assert whole["components"]["status"]["options"] == [status.value for status in Status]
    assert whole["components"]["status"]["default_entity_id"] == "sensor.kitchen_2_old_status"
    for component in whole["components"].values():
        if "command_topic" in component:
            assert component["command_topic"] in TOPICS.orders


def test_a_device_with_a_serial_number_stays_the_same_under_another_name():
    renamed = replace(KITCHEN, name="hall")
    assert renamed.id == KITCHEN.id == "voiced_10000000abcd"
    before, after = told(), told(renamed, Topics(renamed, "voiced", "homeassistant"))
    for key, component in before["components"].items():
        assert component["unique_id"] == after["components"][key]["unique_id"]
    assert Device("kitchen").id == "voiced_kitchen"
    assert "serial_number" not in told(Device("kitchen"))["device"]


def test_every_template_finds_what_it_shows_in_the_state():
    now = state(KITCHEN, SIGHT, "r7")
    found = {TOPICS.state: now, TOPICS.diagnostics: diagnostics(WARM)}
    for component in told()["components"].values():
        if "value_template" in component:
            keys = re.findall(r"value_json\.(\w+)", component["value_template"])
            assert {*keys} <= found[component["state_topic"]].keys()
            assert len(keys) == (component["platform"] != "text")
        for key in re.findall(r"value_json\.(\w+)", component.get("json_attributes_template", "")):
            assert component["json_attributes_topic"] == TOPICS.state
            assert key in now


def test_what_a_board_does_not_tell_is_not_shown():
    assert told(found=Diagnostics())["components"].keys() == told()["components"].keys() - {
        "temperature",
        "wifi",
    }


def test_home_assistant_is_told_where_the_page_is():
    assert "configuration_url" not in told()["device"]
    assert told(page="http://kitchen.local:8080/")["device"]["configuration_url"] == (
        "http://kitchen.local:8080/"
    )


def test_diagnostics_are_moments_in_utc_and_numbers():
    alarm = datetime(2026, 7, 1, 9, 0, 0, 500, tzinfo=UTC).astimezone()
    assert diagnostics(replace(WARM, next_alarm=alarm)) == {
        "started": "2026-01-01T00:00:00+00:00",
        "next_alarm": "2026-07-01T09:00:00+00:00",
        "temperature": 51.2,
        "wifi": -61,
    }
    assert {*diagnostics(Diagnostics()).values()} == {None}


def test_a_clock_that_trembles_moves_no_moment():
    later = timedelta(seconds=1.5)
    before = replace(WARM, next_alarm=datetime(2026, 7, 1, tzinfo=UTC))
    found = Diagnostics(before.started + later, before.next_alarm - later, 60.0, -70)
    assert steady(found, before) == replace(before, temperature=60.0, wifi_dbm=-70)
    assert steady(found, None) == found
    moved = replace(found, started=before.started + 2 * later, next_alarm=None)
    assert steady(moved, before) == moved
    assert steady(before, moved) == before


@pytest.mark.parametrize("before", Phase)
@pytest.mark.parametrize("after", Phase)
def test_a_conversation_that_begins_or_ends_is_told(before, after):
    found = happened(Conversation(before), SpeechStarted(), Conversation(after))
    begins, ends = before in IDLE and after not in IDLE, before not in IDLE and after in IDLE
    kinds = ["conversation_started"] * begins + ["conversation_ended"] * ends
    assert [each.kind for each in found] == kinds


def test_an_event_says_who_woke_the_device_and_nothing_of_an_alarm():
    asleep, awake = Conversation(Phase.ASLEEP), Conversation(Phase.CONNECTING)
    assert [*map(happening, happened(asleep, Woken("button"), awake))] == [
        {"event_type": "conversation_started", "by": "button"}
    ]
    rang = AlarmRang("alarm-1", "Tell that the pizza is done.")
    assert [*map(happening, happened(asleep, rang, awake))] == [
        {"event_type": "alarm"},
        {"event_type": "conversation_started"},
    ]
    types = told()["components"]["event"]["event_types"]
    assert {"alarm", "conversation_started", "conversation_ended"} == {*types}
    assert happened(asleep, None, asleep) == []
    assert Happening("alarm").by is None


def test_assist_reaches_no_microphone_by_turning_everything_off():
    for component in told()["components"].values():
        if component["platform"] in {"switch", "light", "fan", "cover", "lock"}:
            assert component["entity_category"] == "config"


def test_the_state_holds_nothing_but_what_is_meant_for_everybody():
    assert state(KITCHEN, SIGHT, None) == {
        "id": KITCHEN.id,
        "status": "asleep",
        "problem": False,
        "phase": "asleep",
        "since": "2026-01-01T00:00:00.000+00:00",
        "muted": False,
        "volume": 70,
        "microphone": None,
        "speaker": None,
        "version": "1.2.3",
        "revision": None,
    }


@pytest.mark.parametrize("status", Status)
def test_whatever_somebody_should_see_to_is_a_problem(status):
    fine = {
        Status.BOOTING,
        Status.ASLEEP,
        Status.CONNECTING,
        Status.LISTENING,
        Status.HEARING,
        Status.THINKING,
        Status.SPEAKING,
        Status.MUTED,
        Status.STOPPING,
    }
    assert state(KITCHEN, replace(SIGHT, status=status.value), None)["problem"] is (
        status not in fine
    )


def test_topics_begin_with_prefix_and_name():
    topics = Topics(Device("kitchen", "42"), "house/voices", "ha")
    assert topics.availability == "house/voices/kitchen/availability"
    assert topics.state == "house/voices/kitchen/state"
    assert topics.diagnostics == "house/voices/kitchen/diagnostics"
    assert topics.events == "house/voices/kitchen/event"
    assert topics.birth == "ha/status"
    assert topics.introduction == "ha/device/voiced_42/config"
    assert topics.orders == {f"house/voices/kitchen/set/{order}": order for order in ORDERS}
    assert topics.order("say") == "house/voices/kitchen/set/say"
    silent = Topics(Device("kitchen"), "voiced", None)
    assert (silent.birth, silent.introduction) == ("", "")


@pytest.mark.parametrize(
    ("payload", "wanted"), [("ON", True), ("off\n", False), (" Toggle", None), ("on", True)]
)
def test_a_mute_is_understood_in_any_case(payload, wanted):
    assert wanted_mute(payload) is wanted


@pytest.mark.parametrize(("payload", "wanted"), [("0", 0), ("100", 100), ("35.0", 35), (" 7 ", 7), ("7.", 7), ("66.6", 67), ("99.9999", 100)])  # fmt: skip
def test_a_volume_is_understood_as_number(payload, wanted):
    assert wanted_volume(payload) == wanted


@pytest.mark.parametrize(
    "payload", ["", "secret", "101", "-1", "1e1", "100.1", "7" * 99, "nan", "٣", "1 0"]
)
@pytest.mark.parametrize("understand", [wanted_mute, wanted_volume])
def test_what_is_not_understood_is_not_repeated(understand, payload):
    with pytest.raises(RequestRefused) as caught:
        understand(payload)
    assert payload.strip() == "" or payload not in str(caught.value).replace("100", "")
