"""What a person before the screen may set, over real sockets."""

import pytest
import yaml

from tests.whole import until
from tests.wire.screen import Live, screen

pytestmark = pytest.mark.real_time

OPEN = "kiosk: {{{{listen: '127.0.0.1:{port}', settings: true}}}}\n"


async def answer_to(socket, **order):
    """Send an order; return what comes of it, whatever else is shown meanwhile."""
    await socket.send_json(order)
    while True:
        answer = await socket.receive_json(timeout=5)
        if answer["type"] in ("kept", "problem"):
            return answer


async def test_a_person_sets_prompt_and_greeting_in_a_conversation(tmp_path, monkeypatch):
    async with (
        screen(tmp_path, monkeypatch, OPEN) as (it, browser),
        browser.ws_connect("/live") as socket,
    ):
        page = Live(socket)
        await until(lambda: page.settings)
        assert page.settings[-1]["prompt"] == "You are one."
        assert page.settings[-1]["voice"] is None
        await page.order("talk")
        await page.status("listening")
        await page.order("settings", changed={"prompt": "You are 大.", "voice": "alba"})
        session = it.agent.service.sessions[-1]
        await until(lambda: session.config["system_prompt"] == "You are 大.")
        await until(lambda: page.settings[-1]["prompt"] == "You are 大.")
        assert page.kept == 1
        assert not page.problems
        kept = tmp_path / "state" / "by-hand.yaml"
        assert yaml.safe_load(kept.read_text()) == {
            "agent": {"session": {"system_prompt": "You are 大.", "output": {"voice": "alba"}}}
        }
        await page.order("settings", changed={"prompt": "", "voice": ""})
        await until(lambda: session.config["system_prompt"] == "You are one.")
        assert yaml.safe_load(kept.read_text()) == {}


async def test_what_was_set_by_hand_outlives_the_process_and_not_the_permission(
    tmp_path, monkeypatch
):
    async with screen(tmp_path, monkeypatch, OPEN) as (it, browser):
        async with browser.ws_connect("/live") as socket:
            answer = await answer_to(socket, do="settings", changed={"greeting": "Salut!"})
            assert answer["type"] == "kept"
        assert it.settings.agent.session["greeting"] == "Salut!"
    async with screen(tmp_path, monkeypatch, OPEN) as (it, _):
        assert it.settings.agent.session["greeting"] == "Salut!"
        it.write()
        await until(lambda: "greeting" not in it.settings.agent.session)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, "this cannot be changed here"),
        ({"key": "x"}, "this cannot be changed here"),
        ({"system_prompt": "x"}, "this cannot be changed here"),
        ({"prompt": "x" * 8001}, "too long"),
        ({"prompt": "x", "url": "x"}, "this cannot be changed here"),
        (["prompt"], "not understood"),
        (None, "not understood"),
    ],
)
async def test_nothing_else_can_be_set_by_hand(tmp_path, monkeypatch, changed, why):
    async with (
        screen(tmp_path, monkeypatch, OPEN) as (it, browser),
        browser.ws_connect("/live") as socket,
    ):
        answer = await answer_to(socket, do="settings", changed=changed)
        assert answer["type"] == "problem"
        assert why in answer["text"]
        assert it.settings.agent.session == {"system_prompt": "You are one."}
        assert not (tmp_path / "state" / "by-hand.yaml").exists()


async def test_nothing_can_be_set_unless_the_owner_lets_people(tmp_path, monkeypatch):
    async with (
        screen(tmp_path, monkeypatch) as (it, browser),
        browser.ws_connect("/live") as socket,
    ):
        answer = await answer_to(socket, do="settings", changed={"prompt": "You are bad."})
        assert answer == {"type": "problem", "text": "there is no such command"}
        assert it.settings.agent.session == {"system_prompt": "You are one."}


@pytest.mark.parametrize("content", ["{", "agent: {session: {output: 7}}", "agent: {nokey: 1}"])
async def test_settings_by_hand_that_cannot_be_used_do_no_harm(tmp_path, monkeypatch, content):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "by-hand.yaml").write_text(content)
    async with (
        screen(tmp_path, monkeypatch, OPEN) as (it, browser),
        browser.ws_connect("/live") as socket,
    ):
        assert it.status == "asleep"
        assert it.settings.agent.session == {"system_prompt": "You are one."}
        answer = await answer_to(socket, do="settings", changed={"prompt": "You are two."})
        assert answer["type"] == "kept"
        assert it.settings.agent.session == {"system_prompt": "You are two."}


async def test_a_server_stands_above_what_people_set(tmp_path, monkeypatch):
    async with screen(tmp_path, monkeypatch, OPEN) as (it, browser):
        it.server.put("version: 1\nagent: {session: {system_prompt: You are the server's.}}\n")
        it.write(it.page, 'remote: {{url: "{server}/{{name}}.yaml", interval_s: 5, trial_s: 5}}\n')
        await until(lambda: "server" in it.settings.agent.session["system_prompt"], 15)
        async with browser.ws_connect("/live") as socket:
            answer = await answer_to(socket, do="settings", changed={"prompt": "You are mine."})
            assert answer["type"] == "problem"
            assert "is set by a server" in answer["text"]
