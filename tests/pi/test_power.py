"""The power goes, the clock is wrong, things are missing when it comes back."""

import json
import random
import time
from contextlib import contextmanager

import pytest

from tests.pi.afar import SettingsServer
from tests.pi.home import SETTINGS
from tests.pi.machine import LIGHT
from tests.pi.state_disk import DEVICE, StateDisk
from tests.pi.test_hands import received
from voiced.alarms import clock
from voiced.config import history
from voiced.storage import volume_and_mute
from voiced.storage.state_files import ALARMS, BY_HAND, VOLUME
from voiced.storage.state_files import SETTINGS as RECORD

CLOCK = "2021-06-01T00:00:00"
CUTS, BOOTS, ROUNDS = 200, 5, 12
FIRST_VOLUME = 10
STATE = "/var/lib/voiced"
FSTAB = f"{DEVICE} {STATE} ext4 defaults 0 2"

SET_BY_HAND = """\
import asyncio, sys
import aiohttp

async def main():
    async with aiohttp.ClientSession("http://127.0.0.1:8080") as browser:
        async with browser.ws_connect("/live") as page:
            await page.send_json({"do": "settings", "changed": {"greeting": sys.argv[1]}})
            while (answer := await page.receive_json(timeout=60))["type"] not in ("kept", "problem"):
                pass
    assert answer["type"] == "kept", answer

asyncio.run(main())
"""


class Ledger:
    """What was asked for and what was confirmed, and how long the disk's log was then.

    Every kind of change counts up from 1.
    """

    def __init__(self, disk):
        self._disk = disk
        self._asked, self._confirmed = {}, {}

    @contextmanager
    def change(self, kind, number):
        self._asked.setdefault(kind, []).append((self._disk.logged_bytes, number))
        yield
        self._confirmed.setdefault(kind, []).append((self._disk.logged_bytes, number))

    def check(self, kind, found, cut_bytes):
        """See that nothing confirmed before a cut is missing, and nothing is there that nobody asked for."""

        def last(entries):
            return max((number for at, number in entries if at <= cut_bytes), default=0)

        assert last(self._confirmed[kind]) <= found <= last(self._asked[kind]), kind


def up_again(it):
    """Return how long after the power the light came on, and the service was ready."""
    uptime = it.pi.guest.show("ActiveEnterTimestampMonotonic")["ActiveEnterTimestampMonotonic"]
    return int(uptime) / 1e6


def test_a_power_cut_in_a_conversation_is_survived(installed):
    it = installed
    it.agent.start("--voice", "espeak")
    it.converse()
    it.pi.computer.pins.forget()
    cut_s = time.time()
    it.pi.reboot_by_power_cut()
    it.wait_for("asleep", within_s=60)
    lit_s = next(
        at_s for at_s, high in it.pi.computer.pins.changes(LIGHT) if high and at_s > cut_s + 1
    )
    it.measured(
        "power cut in a conversation",
        f"light {lit_s - cut_s:.1f} s after the power, READY {up_again(it):.1f} s after the kernel began",
    )
    it.converse()
    it.wait_for("listening", within_s=20)
    it.say("what time is it")
    it.wait_for("speaking", within_s=20)
    it.fall_asleep()


@pytest.mark.full
def test_the_power_may_go_while_the_volume_is_written(installed):
    it, ages = installed, []
    it.write_settings(it.settings("buttons: {volume_up: {pin: 6}, volume_down: {pin: 7}}\n"))
    for line in (6, 7):
        it.pi.computer.pins.drive(line, high=True)
    it.pi.guest("systemctl restart voiced")
    it.wait_for("asleep")
    for trial in range(10):
        line = 7 if trial % 2 else 6
        it.pi.computer.pins.drive(line, high=False)  # held, it changes the volume again and again
        time.sleep(1.0 + trial * 0.37)
        it.pi.reboot_by_power_cut()
        it.pi.computer.pins.drive(line, high=True)
        for each in (6, 7):
            it.pi.computer.pins.drive(each, high=True)
        it.wait_for("asleep", within_s=60)
        kept = json.loads(it.pi.guest("cat /var/lib/voiced/state.json"))
        assert 0 <= kept["volume"] <= 100
        ages.append(kept["volume"])
    it.measured("power cut while the volume is written x10", f"always whole: {ages}")
    it.write_settings()
    it.pi.guest("systemctl restart voiced")
    it.wait_for("asleep")


