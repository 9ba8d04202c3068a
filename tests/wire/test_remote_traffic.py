"""What it costs to ask a server for settings that have not changed, over TLS."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from tests.wire.afar import settings_server
from tests.wire.peers import tcp_server
from voiced.assembly.factory import settings_caller
from voiced.config.history import Record, Sent
from voiced.config.schema import AgentSection, Settings
from voiced.config.schema_services import RemoteSection
from voiced.reload.remote import RemoteSettings

pytestmark = pytest.mark.real_time

DAY_S = 24 * 60 * 60


@asynccontextmanager
async def counted(port):
    """A way to `port` that counts the bytes in both directions."""
    count = SimpleNamespace(bytes=0)

    async def copy(reader, writer):
        while content := await reader.read(65_536):
            count.bytes += len(content)
            writer.write(content)
            await writer.drain()
        writer.close()

    async def serve(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, back), copy(there, writer), return_exceptions=True)

    async with tcp_server(serve) as here:
        count.port = here
        yield count


class Device:
    device_name = "kitchen"

    def __init__(self, remote):
        self.remote = remote
        self.record = Record(good=Sent("revision: 1\n", 1))

    async def take(self, received):
        pass


async def test_an_unchanged_file_costs_little(authority, serving, measured):
    async with settings_server(serving) as server:
        content = "revision: 2\n" + "# filler\n" * 1000
        server.put(content)
        async with counted(int(server.url.rpartition(":")[2])) as count:
            url = f"https://127.0.0.1:{count.port}/kitchen.yaml"
            remote = RemoteSection(url=url, ca_file=str(authority.ca_file))
            settings = Settings(agent=AgentSection())
            it = RemoteSettings(Device(remote), lambda found: settings_caller(settings, found))
            running = asyncio.create_task(it.run())
            costs = []
            for _ in range(5):
                before = count.bytes
                assert (await it.ask()).error == ""
                await asyncio.sleep(0.1)
                costs.append(count.bytes - before)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    first, *others = costs
    per_day = max(others) * DAY_S / remote.interval_s
    measured(
        f"settings over TLS: {first} bytes for a file of {len(content)}, {max(others)} when it has not changed: "
        f"{per_day / 1e6:.2f} MB a day, asked every {remote.interval_s:g} s"
    )
    assert first > len(content)
    assert max(others) < 5000
