"""The disk of the virtual Pi whose writes are logged (tests/pi/state_disk.py), without the Pi."""

import random
import struct

from tests.pi.state_disk import DISCARD, FLUSH, FUA, MAGIC, SECTOR, after_a_cut, entries_in


def log_of(*entries):
    """Return a log as QEMU writes it; entries are (sector, content, flags)."""
    written = struct.pack("<QQQI", MAGIC, 1, len(entries), SECTOR).ljust(SECTOR, b"\0")
    for sector, content, flags in entries:
        n_sectors = len(content) // SECTOR
        written += struct.pack("<QQQQ", sector, n_sectors, flags, 0).ljust(SECTOR, b"\0") + content
    return written


def sectors(letters):
    return b"".join(letter.encode() * SECTOR for letter in letters)


LOG = log_of(
    (0, sectors("ab"), 0), (0, b"", FLUSH), (1, sectors("c"), 0), (3, sectors("d"), FUA), (2, sectors("ef"), 0)
)  # fmt: skip
BEFORE = sectors("....")


def test_a_log_is_read_as_far_as_it_is_whole():
    entries = entries_in(LOG)
    assert [(entry.at_bytes // SECTOR, len(entry.content) // SECTOR) for entry in entries] == [
        (0, 2), (0, 0), (1, 1), (3, 1), (2, 2),
    ]  # fmt: skip
    assert entries[-1].end_bytes == len(LOG)
    assert entries_in(LOG[:-1]) == entries[:-1]
    assert entries_in(log_of((5, b"", DISCARD)))[0].content == b""


def test_what_was_flushed_is_there_and_of_the_rest_anything_may_be():
    entries, dice = entries_in(LOG), random.Random(1)
    found = {after_a_cut(BEFORE, entries, dice)[::SECTOR].decode() for _ in range(200)}
    assert found == {"ab.d", "ac.d", "abed", "aced", "abef", "acef"}
    assert after_a_cut(BEFORE, entries[:2], dice)[::SECTOR] == b"ab.."
    assert {after_a_cut(BEFORE, entries[:1], dice)[::SECTOR] for _ in range(50)} == {
        b"....", b"a...", b"ab..",
    }  # fmt: skip
