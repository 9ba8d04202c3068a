import struct
from itertools import pairwise
from threading import Event, Thread

import pytest

from tests.unit.audio.speaker import FakeSpeaker, samples_in, tone
from voiced.audio.playout import MOST_REPLIES, Playout
from voiced.audio.start_threshold import FLOOR_MS, REPLIES_REMEMBERED, StartThreshold

RATE_HZ = 1000
PERIOD_BYTES = 40
START_PERIODS = 11  # 220 ms


class Rig:
    """A Playout, its speaker, and what it reported."""

    def __init__(self, **options):
        self.reports = 0
        self.playout = Playout(RATE_HZ, self.drained, **options)
        self.speaker = FakeSpeaker(self.playout)
        self.speaker.tick()

    def drained(self, _reply_id):
        self.reports += 1

    def reply(self, reply_id, pcm, *, finished=True):
        self.playout.accept(reply_id)
        self.playout.feed(reply_id, pcm, 0.0)
        if finished:
            self.playout.finish(reply_id)

    def tick(self, n_periods=1):
        for _ in range(n_periods):
            self.speaker.tick()

    @property
    def heard(self):
        return samples_in(self.speaker.heard)


@pytest.fixture
def rig():
    return Rig()


def test_a_finished_reply_is_heard_at_once_and_whole(rig):
    pcm = tone(90, RATE_HZ)
    rig.reply("a", pcm)
    assert any(rig.playout.pull(PERIOD_BYTES))
    rig.tick(10)
    assert rig.heard == samples_in(pcm)[20:]


def test_silence_pads_what_is_missing(rig):
    rig.reply("a", tone(5, RATE_HZ))
    assert rig.playout.pull(PERIOD_BYTES) == tone(5, RATE_HZ) + bytes(30)
    assert rig.playout.pull(PERIOD_BYTES) == bytes(PERIOD_BYTES)
    assert rig.playout.pull(6) == bytes(6)


def test_audio_of_a_reply_that_is_not_being_accepted_is_refused(rig):
    rig.playout.feed("a", tone(50, RATE_HZ), 0.0)
    rig.reply("a", b"")
    rig.playout.feed("a", tone(50, RATE_HZ), 0.0)
    rig.playout.accept("b")
    rig.playout.feed("a", tone(50, RATE_HZ), 0.0)
    assert rig.playout.queued_ms == 0
    rig.tick(20)
    assert rig.heard == []


def test_the_next_reply_plays_after_what_is_queued_of_the_last(rig):
    first, second = tone(90, RATE_HZ), tone(90, RATE_HZ, first=500)
    rig.reply("a", first)
    rig.reply("b", second)
    rig.tick(20)
    assert rig.heard == samples_in(first + second)


def test_a_reply_that_was_never_finished_is_when_the_next_is_accepted(rig):
    rig.reply("a", tone(90, RATE_HZ), finished=False)
    rig.reply("b", tone(90, RATE_HZ, first=500))
    rig.tick(20)
    assert rig.heard == samples_in(tone(90, RATE_HZ) + tone(90, RATE_HZ, first=500))
    assert rig.reports == 1


def test_accepting_the_same_reply_again_changes_nothing(rig):
    rig.reply("a", tone(90, RATE_HZ), finished=False)
    rig.playout.accept("a")
    rig.playout.feed("a", tone(90, RATE_HZ, first=500), 0.0)
    rig.playout.finish("a")
    rig.tick(20)
    assert rig.heard == samples_in(tone(90, RATE_HZ) + tone(90, RATE_HZ, first=500))


