"""Sound cards that fail in every way, mutes, and the device's own sounds, on the jumping clock."""

import asyncio

import numpy as np
import pytest

from tests.flows.house import CUES, awake, house, tone, uplink_hz
from voiced.core import actions as act
from voiced.core.earcons import Earcon, Prompt
from voiced.core.events import MuteChanged, TalkPressed, VolumeStepped
from voiced.core.state import Phase, Policy
from voiced.errors import DeviceError, DeviceStuck, SoundFault
from voiced.runtime.components import SoundSettings
from voiced.runtime.pipes import ALARM_VOLUME

NOISE = (np.random.default_rng(1).integers(-30, 30, 16_000)).astype("<i2").tobytes()


def fail(device, fault, error=DeviceError):
    """Let a scripted device fail from now on, until `mend`."""
    device.unplug()
    make = {
        DeviceError: lambda: DeviceError("scripted", "it fails", fault=fault),
        DeviceStuck: lambda: DeviceStuck("scripted", "it fails, again and again"),
    }[error]
    device.failure = make


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (SoundFault.ABSENT, "no-microphone"),
        (SoundFault.BUSY, "microphone-busy"),
        (SoundFault.STALLED, "microphone-stalled"),
        (SoundFault.HANGING, "no-microphone"),
    ],
)
async def test_every_trouble_is_shown_and_gone_within_two_seconds_of_the_card_being_usable(
    fault, status
):
    async with awake() as it:
        for _ in range(5):
            fail(it.microphone, fault)
            await asyncio.sleep(3)
            assert it.led.shown[-1] == status
            it.microphone.plug()
            await asyncio.sleep(1)
            assert it.led.shown[-1] == "listening"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (SoundFault.BUSY, "speaker-busy"),
        (SoundFault.STALLED, "speaker-stalled"),
        (SoundFault.HANGING, "no-speaker"),
    ],
)
async def test_every_trouble_of_the_speaker_is_shown(fault, status):
    async with house() as it:
        fail(it.speaker, fault)
        await asyncio.sleep(1)
        assert it.led.shown[-1] == status
        it.speaker.plug()
        await asyncio.sleep(1)
        assert it.led.shown[-1] == "asleep"


@pytest.mark.parametrize("which", ["microphone", "speaker"])
async def test_a_device_beyond_help_ends_the_process_after_the_session(which, caplog):
    async with awake() as it:
        fail(getattr(it, which), None, DeviceStuck)
        await it.settle(Phase.STOPPED)
        with pytest.raises(DeviceStuck, match="again and again"):
            await it.running
        assert it.session.ended
        assert "again and again" in caplog.text


async def test_ten_seconds_of_zeros_are_shown_and_over_with_the_first_sound():
    async with awake(sound=SoundSettings(silent_after_s=10.0)) as it:
        it.microphone.say(NOISE)
        await asyncio.sleep(10)
        assert it.led.shown[-1] == "listening"
        await asyncio.sleep(3)
        assert it.led.shown[-1] == "microphone-silent"
        opened = it.microphone.times_opened
        await asyncio.sleep(5)
        assert it.led.shown[-1] == "microphone-silent"
        assert it.microphone.times_opened == opened
        it.microphone.say(NOISE)
        await asyncio.sleep(0.1)
        assert it.led.shown[-1] == "listening"


async def test_a_silent_microphone_is_opened_anew():
    async with house(sound=SoundSettings(silent_after_s=10.0)) as it:
        await asyncio.sleep(12)
        assert it.microphone.times_opened == 2
        await asyncio.sleep(25)
        assert it.microphone.times_opened == 3
        assert it.led.shown[-1] == "microphone-silent"


@pytest.mark.parametrize("shuts", [True, False])
async def test_a_mute_that_closes_lets_go_of_the_device_and_the_agent_hears_silence(shuts):
    async with awake(sound=SoundSettings(mute_shuts=shuts), listening=False) as it:
        it.microphone.say(tone(60_000))
        await asyncio.sleep(1)
        assert it.microphone.is_open
        it.wake.emit(MuteChanged(muted=True))
        await asyncio.sleep(0.5)
        assert it.microphone.is_open is not shuts
        before, heard = it.session.hearing.uplink.audio_s, len(it.heard())
        await asyncio.sleep(5)
        assert it.session.hearing.uplink.audio_s - before == pytest.approx(5.0, abs=0.1)
        assert not np.any(it.heard()[heard:])
        it.wake.emit(MuteChanged(muted=False))
        await asyncio.sleep(1)
        assert it.microphone.is_open
        assert np.any(it.heard()[-2000:])
        assert "no-microphone" not in it.led.shown


