"""The machine itself, and how findings are told."""

import errno
import os
import sys
import tempfile
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from voiced import RELEASED
from voiced.cli.doctor import as_document, in_words
from voiced.doctor import machine
from voiced.doctor.finding import Result, fail, fail_as, ok, skip, warn
from voiced.storage.atomic_file import set_aside
from voiced.storage.state_files import ALL_FILES


def test_a_card_that_may_not_be_opened_names_the_group():
    with tempfile.TemporaryDirectory() as folder:
        nodes = Path(folder)
        nodes.chmod(0o755)
        node = nodes / "pcmC0D0c"
        node.touch()
        assert machine.check_user(nodes).result is Result.OK
        node.chmod(0)
        was_root = os.geteuid() == 0
        try:
            if was_root:  # who may do everything
                os.seteuid(65_534)
            found = machine.check_user(nodes)
        finally:
            if was_root:
                os.seteuid(0)
    assert found.result is Result.FAIL
    assert "permission denied" in found.text
    assert "--groups audio" in found.fix


def test_where_there_are_no_sound_nodes_nothing_is_forbidden(tmp_path):
    assert machine.check_user(tmp_path / "none").result is Result.OK


@pytest.mark.parametrize(
    ("library", "result"),
    [
        (None, Result.FAIL),
        (SimpleNamespace(PCM=SimpleNamespace()), Result.FAIL),
        (SimpleNamespace(PCM=SimpleNamespace(info=1, avail=1)), Result.OK),
    ],
)
def test_a_sound_library_that_cannot_capture_is_found(monkeypatch, library, result):
    monkeypatch.setitem(sys.modules, "alsaaudio", library)
    assert machine.check_library().result is result


@pytest.mark.parametrize(("year", "result"), [(1970, Result.FAIL), (2040, Result.OK)])
def test_a_clock_from_before_this_program_is_wrong(year, result):
    assert machine.check_clock(date(year, 1, 1)).result is result
    assert machine.check_clock(date.fromisoformat(RELEASED)).result is Result.OK


def test_a_full_disk_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    found = machine.check_disk(tmp_path)
    assert (found.result, found.text.startswith("1 MB")) == (Result.FAIL, True)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_nothing_is_found_by_writing_something(tmp_path, monkeypatch, error):
    assert machine.check_disk(tmp_path).result is Result.OK
    assert list(tmp_path.iterdir()) == []

    def fsync(_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr("os.fsync", fsync)
    found = machine.check_disk(tmp_path)
    assert (found.result, os.strerror(error) in found.text) == (Result.FAIL, True)


def test_what_the_daemon_cannot_write_is_told_though_others_can(tmp_path):
    found = machine.check_disk(
        tmp_path, {"disk": {"failing": True, "reason": "Operation not permitted"}}
    )
    assert (found.result, "the daemon cannot write" in found.text) == (Result.FAIL, True)


@pytest.mark.parametrize("spec", ALL_FILES, ids=lambda spec: spec.name)
def test_what_was_set_aside_is_told_until_somebody_has_looked(tmp_path, spec):
    assert machine.check_state(tmp_path / "none").result is Result.OK
    (tmp_path / spec.name).write_text("nonsense")
    assert machine.check_state(tmp_path).result is Result.OK
    aside = set_aside(tmp_path / spec.name)
    found = machine.check_state(tmp_path)
    assert (found.result, aside.name in found.text) == (Result.WARN, True)
    aside.unlink()
    assert machine.check_state(tmp_path).result is Result.OK


def test_findings_are_lines_for_people_and_documents_for_programs():
    found = [ok("a", "well"), warn("b", "hm", "look"), fail("c", "no", "mend"), skip("d", "later")]
    assert [in_words(each)[:4] for each in found] == ["ok  ", "WARN", "FAIL", "-   "]
    assert in_words(found[2]).endswith("-> mend")
    document = as_document(found)
    assert document["version"] == 1
    assert document["ok"] is False
    assert document["checks"][1] == {"check": "b", "result": "warn", "text": "hm", "fix": "look"}
    assert as_document(found[:2])["ok"] is True


def test_an_errors_own_remedy_comes_first():
    assert fail_as("x", "broken; mend it", "else").fix == "mend it"
    assert fail_as("x", "broken", "else").fix == "else"
