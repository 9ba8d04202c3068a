"""What happens to the process: killed, frozen, asked to stop; and what others can read of it."""

import time

from tests.pi.agent import KEY
from tests.pi.reference import slowness

JOURNAL = "journalctl -u voiced -n 20 -o cat --no-pager"


def test_a_killed_daemon_is_started_again(installed):
    it, before = installed, installed.restarts()
    killed_s = time.monotonic()
    it.pi.guest("systemctl kill -s KILL voiced")
    it.pi.guest.until(lambda: it.restarts() > before and it.status() == "asleep", 40)
    it.measured("SIGKILL", f"asleep again after {time.monotonic() - killed_s:.1f} s")


def test_a_frozen_daemon_is_started_again_by_the_watchdog(installed):
    it, before = installed, installed.restarts()
    frozen_s = time.monotonic()
    it.pi.guest("systemctl kill -s STOP voiced")
    it.pi.guest.until(lambda: it.restarts() > before and it.status() == "asleep", 60)
    it.measured(
        "SIGSTOP", f"asleep again after {time.monotonic() - frozen_s:.1f} s (WatchdogSec=20)"
    )
    assert "watchdog" in it.pi.guest("journalctl -u voiced -n 30 -o cat --no-pager").lower()


def test_asked_to_stop_in_a_conversation_it_parts_in_good_order(installed):
    it = installed
    it.agent.start("--voice", "espeak")
    it.converse()
    since_s = time.time()
    took = it.pi.guest(
        "a=$(date +%s%N); systemctl stop voiced; b=$(date +%s%N); echo $(( (b - a) / 1000000 )); "
        "systemctl show voiced -p ExecMainStatus,Result"
    ).split()
    assert took[1:] == ["Result=success", "ExecMainStatus=0"] or "ExecMainStatus=0" in took
    ended = [
        event for event in it.agent.events("received", since_s) if event["type"] == "session.end"
    ]
    it.measured(
        "SIGTERM in a conversation", f"exit 0 after {int(took[0]) / 1000:.2f} s, session ended"
    )
    assert int(took[0]) < 3000 * max(1, slowness(it.pi.guest))
    assert ended
    it.pi.guest("systemctl start voiced")
    it.wait_for("asleep")


def test_settings_that_are_saved_count_without_a_restart(installed):
    it, pid, files = installed, installed.pid(), installed.usage()["files"]
    it.agent.start("--voice", "espeak", "--fault", "silent-agent")
    it.converse()
    it.wait_for("listening", within_s=20)
    began_s = time.monotonic()
    it.write_settings(it.settings("audio: {playback: {volume: 41}}\n"))
    it.pi.guest.until(
        lambda: "volume: 41" in it.pi.guest("cat /var/lib/voiced/settings.json"), 10, "the volume"
    )
    took_s = time.monotonic() - began_s
    assert "changed: live: audio.playback.volume" in it.pi.guest(JOURNAL)
    it.fall_asleep()
    it.pi.guest("sed -i 's/pin: 5/pin: 6/' /etc/voiced/voiced.yaml")
    it.pi.guest.until(lambda: "changed: restart: led.pin" in it.pi.guest(JOURNAL), 10)
    it.write_settings(it.settings("nonsense: 1\n"))
    it.wait_for("configuration-error")
    it.write_settings()
    it.wait_for("asleep")
    said = it.pi.guest("systemctl reload voiced; voiced reload")
    assert "nothing has changed" in said
    assert it.pid() == pid
    it.measured(
        "settings saved in a conversation", f"in force and on the disk {took_s:.1f} s later"
    )
    assert it.usage()["files"] <= files + 2


def test_the_journal_has_fields_to_search_by(installed):
    it, cursor = installed, installed.pi.guest.cursor()
    it.agent.start("--voice", "espeak")
    it.converse()
    it.fall_asleep()
    it.pi.guest.until(
        lambda: any("SESSION_ID" in entry for entry in it.pi.guest.journal(since=cursor)), 10
    )
    entries = it.pi.guest.journal(since=cursor)
    shown = [entry["VOICED_STATUS"] for entry in entries if "VOICED_STATUS" in entry]
    assert "connecting" in shown
    assert shown[-1] == "asleep"
    assert {entry["SYSLOG_IDENTIFIER"] for entry in entries} <= {"voiced", "systemd"}