class TestDrained:
    def test_is_reported_once_when_the_last_frame_left_the_speaker(self, rig):
        rig.reply("a", tone(100, RATE_HZ))
        while len(rig.heard) < 100:
            assert rig.reports == 0
            rig.tick()
        assert rig.reports == 1
        rig.tick(50)
        assert rig.reports == 1

    def test_waits_for_the_agent_to_finish(self, rig):
        rig.reply("a", tone(300, RATE_HZ), finished=False)
        rig.tick(60)
        assert len(rig.heard) == 300
        assert rig.reports == 0
        rig.playout.finish("a")
        assert rig.reports == 1

    def test_is_reported_for_a_reply_without_sound(self, rig):
        rig.reply("a", b"")
        assert rig.reports == 1

    def test_of_a_reply_without_sound_waits_for_the_sound_before_it(self, rig):
        rig.reply("a", tone(100, RATE_HZ))
        rig.reply("b", b"")
        assert rig.reports == 0
        rig.tick(20)
        assert rig.reports == 1

    def test_is_not_reported_of_a_reply_that_another_followed(self, rig):
        rig.reply("a", tone(100, RATE_HZ))
        rig.playout.accept("b")
        rig.tick(50)
        assert rig.reports == 0
        rig.playout.finish("b")
        assert rig.reports == 1

    @pytest.mark.parametrize("reply_id", ["a", None])
    def test_is_not_reported_of_a_reply_that_was_dropped(self, rig, reply_id):
        rig.reply("a", tone(100, RATE_HZ))
        rig.playout.drop(reply_id)
        rig.playout.finish("a")
        rig.tick(50)
        assert rig.reports == 0

    def test_is_reported_when_what_was_before_it_is_dropped(self, rig):
        rig.reply("a", tone(1000, RATE_HZ))
        rig.reply("b", b"")
        assert not rig.playout.drop("a")
        rig.tick()
        assert rig.reports == 1

    @pytest.mark.parametrize("reply_id", ["b", "c"])
    def test_is_not_reported_for_finishing_what_is_not_accepted(self, rig, reply_id):
        rig.playout.finish(reply_id)
        rig.playout.accept("a")
        rig.playout.finish(reply_id)
        rig.tick(20)
        assert rig.reports == 0

    def test_is_reported_once_although_the_reply_is_finished_twice(self, rig):
        rig.reply("a", b"")
        rig.playout.finish("a")
        assert rig.reports == 1


class TestDrop:
    def test_forgets_the_queue_and_refuses_late_audio_for_ever(self, rig):
        rig.reply("a", tone(1000, RATE_HZ), finished=False)
        rig.tick(20)
        assert rig.playout.drop("a")
        rig.speaker.drop()
        n_heard = len(rig.heard)
        rig.playout.feed("a", tone(500, RATE_HZ), 0.0)
        rig.playout.accept("a")
        rig.playout.feed("a", tone(500, RATE_HZ), 0.0)
        rig.playout.finish("a")
        rig.tick(80)
        assert len(rig.heard) == n_heard
        assert rig.playout.queued_ms == 0

    def test_of_one_reply_leaves_the_others(self, rig):
        rig.reply("a", tone(100, RATE_HZ))
        rig.reply("b", tone(100, RATE_HZ, first=500))
        rig.reply("c", tone(100, RATE_HZ, first=1000))
        rig.playout.drop("b")
        rig.tick(30)
        assert rig.heard == samples_in(tone(100, RATE_HZ) + tone(100, RATE_HZ, first=1000))
        assert rig.reports == 1

    def test_of_everything_refuses_every_reply_it_knew(self, rig):
        rig.reply("a", tone(100, RATE_HZ))
        rig.reply("b", tone(100, RATE_HZ), finished=False)
        rig.playout.drop(None)
        for reply_id in ("a", "b"):
            rig.reply(reply_id, tone(100, RATE_HZ))
        rig.tick(20)
        assert rig.heard == []
        rig.reply("c", tone(100, RATE_HZ))
        rig.tick(20)
        assert len(rig.heard) == 100

    def test_of_a_reply_nobody_knew_yet_refuses_it(self, rig):
        assert not rig.playout.drop("a")
        rig.reply("a", tone(100, RATE_HZ))
        assert rig.playout.queued_ms == 0

    def test_tells_whether_the_speaker_may_still_hold_sound_of_it(self, rig):
        rig.reply("a", tone(30, RATE_HZ))
        rig.reply("b", tone(30, RATE_HZ))
        assert not rig.playout.drop("b")
        rig.tick()
        rig.playout.played(rig.speaker.position)
        assert rig.playout.drop("a")

    def test_of_a_reply_heard_out_needs_no_silencing(self, rig):
        rig.reply("a", tone(30, RATE_HZ), finished=False)
        rig.tick(40)
        assert not rig.playout.drop("a")


