"""What the doctor tells of settings from a server (doctor/remote.py)."""

import pytest

from voiced.assembly.factory import catalogue
from voiced.config import history as rec
from voiced.config.history import Record, Sent
from voiced.config.load import examine
from voiced.doctor.remote import check_remote, effective

LOCAL = "version: 1\nagent: {url: 'ws://127.0.0.1:1/'}\n"
SERVER = "remote: {url: 'https://config.test/x'}\n"
GOOD = Sent("revision: 3\nlog: {level: error}\n", 3, 1_700_000_000.0)
BAD = Sent("revision: 4\n", 4)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "voiced.yaml"
    path.write_text(LOCAL + SERVER)
    return path


def told(path, record):
    examined = examine(path, catalogue())
    settings = effective(examined, record, examined.draft)
    return [(each.result.value, each.text) for each in check_remote(settings, record)]


def test_without_a_server_there_is_nothing_to_tell(path):
    path.write_text(LOCAL)
    assert told(path, Record()) == [("skip", "no server is set")]


@pytest.mark.parametrize(
    ("record", "findings"),
    [
        (Record(), [("warn", "the server has sent nothing that can be used")]),
        (Record(good=GOOD), [("ok", "remote revision 3, taken 2023-11-14 22:13 UTC, is kept")]),
        (
            rec.propose(Record(), GOOD),
            [("ok", "remote revision 3, taken 2023-11-14 22:13 UTC, is being tried")],
        ),
        (
            rec.take_back(rec.propose(Record(good=GOOD), BAD), "the agent refuses it", 0.0),
            [
                ("ok", "remote revision 3, taken 2023-11-14 22:13 UTC, is kept"),
                ("warn", "revision 4 was reverted: the agent refuses it"),
            ],
        ),
        (
            rec.keep(
                rec.propose(rec.take_back(rec.propose(Record(), Sent("x", 1)), "no", 0.0), GOOD)
            ),
            [("ok", "remote revision 3, taken 2023-11-14 22:13 UTC, is kept")],
        ),
    ],
)
def test_what_counts_and_what_was_taken_back_is_told(path, record, findings):
    assert told(path, record) == findings


def test_the_settings_looked_at_are_those_that_count(path):
    examined = examine(path, catalogue())
    assert effective(examined, Record(good=GOOD), examined.draft).log.level == "error"
    path.write_text("nonsense: 1\n")
    broken = examine(path, catalogue())
    assert effective(broken, Record(good=GOOD), broken.draft) is broken.draft