async def test_a_device_that_starts_muted_and_shut_never_opens_its_microphone():
    async with house(sound=SoundSettings(muted=True, mute_shuts=True)) as it:
        await asyncio.sleep(5)
        assert it.microphone.times_opened == 0
        assert it.led.shown[-1] in {"muted", "booting"}
        it.wake.emit(MuteChanged(muted=False))
        await asyncio.sleep(1)
        assert it.led.shown[-1] == "asleep"


async def test_volume_and_mute_are_remembered():
    async with house(sound=SoundSettings(volume=40, muted=True)) as it:
        assert it.runtime.volume == 40
        it.wake.emit(VolumeStepped(-5))
        assert (it.memory.kept.volume, it.memory.kept.muted) == (35, True)
        it.wake.emit(MuteChanged(muted=False))
        assert (it.memory.kept.volume, it.memory.kept.muted) == (35, False)
        it.runtime.volume = 300
        assert it.memory.kept.volume == 100


class RecordingMixer:
    def __init__(self):
        self.volumes = []

    def set_volume(self, percent):
        self.volumes.append(percent)


async def test_a_cards_own_mixer_sets_the_volume_whenever_the_card_comes():
    async with house() as it:
        it.runtime.volume = 50
        assert it.runtime.playout.volume == 50
        it.speaker.mixer = RecordingMixer()
        it.speaker.unplug()
        await asyncio.sleep(1)
        it.speaker.plug()
        await asyncio.sleep(1)
        assert it.speaker.mixer.volumes == [50]
        assert it.runtime.playout.volume == 100
        it.runtime.volume = 45
        assert it.speaker.mixer.volumes == [50, 45]
        assert it.runtime.playout.volume == 100


@pytest.mark.parametrize("volume", [100, 41, 40, 39, 20, 5, 1, 0])
async def test_a_card_and_the_scaling_together_make_the_volume_and_0_is_silence(volume):
    async with house(sound=SoundSettings(volume=volume)) as it:
        it.speaker.mixer = RecordingMixer()
        it.runtime.volume = volume
        [at_card] = it.speaker.mixer.volumes
        assert at_card >= ALARM_VOLUME
        assert at_card * it.runtime.playout.volume / 100 == pytest.approx(volume, abs=0.5)
        assert (it.runtime.playout.volume == 0) == (volume == 0)


@pytest.mark.parametrize("mixer", [False, True])
@pytest.mark.parametrize("volume", [0, 10, 40, 70])
async def test_an_alarm_is_heard_whatever_the_volume_and_nothing_else_is(mixer, volume):
    async with house(cues=CUES, sound=SoundSettings(volume=volume)) as it:
        if mixer:
            it.speaker.mixer = RecordingMixer()
        it.runtime.volume = volume
        peaks = {}
        for earcon in (Earcon.VOLUME, Earcon.ALARM, Earcon.VOLUME):
            begin = len(it.speaker.samples)
            it.runtime._play_cue(act.PlayEarcon(earcon))
            await asyncio.sleep(1)
            peak = np.abs(it.speaker.samples[begin:].astype(int)).max()
            assert peaks.setdefault(earcon, peak) == peak  # the last one leaves nothing behind
        at_card = it.speaker.mixer.volumes[-1] if mixer else 100
        full = {
            each: np.abs(np.frombuffer(CUES(each, None, 48_000), "<i2")).max() for each in peaks
        }
        for earcon, at in ((Earcon.VOLUME, volume), (Earcon.ALARM, max(volume, ALARM_VOLUME))):
            assert peaks[earcon] == pytest.approx(full[earcon] * (at / at_card) ** 3, abs=1)


