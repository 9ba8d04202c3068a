"""What capturing and playing through ALSA have in common: an open PCM and the thread that moves its sound."""

import threading
from collections.abc import Callable

from voiced.devices.device_thread import DeviceThread, Ending
from voiced.devices.sound.alsa_pcm import OpenPcm, lost


class AlsaStream:
    """One open direction of a sound card.

    Attributes:
        opened: The open PCM.
        periods: Periods moved.
        xruns: Overruns or underruns.
    """

    def __init__(self, opened: OpenPcm) -> None:
        self.opened = opened
        self.periods = self.xruns = 0
        self._wake = threading.Event()
        self._stopping = self._stuck = self._closed = False

    def close(self) -> None:
        """Close the device without draining its ring. Idempotent."""
        if not self._stuck and not self._closed:
            self._closed = True
            self.opened.close()

    async def _move(self, name: str, ending: Ending, work: Callable[[], None]) -> None:
        """Do `work` on a thread called `name` until it ends, fails or is cancelled."""

        def attempt() -> None:
            try:
                work()
            except self.opened.alsa.ALSAAudioError as error:
                if not self._stopping:
                    raise lost(self.opened.device, error) from error

        self._stopping = False
        thread = DeviceThread(name, self.opened.device, ending, attempt)
        try:
            await thread.watch(lambda: self.periods)
        finally:
            self._stopping = True
            self._wake.set()
            # A thread that does not end still uses the device, so `close` must leave it open.
            self._stuck = not thread.join(self.opened.drop)
