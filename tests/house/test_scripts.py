"""The scripts: each says what it does, and the shell ones stop at the first failure."""

import importlib
import os
import re
import tomllib

import pytest

from tests.house.repository import ROOT, modules, place, run, scripts

SHELL = [
    path
    for path in [*scripts(), ROOT / ".ci" / "run"]
    if path.read_text(encoding="utf-8").partition("\n")[0].endswith("bash")
]


def test_the_promised_scripts_are_there():
    assert {"run", "test", "check", "bench"} <= {path.name for path in scripts()}


@pytest.mark.parametrize("path", scripts(), ids=place)
def test_a_script_is_a_program(path):
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env ")
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize("path", scripts(), ids=place)
def test_a_script_says_what_it_does(path):
    helped = run(path, "--help")
    assert helped.returncode == 0, helped.stderr
    assert f"scripts/{path.name}" in helped.stdout or f"usage: {path.name}" in helped.stdout
    assert len(helped.stdout.splitlines()) >= 3


@pytest.mark.parametrize("path", SHELL, ids=place)
def test_a_shell_script_stops_at_the_first_failure(path):
    assert "\nset -euo pipefail\n" in path.read_text(encoding="utf-8")


def test_nothing_that_is_shipped_reboots_a_machine(measured):
    """Nor does it halt one: neither a script nor a unit calls what does."""
    shipped = [*scripts(), *(ROOT / "scripts" / "lib").iterdir(), *(ROOT / "systemd").iterdir()]
    files = [path for path in shipped if path.is_file() and path.suffix != ".md"]
    ends = re.compile(
        r"^[^#]*(?<![@\w])(?:reboot|shutdown|poweroff|halt|kexec|init [06])\b", re.MULTILINE
    )
    assert len(files) > 20
    found = {place(path) for path in files if ends.search(path.read_text(encoding="utf-8"))}
    assert found == set()
    measured(f"{len(files)} scripts and units searched for what reboots")


def test_the_continuous_integration_runs_the_same_tests_as_a_person():
    commands = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^begin .* scripts/test$", commands, re.MULTILINE)


def test_every_suite_is_run_once():
    lists = re.findall(
        r"^(?:reckoning|waiting|harmed|sounding)=\(([^)]*)\)$",
        (ROOT / "scripts" / "test").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    words = [word for each in lists for word in each.split()]
    left_to_others = [
        word.removeprefix("--ignore=") for word in words if word.startswith("--ignore=")
    ]
    run_by_the_script = [word for word in words if not word.startswith("--")]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    suites = settings["tool"]["pytest"]["ini_options"]["testpaths"]
    assert sorted(run_by_the_script) == sorted([*suites, *left_to_others])


@pytest.mark.parametrize("path", modules("scripts/benchmarks"), ids=place)
def test_a_benchmark_still_fits_what_it_measures(path):
    """They use the daemon's own parts, and nothing else notices when one of these has moved."""
    if path.stem != "__main__":
        importlib.import_module(f"scripts.benchmarks.{path.stem}")
