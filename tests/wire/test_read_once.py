"""However settings change: each file is parsed once for it, and what the files make together is checked once."""

from collections import Counter
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.whole import until
from tests.wire.afar import REMOTE, kiosk
from voiced.config import check, yaml_document

pytestmark = pytest.mark.real_time

OWN = ("10-hall.yaml", "by-hand.yaml", "voiced.yaml")


@pytest.fixture
def work(monkeypatch):
    """What was parsed, by file, and what was checked, by all the files that it comes from."""
    parsed, checked = Counter(), Counter()

    class Reader(yaml_document._Reader):
        def __init__(self, name, events):
            parsed[Path(name).name] += 1
            super().__init__(name, events)

    class Checker(check._SettingsChecker):
        def __init__(self, document):
            checked[tuple(sorted({Path(each.name).name for each in document.places.values()}))] += 1
            super().__init__(document)

    monkeypatch.setattr(yaml_document, "_Reader", Reader)
    monkeypatch.setattr(check, "_SettingsChecker", Checker)
    return parsed, checked


async def a_file(it):
    it.write(it.page, REMOTE, "wake: {{idle_timeout_s: 8}}\n")
    await until(lambda: it.wanted.wake.idle_timeout_s == 8)


async def a_drop_in(it):
    it.drop_in.write_text("log: {level: error}\n")
    await until(lambda: it.wanted.log.level == "error")


async def a_key(it):
    read_again = []
    it.following.reloader.on_reload.append(lambda: read_again.append("key"))
    (it.folder / "key").write_text("another\n")
    await until(lambda: read_again)


async def what_people_set(it):
    await it.following.services.overrides.change({"greeting": "Salut!"})
    assert it.wanted.agent.session["greeting"] == "Salut!"


async def what_a_server_sends(it):
    it.server.put("revision: 2\naudio: {playback: {volume: 31}}\n")
    assert (await it.following.remote.ask()).error == ""
    assert it.wanted.audio.playback.volume == 31


ALL = {**dict.fromkeys((*OWN, "remote revision 1"), 1)}


@pytest.mark.parametrize(
    ("change", "parsed", "newest"),
    [
        (a_file, ALL, 1),
        (a_drop_in, ALL, 1),
        (a_key, ALL, 1),
        (what_people_set, ALL, 1),
        (what_a_server_sends, {"remote": 1}, 2),
    ],
)
@pytest.mark.parametrize("talking", [False, True])
async def test_each_file_is_parsed_and_checked_once(
    talking, change, parsed, newest, tmp_path, work
):
    async with kiosk(tmp_path) as it:
        it.page = f"kiosk: {{{{listen: '127.0.0.1:{free_port()}', settings: true}}}}\n"
        it.write(it.page, REMOTE)
        it.drop_in = tmp_path / "conf.d" / OWN[0]
        it.drop_in.parent.mkdir()
        it.drop_in.write_text("log: {level: warning}\n")
        it.server.put("revision: 1\naudio: {playback: {volume: 30}}\n")
        async with it.running():
            await it.following.services.overrides.change({"prompt": "You are two."})
            await it.following.remote.ask()
            assert it.wanted.audio.playback.volume == 30
            if talking:
                await it.converse()
            for each in work:
                each.clear()
            await change(it)
    checked = {tuple(sorted((*OWN, f"remote revision {newest}"))): 1}
    assert work == (parsed, checked if newest == 2 else {OWN: 1, **checked})
