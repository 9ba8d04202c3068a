"""Settings that change while real sound flows."""

import asyncio
import wave
from contextlib import asynccontextmanager

import numpy as np
import pytest

from tests.devices.rig import SPEAKER_RATE_HZ
from tests.whole import until
from tests.wire.afar import assert_the_ramp_has_no_gap, kiosk

pytestmark = pytest.mark.real_time

RIG = {
    "audio: {capture: {silent_after_s: 0}}\n": "audio: {capture: {device: vmic, silent_after_s: 0}, "
    "playback: {device: vspk, volume: 100}}\n"
}
OTHER_SPEAKER = {old: new.replace("vspk", "vspk2") for old, new in RIG.items()}


@asynccontextmanager
async def on_the_rig(folder):
    async with kiosk(folder, keep_heard=True) as it:
        it.extras.clear()
        it.write(instead=RIG)
        async with it.running():
            yield it


async def heard_at(rig, source, it):
    """Return whether the agent's next words are heard at a speaker."""
    with rig.record(source, SPEAKER_RATE_HZ) as recording:
        it.agent.service.sessions[-1].say("now you hear me")
        await until(lambda: it.status == "speaking")
        await until(lambda: it.status == "listening", within_s=20)
        await asyncio.sleep(0.3)
    return bool(np.abs(recording.samples).max() > 500)


async def test_another_device_is_opened_after_the_conversation_and_nothing_else(
    rig, tmp_path, caplog
):
    async with on_the_rig(tmp_path) as it:
        await it.converse()
        it.write(instead=OTHER_SPEAKER)
        await until(lambda: it.following.applier.waiting == ["audio.playback.device"])
        assert await heard_at(rig, "spk.monitor", it)
        await it.sleep()
        await until(lambda: it.settings.audio.playback.device == "vspk2")
        await until(lambda: it.runtime.conversation.speaker is None)
        await it.converse()
        assert await heard_at(rig, "spk2.monitor", it)
        playing = it.runtime._playback
        await it.sleep()
        it.write(instead={old: new.replace("vmic", "vloop") for old, new in OTHER_SPEAKER.items()})
        await until(lambda: it.settings.audio.capture.device == "vloop")
        await until(lambda: it.runtime.conversation.microphone is None)
        assert it.runtime._playback is playing
        assert "overrun" not in caplog.text
        assert "underrun" not in caplog.text


async def test_captured_sound_goes_on_without_a_gap_while_the_prompt_changes(rig, tmp_path):
    async with on_the_rig(tmp_path) as it:
        await it.converse()
        session = it.agent.service.sessions[-1]
        ramp = np.linspace(0, 30_000, 4 * 16_000).astype("<i2")
        with wave.open(str(tmp_path / "ramp.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(ramp.tobytes())
        feeding = rig.feed(tmp_path / "ramp.wav")
        await asyncio.sleep(0.8)
        for n in range(5):
            it.write(instead=RIG | {"You are one.": f"You are number {n}."})
            await until(lambda n=n: session.config["system_prompt"] == f"You are number {n}.")
        await asyncio.to_thread(feeding.wait)
        await asyncio.sleep(0.5)
        assert_the_ramp_has_no_gap(session, 4)
