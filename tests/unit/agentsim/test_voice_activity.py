import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsim.sound import HEARING_HZ
from agentsim.voice_activity import VoiceDetector, VoiceDetectorSettings

DICE = np.random.default_rng(0)


def noise(seconds, level_db):
    amplitude = 32_768 * 10 ** (level_db / 20)
    return np.rint(DICE.normal(0, amplitude, int(seconds * HEARING_HZ))).astype(np.int16)


def facts(ear, *parts):
    """Feed in 10 ms chunks; return each fact with when it became certain."""
    found = []
    for index, chunk in enumerate(
        np.split(np.concatenate(parts), range(160, sum(map(len, parts)), 160))
    ):
        found += [(fact, round((index + 1) * 0.01, 2)) for fact in ear.feed(chunk)]
    return found


@pytest.mark.parametrize("room_db", [-90, -65, -50])
@pytest.mark.parametrize("voice_db", [-30, -12])
def test_speech_is_noticed_in_100_ms_and_its_end_in_650_ms(room_db, voice_db):
    ear = VoiceDetector(VoiceDetectorSettings())
    (started, stopped) = facts(ear, noise(3, room_db), noise(1, voice_db), noise(2, room_db))
    assert started[0] == "started"
    assert 3.08 <= started[1] <= 3.14
    assert stopped[0] == "stopped"
    assert 4.63 <= stopped[1] <= 4.70
    assert 0.95 <= ear.voiced_s <= 1.05
    assert len(ear.utterance()) / HEARING_HZ == pytest.approx(1 + 0.65 + 0.2, abs=0.1)


@pytest.mark.parametrize("level_db", [-90, -65, -55])
def test_a_quiet_room_is_never_speech(level_db):
    assert facts(VoiceDetector(VoiceDetectorSettings()), noise(10, level_db)) == []


def test_a_loud_fan_is_taken_for_speech_for_about_two_seconds_only():
    ear = VoiceDetector(VoiceDetectorSettings())
    (_started, stopped) = facts(ear, noise(10, -35))
    assert stopped[1] < 3.5


def test_a_click_is_not_speech():
    assert (
        facts(
            VoiceDetector(VoiceDetectorSettings()), noise(1, -80), noise(0.05, -10), noise(2, -80)
        )
        == []
    )


def test_an_offset_is_not_loudness():
    assert facts(VoiceDetector(VoiceDetectorSettings()), np.full(HEARING_HZ, 5000, np.int16)) == []


def test_pauses_within_a_sentence_do_not_end_it():
    ear = VoiceDetector(VoiceDetectorSettings())
    found = facts(ear, *[noise(0.4, -20), noise(0.5, -80)] * 4, noise(1, -80))
    assert [fact for fact, _ in found] == ["started", "stopped"]


@pytest.mark.parametrize(("threshold", "hears"), [(0.0, True), (0.5, False)])
def test_the_threshold_decides_how_quiet_speech_may_be(threshold, hears):
    ear = VoiceDetector(VoiceDetectorSettings(vad_threshold=threshold))
    assert bool(facts(ear, noise(1, -80), noise(1, -52), noise(1, -80))) is hears


def test_an_utterance_never_lasts_for_ever():
    parts = [part for _ in range(60) for part in (noise(0.4, -20), noise(0.4, -60))]
    assert [fact for fact, _ in facts(VoiceDetector(VoiceDetectorSettings()), *parts)][:2] == [
        "started",
        "stopped",
    ]


@given(st.lists(st.integers(1, 900), min_size=1, max_size=40))
def test_the_size_of_chunks_does_not_matter(sizes):
    heard = np.concatenate([noise(0.3, -80), noise(0.4, -20), noise(1, -80)])
    ears, found = (
        (VoiceDetector(VoiceDetectorSettings()), VoiceDetector(VoiceDetectorSettings())),
        ([], []),
    )
    found[0].extend(ears[0].feed(heard))
    for piece in np.split(heard, np.cumsum(sizes)):
        found[1].extend(ears[1].feed(piece))
    assert found[0] == found[1]
    assert np.array_equal(ears[0].utterance(), ears[1].utterance())
