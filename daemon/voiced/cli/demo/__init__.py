"""`voiced demo`: a conversation with a stand-in agent; no key, no settings.

Everything but the agent is real: the same runtime, codec, link and devices.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from voiced.agents import AGENTS
from voiced.cli.demo.person import OFFLINE
from voiced.cli.demo.session import SENTENCES, Demo, Script, Sound
from voiced.lib import event_loop


def asked(text: str) -> tuple[str, ...]:
    """Return the names of sentences in a comma-separated list.

    Raises:
        ArgumentTypeError: If there is no such sentence.
    """
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in SENTENCES and name != OFFLINE:
            known = ", ".join(SENTENCES)
            raise argparse.ArgumentTypeError(f"{name!r} is unknown; use {known} or {OFFLINE}")
    return names


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--wav",
        action="store_true",
        help="speak recorded sentences and play into a WAV file even if there is a sound card",
    )
    parser.add_argument(
        "--agent", choices=AGENTS, default="assemblyai", help="which stand-in agent to talk to"
    )
    parser.add_argument("--microphone", metavar="DEVICE", help="capture device, as in the settings")
    parser.add_argument("--speaker", metavar="DEVICE", help="playback device, as in the settings")
    parser.add_argument("--output", metavar="FILE", help="the file that a WAV speaker writes")
    parser.add_argument("--plain", action="store_true", help="print plain lines in a terminal too")
    parser.add_argument(
        "--ask",
        type=asked,
        default=("time", "goodbye"),
        metavar="SENTENCE,…",
        help=f"without a terminal: what to say, one or more of {', '.join(SENTENCES)} (time,goodbye); "
        f"with a timer the demo waits until it has rung; {OFFLINE} cuts the agent off",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=90.0,
        metavar="S",
        help="without a terminal: give up after S seconds (90)",
    )


def run(options: argparse.Namespace) -> int:
    """Hold one conversation; return 0 if a turn was heard and answered, and no timer missed."""
    in_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not options.plain
    output = options.output or str(Path(tempfile.mkdtemp(prefix="voiced-demo-")) / "speaker.wav")
    sound = Sound.choose(options.microphone, options.speaker, output, wav=options.wav)
    script = None if in_terminal else Script(options.ask, options.seconds)
    return event_loop.run(Demo(sound, options.agent, script).run())
