"""What a device keeps of its settings (history.py): a small machine, and its file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from voiced.config import history as rec
from voiced.config.history import MOST_STARTS, Record, Sent, Text
from voiced.storage.settings_store import RecordFile, last_record
from voiced.storage.state_files import SETTINGS
from voiced.storage.state_store import StateStore

ONE, TWO = Sent("revision: 1\n", 1), Sent("revision: 2\n", 2)
TEXT = Text("/etc/voiced/voiced.yaml", "version: 1\n")


def good(sent=ONE):
    return rec.keep(rec.propose(Record(), sent))


def test_what_is_tried_counts_until_it_is_kept_or_taken_back():
    tried = rec.propose(good(), TWO)
    assert tried.sent is TWO
    assert rec.keep(tried).sent is TWO
    back = rec.take_back(tried, "it is too loud", 0.0)
    assert back.sent is ONE
    assert rec.refusal(back, TWO) == "it was tried before and reverted: it is too loud"
    assert rec.refusal(back, Sent("revision: 3\n", 3)) is None
    assert rec.take_back(back, "nothing is on trial", 0.0) is back


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (Sent("a", 0), "older than 1"),
        (Sent("a", None), "has no revision"),
        (Sent("a", 1), "with different content"),
        (Sent(ONE.text, 1, taken_at=9.0), None),
        (Sent("a", 2), None),
    ],
)
def test_a_serial_number_goes_up_with_every_change(sent, told):
    older = good()
    for record in (older, replace(older, highest_digest=None)):  # as an older version wrote it
        found = rec.refusal(record, sent)
        assert found is None if told is None else told in found


def test_what_was_given_up_unjudged_may_be_tried_again_and_nothing_else_of_its_number():
    record = rec.forget_trial(rec.propose(good(), TWO))
    assert rec.refusal(record, TWO) is None
    assert "with different content" in rec.refusal(record, Sent("another", 2))
    assert "older than 2" in rec.refusal(record, ONE)


def test_without_serial_numbers_anything_goes():
    record = rec.propose(Record(), Sent("a"))
    assert record.highest is None
    assert rec.refusal(record, Sent("b")) is None


def test_what_the_daemon_does_not_survive_is_taken_back():
    record = rec.propose(good(), TWO)
    for _ in range(MOST_STARTS - 1):
        record = rec.started(record, 0.0)
        assert record.sent is TWO
    record = rec.started(record, 7.0)
    assert record.sent is ONE
    assert "did not survive" in rec.refusal(record, TWO)
    assert rec.started(record, 8.0) is record
    assert rec.wait_left_s(record, 7.0) == rec.FIRST_WAIT_S


def test_a_server_with_something_newer_at_every_start_gets_no_more_crashes_for_it():
    record = good()
    for n in range(2, 2 + MOST_STARTS):
        record = rec.started(rec.propose(record, Sent(f"{n}", n), ("hears",)), 0.0)
    assert record.trial is None
    assert record.sent is ONE
    assert record.n_failed == 1


def test_what_takes_the_place_of_a_trial_is_judged_by_how_it_was_before_that():
    record = rec.propose(rec.propose(good(), TWO, ("hears",)), Sent("3", 3), ("hears", "speaks"))
    assert record.ill == ("hears",)
    assert rec.propose(rec.keep(record), Sent("4", 4), ("speaks",)).ill == ("speaks",)


def failing(n):
    record = good()
    for i in range(n):
        record = rec.take_back(rec.propose(record, Sent(f"{i}", i + 2)), "no", 1000.0)
    return record


HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("n", "waits_h"), [(0, 0), (1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 24), (7, 24), (99, 24)]
)
def test_each_failure_in_a_row_makes_the_wait_twice_as_long_up_to_a_day(n, waits_h):
    record = failing(n)
    assert rec.wait_left_s(record, 1000.0) == waits_h * HOUR_S
    assert rec.wait_left_s(rec.decode(rec.encode(record)), 1000.0 + 60) == max(
        0, waits_h * HOUR_S - 60
    )


@pytest.mark.parametrize(
    ("now", "left_s"),
    [(1000.0 + HOUR_S, 0), (1e9, 0), (-1e9, HOUR_S), (0.0, HOUR_S)],
)
def test_a_clock_that_jumps_makes_no_wait_longer_than_it_ever_was(now, left_s):
    assert rec.wait_left_s(failing(1), now) == left_s


def test_what_is_good_ends_the_wait_and_a_word_of_the_owner_ends_only_this_one():
    let = rec.without_wait(failing(2))
    assert rec.wait_left_s(let, 1000.0) == 0
    again = rec.take_back(rec.propose(let, Sent("x", 9)), "no", 1000.0)
    assert rec.wait_left_s(again, 1000.0) == 4 * HOUR_S
    kept = rec.keep(rec.propose(again, Sent("y", 10)))
    assert rec.wait_left_s(kept, 1000.0) == 0
    assert rec.wait_left_s(
        rec.take_back(rec.propose(kept, Sent("z", 11)), "no", 1000.0), 1000.0
    ) == (HOUR_S)


@pytest.mark.parametrize("n_failed", [-1, 0, 2**62])
@pytest.mark.parametrize("failed_at", [-1e300, 0.0, 1e300])
def test_no_record_makes_a_device_wait_for_longer_than_a_day(n_failed, failed_at):
    record = Record(n_failed=n_failed, failed_at=failed_at)
    assert 0 <= rec.wait_left_s(record, 1.8e9) <= rec.LONGEST_WAIT_S


def test_to_stop_in_good_order_is_no_crash():
    record = rec.propose(Record(), ONE)
    for _ in range(10):
        record = rec.stopped(rec.started(record, 0.0))
    assert record.sent is ONE


def test_only_so_many_failures_are_remembered():
    record = Record()
    for n in range(50):
        record = rec.take_back(rec.propose(record, Sent(f"{n}")), "no", 0.0)
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
            record = rec.take_back(record, "no", 0.0)
        elif move == "start":
            record = rec.started(record, 0.0)
        elif move == "stop":
            record = rec.stopped(record)
        if record.trial is not None:
            assert record.trial.digest not in {each.digest for each in record.failed}
        if record.sent is not None and record.sent.revision is not None:
            assert record.highest >= record.sent.revision
            if record.highest == record.sent.revision:
                assert record.highest_digest == record.sent.digest
        assert rec.decode(rec.encode(record)) == record


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version":2}', b'{"local":7}', b"\xff"])
def test_a_file_that_holds_something_else_is_told_of_and_set_aside(tmp_path, content, caplog):
    (tmp_path / SETTINGS.name).write_bytes(content)
    fresh = Record(settings_file=str(tmp_path / "voiced.yaml"))
    assert last_record(tmp_path, tmp_path / "voiced.yaml") == fresh
    assert [each.name for each in tmp_path.iterdir()] == [SETTINGS.name]  # to look changes nothing
    kept = RecordFile(StateStore(tmp_path), tmp_path / "voiced.yaml")
    assert kept.record == fresh
    [aside] = tmp_path.iterdir()
    assert aside.read_bytes() == content
    assert aside.name in caplog.text


def test_what_is_written_is_there_at_the_next_start(tmp_path):
    path, store = tmp_path / "voiced.yaml", StateStore(tmp_path / "state")
    kept = RecordFile(store, path)
    kept.put(rec.propose(kept.record, TWO))
    store.flush()
    assert last_record(tmp_path / "state", path).trial == TWO
    assert RecordFile(StateStore(tmp_path / "state"), path).record.trial == TWO
    assert last_record(tmp_path / "state", tmp_path / "other.yaml").trial is None


def test_more_local_files_than_there_is_room_for_cost_only_themselves(tmp_path):
    store = StateStore(tmp_path)
    kept = RecordFile(store, tmp_path / "voiced.yaml")
    large = Text("large", "x" * SETTINGS.most_bytes)
    kept.put(rec.propose(rec.replace(kept.record, local=(large,)), TWO))
    store.flush()
    assert last_record(tmp_path, tmp_path / "voiced.yaml").trial == TWO
    assert not store.report.failing
