"""A person presses, asks, hears, interrupts and mutes."""

import time

import numpy as np
import pytest

from tests.pi.home import read_speaker
from tests.pi.machine import BUTTON, HOLD_S, LIGHT

STORY = "tell me a long story"


def loud_s(samples):
    """Seconds in which something is heard."""
    pieces = samples[: len(samples) // 160 * 160].reshape(-1, 160).astype(float)
    return float((np.sqrt((pieces**2).mean(axis=1)) > 150).sum()) / 100


def words_in(samples):
    """What a recogniser with the sentences of the stand-in's users makes of it."""
    from agentsim.sphinx import Recogniser

    return Recogniser().recognise(samples, check=False)


def test_a_press_begins_a_conversation_and_the_answer_is_heard(installed):
    it = installed
    it.agent.start("--voice", "espeak", "--scenario", str(parrot(it)))
    it.fall_asleep()
    recording = it.folder / "answer.wav"
    it.pi.array.record(recording)
    pressed_s = it.pi.press()
    released_s = pressed_s + HOLD_S
    lit_s = it.pi.computer.pins.wait(LIGHT, high=True, since_s=pressed_s, within_s=5)
    connected = it.agent.wait("connected", pressed_s, 15)
    it.agent.wait("reply_audio", pressed_s, 15)
    time.sleep(2)
    it.wait_for("listening")
    it.say("what time is it")
    answer = it.agent.wait("reply_audio", pressed_s, 20, count=2)
    time.sleep(answer["audio_s"] + 1)
    it.wait_for("listening", within_s=20)
    it.pi.array.stop_recording()
    heard = read_speaker(recording)
    assert loud_s(heard) > 1
    it.measured(
        "press -> conversation -> answer",
        f"light {1000 * (lit_s - released_s):.0f} ms after the release, agent reached {connected['at_s'] - pressed_s:.2f} s "
        f"after pressing; {loud_s(heard):.1f} s of answers heard: {said_back(heard)!r}",
    )
    assert said_back(heard) == "tell me a joke"
    it.fall_asleep()


def parrot(it):
    """A scenario whose answer is a sentence that the recogniser knows, so that its words can be told."""
    path = it.folder / "parrot.yaml"
    path.write_text(
        "name: parrot\nturns:\n  - when: {turn: 1}\n    do:\n      - say: tell me a joke\n"
    )
    return path


def said_back(heard):
    """The words of the last thing that the speaker said."""
    pieces = heard[: len(heard) // 160 * 160].reshape(-1, 160).astype(float)
    loud = np.flatnonzero(np.sqrt((pieces**2).mean(axis=1)) > 150)
    gaps = np.flatnonzero(np.diff(loud) > 60)
    first = loud[gaps[-1] + 1] if len(gaps) else loud[0]
    return words_in(heard[max(0, first * 160 - 3200) : loud[-1] * 160 + 3200])


def test_speaking_over_a_reply_ends_it(installed):
    it = installed
    it.agent.start("--voice", "espeak", "--fault", "burst=4")  # seconds of it are queued here
    it.converse()
    it.wait_for("listening", within_s=20)
    it.say(STORY)
    it.wait_for("speaking", within_s=20)
    time.sleep(2)
    recording = it.folder / "barge-in.wav"
    started_s = it.pi.array.record(recording)
    since_s = time.time()
    it.say("what time is it", wait=False)
    event = it.agent.wait("interrupted", since_s, 10)
    time.sleep(1.0)
    it.pi.array.stop_recording()
    heard = read_speaker(recording)
    after = heard[int((event["at_s"] - started_s) * 16_000) :]
    silent_after_s = loud_s(after[:12_000])
    it.measured("barge-in", f"silent {1000 * silent_after_s:.0f} ms after the agent's interruption")
    assert silent_after_s <= 0.4
    it.fall_asleep()


def test_a_hold_mutes_and_nothing_reaches_the_agent(installed):
    it = installed
    it.agent.start("--voice", "espeak", "--fault", "silent-agent")
    it.converse()
    it.wait_for("listening", within_s=20)
    at_s = it.pi.computer.pins.drive(BUTTON, high=False)
    it.wait_for("muted")
    muted_s = time.time() - at_s
    it.pi.release()
    time.sleep(0.5)
    before = len(it.heard_by_agent())
    share, flashes = it.light_pattern(6.0)
    it.say(STORY)
    after = it.heard_by_agent()[before:]
    it.measured(
        "hold -> mute",
        f"muted {muted_s:.1f} s after pressing; then {len(after) / 24_000:.1f} s at the agent, loudest "
        f"sample {np.abs(after.astype(int)).max(initial=0)}; light on {share:.0%} of the time",
    )
    assert 1.4 <= muted_s <= 4
    assert not after.any()
    assert share < 0.5
    assert flashes in (1, 2)
    it.pi.press(hold_s=2.0)
    it.wait_for("listening", "asleep")
    it.fall_asleep()


@pytest.mark.full
def test_the_volume_follows_the_words_and_the_device_remembers_it(installed):
    it = installed
    it.agent.start("--voice", "espeak")
    it.converse()
    it.wait_for("listening", within_s=20)
    it.say("set the volume to fifty")
    it.pi.guest.until(
        lambda: '"volume": 50' in it.pi.guest("cat /var/lib/voiced/state.json"), 20, "the volume"
    )
    it.measured("volume by voice", "50 % asked for, set and remembered")
    it.fall_asleep()
