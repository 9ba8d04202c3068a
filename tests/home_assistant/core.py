"""A real Home Assistant on loopback: begun, set up by its own interfaces, asked and steered."""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.ports import free_port

ROOT = Path(os.environ.get("VOICED_HOME_ASSISTANT", "/nonexistent"))
VERSIONS = dict(
    line.split()
    for line in (Path(__file__).parent / "cores.txt").read_text().splitlines()
    if not line.startswith("#")
)
STARTS_WITHIN_S = 120
UNCHANGED = {"set_ca_cert": "off", "set_client_cert": False}
FROM = "127.0.0.77"
"""Where we come from: another address than the device's, which may be banned."""

SETTINGS = """\
homeassistant: {{name: Home}}
http: {{server_host: 127.0.0.1, server_port: {port}, ip_ban_enabled: true, login_attempts_threshold: 5}}
api:
config:
frontend:
conversation:
intent:
logger: {{default: info}}
input_boolean: {{lamp: {{name: State of the lamp}}}}
template:
  - light:
      - name: Ceiling
        unique_id: ceiling
        state: "{{{{ is_state('input_boolean.lamp', 'on') }}}}"
        turn_on: {{action: input_boolean.turn_on, target: {{entity_id: input_boolean.lamp}}}}
        turn_off: {{action: input_boolean.turn_off, target: {{entity_id: input_boolean.lamp}}}}
"""


