"""What the doctor tells of a daemon that runs: what fails in it, and why sound does (checks.py)."""

from voiced.config.load import Source, draft_of
from voiced.config.schema import Settings
from voiced.doctor.checks import _parts, _service
from voiced.doctor.machine import pins_of_daemon

FAULT = {"name": "mqtt", "reason": "no room", "failures": 3, "runs": False}


def told(daemon):
    return [(each.check, each.result.value, each.text) for each in _parts(daemon)]


def test_every_part_that_fails_is_told_of():
    assert told({"faults": [FAULT, {**FAULT, "name": "kiosk", "failures": 1}]}) == [
        ("parts", "warn", "mqtt: no room (failed 3 times)"),
        ("parts", "warn", "kiosk: no room (failed once)"),
    ]
    assert told({"faults": []}) == [("parts", "ok", "every part of the running daemon works")]
    assert told(None) == [("parts", "skip", "no daemon answers here")]


def test_the_cause_of_a_trouble_with_sound_is_told():
    daemon = {"microphone": "opening hangs", "speaker": None}
    finding = _service("no-microphone", daemon)
    assert finding.result.value == "fail"
    assert finding.text == "it is running, and says no-microphone (microphone: opening hangs)"
    assert _service("asleep", {}).result.value == "ok"


def pins(*faults):
    text = b"button: {pin: 17}\nbuttons: {mute: {pin: 24}}\nled: {pin: 25}\n"
    settings = draft_of([Source("f", text)])
    found = pins_of_daemon(settings, {"faults": [*faults]})
    return [(each.check, each.result.value, each.text, each.fix) for each in found]


def test_pins_are_as_the_daemon_that_holds_them_says():
    busy = {**FAULT, "name": "button on GPIO 24", "reason": "it is in use; another program uses it"}
    assert pins(FAULT, busy) == [
        ("button", "ok", "button on GPIO 17: the running daemon uses it", ""),
        (
            "button",
            "fail",
            "button on GPIO 24: it is in use",
            "another program uses it; it keeps trying",
        ),
        ("light", "ok", "light on GPIO 25: the running daemon uses it", ""),
    ]
    dark = {**FAULT, "name": "light on GPIO 25", "reason": "it broke"}
    assert pins(dark)[-1] == (
        "light",
        "fail",
        "light on GPIO 25: it broke",
        "it keeps trying",
    )


def test_a_device_without_pins_is_asked_for_none():
    assert [*pins_of_daemon(Settings(), {})] == []
