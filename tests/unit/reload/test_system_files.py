"""What the system changes counts without a restart, and is told (system_files.py)."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from voiced.core.events import NetworkBack, OwnerActed
from voiced.reload import system_files
from voiced.reload.system_files import CERTIFICATES, HOSTS, NAME_SERVERS, ZONE, SystemFiles

MEANINGS = {
    ZONE: [],
    NAME_SERVERS: [NetworkBack()],
    HOSTS: [NetworkBack()],
    CERTIFICATES: [OwnerActed()],
}
ROOT = Path(__file__).parents[3]


@pytest.fixture
def etc(tmp_path, monkeypatch):
    for name in ("localtime", "resolv.conf", "hosts", "ca.pem", "bundle.pem"):
        (tmp_path / name).write_text("before")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return tmp_path


@pytest.fixture
def zones(monkeypatch):
    read = []
    monkeypatch.setattr(time, "tzset", lambda: read.append(True))
    return read


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("localtime", ZONE),
        ("resolv.conf", NAME_SERVERS),
        ("hosts", HOSTS),
        ("ca.pem", CERTIFICATES),
        ("bundle.pem", CERTIFICATES),
    ],
)
@pytest.mark.parametrize("how", ["written", "replaced", "removed"])
async def test_each_of_them_counts_once_and_is_told_once(etc, zones, name, what, how):
    told = []
    system = SystemFiles(lambda: [str(etc / "ca.pem"), None], told.append, etc)
    await system.look()
    assert (system.news(), told, zones) == ([], [], [])
    if how == "written":
        (etc / name).write_text("afterwards")
    elif how == "removed":
        (etc / name).unlink()
    else:
        (etc / "new").write_text("another")
        (etc / "new").replace(etc / name)
    for _ in range(2):
        await system.look()
    assert [line.partition(" (")[0] for line in system.news()] == [f"from the system: {what}"]
    assert system.news() == []
    assert zones == ([True] if what == ZONE else [])
    assert told == MEANINGS[what]


@pytest.mark.parametrize("name", ["localtime", "resolv.conf", "hosts"])
@pytest.mark.parametrize("how", ["written", "replaced", "of another mode"])
async def test_what_is_written_again_as_it_was_has_not_changed(etc, zones, name, how):
    told = []
    system = SystemFiles(list, told.append, etc)
    for _ in range(2):
        if how == "written":
            (etc / name).write_text("before")
        elif how == "replaced":
            (etc / "new").write_text("before")
            (etc / "new").replace(etc / name)
        else:
            (etc / name).chmod(0o600)
        await system.look()
    assert (system.news(), told, zones) == ([], [], [])
    (etc / name).write_text("as long")
    await system.look()
    assert len(system.news()) == 1


async def test_a_file_too_long_to_be_looked_at_counts_as_often_as_it_is_written(
    etc, zones, monkeypatch
):
    monkeypatch.setattr(system_files, "MOST_BYTES", 5)
    told = []
    system = SystemFiles(list, told.append, etc)
    (etc / "hosts").write_text("before")
    await system.look()
    assert told == [NetworkBack()]


async def test_certificates_are_not_kept_behind_name_servers(etc, zones):
    told = []
    system = SystemFiles(lambda: [str(etc / "ca.pem")], told.append, etc)
    for name in ("hosts", "ca.pem"):
        (etc / name).write_text("afterwards")
    await system.look()
    assert told == [OwnerActed()]


async def test_a_file_that_is_newly_named_is_no_news(etc, zones):
    named = []
    system = SystemFiles(lambda: named, lambda _: None, etc)
    named.append(str(etc / "ca.pem"))
    await system.look()
    assert system.news() == []


CHILD = """
import asyncio, shutil, sys
from datetime import datetime
from pathlib import Path
from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.resolver import Resolver
from voiced.errors import LinkError
from voiced.core.events import NetworkBack, OwnerActed
from voiced.reload import system_files
from voiced.reload.system_files import SystemFiles

async def seen(resolver):
    try:
        [address] = await resolver.lookup(Endpoint("mqtt", "broker.house", 1), 5)
        found = address[4][0]
    except LinkError:
        found = None
    return datetime(2026, 7, 1).astimezone().strftime("%z"), found

def replace(path, content):
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)

async def main():
    system, resolver, etc = SystemFiles(list, lambda _: None), Resolver(), Path("/etc")
    print(*await seen(resolver))
    replace(etc / "localtime", Path("/usr/share/zoneinfo/Asia/Tokyo").read_bytes())
    replace(etc / "hosts", b"192.0.2.7 broker.house\\n")
    await system.look()
    print(*await seen(resolver))

asyncio.run(main())
"""
SHELL = """
set -e
cp -a /etc/. "$1"
cp /usr/share/zoneinfo/Europe/Berlin "$1/new"; mv "$1/new" "$1/localtime"
printf '127.0.0.1 localhost\n' > "$1/hosts"; rm -f "$1/resolv.conf"; echo 'nameserver 127.0.0.1' > "$1/resolv.conf"
mount --bind "$1" /etc
exec "$2" -c "$3"
"""


@pytest.mark.real_time
def test_a_real_zone_and_a_real_table_of_hosts_count_without_a_restart(tmp_path):
    command = ("unshare", "-m", "sh", "-c", SHELL, "sh", tmp_path, sys.executable, CHILD)
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("only root may have an /etc of its own")
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(ROOT / "daemon")}
    shown = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert shown.stdout.split() == ["+0200", "None", "+0900", "192.0.2.7"]
