"""The power goes at any moment: what was confirmed is there, and whole, whatever a disk makes of the rest.

Cuts on a virtual computer with a real file system are in `tests/pi/test_power.py`.
"""

import errno
import itertools
import random

import pytest

from tests.unit.storage.disks import ForgetfulDisk, Inode
from tests.unit.storage.start import READERS
from voiced.errors import NotSavedError
from voiced.storage.state_files import ALL_FILES
from voiced.storage.state_store import StateStore, read_as

CUTS = 200
MOST_STEPS = 80
"""Of the disk, before the power goes."""


class PowerCutError(BaseException):
    """Not an error that anything could catch."""


class World:
    """A disk, what was confirmed on it, and what was tried since.

    Attributes:
        states: How many states of the disk were looked at.
        refused: How often a change was not confirmed.
        failing: How often a step fails.
    """

    def __init__(self, folder, dice, failing=0.0):
        self.folder, self.dice = folder, dice
        self.disk = ForgetfulDisk()
        self.confirmed = {}
        self.tried = {spec.name: [] for spec in ALL_FILES}
        self.states = self.refused = 0
        self.failing = failing
        self._steps_left = None

    def live(self, steps):
        """Make changes until the power goes, after so many steps."""
        store = StateStore(self.folder, self.disk)
        self.disk.after_step, self._steps_left = self._look, steps
        for number in itertools.count():
            spec = self.dice.choice(ALL_FILES)
            self._change(store.open(spec), b"%d " % self.dice.getrandbits(64) * (1 + number % 3))

    def _change(self, file, content):
        name = file.spec.name
        self.tried[name].append(content)
        try:
            if self.dice.random() < 0.5:
                file.save_now(content)
            else:
                file.put(content)
                file.write()
        except NotSavedError:
            self.refused += 1
        if not file.is_safe:
            return
        self.confirmed[name], self.tried[name] = content, []

    def _look(self):
        for names in self.disk.crashes():
            self.states += 1
            for name, tried in self.tried.items():
                found = names.get(name)
                assert found in [self.confirmed.get(name), *tried]
        self._steps_left -= 1
        if self._steps_left == 0:
            raise PowerCutError
        if self.dice.random() < self.failing:
            raise OSError(errno.EIO, "a bad sector")

    def reboot(self):
        """Go on with one of the states in which the power has left the disk."""
        found = self.dice.choice([*itertools.islice(self.disk.crashes(), 64)])
        self.disk = ForgetfulDisk()
        self.disk.folder.synced = {name: Inode(content, content) for name, content in found.items()}
        for path in self.folder.iterdir():
            path.unlink()
        for name, content in found.items():
            (self.folder / name).write_bytes(content)
        for spec in ALL_FILES:
            content = found.get(spec.name)
            if content is not None:
                assert read_as(self.folder / spec.name, spec, bytes)[0] == content
                self.confirmed[spec.name] = content
            self.tried[spec.name] = []


@pytest.mark.parametrize("failing", [0.0, 0.1])
def test_two_hundred_power_cuts_lose_nothing_that_was_confirmed(tmp_path, measured, failing):
    world = World(tmp_path, random.Random(8), failing)
    for _ in range(CUTS):
        with pytest.raises(PowerCutError):
            world.live(world.dice.randrange(1, MOST_STEPS))
        world.reboot()
    assert set(world.confirmed) == {spec.name for spec in READERS}
    assert (world.refused > 0) == (failing > 0)
    measured(
        f"{CUTS} power cuts on a disk in memory that fails at {failing:.0%} of its steps: {world.states} "
        f"states of it, {world.refused} changes refused, nothing lost that was confirmed"
    )


@pytest.mark.parametrize("forgets", ["fsync of the file", "fsync of the folder", "rename"])
def test_a_store_that_left_out_a_step_would_be_found_out(tmp_path, monkeypatch, forgets):
    """The disk in memory is no kinder than a real one."""
    world = World(tmp_path, random.Random(8))
    real = world.disk.fsync

    def fsync(descriptor):
        is_file = isinstance(world.disk._open[descriptor], Inode)
        if forgets != ("fsync of the file" if is_file else "fsync of the folder"):
            real(descriptor)

    def in_place(path, content, mode, system):
        inode = system.folder.names().get(path.name) or Inode()
        system.folder.since.append((path.name, inode))
        system._open[0], inode.content = inode, b""
        system.write(0, content)
        system.fsync(0)

    world.disk.fsync = fsync
    if forgets == "rename":
        monkeypatch.setattr("voiced.storage.state_store.replace_file", in_place)
    with pytest.raises(AssertionError):
        world.live(10_000)
