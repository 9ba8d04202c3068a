"""The store: what is put is written, what fails is known, shown and tried again, what is saved is safe."""

import asyncio
import errno
import os
import socket
import time
from pathlib import Path

import pytest

from tests.unit.storage.disks import STEPS, FailingDisk, Quick
from tests.whole import until
from voiced.errors import NotSavedError
from voiced.lib.backoff import Backoff
from voiced.storage.atomic_file import KEPT_BROKEN, broken_copies, replace_file
from voiced.storage.state_files import ALARMS, ALL_FILES, KIOSK_TOKEN, VOLUME
from voiced.storage.state_store import StateStore

ERRORS = (errno.ENOSPC, errno.EROFS, errno.EIO)
OPEN_FILES = Path("/proc/self/fd")
SOON = Backoff(first_s=0.01, most_s=0.02)


def as_it_is(content):
    return content


class Running:
    """A store at work."""

    def __init__(self, store):
        self._store = store

    async def __aenter__(self):
        self._task = asyncio.create_task(self._store.run())
        await asyncio.sleep(0)

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.wait([self._task])
        assert self._task.cancelled()


@pytest.mark.parametrize("spec", ALL_FILES, ids=lambda spec: spec.name)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
async def test_a_write_that_fails_is_kept_as_a_fact_until_it_has_succeeded(
    tmp_path, caplog, spec, step, error
):
    caplog.set_level("INFO")
    disk = FailingDisk()
    store, recoveries = StateStore(tmp_path, disk, SOON), []
    store.on_recovery.append(lambda: recoveries.append(store.report))
    file = store.open(spec)
    file.put(b"one")
    async with Running(store):
        await until(lambda: file.is_safe)
        disk.error, disk.step = error, step
        file.put(b"two")
        await until(lambda: store.report.failed_writes >= 3)
        report = store.report
        assert (report.failing, report.unwritten) == (True, (spec.name,))
        assert report.reason == os.strerror(error)
        assert report.since is not None
        assert file.read(as_it_is) == b"two"
        assert [each.name for each in tmp_path.iterdir()] == [spec.name]  # no half file takes room
        disk.error = None
        await until(lambda: recoveries)
    assert not store.report.failing
    assert (tmp_path / spec.name).read_bytes() == b"two"
    assert caplog.text.count("cannot be written") == 1
    assert caplog.text.count("can be written again") == 1
    assert len(recoveries) == 1


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
@pytest.mark.real_time
async def test_what_cannot_be_saved_is_refused_and_what_was_before_comes_back(
    tmp_path, step, error
):
    disk = FailingDisk()
    store = StateStore(tmp_path, disk, SOON)
    file = store.open(ALARMS)
    await file.save(b"one")
    disk.error, disk.step = error, step
    with pytest.raises(NotSavedError, match=os.strerror(error)):
        await file.save(b"two")
    assert file.read(as_it_is) == b"one"
    assert store.report.failing
    disk.error = None
    async with Running(store):
        await until(lambda: file.is_safe)
    assert (tmp_path / ALARMS.name).read_bytes() == b"one"


def test_the_steps_are_in_their_order(tmp_path):
    disk = FailingDisk()
    replace_file(tmp_path / "x", b"content", 0o600, disk)
    assert disk.steps == list(STEPS)


def test_a_disk_that_takes_a_few_bytes_at_once_gets_all(tmp_path):
    replace_file(tmp_path / "x", b"content", 0o600, FailingDisk(short=3))
    assert (tmp_path / "x").read_bytes() == b"content"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


@pytest.mark.real_time
async def test_a_disk_that_takes_one_file_is_well_only_when_it_takes_all(tmp_path):
    disk = FailingDisk(errno.EIO, only=ALARMS.name)
    store = StateStore(tmp_path, disk, SOON)
    with pytest.raises(NotSavedError):
        await store.open(ALARMS).save(b"one")
    await store.open(KIOSK_TOKEN).save(b"two")
    assert store.report.unwritten == (ALARMS.name,)


@pytest.mark.real_time
async def test_a_save_that_is_called_off_is_not_kept(tmp_path):
    class Slow(Quick):
        def fsync(self, descriptor):
            time.sleep(0.05)

    store = StateStore(tmp_path, Slow())
    file = store.open(ALARMS)
    await file.save(b"one")
    async with Running(store):
        for delay_s in (0.0, 0.01, 0.06, 0.12):
            saving = asyncio.create_task(file.save(b"two"))
            await asyncio.sleep(delay_s)
            saving.cancel()
            await asyncio.wait([saving])
            if saving.cancelled():
                await asyncio.to_thread(store.flush)
                assert file.read(as_it_is) == b"one"
            await file.save(b"one")


@pytest.mark.real_time
async def test_what_is_put_while_something_is_saved_is_not_lost(tmp_path):
    store = StateStore(tmp_path, Quick())
    file = store.open(ALARMS)
    async with Running(store):
        for n in range(60):
            saving = asyncio.create_task(file.save(b"saved %d" % n))
            await asyncio.sleep(0.0005 * (n % 3))
            file.put(b"put %d" % n)
            await saving
            await until(lambda: file.is_safe)
            assert file.read(as_it_is) == b"put %d" % n


@pytest.mark.real_time
async def test_what_is_put_last_is_written_when_the_store_ends(tmp_path):
    store = StateStore(tmp_path, Quick())
    async with Running(store):
        store.open(VOLUME).put(b"one")
    assert (tmp_path / VOLUME.name).read_bytes() == b"one"


