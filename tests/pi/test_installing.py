"""From a built wheel to a service that is ready."""

import re

from tests.pi.home import FILES

PLACES = (
    "/opt/voiced /etc/voiced /etc/systemd/system /etc/sysusers.d /etc/udev/rules.d /usr/local/bin"
)
TREE = (
    f"(find {PLACES} -xdev -printf '%p %m %u %s %l\\n' | sort; "
    f"find {PLACES} -xdev -type f -print0 | sort -z | xargs -0 sha256sum) | sha256sum"
)
EXPOSURE = 1.9


def test_a_machine_that_cannot_run_it_is_refused_in_words(home):
    guest = home.pi.guest
    script = "/srv/voiced/scripts/install"
    for command, says in (
        (f"setpriv --reuid pi --regid pi --clear-groups {script}", "run this with sudo"),
        (f"{script} --from /nowhere", "there is no /nowhere"),
        (f"{script} --from /etc", "neither a wheel of voiced nor a folder with one"),
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
    assert home.status() == "asleep", said
    assert re.search(r"^ok +key", said, re.MULTILINE)
    assert "0 to mend" in said
    times = guest.show("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    begun, ready = (int(value) / 1e6 for value in times.values())
    home.measured(
        "install from the wheel", f"{took_s:.0f} s; READY {ready - begun:.1f} s after start"
    )
    assert ready - begun <= 15
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
    assert took_s <= 20


def test_the_unit_is_sound_and_tight(installed):
    guest = installed.pi.guest
    installed.converse()
    screen = f"{FILES}/systemd/voiced-kiosk.service"
    code, said = guest.attempt(
        f"systemd-analyze verify /etc/systemd/system/voiced.service {screen}"
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
    assert "0 to mend" in said, said
    assert code == 0