class TestHoldingBack:
    def test_sound_starts_when_the_threshold_has_passed_since_its_first_chunk(self, rig):
        rig.reply("a", tone(30, RATE_HZ), finished=False)
        for _ in range(START_PERIODS):
            assert not any(rig.playout.pull(PERIOD_BYTES))
        assert any(rig.playout.pull(PERIOD_BYTES))

    def test_sound_starts_when_enough_is_queued_before_the_newest_chunk(self, rig):
        rig.playout.accept("a")
        for number in range(START_PERIODS):
            rig.playout.feed("a", tone(20, RATE_HZ), number * 0.005)
            assert not any(rig.playout.pull(2))
        rig.playout.feed("a", tone(20, RATE_HZ), 0.055)
        assert any(rig.playout.pull(PERIOD_BYTES))

    def test_a_reply_that_waited_behind_another_has_waited(self, rig):
        rig.reply("a", tone(300, RATE_HZ))
        rig.reply("b", tone(50, RATE_HZ, first=500), finished=False)
        rig.tick(25)
        assert rig.heard == samples_in(tone(300, RATE_HZ) + tone(50, RATE_HZ, first=500))
        assert rig.playout.underruns == 0

    def test_after_an_underrun_sound_is_held_back_again_and_the_gap_is_counted(self, rig):
        rig.reply("a", tone(50, RATE_HZ), finished=False)
        rig.tick(30)
        assert rig.playout.underruns == 0, "nobody knows yet whether more will come"
        rig.playout.feed("a", tone(50, RATE_HZ), 0.6)
        assert rig.playout.underruns == 1
        assert not any(rig.playout.pull(PERIOD_BYTES))
        rig.playout.feed("a", tone(50, RATE_HZ), 0.62)
        assert rig.playout.underruns == 1
        rig.tick(START_PERIODS + 10)
        assert len(rig.heard) == 150

    def test_a_gap_that_follows_digital_silence_is_not_counted(self, rig):
        rig.reply("a", tone(20, RATE_HZ) + bytes(PERIOD_BYTES), finished=False)
        rig.tick(30)
        rig.playout.feed("a", tone(50, RATE_HZ), 0.6)
        assert rig.playout.underruns == 0

    def test_a_chunk_without_sound_does_not_end_a_gap(self, rig):
        rig.reply("a", tone(50, RATE_HZ), finished=False)
        rig.tick(30)
        rig.playout.feed("a", b"", 0.6)
        assert rig.playout.underruns == 0

    def test_the_pause_between_two_replies_teaches_the_threshold_nothing(self):
        start = StartThreshold()
        rig = Rig(start=start)
        for number in range(REPLIES_REMEMBERED):
            rig.playout.accept(str(number))
            rig.playout.feed(str(number), tone(20, RATE_HZ), number * 0.3)
        assert start.ms == FLOOR_MS

    def test_running_dry_at_the_end_of_a_reply_is_no_underrun(self, rig):
        rig.reply("a", tone(50, RATE_HZ), finished=False)
        rig.tick(30)
        rig.playout.finish("a")
        rig.reply("b", tone(50, RATE_HZ))
        rig.tick(30)
        assert rig.playout.underruns == 0


class TestCapacity:
    def test_what_is_too_much_is_dropped_and_counted_newest_first(self):
        rig = Rig(capacity_s=0.1)
        pcm = tone(150, RATE_HZ)
        rig.reply("a", pcm, finished=False)
        assert (rig.playout.queued_ms, rig.playout.dropped_ms) == (100, 50)
        rig.playout.feed("a", pcm, 0.0)
        assert (rig.playout.queued_ms, rig.playout.dropped_ms) == (100, 200)
        rig.tick(30)
        assert rig.heard == samples_in(pcm)[:100], "less than the threshold is heard all the same"

    def test_all_replies_share_it(self):
        rig = Rig(capacity_s=0.1)
        rig.reply("a", tone(80, RATE_HZ))
        rig.reply("b", tone(80, RATE_HZ))
        assert (rig.playout.queued_ms, rig.playout.dropped_ms) == (100, 60)


class TestVolume:
    def test_full_volume_is_bit_exact(self, rig):
        pcm = struct.pack("<20h", *range(-32768, 32768, 3277))
        rig.reply("a", pcm)
        assert rig.playout.pull(PERIOD_BYTES) == pcm

    @pytest.mark.parametrize(("volume", "level"), [(50, 2500), (80, 10240), (0, 0), (-5, 0)])
    def test_it_follows_a_cubic_law(self, rig, volume, level):
        rig.playout.volume = volume
        rig.tick()
        rig.reply("a", struct.pack("<20h", *[20_000, -20_000] * 10))
        assert struct.unpack("<20h", rig.playout.pull(PERIOD_BYTES)) == (level, -level) * 10
        assert rig.playout.volume == max(volume, 0)

    def test_there_is_nothing_above_full_volume(self, rig):
        rig.playout.volume = 200
        assert rig.playout.volume == 100

    def test_a_change_is_heard_in_the_next_period_and_moves_evenly(self, rig):
        rig.reply("a", struct.pack("<60h", *[20_000] * 60))
        rig.playout.pull(PERIOD_BYTES)
        rig.playout.volume = 50
        change = struct.unpack("<20h", rig.playout.pull(PERIOD_BYTES))
        after = struct.unpack("<20h", rig.playout.pull(PERIOD_BYTES))
        steps = {round((now - then) / 10) for then, now in pairwise(change)}
        assert (change[0], change[-1], set(after)) == (20_000, 2500, {2500})
        assert steps == {-92}

    def test_a_change_during_silence_is_complete_when_sound_starts(self, rig):
        rig.playout.volume = 50
        rig.tick()
        rig.reply("a", struct.pack("<2h", 20_000, 20_000))
        assert rig.playout.pull(4) == struct.pack("<2h", 2500, 2500)


