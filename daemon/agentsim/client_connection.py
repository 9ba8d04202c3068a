"""One connection without its socket: what goes out, and how it ends."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any

Message = str | bytes


class Pipe(ABC):
    """The service's end of a connection. Iterate over it for the messages it sends.

    Attributes:
        close_code: What it was closed with; None while open or when it was cut.
        close_reason: Why.
        closed: Nothing more goes out or comes in.
        cut: It was closed without a word.
    """

    def __init__(self) -> None:
        self.close_code: int | None = None
        self.close_reason = ""
        self.closed = False
        self.cut = False
        self._frozen = asyncio.Event()
        self._outbox: asyncio.Queue[Message | None] = asyncio.Queue()

    @abstractmethod
    def receive(self, message: Message) -> None:
        """Take one message from the client; what is wrong with it is answered, never raised."""

    @abstractmethod
    def lost(self, code: int | None = None) -> None:
        """Take note that the client closed the connection or is gone; idempotent."""

    @abstractmethod
    def log(self, event: str, **fields: Any) -> None:
        """Note that something happened on this connection."""

    @abstractmethod
    def shut(self) -> None:
        """Take note that nothing more goes out or comes in."""

    @property
    def frozen(self) -> bool:
        """Half open: the socket stays, but nobody reads or writes."""
        return self._frozen.is_set()

    async def wait_frozen(self) -> None:
        """Return when the connection is half open."""
        await self._frozen.wait()

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Yield what to send, until the connection is closed; then look at `close_code`."""
        while (message := await self._outbox.get()) is not None:
            yield message

    def send_raw(self, message: Message) -> None:
        """Send anything at all."""
        if not (self.closed or self.frozen):
            self._outbox.put_nowait(message)

    def close(self, code: int, reason: str = "") -> None:
        """Close after what was already sent; idempotent."""
        if not self.closed:
            self.close_code, self.close_reason = code, reason
            self.log("closed", code=code)
            self.end_pipe()

    def drop(self) -> None:
        """Vanish: no close code, and what was not yet sent is lost; idempotent."""
        if not self.closed:
            self.log("dropped")
            self.cut = True
            while not self._outbox.empty():
                self._outbox.get_nowait()
            self.end_pipe()

    def freeze(self) -> None:
        """Stop reading and writing but keep the socket."""
        self.log("frozen")
        self._frozen.set()

    def end_pipe(self) -> None:
        """Let nothing more go out or come in."""
        self.closed = True
        self._outbox.put_nowait(None)
        self.shut()
