"""The units: what they may execute, how tight they are, and that nothing of them is forgotten."""

import re
from pathlib import PurePath

import pytest

from tests.house.repository import ROOT, documents, run

SYSTEMD = ROOT / "systemd"
UNITS = sorted(SYSTEMD.glob("*.service")) + sorted(SYSTEMD.glob("*.socket"))
SERVICES = sorted(SYSTEMD.glob("*.service"))
MOST = {"voiced": 1.4, "voiced-programs": 1.6, "voiced-kiosk": 2.0}
"""By `systemd-analyze security`, of systemd 252 and of 257."""

PROGRAM_FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
MAKE_FOLDERS = {"StateDirectory": "/var/lib", "RuntimeDirectory": "/run", "CacheDirectory": "/var/cache",
                "LogsDirectory": "/var/log", "ConfigurationDirectory": "/etc"}  # fmt: skip
OPEN_FOLDERS = ("ReadWritePaths", "BindPaths", "TemporaryFileSystem")


def directives(name):
    """Return the directives of a unit: each with its values in order."""
    found = {}
    text = (SYSTEMD / name).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def words(unit, key):
    return " ".join(unit.get(key, [])).split()


DAEMON = directives("voiced.service")


def test_nothing_can_be_executed_but_what_is_named():
    assert "/" in words(DAEMON, "NoExecPaths")


def test_no_folder_that_the_daemon_can_write_to_holds_programs(measured):
    """systemd does not carry `NoExecPaths=/` into what it mounts for the unit itself."""
    writable = {"/run", "/tmp", "/var/tmp", "/dev/shm"}  # noqa: S108 - names of mount points
    for key, parent in MAKE_FOLDERS.items():
        writable |= {f"{parent}/{name}" for name in words(DAEMON, key)}
    for key in OPEN_FOLDERS:
        writable |= {path.lstrip("-+").partition(":")[0] for path in words(DAEMON, key)}
    assert writable <= set(words(DAEMON, "NoExecPaths"))
    measured(f"{len(writable)} folders that the daemon can write to")


def test_what_can_be_executed_is_our_own_python_and_libraries(measured):
    paths = [PurePath(path.lstrip("-+")) for path in words(DAEMON, "ExecPaths")]
    assert PurePath("/usr/bin/python3") in paths
    for path in paths:
        if path == PurePath("/usr/bin/python3"):
            continue
        for folder in PROGRAM_FOLDERS:
            assert not PurePath(folder).is_relative_to(path)
            assert not path.is_relative_to(folder)
        assert path.is_relative_to("/usr/lib") or path == PurePath("/opt/voiced")
        assert path != PurePath("/usr/lib")
    measured(f"{len(paths)} places that may be executed")


def test_memory_cannot_be_executed_either():
    denied = [value for value in DAEMON["SystemCallFilter"] if value.startswith("~")]
    assert any("memfd_create" in value for value in denied)
    assert not any("memfd" in value for value in DAEMON["SystemCallFilter"] if value[0] != "~")
    assert DAEMON["MemoryDenyWriteExecute"] == ["yes"]


def test_every_other_command_of_the_daemons_unit_runs_outside_of_it():
    for key, values in DAEMON.items():
        if re.fullmatch(r"Exec(StartPre|StartPost|Reload|Stop|StopPost|Condition)", key):
            assert all(value.startswith("+/") for value in values), key
    (start,) = DAEMON["ExecStart"]
    assert start.startswith("/opt/voiced/current/bin/")


