"""Telling a person that the settings cannot be used, as far as they can be read."""

import asyncio

from voiced.app import cue_files, sound_devices
from voiced.config.schema import Settings
from voiced.core.actions import Status
from voiced.core.cues import Earcon, Prompt
from voiced.devices.sound import speaker
from voiced.errors import DeviceError
from voiced.ports import Playback
from voiced.wiring import light

LONGEST_S = 8.0


async def tell_of_broken_settings(settings: Settings) -> None:
    """Show the status on the light, and say the cause once. Never fails, never takes long.

    Args:
        settings: What could be read of them; what is broken has its default.
    """
    lamp = light(settings)
    if lamp is not None:
        lamp.show(Status.CONFIGURATION_ERROR)
    async with asyncio.TaskGroup() as group:
        shining = group.create_task(lamp.run()) if lamp is not None else None
        try:
            async with asyncio.timeout(LONGEST_S):
                await _say(settings)
        except (TimeoutError, DeviceError):
            pass  # the log has the cause
        finally:
            if shining is not None:
                shining.cancel()


async def _say(settings: Settings) -> None:
    cues, volume = cue_files(settings), settings.audio.playback.volume
    async with speaker(sound_devices(settings)).open() as playback, asyncio.TaskGroup() as group:
        rate_hz = playback.format.rate_hz
        sound = cues(Earcon.ERROR, Prompt.CONFIGURATION_ERROR, rate_hz)
        once = _Once(sound, playback, volume)
        playing = group.create_task(playback.run(once))
        await once.heard.wait()
        playing.cancel()


class _Once:
    """Plays some sound once. Fills `SoundSource`."""

    def __init__(self, sound: bytes, playback: Playback, volume: int) -> None:
        if playback.mixer is not None:
            playback.mixer.set_volume(volume)
        self.heard = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._sound = sound
        self._at = 0

    def pull(self, n_bytes: int) -> bytes:
        piece = self._sound[self._at : self._at + n_bytes]
        self._at += n_bytes
        return piece.ljust(n_bytes, b"\0")

    def played(self, n_frames: int) -> None:
        if 2 * n_frames >= len(self._sound):
            self._loop.call_soon_threadsafe(self.heard.set)
