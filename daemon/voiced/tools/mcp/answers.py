"""A limit on the answers to a server's own requests. Only for the worker thread."""

from types import TracebackType
from typing import Any, Self

import mcp_types as types
from mcp.shared.message import SessionMessage

from voiced.errors import LinkError

MOST_WAITING = 10  # answers that the server has not read yet


class Answers:
    """The stream to a server; fails for a server that sends requests without reading the answers.

    The SDK answers each request in a task of its own, and each task waits until its answer is read.
    """

    def __init__(self, out: Any) -> None:
        self._out = out
        self._n_waiting = 0

    async def send(self, item: SessionMessage) -> None:
        """Pass on a message once the one before is read.

        Raises:
            LinkError: If too many answers wait already.
        """
        is_answer = isinstance(item.message, types.JSONRPCResponse | types.JSONRPCError)
        if is_answer and self._n_waiting >= MOST_WAITING:
            raise LinkError("it asks more than it lets us answer")
        self._n_waiting += is_answer
        try:
            await self._out.send(item)
        finally:
            self._n_waiting -= is_answer

    async def aclose(self) -> None:
        await self._out.aclose()

    async def __aenter__(self) -> Self:
        await self._out.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._out.__aexit__(kind, error, trace)
