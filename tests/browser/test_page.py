"""The page in a real browser, of a real daemon: whole conversations, faults, restarts, visitors."""

import asyncio
import json
import re
import time
from contextlib import asynccontextmanager
from functools import partial

import pytest

from agentsim.dialogue import STORY
from tests.browser.chromium import tab
from tests.browser.device import device, is_served
from tests.browser.stage import LINES
from tests.ports import free_port
from tests.whole import until
from tests.wire.afar import kiosk
from voiced.api.access import AccessPolicy
from voiced.api.captions import Subtitles
from voiced.api.device_control import DeviceControl
from voiced.api.http_server import Address
from voiced.api.kiosk import Kiosk, Permits
from voiced.api.refusal_log import Refusals

pytestmark = pytest.mark.real_time

OPEN_LINES = "[...document.querySelectorAll('#captions .partial p')].map(it => it.textContent)"
MOST_LAG_MS = 150


async def ask_for(page, session, *so_far, item_id="msg_u1"):
    """Speak as the user: every text is what was understood so far, the last one all of it."""
    session.send("input.speech.started")
    await page.status("hearing")
    for text in so_far:
        session.send("transcript.user.delta", item_id=item_id, text=text)
        await page.until(f"{OPEN_LINES}.at(-1) === {json.dumps(text)}")
    session.send("input.speech.stopped")
    session.send("transcript.user", item_id=item_id, text=f"{so_far[-1]}?")
    await page.status("thinking")


async def test_a_whole_conversation_by_touch_is_seen_and_steered(tmp_path, chromium):
    async with device(tmp_path, chromium) as (it, page):
        assert await page.text("#status") == "Ready"
        assert await page.text("#talk") == "Talk"
        await page.touch("#talk")
        await page.status("listening")
        assert await page.text("#talk") == "Stop"
        session = it.agent.service.sessions[-1]
        await ask_for(page, session, "what is", "what is the weather", "What is the weather today")
        assert await page.ask(LINES) == ["What is the weather today?"]
        session.say("it is fine today and it will be fine tomorrow")
        await page.status("speaking")
        assert await page.text("#talk") == "Interrupt"
        await page.until(f"{OPEN_LINES}.at(-1) === 'it is fine today'")
        await page.status("listening")
        await page.until(f"{LINES}.at(-1) === 'it is fine today and it will be fine tomorrow'")
        assert await page.ask(OPEN_LINES) == []
        await page.touch("#mute")
        await page.status("muted")
        assert it.runtime.conversation.muted
        await page.touch("#mute")
        await page.status("listening")
        await page.touch("#volume", along=0.1)
        await until(lambda: it.runtime.volume in (5, 10, 15))
        assert await page.text("#percent") == str(it.runtime.volume)
        await page.touch("#talk")
        await page.status("asleep")
        assert await page.ask("document.getElementById('captions').className") == "past"
        assert page.complaints == []


async def test_keys_talk_and_mute_wherever_the_focus_is(tmp_path, chromium):
    async with device(tmp_path, chromium) as (it, page):
        await page.press(" ")
        await page.status("listening")
        await page.press("m")
        await page.status("muted")
        await page.press("Tab")
        await page.press("Tab")
        assert await page.ask("document.activeElement.id") == "mute"
        await page.press(" ")
        await page.status("listening")
        await page.press("m")
        await page.status("muted")
        assert it.agent.service.sessions[-1].connection is not None
        await page.ask("document.activeElement.blur()")
        await page.press(" ")
        await until(lambda: it.runtime.conversation.phase.value == "asleep")


async def test_an_interrupted_agent_is_shown_as_far_as_it_came(tmp_path, chromium):
    async with device(tmp_path, chromium) as (it, page):
        await page.touch("#talk")
        await page.status("listening")
        session = it.agent.service.sessions[-1]
        session.say(STORY)
        await page.until(f"{OPEN_LINES}.length && {OPEN_LINES}[0].split(' ').length >= 8")
        session.interrupt()
        await page.until("document.querySelector('#captions .interrupted')")
        (line,) = await page.ask(LINES)
        assert STORY.startswith(line)
        assert len(line) < len(STORY) / 2


async def test_a_person_changes_the_prompt_on_the_page(tmp_path, chromium):
    async with device(tmp_path, chromium) as (it, page):
        await page.touch("#talk")
        await page.status("listening")
        session = it.agent.service.sessions[-1]
        await page.until("!document.getElementById('more').hidden")
        await page.touch("#more")
        await page.until("document.getElementById('settings').open")
        assert await page.ask("document.getElementById('prompt').value") == "You are one."
        await page.ask("document.getElementById('prompt').select()")
        await page.ask("document.getElementById('prompt').focus()")
        await page.write("You are 大 m.")
        await page.touch("#keep")
        await page.until("!document.getElementById('settings').open")
        await until(lambda: session.config["system_prompt"] == "You are 大 m.")
        assert await page.ask("document.body.dataset.status") == "listening"


async def test_a_microphone_that_is_gone_is_told_and_so_is_its_return(tmp_path, chromium):
    async with device(tmp_path, chromium) as (it, page):
        it.microphone.unplug()
        await page.status("no-microphone")
        assert "cable" in await page.text("#advice")
        it.microphone.plug()
        await page.status("asleep")


@pytest.mark.parametrize(("answer", "status"), [("401", "rejected"), ("503", "offline")])
async def test_an_agent_that_cannot_be_had_has_a_face(tmp_path, chromium, answer, status):
    async with device(tmp_path, chromium) as (it, page):
        it.agent.service.settings.faults.add(f"upgrade-status={answer}")
        await page.touch("#talk")
        await page.status(status)
        assert await page.text("#advice")


