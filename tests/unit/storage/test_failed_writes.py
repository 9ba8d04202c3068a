"""Whatever is asked for while the disk takes nothing: not confirmed, or told of, and never lost."""

import errno
import shutil
from pathlib import Path

import pytest

from tests.unit.storage.disks import STEPS, FailingDisk, Quick
from tests.unit.storage.start import CLOCKS, SETTINGS_TEXT
from voiced.alarms.clock import AlarmClock
from voiced.api.services import kiosk_token, read_token
from voiced.assembly.factory import catalogue
from voiced.config import history as rec
from voiced.config.history import Record, Sent
from voiced.config.resolve import choose
from voiced.config.user_overrides import examine_with_by_hand
from voiced.errors import NotSavedError, RequestRefused, ToolError
from voiced.ports import AlarmWish
from voiced.reload.overrides import UserOverrides, by_hand_in
from voiced.storage.settings_store import RecordFile
from voiced.storage.state_files import ALARMS, BY_HAND, KIOSK_TOKEN
from voiced.storage.state_store import StateStore
from voiced.storage.volume_and_mute import StateFile

ERRORS = (errno.ENOSPC, errno.EROFS, errno.EIO)
ONE, TWO = Sent("revision: 1\n", 1), Sent("revision: 2\n", 2)
PASTA, TEA = AlarmWish("timer", "pasta", after_s=600), AlarmWish("timer", "tea", after_s=300)

pytestmark = pytest.mark.real_time


class Process:
    """What one process has of the state folder, from its start on."""

    def __init__(self, folder, disk):
        self.path, self.disk = folder / "voiced.yaml", disk
        self.store = StateStore(folder / "state", disk)
        self.kept = RecordFile(self.store, Path("/etc/voiced/voiced.yaml"))
        self.kept.begin(0.0)
        self.memory = StateFile(self.store, 70)
        self.clock = AlarmClock(self.store.open(ALARMS), CLOCKS)
        self.overrides = UserOverrides(
            self.path, self.store.open(BY_HAND), lambda: self.choice, lambda read: read()
        )

    @property
    def choice(self):
        found = examine_with_by_hand(self.path, by_hand_in(self.store), catalogue())
        return choose(found, Record(), catalogue())

    @property
    def greeting(self):
        return self.choice.best.settings.agent.session["greeting"]

    @property
    def timers(self):
        return [alarm.name for alarm in self.clock.all()]


def refused(kind, words):
    return pytest.raises(kind, match=words)


# Each request yields once when the disk fails from then on, and then what has to hold of the next process: after
# a power cut in that state, and after the disk has worked again.


async def set_a_timer(it):
    yield
    with refused(ToolError, "I could not save it"):
        await it.clock.set(TEA)
    yield (lambda then: then.timers == ["pasta"],) * 2


async def cancel_a_timer(it):
    yield
    with refused(ToolError, "I could not save that"):
        await it.clock.cancel(["timer-1"])
    assert it.timers == []
    yield lambda then: then.timers == ["pasta"], lambda then: then.timers == []


async def set_by_hand(it):
    yield
    with refused(RequestRefused, "it could not be saved"):
        await it.overrides.change({"greeting": "Hello"})
    yield (lambda then: then.greeting == "Hi",) * 2


async def try_a_revision(it):
    yield
    with refused(NotSavedError, "settings.json cannot be written"):
        await it.kept.change(lambda now: rec.propose(now, TWO))
    assert it.kept.record.trial is None
    yield (lambda then: then.kept.record.sent == ONE,) * 2


async def keep_a_trial(it):
    await it.kept.change(lambda now: rec.propose(now, TWO))
    yield
    with refused(NotSavedError, "settings.json cannot be written"):
        await it.kept.change(rec.keep)
    yield (lambda then: then.kept.record.trial == TWO,) * 2


async def take_a_trial_back(it):
    await it.kept.change(lambda now: rec.propose(now, TWO))
    yield
    it.kept.put(rec.take_back(it.kept.record, "it is too loud", 0.0))
    it.store.flush()
    yield lambda then: then.kept.record.trial == TWO, lambda then: then.kept.record.sent == ONE


async def start_with_a_trial(it):
    await it.kept.change(lambda now: rec.propose(now, TWO))
    yield
    it.__init__(it.path.parent, it.disk)
    assert it.kept.record.sent == ONE
    it.store.flush()
    yield lambda then: then.kept.record.trial == TWO, lambda then: then.kept.record.sent == ONE


async def turn_the_volume(it):
    yield
    it.memory.remember(33, muted=True)
    it.store.flush()
    assert it.memory.recall().volume == 33
    yield (
        lambda then: then.memory.recall().volume == 70,
        lambda then: then.memory.recall().volume == 33,
    )


async def show_the_page(it):
    yield
    token = await kiosk_token(it.store)
    assert await kiosk_token(it.store) == token
    yield (
        lambda then: then.store.open(KIOSK_TOKEN).read(read_token) is None,
        lambda then: then.store.open(KIOSK_TOKEN).read(read_token) == token,
    )


REQUESTS = (
    set_a_timer, cancel_a_timer, set_by_hand, try_a_revision, keep_a_trial, take_a_trial_back, start_with_a_trial,
    turn_the_volume, show_the_page,
)  # fmt: skip


async def device(folder):
    """Return a process on a device on which one timer is set and revision 1 is kept."""
    (folder / "voiced.yaml").write_text(SETTINGS_TEXT)
    it = Process(folder, FailingDisk())
    it.kept.put(rec.keep(rec.propose(it.kept.record, ONE)))
    await it.clock.set(PASTA)
    it.store.flush()
    return it


@pytest.mark.parametrize("asked", REQUESTS, ids=lambda each: each.__name__)
async def test_nothing_is_confirmed_that_is_not_on_the_disk_and_nothing_is_lost(
    tmp_path, asked, measured
):
    tried = 0
    for error, step in ((error, step) for error in ERRORS for step in STEPS):
        folder = tmp_path / f"{error} {step}"
        folder.mkdir()
        it = await device(folder)
        request = asked(it)
        await anext(request)
        it.disk.error, it.disk.step = error, step
        after_a_power_cut, after_all = await anext(request)
        assert it.store.report.failing
        shutil.copytree(folder, cut := folder.with_name("cut"))
        if step != "fsync folder":  # after that, either may be there
            assert after_a_power_cut(Process(cut, Quick()))
        shutil.rmtree(cut)
        it.disk.error = None
        it.store.flush()
        assert not it.store.report.failing
        assert after_all(Process(folder, Quick()))
        tried += 1
    measured(f"{asked.__name__}: {tried} failed writes, nothing confirmed was lost")
