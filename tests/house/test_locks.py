"""The lock has all that pyproject.toml asks for, and nothing is installed beside it. `scripts/lock --check` asks the index too."""

import re
import tomllib

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.repository import ROOT, place

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = ROOT / "scripts" / "locks"
PLACES = [(machine, python) for machine in ("x86_64", "aarch64") for python in ("3.11", "3.13")]
SYSTEMS = {"numpy", "pyyaml", "systemd-python"}
SYSTEM = (LOCKS / "system.txt").read_text(encoding="utf-8")
CONTENTS = {
    "test": (["test"], set(EXTRAS), set()),
    "run": (["run"], {"demo"}, set()),
    "device": (["device"], {"device"}, SYSTEMS),
    "device with MCP": (["device", "device-mcp"], {"device", "mcp"}, SYSTEMS),
}
"""What each is made of, which extras it has, and what it leaves to the system."""


def blocks(name):
    text = (LOCKS / f"{name}.txt").read_text(encoding="utf-8")
    return re.findall(r"^[a-z].*\n(?: .*\n)*", text, re.MULTILINE)


def pins(name, environment=None):
    """Return what a lock names somewhere: versions by package."""
    found = {}
    for block in blocks(name):
        one = Requirement(block.partition(" \\")[0])
        if environment is None or one.marker is None or one.marker.evaluate(environment):
            (version,) = one.specifier
            assert version.operator == "=="
            found[canonicalize_name(one.name)] = version.version
    return found


def environment(machine, python):
    return {
        **default_environment(),
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.0",
    }


def wanted(extras):
    """Return every requirement of ours with these extras."""
    yield from map(Requirement, PROJECT["dependencies"])
    for extra in extras:
        for one in map(Requirement, EXTRAS[extra]):
            if one.name == "voiced":
                yield from wanted(one.extras)
            else:
                yield one


@pytest.mark.parametrize(("machine", "python"), PLACES)
@pytest.mark.parametrize("content", CONTENTS)
def test_all_that_is_asked_for_is_in_the_lock_and_in_range(content, machine, python):
    names, extras, systems = CONTENTS[content]
    there = environment(machine, python)
    locked = {package: v for name in names for package, v in pins(name, there).items()}
    asked = {
        canonicalize_name(one.name): one
        for one in wanted(extras)
        if one.marker is None or one.marker.evaluate(there)
    }
    assert set(asked) - set(locked) == systems & set(asked)
    assert [
        f"{package} {locked[package]}: {one}"
        for package, one in asked.items()
        if package in locked and not one.specifier.contains(locked[package])
    ] == []


@pytest.mark.parametrize("name", ["test", "run", "device", "device-mcp", "build"])
def test_every_pin_has_hashes(name):
    assert blocks(name)
    hashed = re.compile(r"^\S.* \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+$")
    assert [block.partition("\n")[0] for block in blocks(name) if not hashed.match(block)] == []


@pytest.mark.parametrize(("machine", "python"), PLACES)
@pytest.mark.parametrize("name", ["run", "device", "device-mcp", "build"])
def test_the_locks_agree(name, machine, python):
    there = environment(machine, python)
    all_of_it = pins("test", there)
    assert {
        package: version
        for package, version in pins(name, there).items()
        if all_of_it.get(package, version) != version
    } == {}


@pytest.mark.parametrize("name", ["device", "device-mcp"])
def test_a_device_keeps_what_its_system_brings(name):
    assert SYSTEMS & set(pins(name)) == set()


@pytest.mark.parametrize(("machine", "python"), PLACES)
def test_the_tests_run_with_what_the_system_brings(machine, python):
    there = environment(machine, python)
    systems = [Requirement(line) for line in SYSTEM.splitlines() if not line.startswith("#")]
    tested = pins("test", there)
    here = [one for one in systems if one.marker is None or one.marker.evaluate(there)]
    assert {canonicalize_name(one.name) for one in here} == SYSTEMS
    assert all(one.specifier.contains(tested[canonicalize_name(one.name)]) for one in here)


FREE = {
    "scripts/lib/setup.sh": 1,  # where the lock does not hold: scripts/run on a 32-bit system
    "scripts/home-assistant": 3,  # by Home Assistant's own constraints, into a folder that is its root
    "scripts/lib/newest.sh": 1,  # scripts/test --newest is about ranges
}
"""How often a script may install what no lock names; none of these is root's on a device."""


def installations(path):
    """Every line by which a script lets pip install, get or build something."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return [
        line.strip()
        for line in text.splitlines()
        if re.match(r"(?!\s*#).*\bpip(?:_for)?\b.*\b(?:install|download|wheel)\b", line)
    ]


def test_no_script_installs_what_no_lock_names():
    shells = [*(ROOT / "scripts").glob("**/*"), ROOT / ".ci" / "run"]
    found = {
        place(path): free
        for path in shells
        if path.is_file() and (path.suffix == ".sh" or not path.suffix)
        if (free := [x for x in installations(path) if not re.search(r"--no-deps|--require-h", x)])
    }
    assert {name: len(lines) for name, lines in found.items()} == FREE, found
