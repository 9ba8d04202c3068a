"""Where the log goes, and with which fields."""

import logging
import os

import pytest

from voiced.core.actions import Status
from voiced.host.journal import JournalHandler, SafeFormatter, StatusLog, goes_to_journal


class Journal(list):
    def __call__(self, message, **fields):
        self.append((message, fields))


@pytest.fixture
def journal():
    kept = Journal()
    handler = JournalHandler(kept)
    log = logging.getLogger("voiced")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield kept
    log.setLevel(before)
    log.removeHandler(handler)


def test_a_status_can_be_searched_for(journal):
    StatusLog().show(Status.LISTENING)
    ((message, fields),) = journal
    assert message == "status: listening"
    assert fields["VOICED_STATUS"] == "listening"
    assert fields["SYSLOG_IDENTIFIER"] == "voiced"
    assert fields["PRIORITY"] == 6


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3)],
)
def test_a_level_becomes_a_priority(journal, level, priority):
    logging.getLogger("voiced.test").log(level, "something")
    assert journal[0][1]["PRIORITY"] == priority


def test_no_other_field_leaves_the_process(journal):
    logging.getLogger("voiced.test").info("%s", "it", extra={"SESSION_ID": "s1", "secret": "x"})
    fields = journal[0][1]
    assert fields["SESSION_ID"] == "s1"
    assert set(fields) == {
        *("PRIORITY", "SYSLOG_IDENTIFIER", "LOGGER", "SESSION_ID"),
        *("CODE_FILE", "CODE_LINE", "CODE_FUNC"),
    }


FORGED = "said\x1b[2J\nFORGED 2026 INFO voiced: all is well\x9b\u202e"


@pytest.mark.parametrize(
    "layout", ["%(message)s", "%(asctime)s %(levelname)s %(name)s: %(message)s"]
)
def test_what_others_said_neither_forges_a_line_nor_steers_a_terminal(layout):
    formatter, log = SafeFormatter(layout), logging.getLogger("voiced.test")
    lines = []
    for args, error in (((FORGED,), None), ((), ValueError(FORGED))):
        exc_info = None if error is None else (ValueError, error, None)
        message = "the agent %s" if args else "broke"
        record = log.makeRecord("voiced", logging.INFO, "f", 1, message, args, exc_info)
        lines += formatter.format(record).split("\n")
    assert not any(line.startswith("FORGED") for line in lines)
    assert all(line.isprintable() for line in lines)
    assert r"said\u001b[2J\nFORGED" in lines[0]


def test_a_journal_that_fails_does_not_stop_the_program(monkeypatch, capsys):
    def fail(*_, **__):
        raise OSError("full")

    log = logging.getLogger("voiced.failing")
    handler = JournalHandler(fail)
    log.addHandler(handler)
    log.warning("something")
    log.removeHandler(handler)
    assert "full" in capsys.readouterr().err


def test_the_journal_is_used_if_standard_error_is_its_stream(monkeypatch, tmp_path):
    with (tmp_path / "err").open("w") as file:
        monkeypatch.setattr("sys.stderr", file)
        found = os.fstat(file.fileno())
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
        assert not goes_to_journal()
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert goes_to_journal()
        monkeypatch.setenv("JOURNAL_STREAM", "1:2")
        assert not goes_to_journal()
    assert not goes_to_journal()
