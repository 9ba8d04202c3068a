"""What a device keeps of its settings (record.py): a small machine, and its file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.config import record as rec
from voiced.config.record import MOST_STARTS, Record, Sent, Text
from voiced.host.record_file import FILE_NAME, RecordFile

ONE, TWO = Sent("revision: 1\n", 1), Sent("revision: 2\n", 2)
TEXT = Text("/etc/voiced/voiced.yaml", "version: 1\n")


def good(sent=ONE):
    return rec.keep(rec.propose(Record(), sent))


def test_what_is_tried_counts_until_it_is_kept_or_taken_back():
    tried = rec.propose(good(), TWO)
    assert tried.sent is TWO
    assert rec.keep(tried).sent is TWO
    back = rec.take_back(tried, "it is too loud")
    assert back.sent is ONE
    assert rec.refusal(back, TWO) == "it was tried before and taken back: it is too loud"
    assert rec.refusal(back, Sent("revision: 3\n", 3)) is None
    assert rec.take_back(back, "nothing is on trial") is back


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (Sent("a", 0), "older than 1"),
        (Sent("a", None), "has no revision"),
        (Sent("a", 1), None),
        (Sent("a", 2), None),
    ],
)
def test_a_serial_number_does_not_go_back(sent, told):
    found = rec.refusal(good(), sent)
    assert found is None if told is None else told in found


def test_without_serial_numbers_anything_goes():
    record = rec.propose(Record(), Sent("a"))
    assert record.highest is None
    assert rec.refusal(record, Sent("b")) is None


def test_what_the_daemon_does_not_survive_is_taken_back():
    record = rec.propose(good(), TWO)
    for _ in range(MOST_STARTS - 1):
        record = rec.started(record)
        assert record.sent is TWO
    record = rec.started(record)
    assert record.sent is ONE
    assert "did not survive" in rec.refusal(record, TWO)
    assert rec.started(record) is record


def test_to_stop_in_good_order_is_no_crash():
    record = rec.propose(Record(), ONE)
    for _ in range(10):
        record = rec.stopped(rec.started(record))
    assert record.sent is ONE


def test_only_so_many_failures_are_remembered():
    record = Record()
    for n in range(50):
        record = rec.take_back(rec.propose(record, Sent(f"{n}")), "no")
    assert len(record.failed) == rec.REMEMBERED_FAILURES
    assert record.failed[-1].digest == rec.digest("49")


def test_another_public_key_forgets_what_the_old_one_signed():
    record = rec.propose(Record(local=(TEXT,), settings_file="f"), TWO)
    other = rec.trusting(record, "RWQ")
    assert (other.sent, other.highest, other.local) == (None, None, (TEXT,))
    assert other.settings_file == "f"
    assert rec.trusting(other, "RWQ") is other


sents = st.builds(Sent, st.text(max_size=3), st.none() | st.integers(0, 5), st.just(0.0))
moves = st.lists(
    st.tuples(st.sampled_from(["propose", "keep", "take back", "start", "stop"]), sents),
    max_size=30,
)


@given(moves)
def test_whatever_happens_what_was_taken_back_never_counts_again(steps):
    record = Record()
    for move, sent in steps:
        if move == "propose" and rec.refusal(record, sent) is None:
            record = rec.propose(record, sent)
        elif move == "keep" and record.trial is not None:
            record = rec.keep(record)
        elif move == "take back":
            record = rec.take_back(record, "no")
        elif move == "start":
            record = rec.started(record)
        elif move == "stop":
            record = rec.stopped(record)
        if record.trial is not None:
            assert record.trial.digest not in {each.digest for each in record.failed}
        if record.sent is not None and record.sent.revision is not None:
            assert record.highest >= record.sent.revision
        assert rec.decode(rec.encode(record)) == record


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version":2}', b'{"local":7}', b"\xff"])
def test_a_file_that_holds_something_else_is_told_of_and_left(tmp_path, content, caplog):
    (tmp_path / FILE_NAME).write_bytes(content)
    kept = RecordFile(tmp_path, tmp_path / "voiced.yaml")
    assert kept.record == Record(settings_file=str(tmp_path / "voiced.yaml"))
    assert "beginning anew" in caplog.text


def test_what_is_written_is_there_at_the_next_start(tmp_path):
    path = tmp_path / "voiced.yaml"
    kept = RecordFile(tmp_path / "state", path)
    kept.write(rec.propose(kept.record, TWO))
    assert RecordFile(tmp_path / "state", path).record.trial == TWO
    assert RecordFile(tmp_path / "state", tmp_path / "other.yaml").record.trial is None


def test_a_disk_that_cannot_be_written_is_told_of_and_lived_with(tmp_path, caplog):
    (tmp_path / "state").write_text("no folder")
    kept = RecordFile(tmp_path / "state", tmp_path / "voiced.yaml")
    kept.write(rec.propose(kept.record, TWO))
    assert kept.record.trial == TWO
    assert "cannot be written" in caplog.text
