"""Requests to read the owner's files again: who asks, who does it, and who wants to know of it."""

import asyncio
from collections.abc import Callable


def _nobody(_begun: bool, /) -> None:  # noqa: FBT001 - it is the one argument
    pass


class Reloads:
    """One request at a time; asked twice is asked once.

    Attributes:
        tell: Is told True when a reload was asked for, False when it is over.
    """

    def __init__(self) -> None:
        self.tell: Callable[[bool], None] = _nobody
        self._asked = asyncio.Event()

    @property
    def asked(self) -> bool:
        """Somebody asked, and nobody has done it yet."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask for a reload. On the loop's thread."""
        self.tell(True)  # noqa: FBT003 - it is the one argument
        self._asked.set()

    async def wait(self) -> None:
        """Return when somebody has asked."""
        await self._asked.wait()

    def done(self) -> None:
        """Tell that it is over."""
        self._asked.clear()
        self.tell(False)  # noqa: FBT003 - it is the one argument
