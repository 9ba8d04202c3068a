"""Who may read what is said, and who may see the page at all."""

import json
import socket
import stat

import pytest

from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.screen import PAGE, Live, screen
from tests.wire.test_device_control import voiced

pytestmark = pytest.mark.real_time

EVERYWHERE = "kiosk: {{{{listen: '0.0.0.0:{port}', names: [here.test]}}}}\n"
HELD = "privacy: {{transcripts: true, transcript_lines: 2}}\n"
SAID = "the weather is fine today"


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))


async def spoken(it, text=SAID):
    it.agent.service.sessions[-1].say(text)
    await until(lambda: it.status == "speaking")
    await until(lambda: it.status == "listening")


async def test_what_was_said_is_held_only_if_that_is_allowed(tmp_path, capsys, caplog):
    async with kiosk(tmp_path) as it, it.running():
        await it.converse()
        await spoken(it)
        assert await voiced("transcript") == 1
        assert "nothing that was said is kept" in capsys.readouterr().err
        it.write(HELD)
        await until(lambda: it.settings.privacy.transcripts)
        for text in (SAID, "one", "two"):
            await spoken(it, text)
        assert await voiced("transcript") == 0
        shown = capsys.readouterr().out
        assert [line.split("  ")[-1] for line in shown.splitlines()] == ["one", "two"]
        assert await voiced("transcript", "--json") == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(line["speaker"], line["text"]) for line in lines] == [
            ("agent", "one"),
            ("agent", "two"),
        ]
        it.write()
        await until(lambda: not it.settings.privacy.transcripts)
        assert await voiced("transcript") == 1
        kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "key"]
        assert not any(SAID.encode() in path.read_bytes() for path in kept)
        assert "weather" not in caplog.text


@pytest.mark.parametrize(("who", "reads"), [("nobody", False), ("device", True), ("network", True)])
async def test_the_page_shows_what_is_said_to_whom_it_may(tmp_path, monkeypatch, who, reads):
    async with screen(tmp_path, monkeypatch) as (it, browser):
        it.write(it.page, f"privacy: {{{{captions: {who}}}}}\n")
        await until(lambda: it.settings.privacy.captions == who)
        assert not it.following.services.may_read(False) or who == "network"
        async with browser.ws_connect("/live") as line:
            live = Live(line)
            await it.converse()
            await spoken(it)
            await live.status("listening")
            assert bool(live.captions) is reads


async def test_visitors_from_elsewhere_come_in_with_the_link_only(tmp_path, monkeypatch, capsys):
    async with screen(tmp_path, monkeypatch, EVERYWHERE) as (it, browser):
        file = tmp_path / "state" / "kiosk.token"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert await voiced("kiosk") == 0
        shown = capsys.readouterr()
        link, token = shown.out.splitlines()[0].split("#")
        assert link == f"http://here.test:{it.port}/"
        assert token == file.read_text().strip()
        assert "█" in shown.out
        assert "can control this device" in shown.err
        async with browser.ws_connect("/live") as line:
            await line.receive()
            assert line.close_code == 1008
        assert (await browser.post("/enter", data="guess")).status == 403
        answer = await browser.post("/enter", data=token)
        assert answer.status == 204
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        async with browser.ws_connect("/live") as line:
            assert (await line.receive_json())["type"] == "sight"


async def test_whoever_guesses_too_often_has_to_wait(tmp_path, monkeypatch):
    async with screen(tmp_path, monkeypatch, EVERYWHERE) as (_, browser):
        seen = [(await browser.post("/enter", data=f"guess {n}")).status for n in range(8)]
        assert seen == [403] * 5 + [429] * 3
        token = (tmp_path / "state" / "kiosk.token").read_text().strip()
        assert (await browser.post("/enter", data=token)).status == 429


async def test_the_token_outlives_the_process_and_is_in_no_log(tmp_path, monkeypatch, caplog):
    async with screen(tmp_path, monkeypatch, EVERYWHERE):
        token = (tmp_path / "state" / "kiosk.token").read_text()
    async with screen(tmp_path, monkeypatch, EVERYWHERE) as (_, browser):
        assert (tmp_path / "state" / "kiosk.token").read_text() == token
        assert (await browser.post("/enter", data=token)).status == 204
        assert token.strip() not in caplog.text


async def test_another_token_is_made_at_the_start_if_the_file_was_deleted(tmp_path, monkeypatch):
    file = tmp_path / "state" / "kiosk.token"
    async with screen(tmp_path, monkeypatch, EVERYWHERE):
        token = file.read_text()
    file.unlink()
    async with screen(tmp_path, monkeypatch, EVERYWHERE) as (_, browser):
        assert (await browser.post("/enter", data=token)).status == 403
        assert file.read_text() != token
        assert (await browser.post("/enter", data=file.read_text())).status == 204


async def test_without_a_page_there_is_no_link(tmp_path, capsys):
    async with kiosk(tmp_path) as it, it.running():
        assert await voiced("kiosk") == 1
        assert "the page is not enabled" in capsys.readouterr().err


async def test_a_page_for_this_device_alone_has_a_plain_link(tmp_path, monkeypatch, capsys):
    async with screen(tmp_path, monkeypatch) as (it, _):
        assert await voiced("kiosk") == 0
        shown = capsys.readouterr()
        assert shown.out == f"{it.here}/\n"
        assert "only on this device" in shown.err


async def test_a_port_that_is_taken_is_told_once_and_nothing_else_ends(tmp_path, caplog):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        page = PAGE.format(port=taken.getsockname()[1])
        async with kiosk(tmp_path, page) as it, it.running():
            await until(lambda: "kiosk.listen" in caplog.text)
            await it.converse()
    assert caplog.text.count("kiosk.listen") == 1
