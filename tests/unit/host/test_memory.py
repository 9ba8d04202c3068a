"""What outlives the process."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.host.memory import FILE_NAME, WAIT_S, StateFile, replace_file
from voiced.ports import Remembered


async def running(state, for_s):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(state.run())
        await asyncio.sleep(for_s)
        task.cancel()


def test_without_a_file_the_settings_count(tmp_path):
    assert StateFile(tmp_path, 70).recall() == Remembered(70, muted=False)


@pytest.mark.real_time
async def test_what_was_remembered_is_there_after_a_restart(tmp_path):
    state = StateFile(tmp_path / "new" / "folder", 70)
    state.remember(35, muted=True)
    await running(state, 0.0)
    assert StateFile(tmp_path / "new" / "folder", 70).recall() == Remembered(35, muted=True)


@pytest.mark.real_time
async def test_many_changes_are_one_write(tmp_path, monkeypatch):
    writes = []
    monkeypatch.setattr("os.fsync", writes.append)
    state = StateFile(tmp_path, 70)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(state.run())
        for volume in range(50):
            state.remember(volume, muted=False)
            await asyncio.sleep(0.005)
        await asyncio.sleep(2 * WAIT_S)
        task.cancel()
    assert len(writes) == 2  # the file and its folder
    assert StateFile(tmp_path, 70).recall().volume == 49


def test_a_changed_setting_is_the_latest_word(tmp_path):
    replace_file(
        tmp_path / FILE_NAME,
        json.dumps({"volume": 35, "muted": True, "configured_volume": 70}).encode(),
    )
    assert StateFile(tmp_path, 70).recall() == Remembered(35, muted=True)
    assert StateFile(tmp_path, 80).recall() == Remembered(80, muted=True)


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
    (folder / FILE_NAME).write_bytes(content)
    found = StateFile(folder, 70).recall()
    assert 0 <= found.volume <= 100
    assert isinstance(found.muted, bool)


@pytest.mark.real_time
async def test_a_folder_that_cannot_be_written_is_told_of_once(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    state = StateFile(tmp_path / "file" / "folder", 70)
    for volume in (1, 2):
        state.remember(volume, muted=False)
        await running(state, 0.0)
    assert caplog.text.count("the volume cannot be remembered") == 1
    assert state.recall().volume == 2


def test_a_file_is_replaced_as_a_whole_with_both_on_the_disk_first(tmp_path, monkeypatch):
    path, steps = tmp_path / "x", []
    path.write_text("old")
    monkeypatch.setattr("os.fsync", lambda _: steps.append(path.read_text()))
    replace_file(path, b"new")
    assert steps == ["old", "new"]
    assert [child.name for child in tmp_path.iterdir()] == ["x"]