@pytest.mark.real_time
async def test_more_than_may_be_read_again_is_not_saved(tmp_path):
    store = StateStore(tmp_path, Quick())
    with pytest.raises(NotSavedError, match="more than 1024 bytes"):
        await store.open(KIOSK_TOKEN).save(bytes(1025))
    assert not store.report.failing


def folder(path):
    path.mkdir()
    (path / "inside").write_text("")


def sparse(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


def unix_socket(path):
    with socket.socket(socket.AF_UNIX) as it:
        it.bind(str(path))


OBSTACLES = {
    "a folder": folder,
    "a pipe": os.mkfifo,
    "a device": lambda path: os.mknod(path, 0o20600, os.makedev(1, 5)),  # /dev/zero
    "a link": lambda path: path.symlink_to("/dev/zero"),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a socket": unix_socket,
    "a terabyte": sparse,
}


@pytest.mark.parametrize("spec", ALL_FILES, ids=lambda spec: spec.name)
@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_whatever_lies_in_a_files_place_is_set_aside_and_not_waited_for(
    tmp_path, caplog, spec, obstacle
):
    if obstacle == "a device" and os.geteuid() != 0:
        pytest.skip("making a device needs root")
    OBSTACLES[obstacle](tmp_path / spec.name)
    store = StateStore(tmp_path)
    file = store.open(spec)
    assert file.read(as_it_is) is None
    assert spec.holds in caplog.text
    [aside] = broken_copies(tmp_path / spec.name)
    assert store.report.set_aside == (aside.name,)
    file.put(b"one")
    store.flush()
    assert StateStore(tmp_path).open(spec).read(as_it_is) == b"one"


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_whatever_lies_where_something_is_to_be_written_is_no_obstacle(tmp_path, obstacle):
    if obstacle == "a device" and os.geteuid() != 0:
        pytest.skip("making a device needs root")
    for name in ("x", ".x.new"):
        OBSTACLES[obstacle](tmp_path / name)
    replace_file(tmp_path / "x", b"one", 0o600)
    assert (tmp_path / "x").read_bytes() == b"one"
    assert not (tmp_path / "x").is_symlink()


def test_only_some_broken_copies_are_kept(tmp_path, caplog):
    path = tmp_path / KIOSK_TOKEN.name
    for n in range(KEPT_BROKEN + 5):
        path.write_bytes(b"%d" % n)
        assert StateStore(tmp_path).open(KIOSK_TOKEN).read(int) == n  # it is whole
        assert StateStore(tmp_path).open(KIOSK_TOKEN).read(bytes.fromhex) is None
    kept = {each.read_bytes() for each in broken_copies(path)}
    assert len(kept) == KEPT_BROKEN
    assert b"%d" % (KEPT_BROKEN + 4) in kept


def test_broken_copies_that_are_folders_are_forgotten_as_well(tmp_path, caplog):
    path = tmp_path / KIOSK_TOKEN.name
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "keep").write_bytes(b"")
    for _ in range(KEPT_BROKEN + 3):
        path.mkdir()
        (path / "file").write_bytes(b"")
        (path / "link").symlink_to(tmp_path / "elsewhere")
        assert StateStore(tmp_path).open(KIOSK_TOKEN).read(bytes.fromhex) is None
    assert len(broken_copies(path)) == KEPT_BROKEN
    assert (tmp_path / "elsewhere" / "keep").exists()


def test_what_is_not_whole_is_not_quoted_in_the_log(tmp_path, caplog):
    (tmp_path / KIOSK_TOKEN.name).write_bytes(b"a-secret-that-nobody-may-see")
    assert StateStore(tmp_path).open(KIOSK_TOKEN).read(int) is None
    assert "makes no sense (ValueError)" in caplog.text
    assert "a-secret" not in caplog.text


def test_what_cannot_be_set_aside_is_told_of_and_written_over_when_that_can_be_done(
    tmp_path, caplog
):
    (tmp_path / ALARMS.name).write_bytes(b"nonsense")
    disk = FailingDisk(errno.EROFS)
    store = StateStore(tmp_path, disk)
    file = store.open(ALARMS)
    assert file.read(int) is None
    assert "cannot be set aside: Read-only file system" in caplog.text
    store.flush()
    assert store.report.failing
    disk.error = None
    store.flush()
    assert (tmp_path / ALARMS.name).read_bytes() == ALARMS.empty


def test_a_folder_that_two_make_at_once_is_no_obstacle(tmp_path):
    """The files of one folder are written on threads of their own."""

    class Beaten(FailingDisk):
        def mkdir(self, path, mode):
            path.mkdir(mode)
            raise FileExistsError(errno.EEXIST, "made by another")

    store = StateStore(tmp_path / "a" / "b", Beaten())
    store.open(VOLUME).save_now(b"one")
    assert (tmp_path / "a" / "b" / VOLUME.name).read_bytes() == b"one"
    (tmp_path / "c").write_bytes(b"no folder")
    with pytest.raises(NotSavedError, match="Not a directory"):
        StateStore(tmp_path / "c").open(VOLUME).save_now(b"one")


def test_folders_that_are_made_are_on_the_disk_too(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        "os.fsync", lambda number: synced.append(str(OPEN_FILES.joinpath(f"{number}").readlink()))
    )
    replace_file(tmp_path / "a" / "b" / "x", b"one", 0o600)
    assert synced == [
        *(str(tmp_path / name) for name in ("", "a")),
        str(tmp_path / "a" / "b" / ".x.new"),
        str(tmp_path / "a" / "b"),
    ]
