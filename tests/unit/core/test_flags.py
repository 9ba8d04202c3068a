"""Facts that cross all phases: switches, devices, the device's own sounds."""

import dataclasses

import pytest

from tests.unit.core.test_conversation import after, talking
from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.actions import Status
from voiced.core.earcons import Earcon, Prompt
from voiced.core.gate import mic_gate_open
from voiced.core.state import AWAKE, Conversation, Phase, Policy, status_of
from voiced.errors import SoundFault

LISTENING = Conversation(phase=Phase.LISTENING)
HALF = Policy(barge_in=False)
HOLD = Policy(hold_to_talk=True)


def cues(orders):
    return [order for order in orders if isinstance(order, act.PlayEarcon)]


@pytest.mark.parametrize("phase", Phase)
def test_mute_is_switched_whatever_happens_and_heard(phase):
    now, orders = after(Conversation(phase=phase), ev.MuteToggled())
    assert now.muted
    assert cues(orders) == [act.PlayEarcon(Earcon.MUTED)]
    assert act.CloseMicrophone(closed=True) in orders
    now, orders = after(now, ev.MuteToggled())
    assert not now.muted
    assert cues(orders) == [act.PlayEarcon(Earcon.UNMUTED)]
    assert after(now, ev.MuteChanged(muted=False)) == (now, [])


@pytest.mark.parametrize("phase", Phase)
def test_the_volume_can_be_changed_whatever_happens(phase):
    now, orders = after(Conversation(phase=phase), ev.VolumeStepped(-5))
    assert orders == [act.ChangeVolume(-5), act.PlayEarcon(Earcon.VOLUME)]
    assert now.phase is phase


@pytest.mark.parametrize("phase", [Phase.CONNECTING, *AWAKE])
def test_in_hold_to_talk_the_gate_is_open_only_while_it_is_held(phase):
    now = Conversation(phase=phase, reply_id="r")
    assert not mic_gate_open(now, HOLD)
    now, orders = after(now, ev.TalkHeld(held=True), policy=HOLD)
    assert orders == [act.TellLeaving(leaving=True), act.SetMicGate(open=True)]
    _, orders = after(now, ev.TalkHeld(held=False), policy=HOLD)
    assert orders == [act.SetMicGate(open=False), act.TellLeaving(leaving=False)]


def test_holding_the_button_wakes_and_hushes_but_letting_go_ends_nothing():
    press = (ev.TalkHeld(held=True), ev.Woken("button", interrupts=True))
    now, orders = after(Conversation(), *press, policy=HOLD)
    assert now.phase is Phase.CONNECTING
    assert act.SetMicGate(open=True) in orders
    now, _ = after(talking(), *press, policy=HOLD)
    assert now.phase is Phase.LISTENING
    now, _ = after(now, ev.TalkHeld(held=False), policy=HOLD)
    assert now.phase is Phase.LISTENING


def test_muted_stays_muted_while_the_button_is_held():
    now, _ = after(LISTENING, ev.MuteToggled(), ev.TalkHeld(held=True), policy=HOLD)
    assert not mic_gate_open(now, HOLD)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (SoundFault.ABSENT, Status.NO_MICROPHONE),
        (SoundFault.BUSY, Status.MICROPHONE_BUSY),
        (SoundFault.STALLED, Status.MICROPHONE_STALLED),
        (SoundFault.SILENT, Status.MICROPHONE_SILENT),
    ],
)
def test_every_trouble_of_the_microphone_has_a_status_and_is_told_while_somebody_talks(
    fault, status
):
    now, orders = after(Conversation(), ev.MicrophoneChanged(fault))
    assert status_of(now) is status
    assert cues(orders) == []
    now, orders = after(LISTENING, ev.MicrophoneChanged(fault))
    assert cues(orders) == [act.PlayEarcon(Earcon.ERROR, Prompt.NO_MICROPHONE)]
    assert not mic_gate_open(now, Policy())
    now, orders = after(now, ev.MicrophoneChanged(fault), ev.PromptEnded())
    assert cues(orders) == []
    assert status_of(after(now, ev.MicrophoneChanged())[0]) is Status.LISTENING


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (SoundFault.ABSENT, Status.NO_SPEAKER),
        (SoundFault.BUSY, Status.SPEAKER_BUSY),
        (SoundFault.STALLED, Status.SPEAKER_STALLED),
    ],
)
def test_every_trouble_of_the_speaker_has_a_status(fault, status):
    assert status_of(after(LISTENING, ev.SpeakerChanged(fault))[0]) is status


def test_a_device_is_booting_until_both_directions_are_known():
    now = Conversation(microphone=SoundFault.UNOPENED, speaker=SoundFault.UNOPENED)
    assert status_of(now) is Status.BOOTING
    now, _ = after(now, ev.MicrophoneChanged())
    assert status_of(now) is Status.BOOTING
    assert status_of(after(now, ev.SpeakerChanged())[0]) is Status.ASLEEP
    assert status_of(after(now, ev.SpeakerChanged(SoundFault.ABSENT))[0]) is Status.NO_SPEAKER
    assert status_of(after(now, ev.Woken("button"))[0]) is Status.CONNECTING


