"""`voiced reload`, `voiced config show --origin` and `voiced config diff`, beside a daemon that runs."""

import asyncio
import shlex

import pytest

from tests.whole import until
from tests.wire.afar import REMOTE, kiosk, voiced
from voiced.reload.file_watch import FileWatch

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("places")]


async def test_a_reload_says_what_changed_and_when_it_counts(tmp_path, capsys, monkeypatch):
    # On a busy machine the watch would see what is written before the command has asked.
    monkeypatch.setattr(FileWatch, "run", lambda _self: asyncio.Event().wait())
    async with kiosk(tmp_path) as it, it.running():
        assert await voiced("reload") == 0
        assert capsys.readouterr().out == "nothing has changed\n"
        await it.converse()
        it.write("network: {{replay_s: 3}}\n", instead={"You are one.": "You are two."})
        assert await voiced("reload") == 0
        said = capsys.readouterr().out.splitlines()
        assert said == ["live: agent.session", "next-session: network.replay_s"]


async def test_a_reload_of_what_cannot_be_used_says_why(tmp_path, capsys):
    async with kiosk(tmp_path) as it, it.running():
        it.write("nonsense: 1\n")
        assert await voiced("reload") == 78
        assert "voiced.yaml:9: nonsense: unknown key" in capsys.readouterr().err


async def test_the_server_is_asked_at_once(tmp_path, capsys):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.server.put("revision: 1\naudio: {playback: {volume: 21}}\n")
        assert await voiced("reload", "--remote") == 0
        assert it.runtime.volume == 21
        assert capsys.readouterr().out.splitlines() == [
            "live: audio.playback.volume",
            "remote revision 1 is tried",
        ]
        assert await voiced("reload", "--remote") == 0
        assert capsys.readouterr().out == "nothing has changed\n"
        it.server.put("revision: 2\nvolume: 7\n")
        assert await voiced("reload", "--remote") == 78
        said = capsys.readouterr()
        assert "remote revision 2:2: volume: unknown key" in said.err
        assert said.out == "nothing has changed\n"


async def test_what_a_server_changes_is_said_without_values(tmp_path, capsys):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.server.put(
            "revision: 1\naudio: {playback: {volume: 21}}\nnetwork: {replay_s: 3}\n"
            "agent: {session: {system_prompt: SECRET-PROMPT}}\n"
        )
        assert await voiced("reload", "--remote") == 0
        said = capsys.readouterr()
        assert said.out.splitlines() == [
            "live: agent.session, audio.playback.volume",
            "next-session: network.replay_s",
            "remote revision 1 is tried",
        ]
        assert "SECRET" not in said.out + said.err


async def test_without_a_server_or_a_daemon_that_is_said(tmp_path, capsys):
    async with kiosk(tmp_path) as it:
        assert await voiced("reload") == 69
        assert "no daemon answers" in capsys.readouterr().err
        async with it.running():
            assert await voiced("reload", "--remote") == 78
            assert "no server is set" in capsys.readouterr().err


async def test_every_value_is_shown_with_where_it_came_from(tmp_path, capsys):
    async with kiosk(tmp_path, REMOTE) as it:
        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d" / "10.yaml").write_text("log: {level: warning}\n")
        it.server.put("revision: 4\naudio: {playback: {volume: 21}}\n")
        async with it.running():
            await voiced("reload", "--remote")
            capsys.readouterr()
            assert await voiced("config", "show", "--origin", it.path) == 0
    lines = dict(line.rsplit("  # ", 1) for line in capsys.readouterr().out.splitlines())
    found = {key.strip(): origin for key, origin in lines.items()}
    assert found["device.name: kitchen"] == f"{it.path}:2"
    assert found["agent.session.system_prompt: You are one."] == f"{it.path}:6"
    assert found["log.level: warning"] == f"{tmp_path}/conf.d/10.yaml:1"
    assert found["audio.playback.volume: 21"] == "remote revision 4:2"
    assert found["audio.playback.boost_db: 0"] == "default"


async def test_what_would_change_is_shown_before_it_does(tmp_path, capsys):
    async with kiosk(tmp_path) as it:
        with pytest.raises(AssertionError):
            assert await voiced("config", "diff", it.path) == 0
        assert "the daemon has not used it yet" in capsys.readouterr().err
        async with it.running():
            await until(lambda: it.record.local)
        assert await voiced("config", "diff", it.path) == 0
        assert capsys.readouterr().out.strip() == ""
        it.write("log: {{level: error}}\n")
        assert await voiced("config", "diff", it.path) == 0
        assert capsys.readouterr().out.splitlines() == [
            "- log.level: info",
            "+ log.level: error  # live",
        ]
        it.write("nonsense: 1\n")
        assert await voiced("config", "diff", it.path) == 78


FLEET = """\
revision: 1
defaults: {log: {level: warning}}
devices:
  kitchen: {audio: {playback: {volume: 101}}}
  hall: {agent: {url: 'wss://a.test/'}}
  attic: {}
"""


async def test_a_fleet_file_is_checked_for_every_device_in_it(tmp_path, capsys):
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET)
    assert await voiced("config", "check", path) == 78
    told = capsys.readouterr().err.splitlines()
    assert [line.removeprefix(f"{path}:")[:20] for line in told] == [
        "4: audio.playback.vo",
        "5: agent.url: only t",
    ]
    path.write_text("defaults: {log: {level: warning}}\ndevices: {kitchen: {}, hall: {}}\n")
    assert await voiced("config", "check", path) == 0
    told = capsys.readouterr().out
    assert "ok for kitchen, hall" in told
    assert "without a `revision` it cannot be signed" in told


@pytest.mark.parametrize("more", ["for: [kitchen, hall]\n", "device: {name: kitchen}\n", ""])
async def test_settings_that_a_server_sends_as_they_are_can_be_checked_too(tmp_path, capsys, more):
    path = tmp_path / "kitchen's.yaml"
    path.write_text("revision: 7\nlog: {level: warning}\n" + more)
    assert await voiced("config", "check", path) == 0
    told = capsys.readouterr().out
    assert f"{path}: ok for " in told
    assert shlex.split(told.partition("to sign it: ")[2]) == [
        *("minisign", "-S", "-m", "kitchen's.yaml", "-t", "revision:7")
    ]
    path.write_text("revision: 7\nlog: {level: loud}\n" + more)
    assert await voiced("config", "check", path) == 78
    assert ":2: log.level: expected one of" in capsys.readouterr().err