class TestRestart:
    def test_queued_sound_is_kept_at_the_same_rate(self, rig):
        rig.reply("a", tone(500, RATE_HZ))
        rig.tick(5)
        held = len(samples_in(b"".join(rig.speaker.ring)))
        rig.playout.restart(RATE_HZ)
        rig.speaker.open()
        rig.tick(50)
        assert len(rig.heard) == 500 - held
        assert (rig.reports, rig.playout.dropped_ms) == (1, 0)

    def test_queued_sound_is_lost_at_another_rate(self, rig):
        rig.reply("a", tone(500, RATE_HZ))
        rig.tick()
        rig.playout.restart(2 * RATE_HZ)
        rig.speaker.open()
        assert rig.playout.rate_hz == 2 * RATE_HZ
        assert rig.playout.dropped_ms == 480
        rig.tick()
        assert (rig.reports, rig.playout.sounding) == (1, False)

    def test_sound_starts_over_behind_the_threshold(self, rig):
        rig.reply("a", tone(100, RATE_HZ), finished=False)
        rig.tick(START_PERIODS)
        rig.playout.restart(RATE_HZ)
        rig.speaker.open()
        assert not any(rig.playout.pull(PERIOD_BYTES))
        rig.playout.finish("a")
        assert any(rig.playout.pull(PERIOD_BYTES))
        assert rig.playout.underruns == 0


def test_it_sounds_from_the_first_chunk_until_the_last_frame_left_the_speaker(rig):
    assert not rig.playout.sounding
    rig.playout.accept("a")
    assert not rig.playout.sounding
    rig.playout.feed("a", tone(50, RATE_HZ), 0.0)
    rig.playout.finish("a")
    while len(rig.heard) < 50:
        assert rig.playout.sounding
        rig.tick()
    assert not rig.playout.sounding


def test_a_real_thread_may_pull_while_the_loop_feeds():
    drained, stop = Event(), Event()
    playout = Playout(RATE_HZ, lambda _reply_id: drained.set())
    heard = bytearray()

    def play():
        n_frames = 0
        while not stop.is_set():
            heard.extend(playout.pull(PERIOD_BYTES))
            n_frames += PERIOD_BYTES // 2
            playout.played(n_frames)

    thread = Thread(target=play, name="playback")
    thread.start()
    try:
        expected = []
        for number in range(40):
            playout.accept(f"reply {number}")
            for part in range(25):
                pcm = tone(30, RATE_HZ, first=750 * number + 30 * part)
                playout.feed(f"reply {number}", pcm, 0.03 * part)
                expected += samples_in(pcm)
        assert not drained.is_set()
        playout.finish("reply 39")
        assert drained.wait(10)
    finally:
        stop.set()
        thread.join()
    assert samples_in(heard) == expected
    assert not playout.sounding


def test_an_agent_that_begins_reply_after_reply_is_heard_from_the_first_on():
    playout = Playout(RATE_HZ, lambda _reply_id: None)
    for number in range(100_000):
        playout.accept(f"reply {number}")
        playout.feed(f"reply {number}", b"\1\1", 0.0)
    assert len(playout._replies) == MOST_REPLIES
    assert playout._replies[0].reply_id == "reply 0"
    assert playout.queued_ms == pytest.approx(MOST_REPLIES / RATE_HZ * 1000)
    assert playout.dropped_ms == pytest.approx((100_000 - MOST_REPLIES) / RATE_HZ * 1000)


def test_a_refused_id_may_be_used_again_after_refusals_are_forgotten():
    playout = Playout(RATE_HZ, lambda _reply_id: None)
    playout.accept("reply")
    playout.drop("reply")
    playout.accept("reply")
    playout.feed("reply", b"\1\1" * 480, 0.0)
    assert not playout.queued_ms
    playout.forget_refusals()
    playout.accept("reply")
    playout.feed("reply", b"\1\1" * 480, 0.0)
    assert playout.queued_ms


def test_the_report_names_the_reply_that_was_heard_out():
    heard_out = []
    playout = Playout(RATE_HZ, heard_out.append)
    for reply_id in ("a", "b"):
        playout.accept(reply_id)
        playout.finish(reply_id)
    assert heard_out == ["a", "b"]
