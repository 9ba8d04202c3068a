"""A settings server that means harm, against the daemon as it runs: its own process, the real alsa-lib, real sockets.

Every setting, every section and every key of the agent's session gets every value of `hostile_settings`, each as a
revision of its own. What came of it is looked for outside the process.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager, suppress

import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings as StandIn
from tests.devices.hostile_settings import SECRET, SESSION, VARIABLE, Trap, targets, text
from tests.devices.witness import Callers, Witness, files_in, overheard
from tests.ports import free_port
from tests.wire.afar import QUICK, settings_server
from voiced.assembly.factory import catalogue
from voiced.assembly.protocols import agent_class
from voiced.config.load import examine

pytestmark = pytest.mark.real_time

LOCAL = """\
version: 1
device: {{name: kitchen}}
agent: {{url: '{agent}', key: {{file: {home}/key}}, session: {{system_prompt: You are one.}}}}
audio:
  capture: {{device: vmic, silent_after_s: 0}}
  playback: {{device: vspk}}
wake: {{idle_timeout_s: 3600}}
sounds: {{earcons: false, causes: false}}
remote: {{url: '{server}/{{name}}.yaml', interval_s: 3600, trial_s: 3600}}
"""
OWN_FILE = ("only the device's own file may set this", "no server may set it to this")
SLOW_S = 2.0
"""How long after it is taken a setting has begun whatever it begins: an MCP server's program is the slowest."""

HARMLESS = {("log", "level"): "info"}
MAKES_THE_SERVICE_CALL = {"webhook", "agent_id", "llm", "pre_connect_requests"}
TOOLS = {"get_time", "set_volume", "mute_microphone", "get_device_status", "end_conversation"}
TOOLS |= {"set_timer", "set_alarm", "remind_me", "list_timers", "cancel_timer"}


class Daemon:
    """The daemon in its own process, and what it follows."""

    def __init__(self, home, server, process):
        self.server, self.process = server, process
        self._socket, self._revision = home / "control.sock", 0

    async def ask(self, question):
        """Ask at the control socket; return the answer."""
        reader, writer = await asyncio.open_unix_connection(self._socket)
        writer.write(
            f"{question} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    async def status(self):
        return (await self.ask("GET /status"))["status"]

    async def send(self, settings):
        """Have the server send settings; return why they were refused, or an empty text."""
        self._revision += 1
        self.server.put(text(settings, self._revision))
        return (await self.ask("POST /reload?remote=1"))["error"]

    async def becomes(self, *statuses):
        async with asyncio.timeout(20):
            while (status := await self.status()) not in statuses:
                await asyncio.sleep(0.02)
        return status

    async def talk(self):
        """Hold a conversation, in which the agent is told all there is to tell, if the sound allows it."""
        if await self.becomes("asleep", "no-microphone", "no-speaker") != "asleep":
            return
        await self.ask("POST /talk")
        await self.becomes("listening", "speaking")
        await self.ask("POST /end")
        await self.becomes("asleep")


@asynccontextmanager
async def running(home, agent_url, server):
    (home / "key").write_text("k\n")
    (home / "key").chmod(0o600)
    (home / "voiced.yaml").write_text(LOCAL.format(home=home, agent=agent_url, server=server.url))
    folders = {"STATE_DIRECTORY": str(home / "state"), "RUNTIME_DIRECTORY": str(home)}
    command = [sys.executable, "-m", "voiced", "run", "--config", str(home / "voiced.yaml")]
    with (home.parent / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **folders, VARIABLE: SECRET}, stdout=log, stderr=log
        )
        try:
            it = Daemon(home, server, process)
            async with asyncio.timeout(20):
                while not (home / "control.sock").exists() or await it.status() != "asleep":
                    await asyncio.sleep(0.05)
            yield it
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 10) == 0
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def harm_in(sessions):
    """Return what the agent was told that would make its service call or send somewhere."""
    for session in sessions:
        yield from MAKES_THE_SERVICE_CALL & session.keys()
        for tool in session.get("tools", ()):
            if tool["name"] not in TOOLS or "http" in tool:
                yield f"the tool {tool}"


class Attack:
    """Every value for every target, one after another.

    Attributes:
        outcomes: How many values were refused for what, or taken.
    """

    def __init__(self, it, trap, witness, callers, ear):
        self.outcomes = Counter()
        self._it, self._trap, self._witness = it, trap, witness
        self._callers, self._ear = callers, ear

    async def on(self, target):
        """Send a target its values; return what came of it that should not have."""
        seen = [found for value in target.values for found in await self._send(target, value)]
        if "taken" in self._last:
            if target.path[:2] == SESSION:
                await self._it.talk()
            assert await self._it.send(HARMLESS) == ""
        seen += self._witness.seen() + [
            f"told the agent {each}" for each in harm_in(self._ear.sessions())
        ]
        seen += ["somebody called"] * self._callers.count()
        assert self._it.process.returncode is None
        return [f"{target.name}: {each}" for each in seen]

    async def _send(self, target, value):
        error = await self._it.send({target.path: value})
        outcome = (
            "local" if any(each in error for each in OWN_FILE) else "faulty" if error else "taken"
        )
        self._last = {outcome} if value is target.values[0] else self._last | {outcome}
        self.outcomes[outcome] += 1
        if outcome == "taken" and value and isinstance(value, dict | list):
            await self._it.talk()  # in which it would tell the agent of tools
            await asyncio.sleep(0 if target.path[:2] == SESSION else SLOW_S)
        return [] if error or target.is_harmless(value) else [f"was set to {value!r:.80}"]


@pytest.mark.long
async def test_no_setting_is_a_way_in_for_a_server_that_means_harm(rig, tmp_path, measured):
    home, trapped = tmp_path / "home", tmp_path / "trap"
    home.mkdir()
    trapped.mkdir()
    began_s = time.monotonic()
    async with (
        serve_assemblyai(StandIn(timing=QUICK, listening=False)) as agent,
        overheard(agent.url) as ear,
        settings_server() as server,
        running(home, ear.url, server) as it,
    ):
        assert await it.send(HARMLESS) == ""
        await it.talk()
        files = files_in(home)
        ports = {ear.port, int(server.url.rpartition(":")[2])}
        with Callers(trapped / "socket") as callers:
            trap = Trap(trapped, callers.port, free_port())
            trap.secret.write_text(SECRET + "\n")
            trap.canary.write_bytes(b"RIFF canary")
            own = examine(home / "voiced.yaml", catalogue()).usable().settings
            every = targets(agent_class("assemblyai").session_permissions, own, trap)
            with Witness(it.process.pid, trapped, ports) as witness:
                attack = Attack(it, trap, witness, callers, ear)
                for target in every:
                    assert await attack.on(target) == []
        await it.becomes("asleep")
        await it.talk()
        assert files_in(home) == files
    told = (
        json.dumps(ear.messages)
        + "".join(ear.heads)
        + (tmp_path / "log").read_text(errors="replace")
    )
    assert SECRET not in told
    assert ear.sessions()[-1]["system_prompt"] == "You are one."
    assert sorted(each.name for each in trapped.iterdir()) == ["canary.wav", "secret", "socket"]
    assert trap.canary.read_bytes() == b"RIFF canary"
    outcomes = attack.outcomes
    measured(
        f"hostile settings from a server: {len(every)} settings, sections and keys, {outcomes.total()} values in "
        f"{time.monotonic() - began_s:.0f} s: {outcomes['local']} not a server's to set, {outcomes['faulty']} faulty, "
        f"{outcomes['taken']} harmless and taken; effects outside: 0"
    )
