"""The stand-in agent as a child process, so that its CPU time is not counted as ours."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from voiced.errors import LinkError

START_LIMIT_S = 30.0
STOP_LIMIT_S = 2.0


@dataclass(frozen=True, slots=True)
class StandIn:
    """A running stand-in agent.

    Attributes:
        url: Its address.
        process: Its process.
    """

    url: str
    process: asyncio.subprocess.Process

    def leave(self) -> None:
        """Ask it to end soon; idempotent."""
        if self.process.returncode is None:
            self.process.terminate()


@asynccontextmanager
async def stand_in(protocol: str, *options: str) -> AsyncIterator[StandIn]:
    """Run `agentsim PROTOCOL`; yield it once it has started.

    Raises:
        LinkError: If it does not start.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agentsim",
        protocol,
        "--exit-with-parent",
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        process_group=0,  # Ctrl-C is ours alone: the agent must outlive our farewell
    )
    try:
        yield StandIn(await _address(process), process)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    stdout = process.stdout
    assert stdout is not None  # noqa: S101 - asked for above
    try:
        async with asyncio.timeout(START_LIMIT_S):
            line = await stdout.readline()
        return str(json.loads(line)["url"])
    except (TimeoutError, ValueError, KeyError):
        raise LinkError("the stand-in agent did not start; its own message is above") from None
