"""`voiced status`, `talk`, `end`, `mute`, `volume` and `say`, beside a daemon that runs."""

import asyncio
import json
import sys
import time

import pytest

from tests.whole import until
from tests.wire.afar import REMOTE, kiosk, voiced
from voiced.api import device_control

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("places")]


async def test_a_conversation_is_begun_and_ended_from_a_terminal(tmp_path, capsys):
    async with kiosk(tmp_path) as it, it.running():
        assert await voiced("talk") == 0
        await until(lambda: it.status == "listening")
        assert await voiced("status") == 0
        said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
        assert said["device"] == "kitchen"
        assert said["status"].startswith("listening since 20")
        assert await voiced("end") == 0
        await until(lambda: it.status == "asleep")


async def test_mute_and_volume_are_set_from_a_terminal(tmp_path, capsys):
    async with kiosk(tmp_path) as it, it.running():
        for arguments, muted, volume in (
            (("mute", "on"), True, 70),
            (("mute", "on"), True, 70),
            (("volume", "35"), True, 35),
            (("mute", "off"), False, 35),
            (("mute",), True, 35),
        ):
            assert await voiced(*arguments) == 0
            told = f"{'muted' if muted else 'not muted'}, volume {volume} %\n"
            assert capsys.readouterr().out == told
            assert (it.runtime.conversation.muted, it.runtime.volume) == (muted, volume)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("volume", "101"), "101 is not a volume"),
        (("volume", "loud"), "'loud' is not a volume"),
        (("say", " "), "there is nothing to say"),
        (("say", "x" * (device_control.MOST_CHARS + 1)), "too long"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_a_reason(tmp_path, capsys, arguments, why):
    async with kiosk(tmp_path) as it, it.running():
        assert await voiced(*arguments) == 1
        assert why in capsys.readouterr().err
        assert it.runtime.volume == 70


@pytest.mark.parametrize("when", ["asleep", "in a conversation"])
async def test_the_agent_says_what_it_is_told_to(tmp_path, when):
    async with kiosk(tmp_path, keep_heard=True) as it, it.running():
        if when == "in a conversation":
            await it.converse()
        assert await voiced("say", "dinner", "is", "ready") == 0
        await until(lambda: it.status == "speaking")
        await until(lambda: it.status == "listening", within_s=10)
        assert len(it.agent.service.sessions) == 1


async def test_every_change_is_shown_at_once_to_whoever_watches(tmp_path, measured):
    async with kiosk(tmp_path) as it, it.running():
        watching = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "voiced", "status", "--watch", "--json"),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            first = json.loads(await watching.stdout.readline())
            assert (first["status"], first["muted"]) == ("asleep", False)
            late_ms = []
            for number in range(20):
                began_s = time.monotonic()
                it.following.control.mute(number % 2 == 0)
                seen = json.loads(await watching.stdout.readline())
                late_ms.append((time.monotonic() - began_s) * 1000)
                assert seen["muted"] == (number % 2 == 0)
                assert seen["status"] == ("muted" if seen["muted"] else "asleep")
            it.runtime.volume = 12
            assert json.loads(await watching.stdout.readline())["volume"] == 12
            late_ms.sort()
            measured(
                f"change -> line of `voiced status --watch`: p50 {late_ms[9]:.1f}, max {late_ms[-1]:.1f} ms"
            )
            assert late_ms[-1] <= 100
        finally:
            watching.kill()
            await watching.wait()


async def test_who_watches_and_does_not_read_is_left_behind(tmp_path):
    async with kiosk(tmp_path) as it, it.running():
        states = it.following.control.watch()
        await anext(states)
        for number in range(3 * device_control.BEHIND):
            it.runtime.volume = number
        left = [device_state async for device_state in states]
        assert len(left) < device_control.BEHIND
        assert not it.following.control._watchers


async def test_the_status_tells_where_the_settings_come_from(tmp_path, capsys):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.server.put("revision: 41\naudio: {playback: {volume: 33}}\n")
        await until(lambda: it.record.trial is not None)
        assert await voiced("status") == 0
        assert "settings    revision 41 (" in capsys.readouterr().out
        it.server.put("revision: 42\nvolume: 3\n")
        await it.following.remote.ask()
        it.write("nonsense: 1\n")
        await until(lambda: it.status == "configuration-error")
        assert await voiced("status", "--json") == 0
        settings = json.loads(capsys.readouterr().out)["settings"]
        assert settings["revision"] == 41
        assert len(settings["digest"]) == 64
        assert "nonsense: unknown key" in settings["complaint"]
        assert "volume: unknown key" in settings["server"]["error"]


async def test_nobody_there_is_said_so(capsys):
    for command in (("status",), ("status", "--watch"), ("talk",), ("mute",), ("say", "hello")):
        assert await voiced(*command) == 69
        assert "no daemon answers" in capsys.readouterr().err


async def test_a_daemon_that_goes_away_before_it_answers_is_said_so(tmp_path, capsys):
    async def hang_up(reader, writer):
        await reader.read(10)
        writer.close()

    async with await asyncio.start_unix_server(hang_up, tmp_path / "control.sock"):
        for command in (("status",), ("status", "--watch"), ("talk",)):
            assert await voiced(*command) == 69
            assert capsys.readouterr().err.count("\n") == 1
