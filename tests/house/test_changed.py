"""What a change asks to be tested: its room, what imports it, and nothing that could not notice."""

import pytest

from tests.changed import ALWAYS, SUITES, asked_for, room_of

PAGE = "daemon/voiced/api/page/page.css"


@pytest.mark.parametrize(
    ("changed", "among_them", "not_among_them"),
    [
        ("README.md", set(), {"tests/flows", "tests/unit/core/test_flags.py"}),
        (PAGE, {"tests/browser"}, {"tests/devices/test_capture.py"}),
        (
            "daemon/voiced/audio/g711.py",
            {"tests/flows", "tests/unit/audio/test_g711.py"},
            {"tests/wire/test_mqtt.py", "tests/unit/config/test_load.py"},
        ),
        (
            "daemon/voiced/config/load.py",
            {"tests/unit/config/test_load.py", "tests/unit/doctor/test_machine.py"},
            {"tests/devices/test_capture.py"},
        ),
        (
            "daemon/agentsim/assemblyai/server.py",
            {"tests/wire/test_agentsim_assemblyai.py"},
            {"tests/unit/core/test_flags.py"},
        ),
        ("tests/unit/core/test_flags.py", {"tests/unit/core/test_flags.py"}, {"tests/flows"}),
        ("tests/wire/fault_proxy.py", {"tests/wire/test_link_faults.py"}, {"tests/flows"}),
        ("tests/browser/conftest.py", {"tests/browser"}, {"tests/flows"}),
        ("tests/conftest.py", set(SUITES), set()),
    ],
)
def test_a_change_asks_for_what_could_notice_it(changed, among_them, not_among_them):
    chosen = set(asked_for({changed}))
    assert {ALWAYS} | among_them <= chosen
    assert not not_among_them & chosen


def test_what_stands_behind_something_else_counts():
    assert "tests/wire/test_kiosk.py" in asked_for({"tests/whole.py"})


@pytest.mark.parametrize(
    ("module", "room"),
    [("voiced.audio.g711", "voiced.audio"), ("voiced.errors", "voiced.errors")],
)
def test_a_room_is_a_package_or_a_module_beside_the_packages(module, room):
    assert room_of(module) == room