def test_a_person_who_wakes_a_deaf_device_is_told_and_nobody_else():
    deaf = Conversation(microphone=SoundFault.STALLED)
    _, orders = after(deaf, ev.TalkPressed())
    assert cues(orders) == [act.PlayEarcon(Earcon.ERROR, Prompt.NO_MICROPHONE)]
    _, orders = after(deaf, ev.Woken("always", unattended=True))
    assert cues(orders) == []


def test_waking_and_ending_are_heard():
    now, orders = after(Conversation(), ev.TalkPressed(), ev.AgentReady("s"))
    assert cues(orders) == [act.PlayEarcon(Earcon.WAKE)]
    for end in (ev.TalkPressed(), ev.EndRequested(), ev.TimerFired("patience"), ev.SessionEnded()):
        assert cues(after(now, end)[1]) == [act.PlayEarcon(Earcon.END)]


def test_whoever_heard_that_we_are_offline_hears_that_we_are_back():
    gone = ev.LinkLost("gone")
    now, orders = after(Conversation(phase=Phase.HEARING, resume_key="s"), gone, gone)
    assert cues(orders) == [act.PlayEarcon(Earcon.OFFLINE, Prompt.OFFLINE)]
    _, orders = after(now, ev.PromptEnded(), ev.AgentReady("s"))
    assert cues(orders) == [act.PlayEarcon(Earcon.ONLINE)]
    now, orders = after(Conversation(phase=Phase.LISTENING, resume_key="s"), gone, gone)
    assert cues(orders) == []
    assert cues(after(now, ev.AgentReady("s"))[1]) == []


def test_no_prompt_reaches_the_agent():
    now, orders = after(Conversation(), ev.TalkPressed(), ev.LinkLost("gone"))
    assert orders.count(act.SetMicGate(open=False)) == 1
    assert act.SetMicGate(open=True) in after(now, ev.PromptEnded())[1]


@pytest.mark.parametrize("end", [ev.PlaybackDrained("r1"), ev.TalkPressed()])
def test_in_half_duplex_the_gate_stays_closed_for_a_tail_after_a_reply(end):
    now = talking()
    assert not mic_gate_open(now, HALF)
    now, orders = after(now, ev.ReplyDone("r1"), end, policy=HALF)
    assert act.SetMicGate(open=True) not in orders
    assert act.StartTimer("echo", HALF.echo_tail_s) in orders
    again, orders = after(now, ev.ReplyStarted("r2"), policy=HALF)
    assert act.CancelTimer("echo") in orders
    assert not again.echoing
    _, orders = after(now, ev.TimerFired("echo"), policy=HALF)
    assert orders[:2] == [act.TellLeaving(leaving=True), act.SetMicGate(open=True)]


def test_an_echo_makes_the_conversation_half_duplex_until_the_process_ends():
    now, orders = after(talking(), ev.EchoFound())
    assert act.SetMicGate(open=False) in orders
    assert cues(orders) == [act.PlayEarcon(Earcon.ERROR)]
    assert after(now, ev.EchoFound()) == (now, [])
    now, _ = after(now, ev.TalkPressed(), ev.TalkPressed(), ev.Woken("x"), ev.AgentReady("s"))
    assert now.half_duplex
    assert not mic_gate_open(after(now, ev.ReplyStarted("r2"))[0], Policy())


def test_a_reply_is_lowered_while_the_user_begins_to_speak():
    policy = Policy(duck=True)
    now, orders = after(talking(), ev.SpeechStarted(), policy=policy)
    assert orders == [act.Duck(lowered=True)]
    _, orders = after(now, ev.SpeechStopped(), policy=policy)
    assert orders == [act.Duck(lowered=False)]
    _, orders = after(now, ev.ReplyDone("r1", interrupted=True), policy=policy)
    assert act.Duck(lowered=False) in orders
    assert after(talking(), ev.SpeechStarted())[1] == []


@pytest.mark.parametrize("fault", [None, *SoundFault])
def test_a_light_says_that_sound_leaves_only_if_the_microphone_captures(fault):
    now = dataclasses.replace(LISTENING, microphone=SoundFault.ABSENT)
    _, orders = after(now, ev.MicrophoneChanged(fault))
    captures = fault in (None, SoundFault.UNOPENED, SoundFault.SILENT)
    assert (act.TellLeaving(leaving=True) in orders) is captures


@pytest.mark.parametrize("phase", Phase)
def test_settings_that_cannot_be_used_are_shown_until_they_can(phase):
    broken, _ = after(Conversation(phase=phase), ev.SettingsRead(usable=False))
    assert broken.misconfigured
    assert broken.phase is phase
    assert not after(broken, ev.SettingsRead())[0].misconfigured


@pytest.mark.parametrize("phase", Phase)
def test_only_who_is_awake_has_a_session_that_settings_can_make_stale(phase):
    now, _ = after(Conversation(phase=phase), ev.SettingsRead(renew=True))
    assert now.stale is (phase in AWAKE)
    assert after(now, ev.SettingsRead())[0].stale is now.stale


def test_what_the_agent_refused_stays_refused_until_something_else_is_sent():
    now, _ = after(LISTENING, ev.UpdateRefused())
    assert now.update_refused
    assert after(now, ev.SettingsRead(usable=False))[0].update_refused
    assert not after(now, ev.SettingsRead())[0].update_refused
