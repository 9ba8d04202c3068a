"""What certain cards get, and what is done when they fail."""

from pathlib import Path

import pytest

from voiced.devices.sound.escalation import GIVE_UP_AT
from voiced.devices.sound.recovery import CardRecovery
from voiced.devices.sound.selection import choose
from voiced.errors import DeviceError, DeviceStuck, SoundFault

MACHINES = Path(__file__).parent / "asound"
STALLED = DeviceError("mic", "no sound moved", "replug it", SoundFault.STALLED)
FAILED = DeviceError("mic", "it stopped working (Input/output error)")


class ComponentCache:
    """Counts what is done to cards."""

    def __init__(self, machine, version=(2, 0, 10), broken=False, gain=None):
        self.machine = MACHINES / machine
        self.done = []
        self._version = version
        self._broken = broken
        self.recovery = CardRecovery(
            self.machine,
            chip=self._chip,
            off_hook=self._off_hook,
            capture_gain=self._gain,
            gain=gain,
        )

    def choice(self, device):
        return choose(device, "capture", None, self.machine)

    def _chip(self, node):
        return self

    def version(self):
        return self._do("version") or self._version

    def reboot(self):
        self._do("reboot")

    def _off_hook(self, usb_id):
        self._do(f"off hook {usb_id}")
        return True

    def _gain(self, device, percent):
        self.done.append(f"{device} {percent}")
        return 1

    def _do(self, what):
        self.done.append(what)
        if self._broken:
            raise OSError(13, "Permission denied")


@pytest.mark.parametrize(
    ("machine", "device", "done"),
    [
        ("xvf3800", "2886:001a", ["hw:CARD=Array 100", "version"]),
        ("arrayuac10", "2886:0018", []),
        ("jabra", "USB", []),
        ("hdmi", "default", []),
    ],
)
def test_a_card_gets_what_it_needs_before_it_captures(machine, device, done):
    shop = ComponentCache(machine)
    shop.recovery.prepare(shop.choice(device))
    assert shop.done == done


def test_the_gain_that_the_settings_name_goes_before_that_of_the_profile():
    for machine, device in (("xvf3800", "2886:001a"), ("studio", "Studio")):
        shop = ComponentCache(machine, gain=70)
        shop.recovery.prepare(shop.choice(device))
        assert shop.done[0] == f"hw:CARD={shop.choice(device).name.card.id} 70"


def test_a_speakerphone_is_told_that_a_call_is_on_and_not_driven_too_hard(tmp_path):
    folder = tmp_path / "card0"
    (folder / "pcm0c").mkdir(parents=True)
    (folder / "id").write_text("PowerConf\n")
    (folder / "usbid").write_text("291a:3301\n")
    (tmp_path / "cards").write_text(" 0 [PowerConf      ]: USB-Audio - PowerConf\n")
    shop = ComponentCache(tmp_path)
    shop.recovery.prepare(shop.choice("auto"))
    assert shop.done == ["hw:CARD=PowerConf 40", "off hook 291a:3301"]


@pytest.mark.parametrize(("version", "told"), [((2, 0, 9), True), ((2, 0, 10), False)])
def test_an_old_firmware_is_warned_of_once(version, told, caplog):
    shop = ComponentCache("xvf3800", version)
    for _ in range(3):
        shop.recovery.prepare(shop.choice("2886:001a"))
    assert caplog.text.count("update it") == told


def test_a_chip_that_cannot_be_asked_does_not_stop_the_card(caplog):
    shop = ComponentCache("xvf3800", broken=True)
    for _ in range(3):
        shop.recovery.prepare(shop.choice("2886:001a"))
    assert caplog.text.count("its firmware cannot be read (Permission denied)") == 1


@pytest.mark.real_time
async def test_a_stalled_array_is_restarted_once_and_then_given_up(caplog):
    shop = ComponentCache("xvf3800")
    choice = shop.choice("2886:001a")
    outcomes = [await shop.recovery.after(STALLED, choice, 0.0) for _ in range(GIVE_UP_AT)]
    assert shop.done == ["reboot"]
    assert [type(outcome) for outcome in outcomes] == [DeviceError] * (GIVE_UP_AT - 1) + [
        DeviceStuck
    ]
    assert str(outcomes[-1]) == "mic: no sound moved, again and again"
    assert caplog.text.count("restarting its chip") == 1


async def test_a_card_that_is_there_but_fails_at_once_is_stalled_not_absent():
    shop = ComponentCache("xvf3800")
    present, gone = shop.choice("2886:001a"), ComponentCache("xvf3800").choice("default")
    assert (await shop.recovery.after(FAILED, present, 0.0)).fault is SoundFault.STALLED
    assert (await shop.recovery.after(FAILED, present, 3.0)).fault is SoundFault.ABSENT
    assert (await shop.recovery.after(FAILED, gone, 0.0)).fault is SoundFault.ABSENT
    shop.machine = shop.recovery.asound = MACHINES / "hdmi"
    assert (await shop.recovery.after(FAILED, present, 0.0)).fault is SoundFault.ABSENT


@pytest.mark.real_time
async def test_a_chip_that_cannot_be_restarted_is_told_of_and_reopened(caplog):
    shop = ComponentCache("xvf3800", broken=True)
    choice = shop.choice("2886:001a")
    for _ in range(2):
        assert (await shop.recovery.after(STALLED, choice, 0.0)).fault is SoundFault.STALLED
    assert "its chip cannot be restarted (Permission denied)" in caplog.text
