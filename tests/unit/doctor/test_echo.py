"""Measuring an echo: on paths made here, and what is concluded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiced.audio.echo_measure import (
    PAUSE_S,
    RATE_HZ,
    EchoPath,
    as_pcm,
    from_pcm,
    measure,
    trial_sound,
)
from voiced.core.pcm import PcmFormat
from voiced.doctor.echo import SAFE_DB, TRIALS, TrialScore, judge_echo, paths, undisturbed
from voiced.doctor.sound_probe import Heard

BEGAN_S = 0.25


def through_a_room(delay_s, loss_db, noise=0.0, gain=1.0):
    """Return what a microphone captures of the test sound."""
    sound = trial_sound(gain) * 10 ** (-loss_db / 20)
    captured = np.zeros(sound.size + RATE_HZ)
    at = round((BEGAN_S + delay_s) * RATE_HZ)
    captured[at : at + sound.size] = sound
    return captured + np.random.default_rng(1).normal(0, noise, captured.size)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 0.5), st.floats(0.0, 40.0), st.sampled_from([0.5, 1.0]))
def test_delay_and_loss_are_found(delay_s, loss_db, gain):
    path = measure(through_a_room(delay_s, loss_db, 1e-6, gain), BEGAN_S, gain)
    assert path.heard
    assert path.delay_s == pytest.approx(delay_s, abs=0.001)
    assert path.loss_db == pytest.approx(loss_db, abs=0.5)


def test_an_echo_in_noise_is_found_and_the_noise_is_not_counted():
    path = measure(through_a_room(0.05, 20, noise=0.003), BEGAN_S, 1.0)
    assert path.heard
    assert path.loss_db == pytest.approx(20, abs=1.0)


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01])
def test_where_there_is_no_echo_none_is_heard(noise):
    path = measure(through_a_room(0.05, 400, noise), BEGAN_S, 1.0)
    assert not path.heard
    assert path.loss_db > 10


def test_a_recording_that_is_too_short_holds_no_echo():
    assert not measure(np.zeros(100), BEGAN_S, 1.0).heard


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_the_test_sound_survives_another_rate(rate_hz):
    back = from_pcm(as_pcm(trial_sound(1.0), rate_hz), rate_hz)
    path = measure(np.concatenate((np.zeros(4000), back)), 4000 / RATE_HZ, 1.0)
    assert path.heard
    assert path.delay_s == pytest.approx(0.0, abs=0.006)
    assert path.loss_db == pytest.approx(0.0, abs=1.0)


def test_the_test_sound_is_not_painful_and_ends():
    assert np.abs(trial_sound(1.0)).max() <= 0.26
    assert not trial_sound(1.0)[: round(PAUSE_S * RATE_HZ)].any()


def test_every_channel_is_measured_by_itself():
    rooms = [through_a_room(0.03, loss_db) for loss_db in (5, 40)]
    pcm = np.rint(np.stack(rooms, axis=1) * 32_767).astype("<i2").tobytes()
    heard = Heard("mic", format=PcmFormat(RATE_HZ, 2), pcm=pcm, began_s=100.0)
    played = Heard("speaker", began_s=100.0 + BEGAN_S)
    found = paths(heard, played, 1.0)
    assert [path.loss_db for path in found] == pytest.approx([5, 40], abs=1)


class SomeMixer:
    def set_volume(self, percent):
        self.percent = percent


def test_the_test_sound_is_as_loud_as_the_agent():
    scaled, mixed, mixer = TrialScore(50), TrialScore(50), SomeMixer()
    quiet, loud = scaled.pcm(16_000, None), mixed.pcm(16_000, mixer)
    assert (scaled.gain, mixed.gain, mixer.percent) == (0.125, 1.0, 50)
    assert np.abs(np.frombuffer(quiet, "<i2")).max() < np.abs(np.frombuffer(loud, "<i2")).max() / 7


def path(loss_db, heard=True):
    return EchoPath(0.04, loss_db, heard, 0.9)


@pytest.mark.parametrize(
    ("losses", "channel", "result", "says"),
    [
        ([45.0], 0, "ok", "barge-in is safe"),
        ([SAFE_DB], 0, "ok", "barge-in is safe"),
        ([25.0], 0, "warn", "may fail"),
        ([5.0], 0, "fail", "echo loop"),
        ([45.0, 10.0], 0, "ok", "barge-in is safe"),
        ([45.0, 10.0], 1, "fail", "35 dB more"),
        ([12.0, 10.0], 1, "fail", "echo loop"),
    ],
)
def test_the_verdict_is_one_line_with_the_channel_to_use(losses, channel, result, says):
    *channels, verdict = judge_echo([path(loss_db) for loss_db in losses], channel)
    assert [line.check for line in channels] == [f"echo {n}" for n in range(len(losses))]
    assert (verdict.check, verdict.result.value) == ("echo", result)
    assert says in verdict.text
    if "dB more" in says:
        assert verdict.fix == "set `audio.capture.channel: 0`"


def test_an_echo_nobody_heard_is_no_proof():
    *_, verdict = judge_echo([path(60.0, heard=False)], 0)
    assert "if you heard the test sound" in verdict.text


@pytest.mark.parametrize("fault", [{"xruns": 1}, {"slip_s": 0.005}])
@pytest.mark.parametrize("on_the_way_in", [True, False])
@pytest.mark.parametrize("n_disturbed", range(TRIALS + 1))
async def test_a_trial_in_which_sound_stumbled_is_repeated(n_disturbed, on_the_way_in, fault):
    disturbed = (Heard("mic", **fault), Heard("spk"))
    trials = [disturbed if on_the_way_in else disturbed[::-1]] * n_disturbed
    left = iter([*trials, *[(Heard("mic", slip_s=0.001), Heard("spk"))] * TRIALS])
    n_before = n_disturbed + TRIALS

    async def trial():
        return next(left)

    heard, played, lines = await undisturbed(trial)
    stumbled_to_the_end = n_disturbed == TRIALS
    assert (heard.xruns + played.xruns > 0 or heard.slip_s + played.slip_s > 0.004) is (
        stumbled_to_the_end
    )
    assert [line.check for line in lines] == ["echo trial"] * stumbled_to_the_end
    assert n_before - len(list(left)) == min(n_disturbed + 1, TRIALS)
