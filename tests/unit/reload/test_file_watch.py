"""News of files, on a real disk, by a clock that jumps: the kernel tells of a change before it returns (file_watch.py)."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest

from voiced.reload.file_watch import LOOK_EVERY_S, FileWatch


class Files:
    """What is watched, and how often it changed."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = folder / "voiced.yaml"
        self.settings.write_text("version: 1\n")
        self.drop_ins = folder / "conf.d"
        self.key = folder / "secret" / "api-key"
        self.key.parent.mkdir()
        self.key.write_text("old\n")
        self.changes = []
        self.watch = FileWatch(
            lambda: [self.settings, self.drop_ins, self.key],
            self.changed,
        )

    async def changed(self):
        self.changes.append(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def watched(self):
        task = asyncio.create_task(self.watch.run())
        await asyncio.sleep(0.05)
        yield self
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


def rewritten(files):
    files.settings.write_text("version: 1\nlog: {level: debug}\n")


def replaced(files):
    fresh = files.settings.with_suffix(".new")
    fresh.write_text("version: 1\n# new\n")
    fresh.rename(files.settings)


def removed(files):
    files.settings.unlink()


def recreated(files):
    files.settings.unlink()
    files.settings.write_text("version: 1\n")


def opened_up(files):
    files.settings.chmod(0o640)


def key_rewritten(files):
    files.key.write_text("new\n")


def drop_in_added(files):
    files.drop_ins.mkdir()
    (files.drop_ins / "10.yaml").write_text("log: {}\n")


def linked_elsewhere(files):
    other = files.folder / "other"
    other.write_text("version: 1\n# other\n")
    files.settings.unlink()
    files.settings.symlink_to(other)


@pytest.mark.parametrize(
    "change",
    [
        rewritten,
        replaced,
        removed,
        recreated,
        opened_up,
        key_rewritten,
        drop_in_added,
        linked_elsewhere,
    ],
)
async def test_a_change_is_told_once_and_within_a_second(files, change):
    async with files.watched():
        change(files)
        await asyncio.sleep(0.9)
        assert len(files.changes) == 1


async def test_drop_ins_are_followed_in_a_folder_that_came_later(files):
    async with files.watched():
        drop_in_added(files)
        await asyncio.sleep(0.9)
        (files.drop_ins / "10.yaml").write_text("log: {level: debug}\n")
        await asyncio.sleep(0.9)
        (files.drop_ins / "10.yaml").unlink()
        await asyncio.sleep(0.9)
        assert len(files.changes) == 3


@pytest.mark.parametrize("name", ["voiced.yaml~", ".voiced.yaml.swp", "notes.txt", "conf.d.bak"])
async def test_other_files_beside_it_are_of_no_interest(files, name):
    async with files.watched():
        (files.folder / name).write_text("x")
        await asyncio.sleep(0.9)
        assert files.changes == []


async def test_one_that_is_written_bit_by_bit_is_told_when_it_is_done(files):
    async with files.watched():
        with files.settings.open("w") as file:
            for n in range(5):
                file.write(f"# {n}\n")
                file.flush()
                await asyncio.sleep(0.06)
        closed_s = asyncio.get_running_loop().time()
        await asyncio.sleep(0.9)
        assert len(files.changes) == 1
        assert files.changes[0] > closed_s


async def test_a_change_that_the_kernel_does_not_tell_of_is_found_by_looking(files, tmp_path):
    far = tmp_path / "far" / "voiced.yaml"
    far.parent.mkdir()
    far.write_text("version: 1\n")
    files.settings.unlink()
    files.settings.symlink_to(far)
    files.watch = FileWatch(lambda: [files.settings], files.changed)
    async with files.watched():
        far.write_text("version: 1\n# changed\n")
        await asyncio.sleep(0.9)
        assert files.changes == []
        await files.watch.look()
        assert len(files.changes) == 1
    assert LOOK_EVERY_S <= 10


async def test_files_whose_clock_stands_still_are_told_apart(files):
    async with files.watched():
        before = files.settings.stat()
        files.settings.write_text("version: 1\n# longer than before\n")
        os.utime(files.settings, ns=(before.st_atime_ns, before.st_mtime_ns))
        await asyncio.sleep(0.9)
        assert len(files.changes) == 1


async def test_where_there_is_nothing_yet_it_waits(tmp_path):
    watch = FileWatch(lambda: [tmp_path / "none" / "voiced.yaml"], asyncio.Event().wait)
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(0.2)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
