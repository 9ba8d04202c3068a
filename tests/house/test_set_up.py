"""What `scripts/run` and `scripts/test` do to a machine (scripts/lib/setup.sh): said before it is done, and once."""

import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from tests.house.repository import ROOT, read

PACKAGES = re.findall(
    r'^  "(build|test|pi|extra) +(\S+) +(\S+) +(.*)"$', read("scripts/lib/setup.sh"), re.MULTILINE
)
TOOLS = (
    *(
        "awk",
        "bash",
        "cat",
        "cut",
        "dirname",
        "env",
        "flock",
        "grep",
        "head",
        "mktemp",
        "readlink",
        "rm",
    ),
    *("sed", "sha256sum", "tail", "touch", "uname"),
)


class Checkout:
    """A copy of what the set-up reads, on a machine with a few tools and programs that only note how they are called."""

    def __init__(self, folder):
        self.root, self.bin, self.calls = folder / "voiced", folder / "bin", folder / "calls"
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        shutil.copy(ROOT / "pyproject.toml", self.root)
        self.bin.mkdir()
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        self.python = self.root / ".venv" / "bin" / "python"

    def program(self, path, does=""):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "${{0##*/}} $*" >>{self.calls}\n{does}')
        path.chmod(0o755)

    def shell(self, text):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"source scripts/lib/setup.sh; {text}"],
            cwd=self.root,
            env={"PATH": str(self.bin)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def called(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_every_system_package_is_named_with_the_reason(checkout, measured):
    assert len(PACKAGES) > 30
    checkout.program(checkout.bin / "apt-get")
    for name in ("id", "sudo", "systemctl", "service"):
        checkout.program(checkout.bin / name)
    for _, package, _, why in PACKAGES:
        said = checkout.shell(f"log=$(mktemp); apt_install '{package} {why}'")
        assert f"voiced: missing: {package} ({why})\n" in said
        assert f"installing {package} with apt-get" in said
    installed = {line.split()[-1] for line in checkout.called() if " install " in line}
    assert installed == {package for _, package, _, _ in PACKAGES}
    measured(f"{len(PACKAGES)} system packages named with the reason before they are installed")


def test_the_set_up_installs_into_its_own_environment(checkout):
    for name in ("python", "pip"):
        checkout.program(checkout.python.with_name(name))
    checkout.shell("log=$(mktemp); install_project run")
    pip = [line for line in checkout.called() if " install " in line]
    assert len(pip) >= 3
    assert all(line.startswith("python -m pip install ") for line in pip)
    assert [line for line in checkout.called() if not line.startswith("python ")] == []


SETTINGS = {
    "gpio": "led: {pin: 25}",
    "kiosk": "kiosk: {}",
    "metrics": "metrics: {}",
    "mqtt": "mqtt: {host: localhost}",
    "signed": f"remote: {{url: 'https://a.test/', public_key: {'A' * 56}}}",
    "socks": "network: {proxy: 'socks5://a.test:1080'}",
    "tools": "http_tools: {x: {description: d, url: 'https://a.test/'}}",
    "mcp": "mcp: {x: {url: 'https://a.test/'}}",
}
"""By extra: settings that need it."""


def extras_of(*arguments):
    command = [sys.executable, ROOT / "scripts" / "lib" / "extras.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("extra", SETTINGS)
def test_the_settings_tell_which_packages_they_need(extra, tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(f"agent: {{url: 'ws://127.0.0.1/'}}\n{SETTINGS[extra]}\n")
    wanted = ["tools", "mcp"] if extra == "mcp" else [extra]
    for arguments in (
        ["run", "--config", path],
        ["run", f"--config={path}"],
        ["config", "check", path],
    ):
        assert extras_of(*arguments) == wanted
    assert extras_of("demo") == extras_of() == extras_of("run", "--config", "/nope.yaml") == []
    path.write_text("nonsense: [")
    assert extras_of("run", "--config", path) == []


def test_every_extra_of_a_setting_is_known():
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    assert {*SETTINGS} == {*extras} - {"demo", "dev", "device", "systemd"}


@pytest.mark.parametrize(
    ("extras", "locks"),
    [
        ("mqtt", ["device.txt"]),
        ("metrics kiosk", ["device.txt"]),
        ("tools mcp", ["device.txt", "device-mcp.txt"]),
        ("socks", ["device.txt", "socks.txt"]),
    ],
)
def test_a_checkout_brings_them_once_by_the_lock(checkout, extras, locks):
    prints = "".join(f"echo {extra}; " for extra in extras.split())
    checkout.program(
        checkout.python,
        f'case "$*" in *extras.py*) {prints};; "-V") echo Python 3.11.2;; esac\n',
    )
    checkout.program(checkout.python.with_name("pip"))
    bring = "source scripts/lib/extras.sh; bring_extras run --config my.yaml"
    said = checkout.shell(bring)
    assert f"need more Python packages ({', '.join(extras.split())})" in said
    [pip] = [line for line in checkout.called() if " install " in line]
    assert "--require-hashes" in pip
    assert re.findall(r"/([a-z-]+[.]txt)", pip) == locks
    assert checkout.shell(bring) == ""
    checkout.shell("touch $venv/.ready-test; rm $venv/.ready-extras")
    assert checkout.shell(bring) == ""
    checkout.shell("rm $venv/.ready-test")
    (checkout.root / "pyproject.toml").write_text("# another\n")
    assert "need more" in checkout.shell(bring)


def test_what_cannot_be_brought_holds_nothing_up(checkout):
    checkout.program(
        checkout.python,
        'case "$*" in *extras.py*) echo mqtt;; "-V") echo Python 3.11.2;; *install*) exit 1;; esac\n',
    )
    checkout.program(checkout.python.with_name("pip"))
    said = checkout.shell("source scripts/lib/extras.sh; bring_extras run --config my.yaml")
    assert "going on without" in said
    assert not (checkout.python.parents[1] / ".ready-extras").exists()


def test_a_machine_that_is_ready_is_left_alone(checkout):
    checkout.program(checkout.python, "echo Python 3.11.2\n")
    for job in ("run", "test"):
        checkout.shell(f"stamp >$venv/.ready-{job}")
    checkout.calls.unlink()
    assert checkout.shell("set_up run") == ""
    assert set(checkout.called()) <= {"python -V"}
    (checkout.root / "pyproject.toml").write_text("")
    checkout.shell("! is_ready run")
