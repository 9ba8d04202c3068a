"""The virtual Pi as a tool: what scripts/pi calls."""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.pi.images import SUITES, cache, image
from tests.pi.machine import VirtualPi

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="pi", description="A virtual Raspberry Pi.")
    parser.add_argument("--suite", default="bookworm", choices=[*sorted(SUITES), "all"])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("build", help="build the image, unless there is one")
    up = commands.add_parser("up", help="boot one that stays up, and open a root shell on it")
    up.add_argument("--no-shell", action="store_true", help="only boot it")
    commands.add_parser("shell", help="open a root shell on it")
    say = commands.add_parser("say", help="say a mono WAV file of 16 kHz into its microphones")
    say.add_argument("wav", type=Path)
    press = commands.add_parser("press", help="press its button")
    press.add_argument("seconds", type=float, nargs="?", default=0.15)
    commands.add_parser("down", help="switch it off, and forget its disk")
    commands.add_parser("hold")
    test = commands.add_parser("test", help="run scenarios, each on the same Pi, and print a table")
    kind = test.add_mutually_exclusive_group()
    kind.add_argument("--quick", action="store_true", help="the short ones (default)")
    kind.add_argument("--full", action="store_true", help="all of them, at full length")
    kind.add_argument("--sabotage", action="store_true", help="make each of them fail on purpose")
    test.add_argument("scenario", nargs="*", help="words in the names of those wanted")
    options = parser.parse_args()
    suites = sorted(SUITES) if options.suite == "all" else [options.suite]
    run = {"build": _build, "test": _test}.get(options.command)
    if run is not None:
        return max(run(suite, options) for suite in suites)
    return {
        "up": _up,
        "shell": _shell,
        "say": _order,
        "press": _order,
        "down": _down,
        "hold": _hold,
    }[options.command](suites[0], options)


def _build(suite: str, _options: argparse.Namespace) -> int:
    print(image(suite).folder)
    return 0


def _test(suite: str, options: argparse.Namespace) -> int:
    image(suite)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/pi"]
    command += ["--suite", suite, "--durations", "8"]
    command += ["--maxfail", "4"] if options.full or options.sabotage else ["-x"]
    command += [f"--{kind}" for kind in ("full", "sabotage") if getattr(options, kind)]
    if options.scenario:
        command += ["-k", " or ".join(options.scenario)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _folder(suite: str) -> Path:
    return cache() / f"up-{suite}"


def _up(suite: str, options: argparse.Namespace) -> int:
    folder = _folder(suite)
    if _holder(folder) is None:
        image(suite)
        subprocess.run(["rm", "-rf", folder], check=True)
        folder.mkdir(parents=True)
        with (folder / "log").open("w") as log:
            subprocess.Popen(
                [sys.executable, "-m", "tests.pi", "--suite", suite, "hold"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        print("booting (half a minute)", flush=True)
        while not (folder / "ready").exists():
            time.sleep(0.5)
            if (folder / "failed").exists():
                print((folder / "log").read_text())
                return 1
    print(
        f"up. The speaker is recorded in {folder / 'speaker.wav'}; say something with\n"
        f"`scripts/pi say FILE.wav`, press the button with `scripts/pi press`, end it with `scripts/pi down`."
    )
    return 0 if options.no_shell else _shell(suite, options)


def _shell(suite: str, _options: argparse.Namespace) -> int:
    ssh = (_folder(suite) / "ssh").read_text().splitlines()
    return subprocess.run(
        [ssh[0], "-t", *ssh[1:]] if sys.stdin.isatty() else ssh, check=False
    ).returncode


def _order(suite: str, options: argparse.Namespace) -> int:
    """Leave a line for whoever holds the Pi."""
    words = [str(options.wav.resolve())] if options.command == "say" else [str(options.seconds)]
    (_folder(suite) / "order.new").write_text(f"{options.command} {' '.join(words)}")
    (_folder(suite) / "order.new").rename(_folder(suite) / "order")
    return 0


def _down(suite: str, _options: argparse.Namespace) -> int:
    folder = _folder(suite)
    if (pid := _holder(folder)) is not None:
        os.kill(pid, signal.SIGTERM)
        while _holder(folder) is not None:
            time.sleep(0.1)
    subprocess.run(["rm", "-rf", folder], check=True)
    return 0


def _holder(folder: Path) -> int | None:
    """Return the process that holds a Pi, if it lives."""
    try:
        pid = int((folder / "pid").read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    return pid


def _hold(suite: str, _options: argparse.Namespace) -> int:
    """Keep a Pi up until SIGTERM, doing what is ordered."""
    folder = _folder(suite)
    (folder / "pid").write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with VirtualPi(image(suite), folder) as pi:
            pi.array.record(folder / "speaker.wav")
            pi.boot()
            (folder / "ssh").write_text("\n".join(pi.guest.ssh))
            (folder / "ready").touch()
            while True:
                time.sleep(0.2)
                _obey(folder / "order", pi)
    except Exception:
        (folder / "failed").touch()
        raise


def _obey(order: Path, pi: VirtualPi) -> None:
    if not order.exists():
        return
    word, _, rest = order.read_text().partition(" ")
    order.unlink()
    if word == "say":
        pi.array.say(Path(rest))
    elif word == "press":
        pi.press(float(rest))


if __name__ == "__main__":
    sys.exit(main())