class HomeAssistant:
    """One that runs, or will.

    Args:
        name: Which of `VERSIONS`.

    Attributes:
        token: Of its owner.
        is_new: It calls its tools by their kind, as since 2026.9.
    """

    def __init__(self, name):
        self.version, self.is_new = VERSIONS[name], name == "new"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = ""
        self._inside = f"/var/lib/{name}-{self.port}"
        self.folder = ROOT / self._inside.removeprefix("/")
        self._command = ("chroot", ROOT, f"/opt/{name}/bin/hass", "--config", self._inside)
        self._process = None
        self._web = None

    async def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "configuration.yaml").write_text(SETTINGS.format(port=self.port))
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it takes milliseconds
                [*self._command, "--skip-pip"],
                env=environment,
                stdout=output,
                stderr=output,
                process_group=0,
            )
        connector = aiohttp.TCPConnector(local_addr=(FROM, 0))
        self._web = aiohttp.ClientSession(self.url, connector=connector)
        async with asyncio.timeout(STARTS_WITHIN_S):
            while not await self._is_up():
                assert self._process.poll() is None, self.output()[-2000:]
                await asyncio.sleep(0.2)

    async def _is_up(self):
        try:
            async with self._web.get("/api/onboarding") as answer:
                if answer.status == 404:  # it was set up before
                    return (await self.get("config"))["state"] == "RUNNING"
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def stop(self):
        await self._web.close()
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            await asyncio.to_thread(self._process.wait, 30)
            self._process = None

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def output(self):
        return (self.folder / "output").read_text(errors="replace")

    def complaints(self):
        """Return what it has to say of us, from WARNING on."""
        lines = self.output().splitlines()
        grave = [line for line in lines if " WARNING " in line or " ERROR " in line]
        return [line for line in grave if any(word in line for word in ("mqtt", "mcp", "voiced"))]

    async def get(self, path):
        async with self._web.get(f"/api/{path}", headers=self._headers()) as answer:
            assert answer.status == 200, (path, answer.status, await answer.text())
            return await answer.json()

    async def post(self, path, wanted=200, /, **body):
        async with self._web.post(f"/api/{path}", json=body, headers=self._headers()) as answer:
            assert answer.status in {wanted, 201}, (path, answer.status, await answer.text())
            return await answer.json()

    def _headers(self):
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def call(self, service, /, **data):
        """Call a service, like `switch.turn_on`."""
        return await self.post(f"services/{service.replace('.', '/')}", **data)

    async def state(self, entity):
        async with self._web.get(f"/api/states/{entity}", headers=self._headers()) as answer:
            return (await answer.json()) if answer.status == 200 else None

    async def ask(self, *requests):
        """Send requests over its WebSocket; return their results."""
        results = []
        async with self._web.ws_connect("/api/websocket", max_msg_size=0) as socket:
            assert (await socket.receive_json())["type"] == "auth_required"
            await socket.send_json({"type": "auth", "access_token": self.token})
            assert (await socket.receive_json())["type"] == "auth_ok"
            for number, request in zip(itertools.count(1), requests, strict=False):
                await socket.send_json({"id": number, **request})
                answer = await socket.receive_json()
                assert answer["success"], (request["type"], answer)
                results.append(answer["result"])
        return results

    async def onboard(self):
        """Be its first user, and give ourselves a token that lasts."""
        owner = {"name": "Owner", "username": "owner", "password": "hunter2-hunter2"}
        client = f"{self.url}/"
        made = await self.post("onboarding/users", client_id=client, language="en", **owner)
        form = {"grant_type": "authorization_code", "code": made["auth_code"], "client_id": client}
        async with self._web.post("/auth/token", data=form) as answer:
            self.token = (await answer.json())["access_token"]
        await self.post("onboarding/core_config")
        await self.post("onboarding/analytics")
        await self.post("onboarding/integration", client_id=client, redirect_uri=client)
        self.token = await self.lasting_token("voiced tests")

    async def lasting_token(self, name):
        request = {"type": "auth/long_lived_access_token", "client_name": name, "lifespan": 30}
        [token] = await self.ask(request)
        return token

    async def token_of_a_guest(self):
        """Return the token of a user who is no administrator."""
        [made] = await self.ask(
            {"type": "config/auth/create", "name": "Guest", "group_ids": ["system-users"]}
        )
        guest = {"username": "guest", "password": "hunter3-hunter3"}
        await self.ask(
            {
                "type": "config/auth_provider/homeassistant/create",
                "user_id": made["user"]["id"],
                **guest,
            }
        )
        client = f"{self.url}/"
        begun = {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}
        async with self._web.post("/auth/login_flow", json=begun) as answer:
            flow = (await answer.json())["flow_id"]
        async with self._web.post(
            f"/auth/login_flow/{flow}", json={"client_id": client, **guest}
        ) as answer:
            code = (await answer.json())["result"]
        form = {"grant_type": "authorization_code", "code": code, "client_id": client}
        async with self._web.post("/auth/token", data=form) as answer:
            owner, self.token = self.token, (await answer.json())["access_token"]
        try:
            return await self.lasting_token("voiced")
        finally:
            self.token = owner

    async def add(self, integration, **data):
        """Set an integration up as its user would, step by step."""
        step = await self.post("config/config_entries/flow", handler=integration)
        while step["type"] != "create_entry":
            path = f"config/config_entries/flow/{step['flow_id']}"
            if step["type"] == "menu":
                step = await self.post(path, next_step_id="broker")
                continue
            assert step["type"] == "form", step
            fields = {each["name"] for each in step["data_schema"]}
            filled = {key: value for key, value in data.items() if key in fields}
            folded = {  # what a user leaves as it is
                each["name"]: {
                    field["name"]: field.get("default", UNCHANGED.get(field["name"]))
                    for field in each["schema"]
                    if field.get("required")
                }
                for each in step["data_schema"]
                if "schema" in each
            }
            step = await self.post(path, **filled, **folded)
            assert not step.get("errors"), step
        return step

    async def area(self, name):
        """Return the id of one of the rooms that it begins with."""
        [found] = await self.ask({"type": "config/area_registry/list"})
        return next(each["area_id"] for each in found if each["name"] == name)

    async def devices(self):
        [found] = await self.ask({"type": "config/device_registry/list"})
        return {each["name"]: each for each in found if each["manufacturer"] == "voiced"}

    async def entities(self):
        """Return the entities of each of our devices, by the end of their unique ids."""
        [found] = await self.ask({"type": "config/entity_registry/list"})
        return {
            each["unique_id"]: each["entity_id"] for each in found if each["platform"] == "mqtt"
        }


@asynccontextmanager
async def home_assistant(name):
    it = HomeAssistant(name)
    await it.start()
    await it.onboard()
    try:
        yield it
    finally:
        await it.stop()
        it.remove()


async def eventually(look, within_s=15.0):
    """Return what `look` finds, once it finds something."""
    found = None
    async with asyncio.timeout(within_s):
        while not (found := await look()):
            await asyncio.sleep(0.1)
    return found
