"""A house with declared tools, whose programs and service note what arrives, or misbehave."""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import yaml
from aiohttp import web

from tests.hostile_tools import MEGABYTE, SECRET
from voiced.assembly.factory import catalogue, link_options
from voiced.assembly.tools import toolbox
from voiced.config.load import examine
from voiced.devices.network.resolver import Resolver

PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path

note = Path(__file__).with_name("notes")


def wait():
    while True:
        time.sleep(1)


def note_it():
    with note.open("a") as file:
        file.write(json.dumps(sys.argv[2:]) + "\\n")
    print(json.dumps(sys.argv[2:]))


def fork(leave, then=wait):
    begun, begins = os.pipe()
    for _ in range(3):
        if os.fork() == 0:
            leave()
            os.write(begins, b"x")
            then()
    for _ in range(3):
        os.read(begun, 1)
    print("done", flush=True)


def daemon():
    os.setsid()
    if os.fork():
        os._exit(0)


def be_a_stranger():
    os.execve("/bin/sh", ["sh", "-c", "sleep 600; true", str(note)], {})


def multiply():
    for _ in range(4):
        os.fork()
    wait()


def write(what):
    sys.stdout.buffer.write(what)


def ignore():
    for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(each, signal.SIG_IGN)
    wait()


{
    "note": note_it,
    "says_10_MB": lambda: write(b"x" * 10_000_000),
    "says_more_and_more": lambda: [write(b"x" * 100_000) for _ in iter(int, 1)],
    "says_what_is_too_long_to_read_out": lambda: write(b"x" * 20_000),
    "never_ends": wait,
    "says_nothing_more": lambda: (os.close(1), wait()),
    "ignores_every_signal": ignore,
    "leaves_children": lambda: fork(lambda: None),
    "leaves_children_in_a_session": lambda: fork(os.setsid),
    "leaves_daemons": lambda: fork(daemon),
    "forks_and_never_ends": lambda: (fork(os.setsid), wait()),
    "leaves_strangers_and_never_ends": lambda: (fork(os.setsid, be_a_stranger), wait()),
    "multiplies": multiply,
    "exits_3": lambda: sys.exit(3),
    "kills_itself": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "says_binary": lambda: write(b"\\x00\\xff\\xfe\\x7fELF"),
    "says_terminal_codes": lambda: write(b"\\x1b[2J\\x07"),
    "says_deep_JSON": lambda: write(b"[" * 60_000),
    "says_NaN": lambda: write(b"NaN"),
    "says_half_a_character": lambda: write(b'"\\\\ud800"'),
}[sys.argv[1]]()
"""

TEXT = {"type": "string"}
NUMBER = {"type": "integer", "maximum": 10**18}


def _takes(**properties):
    return {"type": "object", "properties": properties, "required": list(properties)}


def _commands(program):
    """Return the tools that note what they are given, by name."""

    def noting(argv, **takes):
        return {"argv": [*program, "note", *argv], "parameters": _takes(**takes)}

    return {
        "one_word": noting(["{word}"], word=TEXT),
        "parts_of_words": noting(
            ["--word={word}", "a{word}z", "--", "{last}"], word=TEXT, last=TEXT
        ),
        "one_number": noting(["{n}", "n={n}"], n=NUMBER),
    }


PROGRAMS = {
    "says_10_MB": "apology",
    "says_more_and_more": "apology",
    "says_what_is_too_long_to_read_out": "apology",
    "never_ends": "apology",
    "says_nothing_more": "apology",
    "ignores_every_signal": "apology",
    "leaves_children": "answer",
    "leaves_children_in_a_session": "answer",
    "leaves_daemons": "answer",
    "forks_and_never_ends": "apology",
    "leaves_strangers_and_never_ends": "apology",
    "multiplies": "apology",
    "exits_3": "apology",
    "kills_itself": "apology",
    "says_binary": "apology",
    "says_terminal_codes": "apology",
    "says_deep_JSON": "apology",
    "says_NaN": "answer",
    "says_half_a_character": "answer",
}
"""What misbehaves, and what the agent gets."""

WHILE = {"never_ends", "says_nothing_more", "ignores_every_signal", "forks_and_never_ends"}
LATE = {*WHILE, "leaves_strangers_and_never_ends", "multiplies", "drips", "is_silent"}
ABSENT = {
    "has_no_program": "/nonexistent/program",
    "has_a_file_that_is_no_program": "/etc/passwd",
    "has_a_folder_for_a_program": "/",
}


class Service:
    """A web service that notes what it is asked, or misbehaves by path."""

    def __init__(self):
        self.asked = []

    async def answer(self, request):
        behave = SERVICES.get(request.path.removeprefix("/bad/"))
        if behave is not None:
            return await behave[0](request)
        strange = request.headers.keys() - KNOWN_HEADERS
        body = await request.text()
        self.asked.append(
            {
                "method": request.method,
                "path": request.path,
                "n_parts": request.raw_path.partition("?")[0].count("/"),
                "query": dict(request.query),
                "json": json.loads(body) if body else None,
                "strange": [*strange, *{request.headers["Host"]} - {f"127.0.0.1:{self.port}"}],
            }
        )
        return web.json_response({"ok": True})

    @asynccontextmanager
    async def serving(self):
        application = web.Application()
        application.router.add_route("*", "/{rest:.*}", self.answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()


KNOWN_HEADERS = {
    *("Host", "Accept", "Accept-Encoding", "User-Agent", "Content-Type", "Content-Length"),
    *("Connection",),
}


def _saying(body, status=200, kind="application/json", **headers):
    async def answer(request):
        return web.Response(body=body, status=status, content_type=kind, headers=headers)

    return answer


async def _drip(request):
    response = web.StreamResponse()
    await response.prepare(request)
    with suppress(ConnectionError):
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.1)
    return response


async def _gush(request):
    response = web.StreamResponse()
    await response.prepare(request)
    with suppress(ConnectionError):
        while True:
            await response.write(b"x" * 10_000)
    return response


async def _be_silent(request):
    await asyncio.sleep(60)


async def _hang_up(request):
    request.transport.close()
    return web.Response()


SERVICES = {
    "sends_10_MB": (_saying(b"x" * 10 * MEGABYTE, kind="text/plain"), "apology"),
    "sends_more_and_more": (_gush, "apology"),
    "drips": (_drip, "apology"),
    "is_silent": (_be_silent, "apology"),
    "hangs_up": (_hang_up, "apology"),
    "is_elsewhere": (_saying(b"", 302, Location="/elsewhere"), "apology"),
    "is_for_ever_elsewhere": (_saying(b"", 308, Location="/bad/sends_10_MB"), "apology"),
    "sends_broken_JSON": (_saying(b'{"a": '), "apology"),
    "sends_deep_JSON": (_saying(b"[" * 60_000), "apology"),
    "sends_NaN": (_saying(b'{"a": NaN}'), "answer"),
    "sends_half_a_character": (_saying(b'"\\ud800"'), "answer"),
    "sends_binary": (_saying(b"\x89PNG\xff\x00", kind="image/png"), "apology"),
    "sends_a_page": (_saying(b"<html>", kind="text/html"), "answer"),
    "fails": (_saying(SECRET.encode(), 500, kind="text/plain"), "apology"),
}
"""What misbehaves, and what the agent gets."""


def _asking(address):
    thing = {"description": "Anything."}
    return {
        "a_place": {
            "url": f"{address}/a/{{word}}/z?fixed=1",
            "parameters": _takes(word=TEXT),
        },
        "a_post": {
            "method": "POST",
            "url": f"{address}/post?q={{word}}&r=1",
            "json": {"text": "in {word}!", "alone": "{word}", "thing": "{thing}", "admin": False},
            "parameters": _takes(word=TEXT, thing=thing),
        },
    }


class House:
    """What the tools act upon.

    Attributes:
        tools: All that are declared.
        service: What the `http_tools` ask.
    """

    def __init__(self, folder):
        self._folder = folder
        self._notes = folder / "notes"
        self.service = Service()

    def build(self):
        """Write the settings, read them as the daemon does, and build the tools."""
        program = self._folder / "program.py"
        program.write_text(PROGRAM)
        key = self._folder / "key"
        key.write_text("k")
        run = [sys.executable, "-IS", str(program)]
        address = f"http://127.0.0.1:{self.service.port}"
        commands = {name: {"argv": [*run, name]} for name in PROGRAMS}
        commands |= {name: {"argv": [path]} for name, path in ABSENT.items()}
        http = {name: {"url": f"{address}/bad/{name}"} for name in SERVICES}
        commands |= _commands(run)
        http |= _asking(address)
        for name, declared in (commands | http).items():
            declared |= {"description": "For tests.", "timeout_s": 1 if name in LATE else 10}
        path = self._folder / "voiced.yaml"
        written = {"agent": {"key": {"file": str(key)}}, "tools": []}
        path.write_text(yaml.safe_dump(written | {"command_tools": commands, "http_tools": http}))
        settings = examine(path, catalogue()).usable().settings
        self.tools = [*toolbox(settings, link_options(settings), Resolver()).values()]

    def taken(self):
        """Return what programs and services were given since the last time."""
        notes, asked = [], self.service.asked
        if self._notes.exists():
            notes = [json.loads(line) for line in self._notes.read_text().splitlines()]
            self._notes.unlink()
        self.service.asked = []
        return (*notes, *asked)

    def left_behind(self):
        """Return the processes that programs have left."""
        return [int(each.name) for each in Path("/proc").iterdir() if self._is_ours(each)]

    def _is_ours(self, process):
        with suppress(OSError):
            if process.name.isdecimal() and int(process.name) != os.getpid():
                state = (process / "stat").read_text().rpartition(") ")[2][0]
                return (
                    state != "Z"
                    and str(self._folder).encode() in (process / "cmdline").read_bytes()
                )
        return False


@asynccontextmanager
async def house(folder):
    """Yield a house whose service is there."""
    it = House(folder)
    async with it.service.serving():
        it.build()
        yield it
        assert it.left_behind() == []
