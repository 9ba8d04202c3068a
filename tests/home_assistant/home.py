"""A home: Home Assistant, a broker, and devices in it."""

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import yaml

from tests.fakes import RecordingCaptions
from tests.home_assistant.core import HomeAssistant, eventually, home_assistant
from tests.house.repository import documents
from tests.ports import free_port
from tests.whole import until
from tests.wire.afar import Kiosk, kiosk
from tests.wire.broker import Broker, broker

SERIAL = {"kitchen": "10000000aaaa", "lobby": "10000000bbbb"}


@dataclass
class House:
    """What is in it.

    Attributes:
        home: Its Home Assistant.
        broker: Its broker.
        folder: Where files of it are.
    """

    home: HomeAssistant
    broker: Broker
    folder: object
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def mqtt(self, **more):
        section = {"host": "127.0.0.1", "port": self.broker.port, "tls": False, **more}
        return doubled({"mqtt": section})

    def mcp(self, token, **more):
        path = self.folder / f"{len(token)}.token"
        path.write_text(token + "\n")
        path.chmod(0o600)
        return doubled({"mcp": {"home": self.guide(path) | more}})

    def guide(self, token):
        """Return the guide's block for an MCP server, as it stands but for what is this house's own."""
        text = documents()
        [block] = [
            each.partition("```")[0] for each in text.split("```yaml\n") if each.startswith("mcp:")
        ]
        section = yaml.safe_load(block)["mcp"]["home"]
        path = section["url"].partition(":8123")[2]
        if not self.home.is_new:  # "before 2026.8: …/api/mcp"
            assert "# before 2026.8: …/api/mcp\n" in block
            path = "/api/mcp"
        section["headers"]["Authorization"]["file"] = str(token)
        return section | {"url": self.home.url + path, "in_clear": True}


def doubled(section):
    """Return settings as `Kiosk` takes them, to be formatted."""
    return yaml.safe_dump(section, allow_unicode=True).replace("{", "{{").replace("}", "}}")


@asynccontextmanager
async def house(name, folder):
    """Run one with the Home Assistant `name`, which knows the broker and serves its tools."""
    port = free_port()
    async with home_assistant(name) as home, broker(folder, port) as server:
        await home.add("mqtt", broker="127.0.0.1", port=port)
        await home.add("mcp_server", llm_hass_api=["assist"])
        it = House(home, server, folder)
        async with it.stack:
            yield it


@asynccontextmanager
async def device(it, *more, name="kitchen", **options):
    """Run a device in the house; `entity` tells what Home Assistant calls a part of it."""
    folder = it.folder / name
    folder.mkdir(exist_ok=True)
    async with kiosk(folder, *more, **options) as found:
        found.write(*more, instead={"name: kitchen": f"name: {name}"})
        found.captions = RecordingCaptions()
        found.extras["captions"] = [found.captions]
        async with found.running():
            yield found


async def entity(it, part, name="kitchen"):
    """Return what Home Assistant calls a part of a device, once it is there."""
    unique = f"voiced_{SERIAL[name]}_{part}"

    async def look():
        return (await it.home.entities()).get(unique)

    return await eventually(look)


async def shows(it, part, value, name="kitchen", within_s=15.0):
    """Wait until a part of a device shows a value."""
    called = await entity(it, part, name)

    async def look():
        found = await it.home.state(called)
        return found is not None and found["state"] == value

    try:
        await eventually(look, within_s)
    except TimeoutError:
        raise AssertionError(f"{called} never {value}: {await it.home.state(called)}") from None


async def answer(found: Kiosk, tool, **arguments):
    """Have the agent call a tool in a spoken turn; return what it says then."""
    n_said = len(found.captions.final("agent"))
    session = found.agent.service.sessions[-1]
    session.call(tool, arguments, "It is {" + tool + ".result}.")
    await until(lambda: len(found.captions.final("agent")) > n_said, within_s=30)
    return found.captions.final("agent")[-1]


def tools(found):
    """Return the tools that the agent knows of, of Home Assistant's."""
    session = found.agent.service.sessions[-1]
    return {each["name"] for each in session.config["tools"] if each["name"].startswith("home_")}