EXECUTE = """\
import ctypes, os, shutil, stat

n_files, found, ran = 0, [], []
for folder, folders, names in os.walk("/"):
    if folder in ("/proc", "/sys"):
        folders.clear()
        continue
    for path in (os.path.join(folder, name) for name in names):
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue
        n_files += stat.S_ISREG(mode)
        if stat.S_ISREG(mode) and os.access(path, os.X_OK):  # the kernel looks at the mount as well
            found.append(path)
    path = os.path.join(folder, "planted")
    try:
        shutil.copy("/bin/true", path)
    except OSError:
        continue
    ran += [path] if os.access(path, os.X_OK) else []
    os.remove(path)
print(n_files, len(found))
print(*ran)
print(ctypes.CDLL(None).system(b"touch /tmp/ran") >> 8)
print(*found, sep="\\n")
"""

ALSA = """\
import alsaaudio

name = "file:'|(id; cat) >/var/lib/voiced/ran',raw"
try:
    pcm = alsaaudio.PCM(alsaaudio.PCM_PLAYBACK, device=name, periodsize=320)
    pcm.write(bytes(1280))
    pcm.close()
except alsaaudio.ALSAAudioError:
    pass
"""
"""A name of a sound device that is a command for a shell."""


def test_the_daemon_can_start_no_program(installed):
    """In its place and as its user: no shell, no program of the system, none that it writes."""
    it, guest = installed, installed.pi.guest
    guest.write("/srv/execute.py", EXECUTE)
    as_it = "--setuid $(id -u voiced) --setgid $(id -g voiced)"
    within = f"nsenter --target {it.pid()} --mount {as_it}"
    code, said = guest.attempt(f"{within} /bin/sh -c id")
    assert code != 0
    assert "Permission denied" in said
    script = """'exec(open("/srv/execute.py").read())'"""
    said = guest(f"{within} /opt/voiced/current/bin/python -c {script}")
    counts, ran, status, *found = said.splitlines()
    assert ran == ""
    assert status == "127"  # what libc says of a shell that cannot be started
    places = (
        "/usr/bin/python3.",
        "/opt/voiced/",
        "/usr/lib/python3",
        "/usr/lib/aarch64-linux-gnu/",
    )
    assert [path for path in found if not path.startswith(places)] == []
    guest.write("/srv/alsa.py", ALSA)
    guest(f"{within} /opt/voiced/current/bin/python -c {script.replace('execute', 'alsa')}")
    assert guest.attempt("test -e /var/lib/voiced/ran")[0] == 1
    n_files, n_found = counts.split()
    it.measured(
        "what the daemon can execute", f"{n_found} of {n_files} files, of Python and of libraries"
    )


def test_no_secret_can_be_read_by_anybody(installed):
    """The key, in the places where a program's secrets are usually found."""
    it, guest = installed, installed.pi.guest
    it.agent.start("--voice", "espeak")
    it.converse()
    it.fall_asleep()
    pid = it.pid()
    needle = KEY[2:]  # so that this very search does not find itself in the process list
    places = {
        "process list": f"ps -ef e | grep -v grep | grep -c {needle}",
        "journal": f"journalctl --no-pager -o export | grep -c {needle}",
        "environment": f"tr '\\0' '\\n' < /proc/{pid}/environ | grep -c {needle}",
        "command line": f"tr '\\0' ' ' < /proc/{pid}/cmdline | grep -c {needle}",
        "status": f"systemctl show voiced | grep -c {needle}",
        "state": f"grep -rc {needle} /var/lib/voiced | grep -vc ':0$'",
    }
    for place, command in places.items():
        assert guest.attempt(command)[1].strip() in ("0", ""), place
    as_pi = "setpriv --reuid pi --regid pi --init-groups"
    for path in (
        "/etc/voiced/api-key",
        f"/proc/{pid}/environ",
        f"/proc/{pid}/mem",
        "/run/credentials/voiced.service/api-key",
        "/var/lib/voiced/state.json",
    ):
        code, said = guest.attempt(f"{as_pi} cat {path}")
        assert code != 0, path
        assert needle not in said
    cursor = guest.cursor()
    guest(f"kill -ABRT {pid}")
    it.pi.guest.until(lambda: it.pid() not in (0, pid) and it.status() == "asleep", 40)
    cores = "find / -xdev -name 'core*' -type f -newermt '-1 minute' -size +1M 2>/dev/null"
    assert guest(f"{cores}; ls /var/lib/systemd/coredump 2>/dev/null").strip() == ""
    traced = "\n".join(str(entry["MESSAGE"]) for entry in guest.journal(since=cursor))
    assert "Fatal Python error: Aborted" in traced
    assert needle not in traced
    it.measured("secrets", f"not found in {', '.join(places)}, /proc for others, core dumps")