def test_the_programs_of_tools_are_as_closed_in_as_the_daemon_but_for_being_programs():
    theirs = directives("voiced-programs.service")
    different = {
        *("ExecStart", "ExecReload", "Type", "NotifyAccess", "Restart", "RestartSec", "RestartPreventExitStatus"),
        *("WatchdogSec", "TimeoutStartSec", "TimeoutStopSec", "TimeoutAbortSec"),
        *("Description", "After", "Wants", "WantedBy", "Nice", "OOMScoreAdjust", "TasksMax", "Environment"),
        *("RuntimeDirectory", "RuntimeDirectoryMode", "WorkingDirectory", "LoadCredential"),
        *("NoExecPaths", "ExecPaths", "SystemCallFilter"),
        "PrivateUsers",  # a program may have to know whose a file is
    }  # fmt: skip
    ours = {key: values for key, values in DAEMON.items() if key not in different}
    assert {key: theirs.get(key) for key in ours} == ours
    assert "SystemCallFilter" in theirs
    assert "LoadCredential" not in theirs


def test_only_the_daemon_may_ask_for_programs_and_it_asks_there():
    socket = directives("voiced-programs.socket")
    assert (socket["SocketUser"], socket["SocketMode"]) == (["voiced"], ["0600"])
    (place,) = socket["ListenStream"]
    assert f"VOICED_PROGRAMS={place}" in words(DAEMON, "Environment")
    assert "voiced-programs.socket" in words(DAEMON, "Wants")
    assert directives("voiced-programs.service")["StandardInput"] == ["socket"]


def test_the_browser_keeps_what_its_own_sandbox_is_made_of():
    kiosk = directives("voiced-kiosk.service")
    assert {"user", "pid", "net"} <= set(words(kiosk, "RestrictNamespaces"))
    allowed = [value for value in kiosk["SystemCallFilter"] if value[0] != "~"]
    assert {"chroot", "capset"} <= set(allowed[-1].split())


def test_the_service_has_no_capability_no_system_to_write_to_and_few_devices():
    assert DAEMON["User"] == ["voiced"]
    assert DAEMON["CapabilityBoundingSet"] == DAEMON["AmbientCapabilities"] == [""]
    assert (DAEMON["NoNewPrivileges"], DAEMON["ProtectSystem"]) == (["yes"], ["strict"])
    assert DAEMON["DevicePolicy"] == ["closed"]
    sound_pins_and_arrays = {"char-116 rw", "char-gpiochip rw", "char-189 rw", "char-hidraw rw"}
    assert set(DAEMON["DeviceAllow"]) == sound_pins_and_arrays


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_a_unit_is_as_tight_as_the_readme_says(unit, measured):
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", done.stdout).group(1))
    version = run("systemd-analyze", "--version").stdout.split()[1]
    measured(f"{unit.name}: {exposure} by systemd {version}")
    assert exposure <= MOST[unit.stem]
    readme = (SYSTEMD / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{unit.name}` \| ([\d.]+) \| ([\d.]+) \|", readme, re.MULTILINE)
    assert {float(figure) for figure in row} == {MOST[unit.stem]}
    if unit.stem == "voiced":
        assert f"security voiced`: {MOST['voiced']} by systemd 252 and by 257" in documents()


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_every_unit_is_installed_told_of_and_purged(unit):
    lib = ROOT / "scripts" / "lib"
    names = "".join((lib / name).read_text(encoding="utf-8") for name in ("device.sh", "screen.sh"))
    purged = (lib / "purge.sh").read_text(encoding="utf-8")
    assert unit.name in names
    assert unit.name in purged
    assert f"`{unit.name}`" in (SYSTEMD / "README.md").read_text(encoding="utf-8")


def test_no_unit_makes_a_folder_that_a_purge_forgets(measured):
    purged = (ROOT / "scripts" / "lib" / "purge.sh").read_text(encoding="utf-8")
    made = {
        f"{parent}/{name}"
        for unit in UNITS
        for key, parent in MAKE_FOLDERS.items()
        for name in words(directives(unit.name), key)
    } | {place for unit in UNITS for place in words(directives(unit.name), "ListenStream")}
    assert {
        path for path in made if not re.search(rf"{re.escape(path)}(?![\w.-])", purged)
    } == set()
    measured(f"{len(made)} folders and sockets that units make")
