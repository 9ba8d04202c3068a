"""The power goes, the clock is wrong, things are missing when it comes back."""

import json
import time

import pytest

from tests.pi.home import SETTINGS
from tests.pi.machine import LIGHT

CLOCK = "2021-06-01T00:00:00"


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
