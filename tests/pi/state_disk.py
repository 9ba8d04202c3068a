"""A disk of its own for the state folder, whose every write is logged: and what a power cut may leave of it.

The log is QEMU's (`blklogwrites`), in the format of the kernel's dm-log-writes: what came before the last flush is
on the disk, of what came after it each write may be there, or not, or in part.
"""

import random
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

SIZE = "16M"
SECTOR = 512
SERIAL = "state"
DEVICE = f"/dev/disk/by-id/virtio-{SERIAL}"

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD = 1, 2, 4
_SUPER, _ENTRY = struct.Struct("<QQQI"), struct.Struct("<QQQQ")

MENDED = (0, 1)
"""How `e2fsck` ends where nothing is wrong, or no more than what a journal mends."""


@dataclass(frozen=True)
class Entry:
    """One write or flush.

    Attributes:
        at_bytes: Where on the disk.
        content: What.
        flags: FLUSH, FUA, DISCARD.
        end_bytes: How long the log is with it.
    """

    at_bytes: int
    content: bytes
    flags: int
    end_bytes: int


def entries_in(log: bytes) -> list[Entry]:
    """Return what was logged, as far as it is whole."""
    magic, version, _, sector = _SUPER.unpack_from(log)
    assert (magic, version, sector) == (MAGIC, 1, SECTOR)
    found, at = [], sector
    while at + sector <= len(log):
        where, n_sectors, flags, _ = _ENTRY.unpack_from(log, at)
        n_bytes = 0 if flags & DISCARD else n_sectors * sector
        end = at + sector + n_bytes
        if end > len(log):
            break
        found.append(Entry(where * sector, log[at + sector : end], flags, end))
        at = end
    return found


def after_a_cut(before: bytes, entries: list[Entry], dice: random.Random) -> bytes:
    """Return what may be on a disk when the power goes after `entries`."""
    disk = bytearray(before)
    flushes = [index for index, entry in enumerate(entries) if entry.flags & FLUSH]
    safe = flushes[-1] if flushes else -1
    for index, entry in enumerate(entries):
        n_sectors = len(entry.content) // SECTOR
        if index > safe and not entry.flags & FUA:
            n_sectors = dice.choice([0, n_sectors, dice.randint(0, n_sectors)])
        n_bytes = n_sectors * SECTOR
        disk[entry.at_bytes : entry.at_bytes + n_bytes] = entry.content[:n_bytes]
    return bytes(disk)


class StateDisk:
    """A small disk with a file system, and the log of its writes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self.image, self._log = folder / "disk", folder / "log"
        self.image.write_bytes(b"")
        command = ["mkfs.ext4", "-q", "-F", "-L", SERIAL, "-E", "lazy_itable_init=0", self.image]
        subprocess.run([*command, SIZE], check=True, capture_output=True)
        self._log.write_bytes(b"")
        self._before = self.image.read_bytes()

    @property
    def logged_bytes(self) -> int:
        """How long the log is now."""
        return self._log.stat().st_size

    def entries(self) -> list[Entry]:
        """Return what was logged."""
        return entries_in(self._log.read_bytes())

    def drive(self, *, logged: bool) -> list[str]:
        """Return the options by which QEMU has it."""
        device = ["-device", f"virtio-blk-pci,drive=state,serial={SERIAL}"]
        if not logged:
            return ["-blockdev", f"driver=file,node-name=state,filename={self.image}", *device]
        return [
            *("-blockdev", f"driver=file,node-name=state-file,filename={self.image}"),
            *("-blockdev", f"driver=file,node-name=state-log,filename={self._log}"),
            *("-blockdev", "driver=blklogwrites,node-name=state,file=state-file,log=state-log"),
            *device,
        ]

    def cut(self, entries: list[Entry], dice: random.Random) -> dict[str, bytes]:
        """Leave the disk as a power cut after `entries` may leave it; return the files that are on it then.

        Its file system is mended first, as the next boot mends it.
        """
        self.image.write_bytes(after_a_cut(self._before, entries, dice))
        mended = subprocess.run(["e2fsck", "-fy", self.image], capture_output=True, check=False)
        assert mended.returncode in MENDED, mended.stdout.decode()
        out = self._folder / "out"
        subprocess.run(["rm", "-rf", out], check=True)
        out.mkdir()
        order = ["debugfs", "-R", f"rdump / {out}", self.image]
        subprocess.run(order, check=True, capture_output=True)
        return {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
