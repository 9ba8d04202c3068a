"""How each scenario is made to fail on purpose: `scripts/pi test --sabotage`.

A scenario that passes although what it is about is broken proves nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from shlex import quote
from typing import Any, Protocol

from tests.pi.guest import CommandError
from tests.pi.home import FILES, Home

UNIT = "/etc/systemd/system/voiced.service"
CODE = "/opt/voiced/current/lib/python3*/site-packages/voiced"
AFRESH = (
    "systemctl daemon-reload; systemctl stop voiced; rm -f /var/lib/voiced/*.json; "
    "systemctl start voiced || true"
)
"""Starts the service without a memory of what was broken: a scenario that fails leaves it muted."""

REPLACE = """\
import sys, glob
pattern, old, new = sys.argv[1:]
(path,) = glob.glob(pattern)
text = open(path).read()
assert old in text, f"{path} has no {old!r}"
open(path + ".intact", "w").write(text)
open(path, "w").write(text.replace(old, new))
"""


class Sabotage(Protocol):
    """One way to break something."""

    def begin(self, it: Home) -> None:
        """Break it."""

    def end(self, it: Home) -> None:
        """Mend it."""


@dataclass(frozen=True)
class Text:
    """Other words in a file of the Pi.

    Attributes:
        path: The file; it may hold `*`.
        old: What is replaced.
        new: By what.
        restart: The service reads it when it starts.
        reinstall: What is installed does not work then.
    """

    path: str
    old: str
    new: str
    restart: bool = True
    reinstall: bool = False

    def begin(self, it: Home) -> None:
        it.pi.guest.write("/srv/replace.py", REPLACE)
        it.pi.guest(f"python3 /srv/replace.py '{self.path}' {quote(self.old)} {quote(self.new)}")
        self._reload_files(it)

    def end(self, it: Home) -> None:
        it.pi.guest(f'for f in {self.path}.intact; do cat "$f" > "${{f%.intact}}"; rm "$f"; done')
        self._reload_files(it)
        if self.reinstall:
            it.install("--key-file", "/srv/key")

    def _reload_files(self, it: Home) -> None:
        if self.restart:
            it.pi.guest(AFRESH, within_s=120)


def code(file: str, old: str, new: str) -> Text:
    """Break the installed program."""
    return Text(f"{CODE}/{file}", old, new)


def unit(old: str, new: str) -> Text:
    """Break the installed unit."""
    return Text(UNIT, old, new)


def script(name: str, old: str, new: str, *, reinstall: bool = False) -> Text:
    """Break what installs and uninstalls."""
    return Text(f"{FILES}/{name}", old, new, restart=False, reinstall=reinstall)


@dataclass(frozen=True)
class Settings:
    """Other settings."""

    old: str
    new: str

    def begin(self, it: Home) -> None:
        text = it.settings()
        assert self.old in text
        it.write_settings(text.replace(self.old, self.new))
        it.pi.guest(AFRESH, within_s=120)

    def end(self, it: Home) -> None:
        it.write_settings()
        it.pi.guest(AFRESH, within_s=120)


@dataclass(frozen=True)
class Command:
    """A command on the Pi, and one that undoes it.

    Attributes:
        does: The one.
        undoes: The other.
        reinstall: Nothing is left of voiced then.
    """

    does: str
    undoes: str
    reinstall: bool = False

    def begin(self, it: Home) -> None:
        it.pi.guest(self.does)

    def end(self, it: Home) -> None:
        it.pi.guest(self.undoes, within_s=120)
        if self.reinstall:
            it.bring_files()
            it.install("--key-file", "/srv/key")


@dataclass(frozen=True)
class Idle:
    """A part of the test bed that does nothing."""

    part: str
    method: str

    def begin(self, it: Home) -> None:
        setattr(self._part(it), self.method, lambda *_, **__: None)

    def end(self, it: Home) -> None:
        delattr(self._part(it), self.method)

    def _part(self, it: Home) -> Any:
        part: Any = it.pi
        for name in filter(None, self.part.split(".")):
            part = getattr(part, name)
        return part


TABLE: dict[str, Sabotage] = {
    "test_a_machine_that_cannot_run_it_is_refused_in_words": script(
        "scripts/install", "((EUID == 0))", "true"
    ),
    "test_the_built_wheel_is_installed_and_becomes_ready": script(
        "systemd/voiced.service", "Type=notify", "Type=notify\nExecStartPre=/bin/false"
    ),
    "test_a_second_run_changes_nothing": script(
        "scripts/install", "nothing to do", "nothing to do$(touch /opt/voiced/again)"
    ),
    "test_an_index_is_held_to_the_hashes_of_the_lock": script(
        "scripts/lib/locked.sh",
        'pip_for "$python" "$verb" --require-hashes',
        'sed -i "/^ /d; s/ .$//" "$locks"/*.txt; pip_for "$python" "$verb"',
    ),
    "test_the_unit_is_sound_and_tight": unit("CapabilityBoundingSet=\n", "\n"),
    "test_the_doctor_runs_as_the_service_beside_it": Command(
        "mv /etc/voiced/ca.pem /srv/", "mv /srv/ca.pem /etc/voiced/"
    ),
    "test_a_press_begins_a_conversation_and_the_answer_is_heard": code(
        "runtime/connection.py", "self._downlink.take(reply_id, payload, wire, now_s)", "pass"
    ),
    "test_speaking_over_a_reply_ends_it": code(
        "runtime/runtime.py", "self._playback.drop(reply_id)", "pass"
    ),
    "test_a_hold_mutes_and_nothing_reaches_the_agent": code(
        "runtime/pipes.py", "if self.gate_open:", "if True:"
    ),
    "test_the_volume_follows_the_words_and_the_device_remembers_it": code(
        "storage/volume_and_mute.py", "self._kept = _Kept(volume, muted", "_ = _Kept(volume, muted"
    ),
    "test_a_killed_daemon_is_started_again": unit("Restart=always", "Restart=no"),
    "test_a_frozen_daemon_is_started_again_by_the_watchdog": unit("WatchdogSec=20", ""),
    "test_asked_to_stop_in_a_conversation_it_parts_in_good_order": code(
        "runtime/connection.py", "farewell = self._codec.farewell()", "farewell = []"
    ),
    "test_settings_that_are_saved_count_without_a_restart": code(
        "reload/file_watch.py", "self._changed()", "pass"
    ),
    "test_the_journal_has_fields_to_search_by": code(
        "host/journal.py", 'FIELDS = ("VOICED_STATUS", "SESSION_ID")', "FIELDS = ()"
    ),
    "test_no_secret_can_be_read_by_anybody": code(
        "assembly/factory.py",
        "key = agent.key.resolve()",
        "key = agent.key.resolve(); print(key, flush=True)",
    ),
    "test_the_daemon_can_start_no_program": unit("NoExecPaths=/ ", "NoExecPaths="),
    "test_an_array_unplugged_in_the_middle_of_a_conversation_comes_back": code(
        "runtime/pipes.py", "REOPEN_S = 0.5", "REOPEN_S = 600"
    ),
    "test_an_array_that_stops_sending_is_found_out_and_recovers": Idle("array", "stall"),
    "test_three_seconds_without_network_lose_nothing": Settings(
        "network: {", "network: {replay_s: 0, "
    ),
    "test_a_minute_without_network_ends_in_a_fresh_session": Idle("computer", "link"),
    "test_real_wifi_is_lost_and_found_again": code(
        "runtime/connection.py", "(chunk := self._context.uplink.take())", "(chunk := None)"
    ),
    "test_a_power_cut_in_a_conversation_is_survived": Command(
        "systemctl disable voiced", "systemctl enable --now voiced"
    ),
    "test_the_power_may_go_while_the_volume_is_written": code(
        "storage/atomic_file.py", "memoryview(content)", "memoryview(content)[: len(content) // 2]"
    ),
    "test_two_hundred_power_cuts_lose_nothing_that_was_confirmed": code(
        "storage/atomic_file.py", "system.fsync(descriptor)", "pass"
    ),
    "test_the_power_may_go_while_the_settings_are_written": code(
        "config/resolve.py", "complaint = error", "raise SystemExit(3)"
    ),
    "test_a_wrong_clock_is_waited_out": code(
        "devices/network/diagnosis.py", "clock says", "calendar says"
    ),
    "test_broken_settings_at_boot_are_shown_and_mended": code(
        "reload/reloader.py", "SettingsRead(usable=False)", "SettingsRead()"
    ),
    "test_an_array_that_is_absent_at_boot_may_come_later": code(
        "runtime/pipes.py", "REOPEN_S = 0.5", "REOPEN_S = 600"
    ),
    "test_settings_from_a_server_are_tried_and_kept_or_taken_back": code(
        "reload/reloader.py", "change(keep)", "change(lambda now: now)"
    ),
    "test_the_power_may_go_while_settings_from_a_server_are_tried": code(
        "storage/atomic_file.py", "memoryview(content)", "memoryview(content)[: len(content) // 2]"
    ),
    "test_an_upgrade_keeps_what_is_the_owners": script(
        "scripts/install",
        "comes_up || take_back",
        "echo >> $settings/voiced.yaml; comes_up || take_back",
        reinstall=True,
    ),
    "test_a_version_that_does_not_come_up_is_taken_back": script(
        "scripts/install", '  point_at "versions/$old"', "  true", reinstall=True
    ),
    "test_the_debian_package_does_the_same": Command(
        "chattr +i /etc/voiced/ca.pem",
        "chattr -i /etc/voiced/ca.pem; dpkg --purge --force-all voiced",
        reinstall=True,
    ),
    "test_a_timer_set_by_voice_outlives_a_power_cut": code(
        "alarms/clock.py", "return tuple(map(_with_its_fold, found))", "return ()"
    ),
    "test_a_program_of_the_owner_has_no_rights_and_leaves_nothing_behind": code(
        "tools/declared/process_group.py", "os.kill(pid, signal.SIGKILL)", "pass"
    ),
    "test_an_mcp_server_is_brought_called_killed_and_called_again": script(
        "scripts/lib/version.sh", "then echo device,mcp; else", "then echo device; else"
    ),
    "test_asleep_it_costs_next_to_nothing": code(
        "runtime/pipes.py", "pipe.relax(relaxed)", "pipe.relax(False)"
    ),
    "test_talking_it_keeps_up": code(
        "runtime/pipes.py",
        "self._watch_zeros(pcm)\n",
        "sum(range(100_000)); self._watch_zeros(pcm)\n",
    ),
    "test_an_uninstalled_device_is_as_before": script(
        "scripts/lib/purge.sh", "userdel", "true userdel", reinstall=True
    ),
}


@contextmanager
def broken(it: Home, scenario: str) -> Iterator[None]:
    """Break what a scenario is about, and mend it."""
    way = TABLE[scenario]
    way.begin(it)
    try:
        yield
    finally:
        it.pi.release()
        way.end(it)
        with suppress(CommandError):
            it.wait_for("asleep", within_s=60)
