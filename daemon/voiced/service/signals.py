"""What a person or a supervisor can say to a process: stop, read your files again, the talk button."""

import asyncio
import signal

from voiced.core.events import Event, StopRequested, TalkPressed
from voiced.ports import Emit
from voiced.reload.requests import Reloads

SIGNALS: dict[signal.Signals, Event] = {
    signal.SIGTERM: StopRequested(),
    signal.SIGINT: StopRequested(),
    signal.SIGUSR1: TalkPressed(),
}


class SignalWake:
    """SIGTERM and SIGINT stop; SIGUSR1 presses the talk button; SIGHUP asks for a reload."""

    def __init__(self, reloads: Reloads | None = None) -> None:
        self._reloads = reloads

    async def watch(self, emit: Emit) -> None:
        loop = asyncio.get_running_loop()
        for number, event in SIGNALS.items():
            loop.add_signal_handler(number, emit, event)
        if self._reloads is not None:
            loop.add_signal_handler(signal.SIGHUP, self._reloads.ask)
        try:
            await asyncio.Event().wait()
        finally:
            for number in (*SIGNALS, signal.SIGHUP):
                loop.remove_signal_handler(number)
