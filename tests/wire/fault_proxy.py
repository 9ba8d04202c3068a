"""A TCP proxy on loopback that misbehaves on request."""

import asyncio
import contextlib
import random

from tests.wire.peers import abort, reset

CHUNK_BYTES = 4096


class FaultProxy:
    """Forwards to `target_port`. Every fault may be changed while it runs.

    Attributes:
        port: Where it listens.
        latency_s: Added to everything, each way.
        jitter_s: Up to this much more, at random; order is kept.
        bytes_per_s: Bandwidth each way; 0 for no limit.
        accept_delay_s: How long a new connection waits before anything is forwarded.
        drop_after_bytes: Close both sides after so many bytes towards the client.
        accepted: How many connections it has accepted.
    """

    def __init__(self, target_port, *, seed=1):
        self.port = 0
        self.latency_s = 0.0
        self.jitter_s = 0.0
        self.bytes_per_s = 0
        self.accept_delay_s = 0.0
        self.drop_after_bytes = None
        self.accepted = 0
        self._target_port = target_port
        self._random = random.Random(seed)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers = set()
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc_info):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def freeze(self):
        """Go half-open: neither read nor write any more, but keep every socket."""
        self._flowing.clear()

    def thaw(self):
        """Go on where `freeze` stopped."""
        self._flowing.set()

    def reset(self):
        """Send RST to both sides of every connection."""
        for writer in self._writers:
            reset(writer)

    def cut(self):
        """Close both sides of every connection without a WebSocket farewell."""
        for writer in self._writers:
            writer.close()

    def refuse(self):
        """Be gone: reset every connection, and refuse new ones."""
        self._server.close()
        self.reset()

    async def accept(self):
        """Be there again, at the same port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _serve(self, reader, writer):
        self.accepted += 1
        task = asyncio.current_task()
        self._tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError):  # Python 3.11's streams trip over it
            await self._forward(reader, writer)
        self._tasks.discard(task)

    async def _forward(self, reader, writer):
        writers = [writer]
        try:
            await asyncio.sleep(self.accept_delay_s)
            there_reader, there = await asyncio.open_connection("127.0.0.1", self._target_port)
            writers.append(there)
            self._writers.update(writers)
            async with asyncio.TaskGroup() as group:
                self._pipe(group, reader, there, counted=False)
                self._pipe(group, there_reader, writer, counted=True)
        except* OSError:
            pass
        finally:
            for each in writers:
                self._writers.discard(each)
                abort(each)
                with contextlib.suppress(OSError):
                    await each.wait_closed()

    def _pipe(self, group, reader, writer, *, counted):
        queue = asyncio.Queue(maxsize=64)
        group.create_task(self._take(reader, queue))
        group.create_task(self._give(queue, writer, counted=counted))

    async def _take(self, reader, queue):
        loop = asyncio.get_running_loop()
        chunk = b"?"
        while chunk:
            await self._flowing.wait()
            chunk = await reader.read(CHUNK_BYTES)
            delay_s = self.latency_s + self._random.uniform(0, self.jitter_s)
            await queue.put((loop.time() + delay_s, chunk))

    async def _give(self, queue, writer, *, counted):
        loop = asyncio.get_running_loop()
        given = 0
        while True:
            due_s, chunk = await queue.get()
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            if self.bytes_per_s:
                await asyncio.sleep(len(chunk) / self.bytes_per_s)
            await self._flowing.wait()
            if not chunk:
                break
            if writer.is_closing():  # cut, and gone perhaps; asyncio would raise
                continue
            if counted and self.drop_after_bytes is not None:
                chunk = chunk[: max(0, self.drop_after_bytes - given)]
            given += len(chunk)
            writer.write(chunk)
            await writer.drain()
            if counted and given == self.drop_after_bytes:
                self.cut()
        if writer.can_write_eof():
            writer.write_eof()
