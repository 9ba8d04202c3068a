"""From a built wheel to a service that is ready."""

import re
import shutil
import subprocess
import time

import pytest

from tests.pi.agent import KEY
from tests.pi.home import FILES, ROOT
from tests.pi.qemu import AGENT_HOST
from tests.pi.reference import slowness
from tests.wire.package_index import PackageIndex

PLACES = (
    "/opt/voiced /etc/voiced /etc/systemd/system /etc/sysusers.d /etc/udev/rules.d /usr/local/bin"
)
TREE = (
    f"(find {PLACES} -xdev -printf '%p %m %u %s %l\\n' | sort; "
    f"find {PLACES} -xdev -type f -print0 | sort -z | xargs -0 sha256sum) | sha256sum"
)
EXPOSURE = 1.4


def test_a_machine_that_cannot_run_it_is_refused_in_words(home):
    guest = home.pi.guest
    script = "/srv/voiced/scripts/install"
    for command, says in (
        (f"setpriv --reuid pi --regid pi --clear-groups {script}", "run this with sudo"),
        (f"{script} --from /nowhere", "there is no /nowhere"),
        (f"{script} --from /etc", "neither a wheel of voiced nor a folder with one"),
        (
            f"cp -r /srv/wheels /srv/odd; rm /srv/odd/locked.txt; {script} --from /srv/odd",
            "refused: /srv/odd has no locked.txt",
        ),
        (
            "cp /srv/wheels/locked.txt /srv/odd; for wheel in /srv/odd/segno-*.whl; do echo >> $wheel; done; "
            f"{script} --from /srv/odd",
            "in /srv/odd is not what locked.txt names",
        ),
        (f"{script} --key-file /dev/null", "not a file with a key in it"),
        (f"{script} --colour", "no option --colour"),
        (
            "sed 's/VERSION_CODENAME=.*/VERSION_CODENAME=buster/' /etc/os-release > /tmp/os; "
            f"unshare -m sh -c 'mount --bind /tmp/os /usr/lib/os-release; {script}'",
            "voiced needs Debian or Raspberry Pi OS",
        ),
        (
            f"unshare -m sh -c 'mount -t tmpfs -o size=9M none /opt; {script} --from /srv/wheels'",
            "300 MB are needed",
        ),
    ):
        code, said = guest.attempt(f"chmod -R a+rX /srv; {command}")
        assert code != 0, command
        assert says in said, (command, said)
        assert guest.attempt("test -e /opt/voiced")[0] != 0


def test_the_built_wheel_is_installed_and_becomes_ready(home):
    took_s, said = home.install("--key-file", "/srv/key")
    guest = home.pi.guest
    assert "the key has moved: /srv/key is gone" in said
    sought = "/etc /opt /srv /root /home /var /run /tmp"
    copies = guest.attempt(f"grep -rlI --devices=skip {KEY[2:]} {sought} 2>/dev/null")[1].split()
    assert sorted(copies) == ["/etc/voiced/api-key", "/run/credentials/voiced.service/api-key"]
    assert home.status() == "asleep", said
    assert re.search(r"^ok +key", said, re.MULTILINE)
    assert "0 failed" in said
    times = guest.show("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    begun, ready = (int(value) / 1e6 for value in times.values())
    home.measured(
        "install from the wheel", f"{took_s:.0f} s; READY {ready - begun:.1f} s after start"
    )
    assert ready - begun <= 15 * max(1, slowness(guest))
    assert guest("systemctl is-enabled voiced").strip() == "enabled"
    assert guest("stat -c '%a %U' /etc/voiced/api-key").strip() == "600 root"
    assert "voiced 0." in guest("voiced --version")


def test_a_second_run_changes_nothing(installed):
    guest = installed.pi.guest
    before, pid = guest(TREE), installed.pid()
    took_s, said = installed.install("--key-file", "/srv/key")
    assert guest(TREE) == before
    assert installed.pid() == pid
    assert "nothing to do" in said
    installed.measured("a second run of install", f"{took_s:.1f} s, nothing changed")
    assert took_s <= 20 * max(1, slowness(guest))


@pytest.mark.full  # four minutes; tests/wire/test_package_index.py has the same on this machine
def test_an_index_is_held_to_the_hashes_of_the_lock(installed, tmp_path):
    guest, shelf = installed.pi.guest, tmp_path / "shelf"
    shelf.mkdir()
    for wheel in installed.wheels.glob("*.whl"):
        shutil.copy(wheel, shelf)
    (ours,) = shelf.glob("voiced-*.whl")
    guest("mkdir -p /srv/index")
    guest.copy({ours: ours.name}, "/srv/index")
    for source in installed.pi.image.sources.iterdir():
        shutil.copy(source, shelf)
    shell = (
        f"source {ROOT}/scripts/lib/locked.sh; by_index {ROOT}/.venv/bin/python download "
        f"--dest {shelf} -r $locks/build.txt"
    )
    subprocess.run(["bash", "-c", shell], check=True, capture_output=True)
    before, pid = guest("readlink /opt/voiced/current"), installed.pid()
    with PackageIndex(shelf) as index:
        command = (
            f"PIP_INDEX_URL={index.url(AGENT_HOST)} PIP_TRUSTED_HOST={AGENT_HOST} "
            f"{FILES}/scripts/install --from /srv/index/{ours.name}"
        )
        index.change("segno")
        code, said = guest.attempt(command, within_s=600)
        assert code == 1, said
        (refusal,) = (line for line in said.splitlines() if "refused" in line)
        assert refusal.startswith("voiced: refused: the package index gave another segno ")
        assert guest("readlink /opt/voiced/current") == before
        assert installed.pid() == pid
        assert guest("ls /opt/voiced").split() == ["current", "versions"]
        index.restore()
        began_s = time.monotonic()
        said = guest(command, within_s=600)
        took_s = time.monotonic() - began_s
        assert len(set(index.asked)) >= 25
    assert guest("readlink /opt/voiced/current") != before
    assert installed.wait_for("asleep") == "asleep"
    installed.measured("an index with another wheel", f"{refusal}; the old version runs on")
    installed.measured("install from an index", f"{took_s:.0f} s, {len(set(index.asked))} files")
    installed.install()


def test_the_unit_is_sound_and_tight(installed):
    guest = installed.pi.guest
    installed.converse()
    screen = f"{FILES}/systemd/voiced-kiosk.service"
    code, said = guest.attempt(
        f"systemd-analyze verify /etc/systemd/system/voiced*.service /etc/systemd/system/voiced*.socket {screen}"
    )
    assert (code, said.strip()) == (0, "")
    said = guest("systemd-analyze security voiced --no-pager")
    exposure = float(re.search(r"exposure level for voiced.service: ([\d.]+)", said).group(1))
    version = guest("systemctl --version").split()[1]
    installed.measured(
        "systemd-analyze", f"systemd {version}: verify clean, security {exposure} while talking"
    )
    assert exposure <= EXPOSURE
    installed.fall_asleep()


def test_the_doctor_runs_as_the_service_beside_it(installed):
    code, said = installed.pi.guest.attempt("voiced doctor")
    assert "as voiced, the user of the service" in said
    assert "0 failed" in said, said
    assert code == 0
