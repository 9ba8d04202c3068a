"""Any bytes boot: every file of the state folder, cut and changed at every byte, and full of nonsense."""

import collections
import functools
import itertools
import tempfile
from pathlib import Path

import pytest

from tests.unit.storage.disks import Quick
from tests.unit.storage.start import (
    NONSENSE,
    READERS,
    SETTINGS_TEXT,
    corruptions,
    samples,
    start,
    variants,
)
from voiced.config import load
from voiced.storage.atomic_file import NotWholeError
from voiced.storage.state_files import (
    ALARMS,
    ALL_FILES,
    BROKER,
    BY_HAND,
    KIOSK_TOKEN,
    SETTINGS,
    VOLUME,
)
from voiced.storage.state_store import read_as

LEAST = {
    SETTINGS: 11_000,
    VOLUME: 12_000,
    ALARMS: 3_000,
    BY_HAND: 900,
    KIOSK_TOKEN: 400,
    BROKER: 800,
}
"""How many corruptions of each file there are, at least."""


@pytest.fixture
def settings_file(tmp_path):
    path = tmp_path / "voiced.yaml"
    path.write_text(SETTINGS_TEXT)
    return path


@pytest.fixture
def in_memory():
    """Yield a folder that no disk has to keep: of what is written here every file is written thousands of times."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


class StateFolder:
    """A state folder with what a healthy device has.

    A start replaces what it writes: a file that is still the one that was laid holds what was laid there.
    """

    def __init__(self, path, healthy):
        self.path = path
        self._healthy = {path / each.name: good for each, good in healthy.items()}
        self._laid = {}
        path.mkdir()

    def fill(self, spec=None, content=b""):
        """Make all files healthy, but for one; return the folder."""
        other = spec and self.path / spec.name
        for path, good in self._healthy.items():
            wanted = content if path == other else good
            if self._laid.get(path) != (_identity(path), wanted):
                path.write_bytes(wanted)
                self._laid[path] = (_identity(path), wanted)
        return self.path

    def contents(self):
        """Return what a start would find."""
        return tuple(path.read_bytes() if path.exists() else None for path in self._healthy)


def _identity(path):
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


@pytest.fixture
def device(in_memory, settings_file, monkeypatch):
    # What is set by hand is the same text in most starts.
    monkeypatch.setattr(load, "parse", functools.cache(load.parse))
    return StateFolder(in_memory / "state", samples(settings_file))


def test_every_file_is_walked():
    assert set(READERS) == set(NONSENSE) == set(ALL_FILES)
    assert len({spec.name for spec in ALL_FILES}) == len(ALL_FILES)


def test_what_is_whole_is_read_as_it_was(device, settings_file):
    found = start(device.fill(), settings_file, Quick())
    assert (found.record.trial.revision, found.record.starts) == (7, 2)
    assert (found.remembered.volume, found.remembered.muted) == (35, True)
    assert [each.name for each in found.alarms] == ["Nüsse", ""]
    assert len(found.token) == 32
    assert found.traces == {"voiced/hall/state"}
    assert found.broken == ()


@pytest.mark.uncovered
@pytest.mark.parametrize("spec", ALL_FILES, ids=lambda spec: spec.name)
def test_the_reader_says_whole_or_not_whole_and_nothing_else(
    in_memory, settings_file, spec, measured
):
    path, outcomes = in_memory / spec.name, collections.Counter()
    healthy = samples(settings_file)[spec]
    small = spec in (VOLUME, KIOSK_TOKEN)
    for content in itertools.chain(variants(healthy, every_byte=small), NONSENSE[spec]):
        path.write_bytes(content)
        try:
            read_as(path, spec, READERS[spec])
        except NotWholeError:
            outcomes["not whole"] += 1
        else:
            outcomes["whole"] += 1
    for content in NONSENSE[spec]:
        if spec is not BY_HAND:  # of that, every YAML is whole, and what it says is looked at later
            path.write_bytes(content)
            with pytest.raises(NotWholeError):
                read_as(path, spec, READERS[spec])
    measured(f"{spec.name}: {outcomes.total()} corruptions read, {outcomes['not whole']} not whole")


@pytest.mark.long
@pytest.mark.uncovered
@pytest.mark.parametrize("spec", ALL_FILES, ids=lambda spec: spec.name)
def test_no_corruption_ends_a_start_and_the_next_start_is_clean(
    device, settings_file, spec, measured, caplog
):
    tried, told = 0, 0
    clean = set()  # what was found by next starts; many find the same, and read it in the same way
    for content in corruptions(spec, settings_file):
        folder = device.fill(spec, content)
        found = start(folder, settings_file, Quick())
        tried += 1
        told += len(found.broken)
        assert 0 <= found.remembered.volume <= 100
        assert all(name.startswith(f"{spec.name}.broken-") for name in found.broken)
        if found.broken:  # the others are as they were, and this one is written anew
            left = device.contents()
            if left not in clean:
                assert start(folder, settings_file, Quick()).broken == ()
                clean.add(left)
            others(spec, found)
        for aside in folder.glob("*.broken-*"):
            aside.unlink()
        caplog.clear()
    assert tried >= LEAST[spec]
    measured(f"{spec.name}: {tried} corruptions, 0 starts failed, {told} set aside and told of")


def others(spec, found):
    """See that what is in other files than `spec` was not lost."""
    if spec is not SETTINGS:
        assert found.record.trial.revision == 7
    if spec is not VOLUME:
        assert found.remembered.muted
    if spec not in (VOLUME, SETTINGS):  # whose own volume counts, when it is another one
        assert found.remembered.volume == 35
    if spec is not ALARMS:
        assert len(found.alarms) == 2
    if spec is not KIOSK_TOKEN:
        assert len(found.token) == 32
    if spec is not BROKER:
        assert found.traces == {"voiced/hall/state"}
