"""Installing and purging, by the real scripts, in a copy of this machine that is thrown away."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.house.repository import ROOT

KEY = "sk-" + "0123456789abcdef" * 2
SCRIPT = ROOT / "tests" / "house" / "overlay.sh"

# What belongs to the system and is written by its own programs: copies of lists of users, and their lock.
SYSTEMS_OWN = {f"/etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow")} | {
    "/etc/.pwd.lock",
    "/run/systemd/system",
    "/var/lib/systemd/credential.secret",  # of systemd-creds
}

SYSTEMS_FOLDERS = {
    "/etc/systemd/system.control",
    "/etc/systemd/system/multi-user.target.wants",
    "/etc/udev",
    "/etc/udev/rules.d",
    "/run/systemd/system.control",
}
"""Of udev, which every device has, and of systemctl, made for whatever unit comes first."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What differed from this machine: `installed`, `with the key`, `encrypted`, `left`, `users`."""
    folder = tmp_path_factory.mktemp("overlay")
    namespace = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    done = subprocess.run(
        [*namespace, "sh", SCRIPT, folder, ROOT],
        env={"PATH": os.environ["PATH"], "KEY": KEY},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    before, *parts = done.stdout.split("\n== ")
    found = {"said": before.splitlines()}
    for part in parts:
        title, *lines = part.splitlines()
        found[title] = lines
    return found


def new(lines):
    """Return the files that this machine does not have; folders count, what was taken away does not."""
    found = {line[3:] for line in lines if line[0] in "fdlsp"}
    return sorted(path for path in found if path and not os.path.lexists(path))


def test_every_file_that_is_shipped_is_installed(told):
    installed = new(told["installed"])
    for shipped in (ROOT / "systemd").glob("*.s[eo][rc]*"):
        assert f"/etc/systemd/system/{shipped.name}" in installed
    assert "/etc/voiced/voiced.yaml" in installed


def test_the_key_is_in_one_place_and_the_file_it_came_in_is_gone(told, measured):
    assert told["with the key"] == ["/etc/voiced/api-key"]
    assert "voiced: the key has moved: /stubs/key is gone" in told["said"]
    assert "/stubs/key" not in told["said"]
    measured(f"the key sought in {len(told['installed'])} places that the installer touched")


def test_an_encrypted_key_is_in_no_file_as_it_is(told):
    assert told["encrypted"] == [f"decrypted: {KEY}"]


def test_a_purge_leaves_no_file_no_folder_no_user_and_no_group(told, measured):
    left = [path for path in new(told["left"]) if path not in SYSTEMS_OWN]
    left = [path for path in left if not any(own.startswith(f"{path}/") for own in SYSTEMS_OWN)]
    assert [path for path in left if path not in SYSTEMS_FOLDERS] == []
    assert told["users"] == []
    measured(f"{len(new(told['installed']))} files and folders installed, {len(left)} left")


def test_the_package_brings_every_script_that_installing_needs():
    """The Debian package runs the same installer from another folder, and purges by the same list."""
    package = (ROOT / "scripts" / "package").read_text(encoding="utf-8")
    sourced = {
        Path(line.split("/lib/")[1].rstrip('"')).name
        for script in ("install", "uninstall")
        for line in (ROOT / "scripts" / script).read_text(encoding="utf-8").splitlines()
        if line.startswith("source ")
    }
    (copied,) = (line for line in package.splitlines() if "scripts/lib/{" in line)
    names = {f"{name}.sh" for name in copied.split("{")[1].split("}")[0].split(",")}
    assert sourced <= names
    assert 'purge.sh" >"$package/DEBIAN/postrm"' in package
