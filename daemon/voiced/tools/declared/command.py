"""Tools that run a program, as declared under `command_tools`. Never a shell."""

import asyncio
import logging
import os
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import IO, Any

from voiced.config.schema_tools import CommandToolSection
from voiced.errors import ToolError
from voiced.lib.environment import variable
from voiced.lib.task_group import TaskGroup
from voiced.ports import Controls
from voiced.tools.declared.process_group import MARK, ProcessGroup
from voiced.tools.declared.response import value_in
from voiced.tools.declared.template import fill
from voiced.tools.declared.tool import Declaration

log = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024  # of output
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OPTIONS_END = "--"


class CommandTool:
    """A tool that runs a program.

    Args:
        name: Its name for the agent.
        declared: Its section of the settings, checked.
    """

    def __init__(self, name: str, declared: CommandToolSection) -> None:
        self._argv = declared.argv
        self._declaration = Declaration(name, declared)
        self.spec = self._declaration.spec

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        argv = filled_argv(self._argv, self._declaration.parameters.accepted(arguments))
        group = ProcessGroup()
        try:
            async with asyncio.timeout(self._declaration.timeout_s):
                code, output = await _run(argv, group)
        except TimeoutError:
            raise self._apology("took too long") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "impossible arguments"
            log.warning("tool %s: %s cannot be started: %s", self.spec.name, argv[0], reason)
            raise self._apology("cannot be started") from None
        finally:
            group.end()
        if len(output) > MOST_BYTES:
            raise self._apology("said more than can be read out")
        if code != 0:
            what = f"failed with exit code {code}" if code > 0 else "was ended by a signal"
            raise self._apology(what)
        try:
            return value_in(output)
        except ValueError as error:
            raise self._apology(str(error)) from None

    def _apology(self, what: str) -> ToolError:
        return ToolError(f"The program behind {self.spec.name} {what}.")


def filled_argv(template: tuple[str, ...], arguments: Mapping[str, Any]) -> list[str]:
    """Return the argument list with every placeholder filled.

    Raises:
        ToolError: If an argument would look like an option, or cannot be passed to a program.
    """
    argv: list[str] = []
    for part in template:
        filled = fill(part, arguments)
        if "\0" in filled:
            raise ToolError("These arguments contain something that no program can be given.")
        if filled.startswith("-") and not part.startswith("-") and OPTIONS_END not in argv:
            raise ToolError("An argument must not begin with a dash.")
        argv.append(filled)
    return argv


async def _run(argv: list[str], group: ProcessGroup) -> tuple[int, bytes]:
    """Return exit code and output; output beyond `MOST_BYTES` was cut off. OSError if it cannot start."""
    async with _pipe() as (reader, into):
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=DEVNULL,
            stdout=into,
            stderr=DEVNULL,
            start_new_session=True,  # makes it the leader that `ProcessGroup` looks for
            cwd="/",
            env=_environment(group.mark),
        )
        into.close()
        group.started(process.pid)
        try:
            async with TaskGroup() as tasks:
                reading = tasks.create_task(_output(reader, group))
                code = await process.wait()
                group.end()  # children left behind may keep the pipe open
        finally:
            group.end()
            await process.wait()
            await group.ended()
        return code, reading.result()


@asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[asyncio.StreamReader, IO[bytes]]]:
    """Yield the two ends of a pipe.

    With asyncio's own pipe, `Process.wait` would wait for every process that keeps it open.
    """
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    out_of, into = (
        os.fdopen(end, mode, 0) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True)
    )
    with out_of, into:
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_read_pipe(lambda: protocol, out_of)
        try:
            yield reader, into
        finally:
            transport.close()


async def _output(reader: asyncio.StreamReader, group: ProcessGroup) -> bytes:
    output = bytearray()
    while chunk := await reader.read(MOST_BYTES):
        output += chunk
        if len(output) > MOST_BYTES:
            group.end()
            break
    return bytes(output)


def _environment(mark: str) -> dict[str, str]:
    """Return the environment of a program: nothing of the daemon's own but the time zone."""
    zone = variable("TZ")
    own = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent", MARK: mark}
    return own | ({} if zone is None else {"TZ": zone})
