"""The owner changes a file while the agent refuses the device."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest

from voiced.core.actions import Status
from voiced.core.events import OwnerActed
from voiced.errors import ConfigError
from voiced.host.owner import OwnerWatch
from voiced.host.reloads import Reloads


class Owner:
    """Files on a real disk, and what came of changing them."""

    def __init__(self, folder):
        self.key = folder / "api-key"
        self.key.write_text("old\n")
        self.settings = folder / "voiced.yaml"
        self.settings.write_text("version: 1\n")
        self.events, self.read = [], []
        self.reloads = Reloads()
        self.watch = OwnerWatch([self.settings, self.key], self._reread, self.reloads)

    def _reread(self):
        text = self.key.read_text() if self.key.exists() else ""
        self.read.append(text)
        if not text.strip():
            raise ConfigError("agent.key", "is empty")

    @asynccontextmanager
    async def at_work(self, status=Status.REJECTED):
        watching = asyncio.create_task(self.watch.watch(self.events.append))
        self.watch.show(status)
        await asyncio.sleep(10)
        yield self
        watching.cancel()


@pytest.fixture
def owner(tmp_path):
    return Owner(tmp_path)


def replaced(owner):
    new = owner.key.with_suffix(".new")
    new.write_text("new\n")
    new.rename(owner.key)


def rewritten(owner):
    owner.key.write_text("newer\n")


def recreated(owner):
    owner.key.unlink()
    owner.key.write_text("new\n")


def linked_elsewhere(owner):
    other = owner.key.with_suffix(".other")
    other.write_text("old\n")
    owner.key.unlink()
    owner.key.symlink_to(other)


def opened_up(owner):
    owner.key.chmod(0o640)


def settings_changed(owner):
    owner.settings.write_text("version: 1\nagent: {}\n")


@pytest.mark.parametrize(
    "change", [replaced, rewritten, recreated, linked_elsewhere, opened_up, settings_changed]
)
async def test_a_change_is_read_and_told_within_seconds(owner, change):
    async with owner.at_work():
        assert owner.events == []
        change(owner)
        await asyncio.sleep(6)
        assert owner.events == [OwnerActed()]
        assert len(owner.read) == 1
        await asyncio.sleep(600)
        assert len(owner.read) == 1


async def test_a_change_made_before_the_refusal_counts(owner):
    rewritten(owner)
    async with owner.at_work():
        assert owner.events == [OwnerActed()]


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.REJECTED])
async def test_files_are_left_alone_while_nobody_refuses_us(owner, status):
    async with owner.at_work(status):
        rewritten(owner)
        await asyncio.sleep(60)
        assert owner.read == []


async def test_a_bad_file_is_told_once_and_waited_for(owner, caplog):
    async with owner.at_work():
        owner.key.write_text("")
        await asyncio.sleep(60)
        assert owner.events == []
        assert [line.getMessage() for line in caplog.records] == ["agent.key: is empty"]
        rewritten(owner)
        await asyncio.sleep(6)
        assert owner.events == [OwnerActed()]


async def test_a_file_that_goes_on_changing_is_not_read_half_written(owner):
    async with owner.at_work():
        for size in range(1, 8):
            owner.key.write_text("x" * size)
            await asyncio.sleep(2)
        assert owner.read == []
        await asyncio.sleep(4)
        assert owner.read == ["x" * 7]


async def test_files_whose_clock_stands_still_are_told_apart_by_their_size(owner):
    async with owner.at_work():
        before = owner.key.stat()
        owner.key.write_text("longer than before\n")
        os.utime(owner.key, ns=(before.st_atime_ns, before.st_mtime_ns))
        await asyncio.sleep(6)
        assert owner.events == [OwnerActed()]


async def test_asked_to_it_reads_again_whatever_the_status(owner):
    told = []
    owner.reloads.tell = told.append
    async with owner.at_work(Status.LISTENING):
        owner.reloads.ask()
        assert owner.reloads.asked
        await asyncio.sleep(0.1)
        assert owner.read == ["old\n"]
        assert owner.events == [OwnerActed()]
        assert told == [True, False]
        owner.key.write_text("")
        owner.reloads.ask()
        await asyncio.sleep(0.1)
        assert len(owner.events) == 1
        assert told == [True, False] * 2
