"""Facts that apply in every phase and change none: the user's switches, the state of the devices."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.earcons import Earcon, Prompt
from voiced.core.events import Event
from voiced.core.state import AWAKE, MICROPHONE_TROUBLES, Conversation, Phase, Step


def _mute(now: Conversation, event: ev.MuteChanged) -> Step:
    if event.muted == now.muted:
        return now, ()
    earcon = Earcon.MUTED if event.muted else Earcon.UNMUTED
    after = replace(now, muted=event.muted)
    return after, (act.CloseMicrophone(event.muted), act.PlayEarcon(earcon))


def _toggle_mute(now: Conversation, _event: ev.MuteToggled) -> Step:
    return _mute(now, ev.MuteChanged(muted=not now.muted))


def _hold(now: Conversation, event: ev.TalkHeld) -> Step:
    return replace(now, held=event.held), ()


def _step_volume(now: Conversation, event: ev.VolumeStepped) -> Step:
    return now, (act.ChangeVolume(event.change), act.PlayEarcon(Earcon.VOLUME))


def _prompt_ended(now: Conversation, _event: ev.PromptEnded) -> Step:
    return replace(now, prompting=False), ()


def _echo(now: Conversation, _event: ev.EchoFound) -> Step:
    if now.half_duplex:
        return now, ()
    return replace(now, half_duplex=True), (act.PlayEarcon(Earcon.ERROR),)


def _microphone(now: Conversation, event: ev.MicrophoneChanged) -> Step:
    after = replace(now, microphone=event.fault)
    is_news = event.fault in MICROPHONE_TROUBLES and now.microphone not in MICROPHONE_TROUBLES
    if is_news and now.phase in (Phase.CONNECTING, *AWAKE) and not now.refused and not now.offline:
        after = replace(after, prompting=True)
        return after, (act.PlayEarcon(Earcon.ERROR, Prompt.NO_MICROPHONE),)
    return after, ()


def _speaker(now: Conversation, event: ev.SpeakerChanged) -> Step:
    return replace(now, speaker=event.fault), ()


def _settings(now: Conversation, event: ev.SettingsRead) -> Step:
    stale = now.stale or (event.renew and now.phase in AWAKE)
    # Invalid settings are never sent, so they do not replace the ones that the agent refused.
    refused = now.update_refused and not event.usable
    after = replace(now, misconfigured=not event.usable, stale=stale, update_refused=refused)
    return after, ()


def _refuse_update(now: Conversation, _event: ev.UpdateRefused) -> Step:
    return replace(now, update_refused=True), ()


FLAGS: dict[type[Event], Callable[[Conversation, Any], Step]] = {
    ev.MuteChanged: _mute,
    ev.MuteToggled: _toggle_mute,
    ev.TalkHeld: _hold,
    ev.VolumeStepped: _step_volume,
    ev.PromptEnded: _prompt_ended,
    ev.EchoFound: _echo,
    ev.MicrophoneChanged: _microphone,
    ev.SpeakerChanged: _speaker,
    ev.SettingsRead: _settings,
    ev.UpdateRefused: _refuse_update,
}
