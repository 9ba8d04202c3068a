"""The volume and the mute outlive the process."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.storage.disks import Quick
from voiced.ports import Remembered
from voiced.storage.state_files import VOLUME
from voiced.storage.state_store import AT_ONCE, THEN_EVERY_S, StateStore
from voiced.storage.volume_and_mute import StateFile


def recalled(folder, configured=70):
    return StateFile(StateStore(folder), configured).recall()


def test_without_a_file_the_settings_count(tmp_path):
    assert recalled(tmp_path) == Remembered(70, muted=False)


@pytest.mark.real_time
async def test_what_was_remembered_is_there_after_a_restart(tmp_path):
    folder = tmp_path / "new" / "folder"
    store = StateStore(folder)
    StateFile(store, 70).remember(35, muted=True)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(store.run())
        await asyncio.sleep(0)
        task.cancel()
    assert recalled(folder) == Remembered(35, muted=True)


async def test_many_changes_are_one_write(tmp_path, monkeypatch):
    writes = []
    monkeypatch.setattr("os.fsync", writes.append)
    store = StateStore(tmp_path)
    state = StateFile(store, 70)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(store.run())
        for volume in range(50):
            state.remember(volume, muted=False)
            await asyncio.sleep(0.005)
        await asyncio.sleep(2 * VOLUME.wait_s)
        task.cancel()
    assert len(writes) == 2  # the file and its folder
    assert recalled(tmp_path).volume == 49


async def test_a_volume_that_changes_for_ever_does_not_wear_out_the_disk(tmp_path):
    """An hour of ten changes a second: a burst is written as it comes, then little, and never late."""
    loop, disk = asyncio.get_running_loop(), Quick()
    written_s, older_s = [], 0.0
    disk.replace = lambda old, new: (old.replace(new), written_s.append(loop.time()))
    store = StateStore(tmp_path, disk)
    state = StateFile(store, 70)
    task = asyncio.create_task(store.run())
    for step in range(36_000):
        state.remember(step % 2, muted=False)
        await asyncio.sleep(0.1)
        if written_s:
            older_s = max(older_s, loop.time() - written_s[-1])
    task.cancel()
    await asyncio.wait([task])
    assert AT_ONCE < len(written_s) <= AT_ONCE + 3600 / THEN_EVERY_S + 2
    assert written_s[AT_ONCE - 1] < 1.5 * AT_ONCE * VOLUME.wait_s
    assert older_s < THEN_EVERY_S + 1
    assert recalled(tmp_path).volume == 1


async def test_after_a_storm_of_changes_the_last_one_is_written_and_then_each_at_once(tmp_path):
    store = StateStore(tmp_path)
    state = StateFile(store, 70)
    task = asyncio.create_task(store.run())
    for step in range(1000):
        state.remember(step % 100, muted=False)
        await asyncio.sleep(0.1)
    state.remember(55, muted=True)
    await asyncio.sleep(THEN_EVERY_S + 1)
    assert recalled(tmp_path) == Remembered(55, muted=True)
    for volume in (60, 61, 62):
        await asyncio.sleep(THEN_EVERY_S)
        state.remember(volume, muted=False)
        await asyncio.sleep(2 * VOLUME.wait_s)
        assert recalled(tmp_path).volume == volume
    task.cancel()


def test_a_changed_setting_is_the_latest_word(tmp_path):
    kept = {"volume": 35, "muted": True, "configured_volume": 70}
    (tmp_path / VOLUME.name).write_text(json.dumps(kept))
    assert recalled(tmp_path) == Remembered(35, muted=True)
    assert recalled(tmp_path, 80) == Remembered(80, muted=True)


def test_a_setting_that_changes_while_a_volume_waits_to_be_written_does_not_forget_it(tmp_path):
    store = StateStore(tmp_path)
    StateFile(store, 70).remember(35, muted=True)
    assert StateFile(store, 70).recall() == Remembered(35, muted=True)


@given(
    st.one_of(
        st.binary(max_size=60),
        st.dictionaries(
            st.sampled_from(["volume", "muted", "configured_volume"]),
            st.one_of(st.integers(-5, 300), st.booleans(), st.text(max_size=3), st.none()),
        ).map(lambda content: json.dumps(content).encode()),
    )
)
def test_no_file_is_too_broken_to_start_with(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("state")
    (folder / VOLUME.name).write_bytes(content)
    found = recalled(folder)
    assert 0 <= found.volume <= 100
    assert isinstance(found.muted, bool)


def test_a_disk_that_cannot_be_written_is_known_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    store = StateStore(tmp_path / "file" / "folder")
    state = StateFile(store, 70)
    store.flush()
    assert store.report.failing
    state.remember(2, muted=False)
    assert state.recall().volume == 2