def found_in(files):
    """Return how far each kind of change has come on a disk, read as the daemon reads it."""
    kept, sent = history.Record(), None
    if RECORD.name in files:
        kept = history.decode(files[RECORD.name])
        sent = kept.sent
    steps = 0
    if VOLUME.name in files:
        steps = volume_and_mute.decode(files[VOLUME.name]).volume - FIRST_VOLUME
    greeting = files.get(BY_HAND.name, b"").decode().partition("Hello ")[2]
    revision = 0 if sent is None else sent.revision
    assert revision <= (kept.highest or 0)
    return {
        "volume": steps if steps <= ROUNDS else 0,  # the settings' own is louder
        "timers": len(clock.decode(files.get(ALARMS.name, ALARMS.empty))),
        "by hand": int("".join(filter(str.isdigit, greeting)) or 0),
        "revision": revision,
    }


def change_everything(it, server, ledger, number):
    """Have the daemon write down one more of everything."""
    guest = it.pi.guest
    with ledger.change("volume", number):
        guest(f"voiced volume {FIRST_VOLUME + number}")
        with ledger.change("revision", number):
            server.put(f"revision: {number}\nlog: {{level: info}}\n")
            guest.attempt("voiced reload --remote")
            guest.until(
                lambda: json.loads(guest("voiced status --json"))["settings"]["revision"] == number,
                60,
                f"revision {number}",
            )
        with ledger.change("by hand", number):
            guest(f"/opt/voiced/current/bin/python /srv/by-hand.py 'Hello {number}'")
    with ledger.change("timers", number):
        it.converse()
        it.wait_for("listening", within_s=20)
        asked_s = time.time()
        it.say("set a timer for twenty hours")
        guest.until(lambda: "tool.result" in received(it, asked_s), 30, "a timer")
    it.fall_asleep()


@contextmanager
def state_on_its_own_disk(it, disk, *, logged):
    """Boot the Pi with another disk for its state, and as before in the end."""
    guest = it.pi.guest
    guest(f"systemctl stop voiced; echo '{FSTAB}' >> /etc/fstab; sync")
    it.pi.switch_off()
    it.pi.computer.more = disk.drive(logged=logged)
    it.pi.boot()
    try:
        guest(f"mountpoint -q {STATE}")
        it.wait_for("asleep", within_s=60)
        yield
    finally:
        guest(f"sed -i '\\|{STATE}|d' /etc/fstab; sync")
        it.pi.switch_off()
        it.pi.computer.more = []
        it.pi.boot()


