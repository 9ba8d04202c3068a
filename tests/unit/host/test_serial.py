"""The board's serial number (serial.py)."""

from voiced.host.serial import serial_number


def test_the_first_place_that_tells_it_counts(tmp_path):
    tree, dmi = tmp_path / "serial-number", tmp_path / "product_serial"
    assert serial_number((tree, dmi)) is None
    dmi.write_text("VM-1\n")
    assert serial_number((tree, dmi)) == "VM-1"
    tree.write_bytes(b"10000000abcdef01\0")
    assert serial_number((tree, dmi)) == "10000000abcdef01"
    tree.write_bytes(b"\xff\xff")
    assert serial_number((tree, dmi)) == "VM-1"
    dmi.write_text("\n")
    assert serial_number((tree, dmi)) is None
