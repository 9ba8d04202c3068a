"""`agentsim assemblyai` and `agentsim workbuddy`: stand-in agents as programs."""

import argparse
import asyncio
import json
import os
import signal
import ssl
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.certificate import make_certificate
from agentsim.errors import SetupError
from agentsim.faults import SWITCHES, Faults
from agentsim.scenario import Scenario, load
from agentsim.serving import Server
from agentsim.speaking import VOICES, voice_named
from agentsim.stand_in import StandIn
from agentsim.timing import Timing
from agentsim.understanding import UNDERSTANDINGS, understanding_named
from agentsim.workbuddy.server import serve_workbuddy
from agentsim.workbuddy.settings import Settings as WorkBuddySettings

EXIT_USAGE = 64
PARENT_POLL_S = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.list_faults:
        for name, switch in SWITCHES.items():
            value = "" if switch.check is None else f"=VALUE ({switch.value})"
            place = "" if switch.place is None else f" @{switch.place}"
            print(f"{name}{value}{place}: {switch.sentence}")
        return 0
    try:
        with ExitStack() as stack:
            tls, ca = _tls(options, stack)
            asyncio.run(_serve(options, tls, ca))
    except (SetupError, OSError) as error:
        print(f"agentsim: {error}", file=sys.stderr)
        return EXIT_USAGE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agentsim", description="Stand-in voice agents.")
    agents = parser.add_subparsers(dest="agent", required=True)
    description = "Print one JSON line with the URLs, then serve until SIGTERM."
    assemblyai = agents.add_parser(
        "assemblyai",
        help="stand in for the AssemblyAI Voice Agent service",
        description=description,
    )
    _add_common(assemblyai)
    add = assemblyai.add_argument
    add("--mode", choices=("live", "strict"), default="live")
    add("--record", type=Path, metavar="DIR", help="write what each session hears to a WAV file")
    add("--max-sessions", type=int, metavar="N")
    add(
        "--forbidden-keys",
        default="",
        metavar="KEY,...",
        help="valid keys that are not allowed to do anything",
    )
    workbuddy = agents.add_parser(
        "workbuddy", help="stand in for WorkBuddy Voice", description=description
    )
    _add_common(workbuddy)
    workbuddy.add_argument("--greeting", default="", help="what the agent says first")
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 picks a free port (default)")
    add("--scenario", metavar="FILE|NAME", help="what the agent says and does")
    add("--fault", action="append", default=[], metavar="NAME[=VALUE][@PLACE[+MS]][*COUNT]")
    add("--list-faults", action="store_true", help="print the fault switches and exit")
    add("--events", type=Path, metavar="FILE", help="append the event log as JSON lines")
    add("--keys", default="", metavar="KEY,...", help="accepted keys (default: any)")
    add("--voice", choices=VOICES, default="auto")
    add("--understanding", choices=UNDERSTANDINGS, default="auto")
    add("--ready-delay", type=float, metavar="S", help="how long until the agent is ready")
    add(
        "--think",
        type=float,
        metavar="S",
        help="how long from the end of the user's turn to the reply",
    )
    add("--seed", type=int, default=0)
    add("--tls", action="store_true", help="serve TLS with a new self-signed certificate")
    add("--cert", type=Path, metavar="PEM")
    add("--key", type=Path, metavar="PEM")
    add("--exit-with-parent", action="store_true", help="exit when the parent process does")


def _assemblyai(options: argparse.Namespace) -> Settings:
    settings = Settings.of(
        **_common(options),
        mode=options.mode,
        forbidden_keys=_list(options.forbidden_keys),
        record_dir=options.record,
        max_sessions=options.max_sessions,
    )
    settings.timing = _timing(options, settings.timing)
    return settings


def _workbuddy(options: argparse.Namespace) -> WorkBuddySettings:
    settings = WorkBuddySettings.of(**_common(options))
    settings.greeting = options.greeting or settings.scenario.greeting or ""
    settings.timing = _timing(options, settings.timing)
    return settings


def _common(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "scenario": load(options.scenario) if options.scenario else Scenario(),
        "keys": _list(options.keys),
        "faults": Faults(options.fault),
        "voice": voice_named(options.voice),
        "understanding": understanding_named(options.understanding),
        "seed": options.seed,
    }


def _list(written: str) -> tuple[str, ...]:
    return tuple(key for key in written.split(",") if key)


def _timing(options: argparse.Namespace, timing: Timing) -> Timing:
    if options.ready_delay is not None:
        timing = replace(timing, ready_s=options.ready_delay)
    if options.think is not None:
        timing = replace(timing, think_s=options.think)
    return timing


def _tls(
    options: argparse.Namespace, stack: ExitStack
) -> tuple[ssl.SSLContext | None, Path | None]:
    """Return how to serve TLS, and the certificate to trust; None for both without TLS."""
    certificate, key = options.cert, options.key
    if options.tls and not certificate:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="agentsim-"))
        certificate, key = make_certificate(Path(directory), options.host)
    if not certificate:
        return None, None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


async def _serve(options: argparse.Namespace, tls: ssl.SSLContext | None, ca: Path | None) -> None:
    parent = os.getppid()  # read before printing: the parent may exit as soon as it has the URL
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, over.set)
    place = {
        "host": options.host,
        "port": options.port,
        "tls": tls,
        "events_path": options.events,
    }
    serving: AbstractAsyncContextManager[Server[StandIn[Any]]]
    if options.agent == "workbuddy":
        serving = serve_workbuddy(_workbuddy(options), **place)
    else:
        serving = serve_assemblyai(_assemblyai(options), **place)
    async with serving as server:
        where = {"url": server.url, "rest": server.rest, "pid": os.getpid()}
        print(json.dumps(where | ({"ca": str(ca)} if ca else {})), flush=True)
        async with asyncio.TaskGroup() as tasks:  # noqa: TID251 - the stand-in may not import the daemon's
            watching = tasks.create_task(
                _watch_parent(over, parent if options.exit_with_parent else None)
            )
            await over.wait()
            watching.cancel()
        violations = server.service.violations
    if options.agent == "workbuddy" or options.mode == "strict":
        print(json.dumps({"violations": violations}), flush=True)


async def _watch_parent(over: asyncio.Event, parent: int | None) -> None:
    # Polled, because a death signal fires when the parent's thread ends, not the parent.
    while parent is not None:
        if os.getppid() != parent:
            over.set()
        await asyncio.sleep(PARENT_POLL_S)
