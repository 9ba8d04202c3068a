"""What a person or a supervisor can say to a process: stop, and the talk button."""

import asyncio
import signal

from voiced.core.events import Event, StopRequested, TalkPressed
from voiced.ports import Emit

SIGNALS: dict[signal.Signals, Event] = {
    signal.SIGTERM: StopRequested(),
    signal.SIGINT: StopRequested(),
    signal.SIGUSR1: TalkPressed(),
}


class SignalWake:
    """SIGTERM and SIGINT stop; SIGUSR1 presses the talk button."""

    async def watch(self, emit: Emit) -> None:
        loop = asyncio.get_running_loop()
        for number, event in SIGNALS.items():
            loop.add_signal_handler(number, emit, event)
        try:
            await asyncio.Event().wait()
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)
