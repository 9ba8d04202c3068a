"""New versions: good ones, bad ones, and the Debian package."""

import re
import subprocess
import time
import zipfile

import pytest

from tests.pi.home import ROOT

BROKEN = "raise SystemExit('this version cannot start')\n"


def another_version(it, version, *, broken=False):
    """Make a folder of wheels with another version of voiced, and put it on the Pi."""
    folder = it.folder / f"wheels-{version}"
    folder.mkdir(exist_ok=True)
    for wheel in it.wheels.glob("*.whl"):
        if not wheel.name.startswith("voiced-"):
            (folder / wheel.name).write_bytes(wheel.read_bytes())
    (old,) = it.wheels.glob("voiced-*.whl")
    before = old.name.split("-")[1]
    with (
        zipfile.ZipFile(old) as source,
        zipfile.ZipFile(folder / old.name.replace(before, version), "w") as target,
    ):
        for entry in source.infolist():
            content = source.read(entry)
            name = entry.filename.replace(
                f"voiced-{before}.dist-info", f"voiced-{version}.dist-info"
            )
            name = name.replace(f"voiced-{before}.data", f"voiced-{version}.data")
            if name.endswith("METADATA"):
                content = content.replace(
                    f"\nVersion: {before}".encode(), f"\nVersion: {version}".encode()
                )
            if name.endswith("RECORD"):
                for kind in ("dist", "data"):
                    content = content.replace(
                        f"voiced-{before}.{kind}".encode(), f"voiced-{version}.{kind}".encode()
                    )
                content = re.sub(rb"sha256=[^,]*,\d+", b",", content)
            if name == "voiced/__init__.py":
                content = content.replace(f'"{before}"'.encode(), f'"{version}"'.encode())
            if broken and name == "voiced/cli/run.py":
                content = BROKEN.encode()
            target.writestr(name, content)
    listed(folder)
    it.pi.guest.copy({folder: f"wheels-{version}"}, "/srv")
    return f"/srv/wheels-{version}"


def listed(folder):
    """Write the folder's list of hashes anew."""
    shell = f"source {ROOT}/scripts/lib/locked.sh; list_folder {folder}"
    subprocess.run(["bash", "-c", shell], check=True)


def test_an_upgrade_keeps_what_is_the_owners(installed):
    it, guest = installed, installed.pi.guest
    guest(
        "cp /etc/voiced/voiced.yaml /srv/before.yaml; cp /var/lib/voiced/state.json /srv/ || true"
    )
    took_s, said = it.install(source=another_version(it, "0.1.1"))
    assert "upgrading from 0.1.0" in said
    assert guest("voiced --version").strip() == "voiced 0.1.1"
    assert it.status() == "asleep"
    guest("cmp /etc/voiced/voiced.yaml /srv/before.yaml && test -s /etc/voiced/api-key")
    it.measured("upgrade", f"{took_s:.0f} s, settings, key and state kept")


def test_a_version_that_does_not_come_up_is_taken_back(installed):
    it, guest = installed, installed.pi.guest
    before = guest("readlink /opt/voiced/current")
    source = another_version(it, "0.9.9", broken=True)
    began_s = time.monotonic()
    code, said = guest.attempt(f"/srv/voiced/scripts/install --from {source}", within_s=400)
    assert code == 1
    assert "does not start" in said
    assert "this version cannot start" in said
    assert "is running again" in said
    assert guest("readlink /opt/voiced/current") == before
    assert it.wait_for("asleep") == "asleep"
    assert "0.9.9" not in guest("ls /opt/voiced/versions")
    it.measured(
        "failed upgrade",
        f"taken back after {time.monotonic() - began_s:.0f} s, exit 1 with its last words",
    )


@pytest.mark.full
def test_the_debian_package_does_the_same(installed):
    it, guest = installed, installed.pi.guest
    (package,) = it.packages.glob("*.deb")
    lint = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error", package],
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout
    guest("/srv/voiced/scripts/uninstall")
    guest.copy({package: package.name}, "/srv")
    began_s = time.monotonic()
    guest(f"apt-get install -y /srv/{package.name}", within_s=400)
    took_s = time.monotonic() - began_s
    assert it.wait_for("asleep") == "asleep"
    code, said = guest.attempt("/srv/voiced/scripts/install --from /srv/wheels")
    assert code == 1
    assert "installed as a Debian package" in said
    guest("apt-get remove -y voiced", within_s=120)
    assert guest.attempt("test -e /opt/voiced")[0] != 0
    guest("test -s /etc/voiced/voiced.yaml")
    guest(f"apt-get install -y /srv/{package.name}", within_s=400)
    guest("apt-get purge -y voiced", within_s=120)
    assert (
        guest.attempt("ls -d /etc/voiced /var/lib/voiced /opt/voiced; getent passwd voiced")[
            1
        ].count("\n")
        <= 3
    )
    assert guest.attempt("getent passwd voiced")[0] != 0
    it.measured(
        "Debian package", f"installed in {took_s:.0f} s; removed; purged; lintian has no error"
    )
    it.bring_files()
    it.install("--key-file", "/srv/key")
