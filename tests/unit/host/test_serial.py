"""What a device is known by (serial.py)."""

import pytest

from voiced.host.serial import machine_mark, serial_number


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


@pytest.mark.parametrize(
    "filler",
    [
        "0",
        "00000000",
        "None",
        "Default string",
        "To be filled by O.E.M.",
        "123456789",
        "xxxx",
        "Not Specified",
    ],
)
def test_what_stands_in_place_of_a_number_is_none(tmp_path, filler):
    (tmp_path / "serial").write_text(filler)
    assert serial_number((tmp_path / "serial",)) is None


def test_without_a_number_each_installation_has_a_mark_of_its_own_that_hides_its_id(tmp_path):
    marks = []
    for digit in "ab":
        (tmp_path / "machine-id").write_text(digit * 32 + "\n")
        marks.append(machine_mark(tmp_path / "machine-id"))
    assert len(set(marks)) == 2
    assert "aaaa" not in marks[0]
    assert marks[1] == machine_mark(tmp_path / "machine-id")


@pytest.mark.parametrize("content", [None, b"", b"uninitialized\n", b"\xff" * 32])
def test_without_a_machine_id_there_is_no_mark(tmp_path, content):
    if content is not None:
        (tmp_path / "machine-id").write_bytes(content)
    assert machine_mark(tmp_path / "machine-id") is None
