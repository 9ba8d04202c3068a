"""The command line: argv -> call -> exit code. Only this room prints; one small file per command.

Commands are imported when they are called, so that each loads only what it needs.
"""

import argparse
import os
import sys
from importlib import import_module

from voiced.cli.printing import complain
from voiced.cli.version import PrintVersion
from voiced.errors import VoicedError

COMMANDS = {
    "run": ("voiced.cli.run", "run the daemon"),
    "demo": ("voiced.cli.demo", "hold a conversation with a stand-in agent: no key, no settings"),
    "status": ("voiced.cli.status", "show what the running daemon is doing"),
    "talk": ("voiced.cli.control", "begin a conversation"),
    "end": ("voiced.cli.control", "end the conversation"),
    "mute": ("voiced.cli.control", "switch the microphone off, or on again"),
    "volume": ("voiced.cli.control", "set how loud the agent is"),
    "say": ("voiced.cli.control", "have the agent say something"),
    "transcript": ("voiced.cli.transcript", "show what was said recently, if it is kept"),
    "kiosk": ("voiced.cli.kiosk", "show the link to the page, and its QR code"),
    "logs": ("voiced.cli.logs", "show what the service has logged"),
    "reload": ("voiced.cli.reload", "have the running daemon read its settings again"),
    "devices": ("voiced.cli.devices", "list sound cards and the names to use in the settings"),
    "doctor": ("voiced.cli.doctor", "find out what is wrong, and what to do about it"),
    "tools": (
        "voiced.cli.tools",
        "list the tools that the agent may call on this device, or call one yourself",
    ),
    "config": ("voiced.cli.config", "check, show or explain the settings"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the process exit code."""
    # Threads cost more than they save on such small matrices. Set early: numpy reads it on import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251 - set for numpy, not read
    arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="voiced", description="An always-on voice agent for a Raspberry Pi."
    )
    parser.add_argument("--version", action=PrintVersion, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in arguments if word in COMMANDS), None)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:  # the help of the others needs no import
            import_module(module).configure(command)
    options = parser.parse_args(arguments)
    try:
        code: int = import_module(COMMANDS[options.command][0]).run(options)
    except VoicedError as exc:
        complain(f"voiced: {exc}")
        return exc.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has closed it. Keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code
