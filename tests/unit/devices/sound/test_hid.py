"""Finding the off-hook switch in report descriptors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.devices.sound.hid import LED_PAGE, OFF_HOOK, OutputBit, find_output, go_off_hook

# Telephony headset: input of three keys, then LEDs: mute 0x09, off-hook 0x17, ring 0x18, padding.
PHONE = bytes.fromhex(
    "050b0905a101"  # Usage Page (Telephony), Usage (Headset), Collection
    "8501"  # Report ID 1
    "150025017501950309200921092f8102"  # three bits of input
    "75059501810150"[:-2]  # padding
    + "8502"  # Report ID 2
    "0508"  # Usage Page (LEDs)
    "75019503"  # three bits
    "0909091709189102"  # Mute, Off-Hook, Ring: Output
    "750595019103"  # padding: Output
    "c0"
)
RANGE = bytes.fromhex("050875019508191029179102")
LONG_USAGE = bytes.fromhex("0501750195010b170008009102")


@pytest.mark.parametrize(
    ("descriptor", "found"),
    [
        (PHONE, OutputBit(2, 1, 8)),
        (RANGE, OutputBit(0, 7, 8)),
        (LONG_USAGE, OutputBit(0, 0, 1)),
        (bytes.fromhex("fe02aabbcc") + RANGE, OutputBit(0, 7, 8)),
        (b"", None),
        (bytes.fromhex("050875019501094b9102"), None),
        (bytes.fromhex("0508750195010917b102"), None),  # a feature, not an output
    ],
)
def test_the_switch_is_found_where_the_descriptor_has_it(descriptor, found):
    assert find_output(descriptor, LED_PAGE, OFF_HOOK) == found


def test_a_report_has_its_number_then_the_one_bit():
    assert OutputBit(2, 1, 8).report() == b"\x02\x02"
    assert OutputBit(0, 9, 16).report() == b"\x00\x00\x02"


@given(st.binary(max_size=200))
def test_no_descriptor_is_too_broken_to_read(descriptor):
    found = find_output(descriptor, LED_PAGE, OFF_HOOK)
    assert found is None or found.bit < max(found.report_bits, 1) * 256


def test_the_device_with_that_usb_id_is_told(tmp_path):
    for name, usb_id, descriptor in (
        ("hidraw0", "0003:00001234:0000ABCD", PHONE),
        ("hidraw1", "0003:0000291A:00003301", b""),
        ("hidraw2", "0003:0000291A:00003301", PHONE),
    ):
        folder = tmp_path / "class" / name / "device"
        folder.mkdir(parents=True)
        (folder / "uevent").write_text(f"DRIVER=hid\nHID_ID={usb_id}\n")
        (folder / "report_descriptor").write_bytes(descriptor)
        (tmp_path / name).touch()
    (tmp_path / "class" / "hidraw3").mkdir()
    assert go_off_hook("291a:3301", tmp_path / "class", tmp_path)
    written = [(tmp_path / f"hidraw{n}").read_bytes() for n in range(3)]
    assert written == [b"", b"", b"\x02\x02"]
    assert not go_off_hook("0b0e:0420", tmp_path / "class", tmp_path)
