"""After a trial that failed a server has to wait, so that bad settings cannot come one after the other."""

import asyncio
import time

import pytest

from tests.whole import until
from tests.wire.afar import REMOTE, kiosk, voiced
from tests.wire.test_reloader import write_sound
from voiced.config.history import FIRST_WAIT_S

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("places")]


def forbidden(revision):
    return f"revision: {revision}\nagent: {{session: {{system_prompt: Forbidden {revision}.}}}}\n"


def fine(revision):
    return f"revision: {revision}\naudio: {{playback: {{volume: {10 + revision}}}}}\n"


async def fail(it, revision):
    """Have the agent refuse what the server sends; return when it was taken back."""
    n_failed = len(it.record.failed)
    it.server.put(forbidden(revision))
    assert await voiced("reload", "--remote") == 0
    await until(lambda: len(it.record.failed) > n_failed, within_s=10)
    await until(lambda: it.status == "listening", within_s=10)


async def ask(it):
    return (await it.following.remote.ask()).error


async def test_the_next_one_is_tried_when_the_wait_is_over_or_the_owner_says_so(tmp_path, capsys):
    async with kiosk(tmp_path, REMOTE) as it:
        async with it.running():
            it.agent.service.settings.faults.add("refuse-prompt=Forbidden")
            await it.converse()
            await fail(it, 2)
            it.server.put(fine(3))
            told = "not tried yet, because the last trial failed; `voiced reload --remote` tries it"
            for _ in range(3):
                assert told in await ask(it)
            assert it.record.trial is None
            capsys.readouterr()
            assert await voiced("status") == 0
            assert "next trial" in capsys.readouterr().out
        async with it.running():  # a new process knows
            assert told in await ask(it)
            left_s = it.following.reloader.report()["next_trial_at"] - time.time()
            assert FIRST_WAIT_S - 60 < left_s <= FIRST_WAIT_S
            asked = len(it.server.asked)
            assert await voiced("reload", "--remote") == 0
            assert it.record.trial.revision == 3
            assert len(it.server.asked) == asked + 1
            await until(lambda: it.record.good is not None, within_s=15)
            assert it.following.reloader.report()["next_trial_at"] is None
            assert await _asked(it, fine(4)) == ""
            await asyncio.sleep(0.2)  # it asks itself how it is


async def test_each_failure_in_a_row_makes_it_longer(tmp_path):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.agent.service.settings.faults.add("refuse-prompt=Forbidden")
        await it.converse()
        for revision in (2, 3, 4):
            await fail(it, revision)
        assert "the last 3 trials failed" in await _asked(it, fine(5))
        left_s = it.following.reloader.report()["next_trial_at"] - time.time()
        assert 4 * FIRST_WAIT_S - 60 < left_s <= 4 * FIRST_WAIT_S


async def _asked(it, content):
    it.server.put(content)
    return await ask(it)


async def test_another_file_of_the_device_itself_ends_it_and_the_same_one_does_not(tmp_path):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.agent.service.settings.faults.add("refuse-prompt=Forbidden")
        await it.converse()
        await fail(it, 2)
        it.server.put(fine(3))
        assert await voiced("reload") == 0
        it.path.touch()
        await asyncio.sleep(1)
        assert "not tried yet" in await ask(it)
        it.write(REMOTE, "log: {{level: warning}}\n")
        await until(lambda: it.settings.log.level == "warning")
        assert await ask(it) == ""
        assert it.record.trial.revision == 3
        await asyncio.sleep(0.2)


async def test_what_runs_already_and_what_may_never_run_is_told_as_without_a_wait(tmp_path):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.agent.service.settings.faults.add("refuse-prompt=Forbidden")
        await it.converse()
        await fail(it, 2)
        it.following.remote.follow()  # so that it is fetched as a whole
        assert "tried before and reverted" in await ask(it)
        assert "older than 2" in await _asked(it, fine(1))
        assert "with different content" in await _asked(it, fine(2))
        assert "unknown key" in await _asked(it, "revision: 3\nnonsense: 1\n")


async def test_a_newer_one_takes_the_place_of_a_trial_and_what_that_broke_is_not_forgiven(tmp_path):
    async with kiosk(tmp_path) as it:
        write_sound(tmp_path / "in.wav")
        sound = f"capture: {{{{device: 'wav:{tmp_path}/in.wav', silent_after_s: 0}}}}"
        it.write(REMOTE, instead={"capture: {silent_after_s: 0}": sound.format()})
        del it.extras["microphone"]
        async with it.running():
            await until(lambda: it.runtime.conversation.microphone is None)
            revision = 0
            while not it.record.failed:
                revision += 1
                it.server.put(f"revision: {revision}\naudio: {{capture: {{device: 'hw:None'}}}}\n")
                await ask(it)
                await asyncio.sleep(0.5)
                assert revision < 30
            assert revision > 2
            assert it.record.failed[0].reason == "the microphone does not work with it"
            assert (it.record.good, it.record.trial, it.record.n_failed) == (None, None, 1)
            assert "not tried yet" in await _asked(it, fine(40))
