"""Makes and checks the files of scripts/locks with uv: what scripts/lock calls.

test.txt comes first and has everything; the other locks are parts of it, so all agree in versions and hashes.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "scripts" / "locks"
SYSTEM = LOCKS / "system.txt"
UV = Path(sys.executable).with_name("uv")

MACHINES = ("x86_64", "aarch64")
PYTHONS = ("3.11", "3.13")
GLIBC = "manylinux_2_36"
"""Of bookworm; trixie has a newer one."""

BUILT = {"pyalsaaudio", "systemd-python"}
"""Have no wheels: built from source, with what is in build.txt."""

SYSTEMS = ("numpy", "pyyaml", "systemd-python")
"""On a device they are the system's."""

BUILDS = ("hatchling", "editables", "setuptools", "wheel")
"""What builds us, also for an editable installation, and what builds `BUILT`."""

EVERYWHERE = re.compile(
    r" and (?:sys_platform == 'linux'|implementation_name == 'cpython'|python_full_version < '3\.14')"
    r"| and platform_python_implementation != 'PyPy'"
)
"""Parts of markers that are true wherever a lock holds: see [tool.uv] in pyproject.toml."""


@dataclass(frozen=True)
class Lock:
    """One file.

    Attributes:
        about: The line at its head.
        extras: Which of pyproject.toml's it has; none means what builds.
        without: Packages that it leaves out.
        beyond: The lock that it goes on top of.
    """

    about: str
    extras: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    beyond: str = ""


TABLE = {
    "test": Lock("The tests: everything.", ("--all-extras",)),
    "run": Lock("scripts/run: voiced and its demo.", ("--extra", "demo")),
    "device": Lock("A device: scripts/install.", ("--extra", "device"), SYSTEMS),
    "device-mcp": Lock(
        "A device with MCP servers: on top of device.txt.",
        ("--extra", "device", "--extra", "mcp"),
        SYSTEMS,
        "device",
    ),
    "build": Lock("Builds us, and the packages that have no wheels."),
}


class LockError(Exception):
    """The lock cannot be made; in words for people."""


def main() -> int:
    """Make or check the locks; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/lock", description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--upgrade", nargs="*", metavar="NAME")
    options = parser.parse_args()
    if options.check and options.upgrade is not None:
        parser.error("--check changes nothing")
    newer: list[str] = []
    if options.upgrade is not None:
        newer = [f"--upgrade-package={name}" for name in options.upgrade] or ["--upgrade"]
    try:
        made = _make(newer)
    except LockError as error:
        print(error, file=sys.stderr)
        return 1
    return _check(made) if options.check else _write(made)


def _make(newer: list[str]) -> dict[str, str]:
    """Return the text of every lock, with the pins that are there where they fit."""
    made: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        test = Path(scratch, "test.txt")
        for name, lock in TABLE.items():
            output = Path(scratch, f"{name}.txt")
            output.write_text(made.get("test", "") + _old(name))
            command = [UV, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
            command += ["--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header"]
            command += ["--output-file", output, "--constraint", SYSTEM]
            if name != "test":
                command += ["--constraint", test]
            if not lock.extras or name == "test":
                command += newer
            for package in lock.without:
                command += ["--no-emit-package", package]
            command += [*lock.extras, "pyproject.toml"] if lock.extras else ["-"]
            _run(command, "" if lock.extras else "\n".join(BUILDS))
            pins = _pins(output.read_text())
            for beneath in _pins(made.get(lock.beyond, "")):
                pins.pop(beneath, None)
            made[name] = f"# {lock.about} Made by scripts/lock.\n" + "".join(pins.values())
    return made


def _old(name: str) -> str:
    path = LOCKS / f"{name}.txt"
    return path.read_text() if path.exists() else ""


def _run(command: list[str | Path], stdin: str = "") -> None:
    ran = subprocess.run(
        command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise LockError(ran.stderr.strip())


def _pins(text: str) -> dict[str, str]:
    """Return what a lock has, by its first line: every pin with its hashes, its marker no longer than it must be."""
    pins: dict[str, str] = {}
    for block in re.findall(r"^[A-Za-z0-9].*\n(?:[ ]{4}.*\n)*", text, re.MULTILINE):
        head, _, hashes = block.partition("\n")
        requirement, _, marker = head.removesuffix(" \\").partition(" ; ")
        marker = EVERYWHERE.sub("", f" and {marker}").removeprefix(" and ")
        head = f"{requirement} ; {marker}" if marker else requirement
        pins[head] = f"{head} \\\n{hashes}"
    return pins


def _write(made: dict[str, str]) -> int:
    for name, text in made.items():
        old, new = _pins(_old(name)), _pins(text)
        for pin in sorted({*old, *new}, key=str.lower):
            if (pin in old) != (pin in new):
                print(f"{name}.txt: {'-' if pin in old else '+'} {pin}")
        (LOCKS / f"{name}.txt").write_text(text)
    n_packages = len(_pins(made["test"]) | _pins(made["build"]))
    print(f"the lock is made: {n_packages} pins in {len(made)} files of scripts/locks")
    return 0


def _check(made: dict[str, str]) -> int:
    """Print a line for each lock and each place where it has to hold."""
    wrong = 0
    for name, text in made.items():
        n_pins = len(_pins(_old(name)))
        if _old(name) == text:
            print(f"ok      {name}.txt: {n_pins} pins, made anew it is the same")
        else:
            wrong += 1
            print(f"FAILED  {name}.txt: made anew it is another; run scripts/lock")
        for machine in MACHINES:
            for python in PYTHONS:
                wrong += not _fits(name, machine, python)
    if wrong:
        print(f"the lock is not right: {wrong} of these lines say why")
        return 1
    print(f"the lock is complete and fits: {', '.join(MACHINES)}; Python {', '.join(PYTHONS)}")
    return 0


def _fits(name: str, machine: str, python: str) -> bool:
    """Is everything there, with what it depends on, as wheels with the right hashes?"""
    pins = _pins(_old(TABLE[name].beyond)) | _pins(_old(name))
    names = {head: head.partition("==")[0] for head in pins}
    built = sorted(set(names.values()) & BUILT)
    place = f"{name}.txt, {machine}, Python {python}"
    with tempfile.TemporaryDirectory() as scratch:
        lock = Path(scratch, "lock.txt")
        lock.write_text("".join(pin for head, pin in pins.items() if names[head] not in BUILT))
        command = [UV, "pip", "install", "--quiet", "--dry-run", "--target", scratch]
        command += ["--python-version", python, "--python-platform", f"{machine}-{GLIBC}"]
        command += ["--only-binary", ":all:", "--require-hashes", "--requirements", lock]
        try:
            _run(command)
        except LockError as error:
            print(f"FAILED  {place}: {error}")
            return False
    print(f"ok      {place}: wheels for all" + (f" but {', '.join(built)}" if built else ""))
    return True


if __name__ == "__main__":
    sys.exit(main())
