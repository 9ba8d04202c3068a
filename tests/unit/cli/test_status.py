"""What `voiced status` prints."""

from voiced.cli.status import _lines

FOUND = {
    "name": "kitchen", "status": "asleep", "since": "2026-11-28T12:00:00.000+00:00", "microphone": None,
    "speaker": None, "muted": False, "volume": 70, "version": "0.1.0",
    "settings": {
        "revision": None, "digest": None, "waiting": [], "complaint": "", "server": {"error": ""}, "taken_back": None,
    },
}  # fmt: skip
WELL = {"failing": False, "reason": "", "since": None, "unwritten": [], "set_aside": []}


def test_a_disk_that_works_takes_no_line():
    assert _lines(FOUND) == _lines({**FOUND, "disk": WELL})  # the former from an older daemon
    assert not any(line.startswith("disk") for line in _lines(FOUND))


def test_a_disk_that_takes_nothing_is_shown_with_its_reason_and_what_waits():
    ill = {
        "failing": True,
        "reason": "Read-only file system",
        "since": "12:00",
        "unwritten": ["state.json"],
    }
    [line] = [
        each for each in _lines({**FOUND, "disk": {**WELL, **ill}}) if each.startswith("disk")
    ]
    assert "Read-only file system; still to write: state.json" in line


def test_what_was_set_aside_is_named():
    shown = _lines({**FOUND, "disk": {**WELL, "set_aside": ["alarms.json.broken-1"]}})
    assert any("alarms.json.broken-1" in line for line in shown)