@pytest.mark.full
def test_two_hundred_power_cuts_lose_nothing_that_was_confirmed(installed):
    """Every write of a disk is logged while everything is changed; the power is cut anywhere in that log."""
    it, dice = installed, random.Random(10)
    it.agent.start("--voice", "espeak")
    disk = StateDisk(it.folder / "state-disk")
    ledger = Ledger(disk)
    it.pi.guest.write("/srv/by-hand.py", SET_BY_HAND)
    with SettingsServer(it.folder / "web", it.agent.folder) as server:
        remote = (
            f"kiosk: {{settings: true}}\nremote: {{url: '{server.url}', interval_s: 5, trial_s: 5, "
            f"public_key: {server.public_key}, ca_file: /etc/voiced/ca.pem}}\n"
        )
        it.write_settings(it.settings(remote))
        with state_on_its_own_disk(it, disk, logged=True):
            for number in range(1, ROUNDS + 1):
                change_everything(it, server, ledger, number)
            entries = disk.entries()
    n_files, booted = 0, []
    for number in range(CUTS):
        cut = dice.randint(1, len(entries))
        files = disk.cut(entries[:cut], dice)
        n_files += len(files)
        for kind, found in found_in(files).items():
            ledger.check(kind, found, entries[cut - 1].end_bytes)
        if number % (CUTS // BOOTS) == 0:
            with state_on_its_own_disk(it, disk, logged=False):
                status = json.loads(it.pi.guest("voiced status --json"))
                assert status["volume"] >= FIRST_VOLUME
                assert status["disk"]["set_aside"] == []
                booted.append(f"{cut}")
    it.write_settings()
    it.pi.guest("systemctl restart voiced")
    it.wait_for("asleep")
    it.measured(
        f"power cut x{CUTS} in {len(entries)} writes of {ROUNDS} changes of everything",
        f"{n_files} files all whole, nothing confirmed is missing; booted after {', '.join(booted)} writes",
    )


@pytest.mark.full
def test_the_power_may_go_while_the_settings_are_written(installed):
    """An editor that writes in place may leave a torn file: the device comes up all the same, and says so."""
    it, statuses = installed, []
    for trial in range(10):
        it.pi.guest("sync")
        writing = (
            'nohup python3 -c "import itertools, os\n'
            f"for n in itertools.count():\n with open('{SETTINGS}', 'w') as file:\n"
            "  for piece in open('/srv/whole').readlines():\n"
            '   file.write(piece); file.flush(); os.fsync(file.fileno())" >/dev/null 2>&1 &'
        )
        it.pi.guest.write("/srv/whole", it.settings())
        it.pi.guest(writing)
        time.sleep(0.5 + trial * 0.21)
        it.pi.reboot_by_power_cut()
        statuses.append(it.wait_for("asleep", "configuration-error", within_s=60))
        it.write_settings()
        it.wait_for("asleep", within_s=40)
    it.measured(
        "power cut while the settings are written x10",
        f"came up as {', '.join(statuses)}; mended, asleep",
    )


@pytest.mark.full
def test_a_wrong_clock_is_waited_out(installed):
    it, guest = installed, installed.pi.guest
    it.agent.start("--voice", "espeak")
    it.pi.guest("sync")
    it.pi.switch_off()
    it.pi.boot(clock=CLOCK)
    it.wait_for("asleep", within_s=60)
    began = guest("date +%F").strip()
    it.pi.press()
    it.wait_for("offline", "connecting", within_s=20)
    guest.until(
        lambda: "clock" in guest("journalctl -u voiced -b -o cat --no-pager"), 20, "the reason"
    )
    guest(f"date -s @{int(time.time())}")
    since_s = time.time()
    it.wait_for("listening", "speaking", within_s=60)
    it.measured(
        "wrong clock at boot",
        f"it says {began}: up, offline with the reason; in conversation {time.time() - since_s:.1f} s after "
        "the clock was set",
    )
    it.fall_asleep()
    it.pi.guest("sync")
    it.pi.switch_off()
    it.pi.boot()  # with the right time again, also after the next power cut
    it.wait_for("asleep", within_s=60)


def test_broken_settings_at_boot_are_shown_and_mended(installed):
    it = installed
    it.write_settings(it.settings("nonsense: true\n"))
    it.pi.guest("sync")
    it.pi.computer.pins.forget()
    it.pi.reboot_by_power_cut()
    it.wait_for("configuration-error", within_s=60)
    said = it.pi.guest.show("StatusText", "NRestarts")
    assert "nonsense" in said["StatusText"]
    assert said["NRestarts"] == "0"
    _, flashes = it.light_pattern(5.0)
    assert flashes >= 4
    it.write_settings()
    mended_s = time.monotonic()
    it.wait_for("asleep", within_s=60)
    it.measured(
        "broken settings at boot",
        f"up, light flashes ({flashes} times in 5 s), said what is wrong; asleep "
        f"{time.monotonic() - mended_s:.1f} s after they were mended",
    )


def test_an_array_that_is_absent_at_boot_may_come_later(installed):
    it = installed
    it.pi.array.unplug()
    it.pi.guest("sync")
    it.pi.reboot_by_power_cut()
    it.wait_for("no-microphone", "no-speaker", within_s=60)
    ready_s = up_again(it)
    plugged_s = time.monotonic()
    it.pi.array.plug()
    it.wait_for("asleep", within_s=30)
    it.measured(
        "array absent at boot",
        f"READY {ready_s:.1f} s after the kernel began; asleep {time.monotonic() - plugged_s:.1f} s after plugging",
    )
