"""One connection without its socket: what the stand-in sends, and how the connection ends."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Generic

from agentsim.faults import Fault
from agentsim.stand_in import SettingsT, StandIn

Message = str | bytes


class ClientConnection(ABC, Generic[SettingsT]):
    """The service's end of a connection. Iterate over it for the messages it sends.

    Attributes:
        service: What it belongs to.
        number: Counts from 1.
        session_id: The session it carries, for the log; None before there is one.
        close_code: The code it was closed with; None while it is open, or if it was cut.
        close_reason: The reason it was closed with.
        closed: Nothing is sent or received any more.
        cut: It ended without a close message.
    """

    def __init__(self, service: StandIn[SettingsT], number: int) -> None:
        self.service = service
        self.number = number
        self.session_id: str | None = None
        self.close_code: int | None = None
        self.close_reason = ""
        self.closed = False
        self.cut = False
        self._frozen = asyncio.Event()
        self._outbox: asyncio.Queue[Message | None] = asyncio.Queue()

    @abstractmethod
    def receive(self, message: Message) -> None:
        """Take one message from the client; never raises: errors are sent to the client."""

    @abstractmethod
    def on_closed(self) -> None:
        """Clean up: nothing is sent or received any more."""

    @abstractmethod
    def perform(self, fault: Fault) -> None:
        """Do what a fault action says."""

    @property
    def frozen(self) -> bool:
        """Half open: the socket stays, but nothing is read or written."""
        return self._frozen.is_set()

    async def wait_frozen(self) -> None:
        """Return when the connection is half open."""
        await self._frozen.wait()

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Yield what to send, until the connection is closed; then look at `close_code`."""
        while (message := await self._outbox.get()) is not None:
            yield message

    def send_raw(self, message: Message) -> None:
        """Send a message as it is."""
        if not (self.closed or self.frozen):
            self._outbox.put_nowait(message)

    def close(self, code: int, reason: str = "") -> None:
        """Close after everything already queued is sent; idempotent."""
        if not self.closed:
            self.close_code, self.close_reason = code, reason
            self.log("closed", code=code)
            self._end()

    def drop(self) -> None:
        """End without a close message, and discard what was not yet sent; idempotent."""
        if not self.closed:
            self.log("dropped")
            self.cut = True
            while not self._outbox.empty():
                self._outbox.get_nowait()
            self._end()

    def freeze(self) -> None:
        """Stop reading and writing, but keep the socket."""
        self.log("frozen")
        self._frozen.set()

    def lost(self, code: int | None = None) -> None:
        """Note that the client closed the connection or vanished; idempotent."""
        if not self.closed:
            self.log("client_gone", code=code)
            self._end()

    def inject(self, place: str) -> None:
        """Perform the fault actions due at `place`, each after its delay."""
        for fault in self.service.settings.faults.take(place):
            if fault.delay_s:
                self.service.timers.after(fault.delay_s, partial(self._inject, fault))
            else:
                self._inject(fault)

    def log(self, event: str, **fields: Any) -> None:
        """Log an event of this connection."""
        self.service.events.add(event, connection=self.number, session=self.session_id, **fields)

    def violate(self, rule: str) -> None:
        """Count that the client broke a documented rule."""
        self.service.violations += 1
        self.log("violation", rule=rule)

    def _inject(self, fault: Fault) -> None:
        if not self.closed:
            self.log("fault", fault=fault.name)
            self.perform(fault)

    def _end(self) -> None:
        self.closed = True
        self._outbox.put_nowait(None)
        self.on_closed()
