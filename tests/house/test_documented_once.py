"""Everything that has a name people use is documented once: by a row of a table whose first cell is the name."""

import json
import re
import tomllib
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.house.markdown import blocks, named, rows
from tests.house.repository import ROOT, read, scripts
from voiced.api.home_assistant import introduction
from voiced.api.metrics import Metrics, Reading
from voiced.api.mqtt_payloads import (
    Device,
    Diagnostics,
    Happening,
    Topics,
    diagnostics,
    happening,
    state,
)
from voiced.config.schema import Settings
from voiced.core.actions import Status
from voiced.lib.sections import every_setting, settings_in
from voiced.tools import TOOLS

GUIDE_TO_MQTT = "config/mqtt.md"
DEVICE = Device("NAME", serial="ID")
FULL = Diagnostics(datetime.now(UTC), datetime.now(UTC), 50.0, -60)
"""Of a board that tells everything."""

STATUSES = [status.value for status in Status]
SIGHT = SimpleNamespace(
    **dict.fromkeys(("phase", "since", "muted", "volume", "microphone", "speaker", "version")),
    status="asleep",
)


def once(names):
    return Counter(dict.fromkeys(names, 1))


def test_every_setting_is_documented_once():
    assert Counter(named("Key", "Value", "Default", "Counts")) == once(
        ".".join(path) for path, _ in every_setting(Settings)
    )


def test_every_key_of_what_is_declared_by_name_is_documented_once():
    whole = [s.item.whole for s in settings_in(Settings) if s.item is not None and s.item.whole]
    assert len(whole) == 3
    assert sorted(named("Key", "Value", "Default", "Meaning")) == sorted(
        setting.key for section in whole for setting in settings_in(section)
    )


@pytest.mark.parametrize("heads", [("Status", "What it means"), ("Status", "Colour")])
def test_every_status_is_documented_once_and_has_one_pattern(heads):
    assert Counter(named(*heads)) == once(STATUSES)


def metrics():
    """Return the names of all figures with their labels, as a board tells them that has them all."""
    reading = Reading(
        revision=1,
        watchdog_margin_s=1.0,
        temperature=50.0,
        throttled=False,
        failures={"light": 1},
        refused={("page", "404"): 1},
    )
    metrics = Metrics(lambda: reading)
    metrics._tool_calls.labels("get_time", "returned")
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        if family.name.endswith("_created"):
            continue
        ending = "_total" if family.type == "counter" else ""
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        found[family.name + ending] = labels
    return found


def test_every_figure_is_documented_once_with_its_labels():
    documented = {
        re.sub("`", "", row.cells[0]): set(re.findall(r"`([^`]+)`", row.cells[1]))
        for row in rows("Metric")
    }
    assert documented == metrics()
    assert Counter(named("Metric")) == once(metrics())


def test_every_topic_is_documented_once():
    topics = Topics(DEVICE, "voiced", "homeassistant")
    every = {topics.availability, topics.state, topics.diagnostics, topics.events, topics.birth}
    every |= {topics.introduction.replace(DEVICE.id, "ID"), *topics.orders}
    assert Counter(named("Topic", "Direction")) == once(every)


def test_what_is_retained_is_said_to_be():
    topics = Topics(DEVICE, "voiced", "homeassistant")
    said = {
        row.cells[0].strip("`") for row in rows("Topic", "Direction") if "retained" in row.cells[1]
    }
    assert said == {topic.replace(DEVICE.id, "ID") for topic in topics.kept}


@pytest.mark.parametrize(
    ("heading", "payload"),
    [
        ("state", state(DEVICE, SIGHT, None)),
        ("diagnostics", diagnostics(FULL)),
        ("event", happening(Happening("conversation_started", "control"))),
    ],
)
def test_every_payload_is_shown_with_the_keys_that_it_has(heading, payload):
    _, section = read(GUIDE_TO_MQTT).split(f"### {heading}\n")
    shown = json.loads(section.split("```json\n")[1].split("```")[0])
    assert list(shown) == list(payload)


def test_every_entity_is_documented_once():
    topics = Topics(DEVICE, "voiced", "homeassistant")
    components = introduction(DEVICE, topics, FULL)["components"].values()
    entities = [
        (name.strip(), row.cells[1])
        for row in rows("Entity", "Kind")
        for name in row.cells[0].split(",")
    ]
    told = [(each["name"], each["platform"].replace("_", " ")) for each in components]
    assert Counter(entities) == once(told)


def test_every_built_in_tool_is_documented_once():
    assert Counter(named("Tool", "What it does")) == once(TOOLS)


def test_every_script_is_documented_once():
    assert Counter(named("Script", "What it does")) == once(
        f"scripts/{path.name}" for path in scripts()
    )


def test_every_suite_is_documented_once():
    suites = {
        path.parent.relative_to(ROOT).parts[1] for path in (ROOT / "tests").rglob("test_*.py")
    }
    assert Counter(named("Suite")) == once(f"tests/{suite}" for suite in suites)


def test_every_room_is_documented_once():
    voiced = ROOT / "daemon" / "voiced"
    rooms = {path.parent.name for path in voiced.glob("*/__init__.py")}
    files = {path.name for path in voiced.glob("*.py") if not path.name.startswith("__")}
    documented = [
        name
        for row in rows("Folder", "What lives there")
        for name in re.findall(r"^· `([\w.]+)`", row.cells[0])
    ]
    assert Counter(documented) == once(rooms | files)


def test_the_layers_are_those_of_the_contract():
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    sentences = [" ".join(code.split()) for code in blocks("daemon/README.md", "")]
    assert " > ".join(layers) in sentences
