"""A conversation that is kept open."""

import asyncio
from dataclasses import replace

import pytest

from voiced.core import events as ev
from voiced.core.conversation import step
from voiced.core.events import Woken
from voiced.core.state import AWAKE, Conversation, Phase, Policy, status_of
from voiced.errors import SoundFault
from voiced.runtime.always_on import AlwaysAwake

POLICY = Policy(idle_timeout_s=None)

HIDING = {
    "a broken settings file": ev.SettingsRead(usable=False),
    "a mute": ev.MuteChanged(muted=True),
    "an echo": ev.EchoFound(),
    **{f"a microphone: {one.value}": ev.MicrophoneChanged(one) for one in SoundFault},
    **{f"a speaker: {one.value}": ev.SpeakerChanged(one) for one in SoundFault},
}
"""What may be shown in the place of the phase."""


async def woken(always, seconds, phase):
    """Return how often it wakes in so many seconds of `phase`."""
    events = []
    always.noticed(Conversation(), None, Conversation(phase=phase), 0.0)
    watching = asyncio.create_task(always.watch(events.append))
    await asyncio.sleep(seconds)
    watching.cancel()
    assert set(events) <= {Woken("always", unattended=True)}
    return len(events)


@pytest.mark.parametrize("phase", AWAKE)
async def test_it_wakes_at_the_start_and_leaves_a_conversation_alone(phase):
    assert await woken(AlwaysAwake(), 3_600, phase) == 1


async def test_it_wakes_again_soon_after_a_conversation_ended():
    assert await woken(AlwaysAwake(), 1.5, Phase.ASLEEP) == 2


@pytest.mark.parametrize("hiding", HIDING.values(), ids=HIDING)
async def test_it_wakes_again_whatever_is_shown_in_the_place_of_the_phase(hiding):
    always, now = AlwaysAwake(), Conversation()

    def emit(event):
        nonlocal now
        before, (now, _) = now, step(now, event, POLICY)
        always.noticed(before, event, now, 0.0)

    watching = asyncio.create_task(always.watch(emit))
    await asyncio.sleep(0)
    for event in (ev.AgentReady("s"), hiding, ev.SessionEnded("3 hours are over")):
        emit(event)
    assert now.phase is Phase.ASLEEP
    await asyncio.sleep(1.5)
    assert now.phase is Phase.CONNECTING
    watching.cancel()


def test_something_may_be_shown_in_the_place_of_the_phase():
    hidden = replace(Conversation(), misconfigured=True)
    assert status_of(hidden).value != hidden.phase.value