def find(heard, sound):
    """Tell whether `sound` (int16 LE) is in what the speaker played."""
    return bytes(sound)[200:2000] in bytes(heard)


async def test_waking_and_ending_sound_at_the_speaker():
    async with house(cues=CUES, sound=SoundSettings(volume=100)) as it:
        it.wake.emit(TalkPressed())
        await it.settle(Phase.LISTENING)
        await asyncio.sleep(0.5)
        assert find(it.speaker.heard, CUES(Earcon.WAKE, None, 48_000))
        it.wake.emit(TalkPressed())
        await asyncio.sleep(0.5)
        assert find(it.speaker.heard, CUES(Earcon.END, None, 48_000))


async def test_what_is_said_right_at_the_wake_is_heard_whole_while_the_earcon_sounds():
    async with house(cues=CUES, listening=False) as it:
        spoken = tone(1500, level=0.2)
        it.wake.emit(TalkPressed())
        it.microphone.say(spoken)
        await asyncio.sleep(4)
        heard = np.flatnonzero(it.heard())
        assert (heard[-1] - heard[0]) / uplink_hz() == pytest.approx(1.5, abs=0.03)


async def test_nothing_leaves_while_the_device_itself_speaks():
    async with house(cues=CUES) as it:
        it.microphone.unplug()
        await asyncio.sleep(1)
        it.wake.emit(TalkPressed())
        it.microphone.plug()
        await asyncio.sleep(1)
        assert not it.runtime._capture.gate_open
        length_s = len(CUES(Earcon.ERROR, Prompt.NO_MICROPHONE, 48_000)) / 96_000
        await asyncio.sleep(length_s)
        assert it.runtime._capture.gate_open
        it.wake.emit(TalkPressed())


async def test_without_prompts_the_gate_opens_at_once():
    async with house() as it:
        it.reachable = False
        it.wake.emit(TalkPressed())
        await asyncio.sleep(0.5)
        assert it.led.shown[-1] == "offline"
        assert it.runtime._capture.gate_open


@pytest.mark.needs("turns")
async def test_a_reply_is_lowered_while_somebody_begins_to_speak_over_it():
    async with awake(policy=Policy(duck=True)) as it:
        it.session.say("a long reply " * 20)
        await it.settle(Phase.SPEAKING)
        await asyncio.sleep(1)
        it.session.send("input.speech.started")
        await asyncio.sleep(0.1)
        assert it.runtime.playout.ducked
        it.session.send("input.speech.stopped")
        await asyncio.sleep(0.1)
        assert not it.runtime.playout.ducked


@pytest.mark.needs("captions")
async def test_an_agent_that_hears_itself_is_noticed_and_not_listened_to_while_it_speaks(caplog):
    async with awake(sound=SoundSettings(guard_echo=True)) as it:
        for n in range(3):
            it.session.say(f"number {n} of my own words that come back to me")
            await it.settle(Phase.SPEAKING)
            await asyncio.sleep(1.2)
            assert it.runtime._capture.gate_open is (not it.runtime.conversation.half_duplex)
            it.session.send("input.speech.started")
            it.session.interrupt()
            await asyncio.sleep(0.2)
            it.session.send("input.speech.stopped")
            it.session.send("transcript.user", item_id=f"i{n}", text="my own words")
            await asyncio.sleep(0.5)
        assert it.runtime.conversation.half_duplex
        assert caplog.text.count("keeps interrupting itself") == 1
        it.session.say("and now nobody listens")
        await it.settle(Phase.SPEAKING)
        assert not it.runtime._capture.gate_open
        await it.settle(Phase.LISTENING)
        await asyncio.sleep(0.5)
        assert it.runtime._capture.gate_open


async def test_progress_advances_while_sound_moves_and_only_then():
    async with house() as it:
        first = it.runtime.progress
        await asyncio.sleep(1)
        second = it.runtime.progress
        assert second.captured_periods - first.captured_periods == pytest.approx(50, abs=2)
        assert second.played_frames - first.played_frames == pytest.approx(48_000, rel=0.05)
        it.microphone.unplug()
        await asyncio.sleep(1)
        third = it.runtime.progress
        await asyncio.sleep(1)
        assert it.runtime.progress.captured_periods == third.captured_periods
