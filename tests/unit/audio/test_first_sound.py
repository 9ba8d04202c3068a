"""When the first audible frame of a reply leaves the speaker (playout.py)."""

import pytest

from tests.unit.audio.speaker import FakeSpeaker, tone
from voiced.audio.playout import Playout

RATE_HZ = 1000
PERIOD_FRAMES = 20


class Room:
    """A playout, its speaker, and how much had been heard when it told of a sound."""

    def __init__(self):
        self.told = []
        self.playout = Playout(RATE_HZ, lambda _: None, on_audible=self.audible)
        self.speaker = FakeSpeaker(self.playout)

    def audible(self, reply_id):
        self.told.append((reply_id, self.playout._played))

    def play(self, n_periods, **replies):
        for reply_id, pcm in replies.items():
            self.playout.accept(reply_id)
            self.playout.feed(reply_id, pcm, 0.0)
            self.playout.finish(reply_id)
        for _ in range(n_periods):
            self.speaker.tick()


def silence(n_frames):
    return bytes(2 * n_frames)


@pytest.mark.parametrize("n_silent", [0, 7, 20, 123])
def test_it_is_told_once_after_the_silence_that_leads(n_silent):
    room = Room()
    room.play(60, a=silence(n_silent) + tone(90, RATE_HZ))
    [(reply_id, played)] = room.told
    heard = bytes(room.speaker.heard)
    first = (len(heard) - len(heard.lstrip(b"\0"))) // 2
    assert reply_id == "a"
    assert first < played <= first + 2 * PERIOD_FRAMES


def test_every_reply_is_told_of_and_a_silent_one_is_not():
    room = Room()
    room.play(60, a=tone(50, RATE_HZ), b=silence(50), c=tone(50, RATE_HZ))
    assert [reply_id for reply_id, _ in room.told] == ["a", "c"]


def test_what_was_dropped_or_lost_with_its_speaker_is_not_told_of():
    room = Room()
    room.play(0, a=tone(50, RATE_HZ))
    room.playout.pull(2 * PERIOD_FRAMES)
    room.playout.drop("a")
    room.play(10)
    room.play(0, b=tone(50, RATE_HZ))
    room.playout.pull(2 * PERIOD_FRAMES)
    room.playout.restart(RATE_HZ)
    room.playout.played(1)
    assert room.told == []


def test_nobody_needs_to_listen():
    playout = Playout(RATE_HZ, lambda _: None)
    playout.accept("a")
    playout.feed("a", tone(50, RATE_HZ), 0.0)
    playout.finish("a")
    playout.pull(2 * PERIOD_FRAMES)
    playout.played(PERIOD_FRAMES)
