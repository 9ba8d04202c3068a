"""The service for programs, as systemd starts it: its socket is its standard input."""

import asyncio
import os
import socket
import sys
from contextlib import asynccontextmanager
from types import SimpleNamespace

from voiced.tools.declared.program_client import VARIABLE


@asynccontextmanager
async def program_service(folder, text):
    """Run it with `text` as the device's own settings; gives its socket, its process and its file."""
    file = folder / "voiced.yaml"
    file.write_text(text)
    path = folder / "programs.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(64)
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    told = (folder / "told").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "voiced.tools.program_service"),
        stdin=listener,
        stderr=told,
        env=environment | {"CONFIGURATION_DIRECTORY": str(folder)},
    )
    listener.close()
    told.close()
    try:
        yield SimpleNamespace(socket=path, process=process, file=file)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def raw(path, *lines, answers=1):
    """Send lines to it as they are; return what it answers, until it closes."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        for line in lines:
            writer.write(line)
        async with asyncio.timeout(20):
            return [await reader.readline() for _ in range(answers)]
    finally:
        writer.close()
