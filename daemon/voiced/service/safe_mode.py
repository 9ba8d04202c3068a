"""Telling a person that the settings cannot be used, as far as they can be read."""

import asyncio
import logging
import signal
from pathlib import Path

from voiced.assembly.factory import Extras, assemble_parts, catalogue, cue_files, sound_devices
from voiced.config.load import examine_sources, read
from voiced.config.schema import Settings
from voiced.core.actions import Status
from voiced.core.earcons import Earcon, Prompt
from voiced.devices.gpio.buttons_and_leds import GpioLight
from voiced.devices.sound.factory import speaker
from voiced.errors import ConfigError, DeviceError
from voiced.host.systemd import Notify, status_line
from voiced.lib.task_group import TaskGroup
from voiced.ports import Playback
from voiced.runtime.guard import Guard

log = logging.getLogger(__name__)

LONGEST_S = 8.0

LOOK_EVERY_S = 2.0
"""How often to look whether the settings have been mended."""


async def tell_of_broken_settings(settings: Settings, lamp: GpioLight | None) -> None:
    """Show the status on the light, and say the cause once. Never fails, never takes long.

    Args:
        settings: What could be read of them; what is broken has its default.
        lamp: The light they name.
    """
    async with TaskGroup() as group:
        shining = group.create_task(_shine(lamp))
        await _say(settings)
        shining.cancel()


async def stay_up(
    path: Path,
    draft: Settings | None,
    lamp: GpioLight | None,
    error: ConfigError,
    notify: Notify,
    feed_every_s: float | None,
) -> None:
    """Show that the settings cannot be used, until they can, or until asked to stop.

    Args:
        path: The settings file; it need not exist.
        draft: What could be read of it.
        lamp: The light it names.
        error: What is wrong.
        notify: What speaks to systemd.
        feed_every_s: How often systemd wants a sign of life.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    notify(f"READY=1\n{status_line(Status.CONFIGURATION_ERROR, str(error))}")
    async with TaskGroup() as group:
        tasks = [group.create_task(_feed(notify, feed_every_s))]
        tasks.append(group.create_task(_shine(lamp)))
        if draft is not None:
            tasks.append(group.create_task(_say(draft)))
        mending = group.create_task(_until_mended(path, error, notify))
        stopped = group.create_task(stopping.wait())
        await asyncio.wait({mending, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, mending, stopped):
            task.cancel()


async def _until_mended(path: Path, error: ConfigError, notify: Notify) -> None:
    """Return when the file has changed, and can be used."""
    known: object = ()  # it may have been mended since it was read
    told = str(error)
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            if (now := read(path)) == known:
                continue
            known = now
            usable = examine_sources(now, catalogue()).usable(f"voiced config check {path}")
            assemble_parts(usable.settings, Extras())
        except ConfigError as problem:
            if str(problem) != told:
                log.error("%s", problem)  # noqa: TRY400 - it says it all
                notify(status_line(Status.CONFIGURATION_ERROR, str(problem)))
            told = str(problem)
        else:
            log.info("the settings have been fixed: restarting")
            return


async def _feed(notify: Notify, every_s: float | None) -> None:
    while every_s is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(every_s)


async def _shine(lamp: GpioLight | None) -> None:
    if lamp is not None:
        lamp.show(Status.CONFIGURATION_ERROR)
        await Guard().run(lamp.name, lamp.run)


async def _say(settings: Settings) -> None:
    try:
        async with asyncio.timeout(LONGEST_S):
            await _play(settings)
    except (TimeoutError, DeviceError):
        pass  # the log has the cause


async def _play(settings: Settings) -> None:
    cues, volume = cue_files(settings), settings.audio.playback.volume
    async with speaker(sound_devices(settings)).open() as playback, TaskGroup() as group:
        rate_hz = playback.format.rate_hz
        sound = cues(Earcon.ERROR, Prompt.CONFIGURATION_ERROR, rate_hz)
        once = _Once(sound, playback, volume)
        playing = group.create_task(playback.run(once))
        await once.heard.wait()
        playing.cancel()


class _Once:
    """Plays some sound once. Implements `SoundSource`."""

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