async def test_the_page_finds_a_restarted_daemon_by_itself(tmp_path, chromium):
    async with kiosk(tmp_path) as it, tab(chromium) as page:
        port = free_port()
        it.write(f"kiosk: {{{{listen: '127.0.0.1:{port}'}}}}\n")
        async with it.running():
            await is_served(f"http://127.0.0.1:{port}/")
            await page.open(f"http://127.0.0.1:{port}/")
            await page.status("asleep")
            await page.touch("#talk")
            await page.status("listening")
            it.agent.service.sessions[-1].say("these words are soon of no account any more")
            await page.until(f"{OPEN_LINES}.length")
        await page.status("lost")
        assert await page.ask(OPEN_LINES) == []
        assert await page.ask("document.getElementById('talk').disabled")
        async with it.running():
            await page.status("asleep", within_s=20)
            await page.touch("#talk")
            await page.status("listening")


@asynccontextmanager
async def locked(folder, chromium):
    """A page for those who have the token, and a tab."""
    async with kiosk(folder) as it, it.running(), tab(chromium) as page:
        port = free_port()
        control = DeviceControl(lambda: it.runtime, lambda: "hall")
        access = AccessPolicy(port, ("hall.test",), "sesame")
        served = Kiosk(
            Address("127.0.0.1", port, "kiosk.listen"),
            access,
            control,
            Subtitles(it.runtime.playout.heard_ms),
            Permits(lambda _: True),
            Refusals(),
        )
        running = asyncio.create_task(served.run())
        try:
            page.url = f"http://127.0.0.1:{port}/"
            await is_served(page.url)
            yield page
        finally:
            running.cancel()


async def test_a_link_with_the_token_opens_the_page_for_good(tmp_path, chromium):
    async with locked(tmp_path, chromium) as page:
        await page.open(page.url)
        await page.status("refused")
        assert await page.ask("document.getElementById('talk').disabled")
        await page.open(f"{page.url}#sesame")
        await page.status("asleep")
        assert await page.ask("location.href") == page.url
        assert await page.ask("history.length") <= 3
        assert await page.ask("document.cookie") == ""
        await page.open(page.url)
        await page.status("asleep")
        assert await page.text("h1") == "hall"


async def test_a_wrong_token_is_said_to_be_wrong(tmp_path, chromium):
    async with locked(tmp_path, chromium) as page:
        await page.open(f"{page.url}#simsim")
        await page.status("wrong-key")
        for n_guess in range(8):
            await page.ask(f"location.hash = 'guess{n_guess}'")
            await page.until("!location.hash")
            await asyncio.sleep(0.1)
        await page.status("too-often")


async def test_nothing_comes_from_elsewhere_and_nothing_is_complained_of(tmp_path, chromium):
    async with device(tmp_path, chromium) as (it, page):
        await page.touch("#talk")
        await page.status("listening")
        it.agent.service.sessions[-1].say("good morning")
        await page.until(f"{LINES}.length")
        own = re.compile(rf"(http|ws){re.escape(it.page_url[4:])}")
        assert [url for url in page.requested if not own.match(url)] == []
        assert len(page.requested) >= 8
        assert page.complaints == []


WATCH = """
window.seen = [];
const list = document.getElementById("captions");
new MutationObserver(() => {
  const words = list.lastElementChild.lastElementChild.textContent.split(" ").length;
  requestAnimationFrame(() => window.seen.push([Date.now(), words]));
}).observe(list, { childList: true, subtree: true, characterData: true });
"""


async def note_progress(heard_ms, reply_id, noted):
    """Note how much of a reply was heard, again and again."""
    while True:
        heard = heard_ms(reply_id)
        if heard is not None:
            noted.append((time.time() * 1000, heard))
        await asyncio.sleep(0.002)


async def test_words_are_shown_with_their_sound(tmp_path, chromium, measured):
    async with device(tmp_path, chromium) as (it, page):
        await page.touch("#talk")
        await page.status("listening")
        await page.ask(WATCH)
        session, progress = it.agent.service.sessions[-1], []
        session.say(" ".join(STORY.split()[:72]))
        await until(lambda: session.talk.reply)
        reply, heard_ms = session.talk.reply, it.runtime.playout.heard_ms
        noting = asyncio.create_task(note_progress(heard_ms, reply.id, progress))
        await page.status("speaking")
        await page.status("listening", within_s=60)
        noting.cancel()
        seen = await page.ask("window.seen")
    heard_at = [
        next((at for at, heard in progress if heard >= word.start_ms), None)
        for word in reply._words
    ]
    shown_at = [next(at for at, n_words in seen if n_words > i) for i in range(len(heard_at))]
    lags = {
        i: shown - heard
        for i, (shown, heard) in enumerate(zip(shown_at, heard_at, strict=True))
        if heard is not None
    }
    first = [lag for i, lag in lags.items() if i == 0 or shown_at[i] > shown_at[i - 1]]
    at = partial(percentile, [*lags.values()])
    measured(
        f"caption shown after its sound: p50 {at(50):.0f}, p95 {at(95):.0f}, "
        f"max {at(100):.0f} ms ({len(lags)} words; the {len(first)} that begin a piece: "
        f"p50 {percentile(first, 50):.0f}, p95 {percentile(first, 95):.0f}, "
        f"least {min(first):.0f} ms)"
    )
    assert len(lags) >= 30
    assert len(first) >= 12
    assert percentile(first, 95) <= MOST_LAG_MS
    assert percentile(first, 5) >= -MOST_LAG_MS


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]
