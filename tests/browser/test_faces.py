"""What the page shows for what it is told: faces, captions, settings, at the sizes of screens."""

import asyncio
import json
import re
import time
from contextlib import asynccontextmanager

import pytest

from tests.browser.chromium import tab
from tests.browser.stage import LINES, stage
from tests.whole import until
from voiced.core.actions import Status

pytestmark = pytest.mark.real_time

STATUSES = [status.value for status in Status]
APART = ["lost", "refused", "wrong-key", "too-often"]
SCREENS = [(480, 320), (800, 480), (1280, 800), (390, 844)]
STATUS_PX = {(480, 320): 27, (800, 480): 48, (1280, 800): 70, (390, 844): 38, (480, 800): 40}
STATUS_PX |= {(844, 390): 38, (1920, 1080): 100, (320, 568): 30, (600, 1024): 48}
LONG = [
    (
        "user",
        "What is the weather going to be like tomorrow afternoon, in Paris and around it? " * 2,
    ),
    (
        "agent",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    ),
    ("user", "كيف سيكون الطقس غدا بعد الظهر في باريس وما حولها، وهل أحتاج إلى مظلة؟ " * 2),
    ("agent", "מחר יהיה יום שמשי עם מעט עננים ורוח קלה ממערב, ואין צורך במטרייה " * 2),
    ("agent", "明日の午後は晴れのち曇りで、最高気温は二十三度、傘は必要ないでしょう。" * 3),
]
SETTINGS = {"voice": None, "prompt": "You are one.", "greeting": "Hello!"}
# Hours pass in minutes: what waits for long waits less.
HASTE = """
const later = setTimeout;
window.setTimeout = (act, ms, ...more) => later(act, ms >= 5000 ? ms / 20 : ms, ...more);
"""
MISFITS = """
((least) => {
  const found = [], wide = innerWidth + 1, high = innerHeight + 1;
  const box = (it) => it.getBoundingClientRect();
  const root = document.scrollingElement, main = document.querySelector("main");
  if (root.scrollHeight > innerHeight || root.scrollWidth > innerWidth) found.push("page scrolls");
  if (main.scrollHeight > high || main.scrollWidth > wide) found.push("too much on the page");
  const parts = ["#orb", ".words", "#said", "#talk", "#mute", ".volume", "#more"]
    .map((name) => [name, document.querySelector(name)])
    .filter(([, it]) => it.checkVisibility());
  for (const [name, it] of parts) {
    const a = box(it);
    if (a.left < -1 || a.top < -1 || a.right > wide || a.bottom > high) found.push(`${name} is cut`);
    for (const [other, that] of parts) {
      const b = box(that);
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (name < other && across > 1 && down > 1) found.push(`${name} is on ${other}`);
    }
  }
  for (const name of ["#status", "#advice", "#talk", "#mute", "#captions", "#scroll"]) {
    const it = document.querySelector(name);
    if (it.checkVisibility() && it.scrollWidth > it.clientWidth + 1) found.push(`${name} is too wide`);
  }
  const orb = box(document.getElementById("orb"));
  if (Math.abs(orb.width - orb.height) > 1 || orb.width < 72) found.push("orb is not round");
  for (const it of document.querySelectorAll("button, input, textarea")) {
    const { width, height } = box(it);
    if (it.checkVisibility() && (width < 48 || height < 48)) found.push(`${it.id} is too small`);
  }
  const size = parseFloat(getComputedStyle(document.getElementById("status")).fontSize);
  if (size < least) found.push(`status of ${size} px`);
  return found;
})"""


@asynccontextmanager
async def shown(chromium, *, haste=False, **tabs):
    """A stage and a tab that shows it, asleep."""
    async with stage() as it, tab(chromium, **tabs) as page:
        it.settings = SETTINGS
        if haste:
            await page.do("Page.addScriptToEvaluateOnNewDocument", source=HASTE)
        await page.open(it.url)
        await page.status("asleep")
        yield it, page


async def appear(it, page, status, **more):
    """Have a status shown; those that only the page knows of, by its own means."""
    if status in APART:
        face = f"document.body.dataset.status = '{status}';"
        words = f"import('/words.js').then(({{ WORDS }}) => {{ {face}"
        for n, place in enumerate(("status", "advice")):
            words += f"document.getElementById('{place}').textContent = WORDS['{status}'][{n}];"
        await page.ask(words + "})")
    else:
        await it.show(status, **more)
        await page.status(status)
    await page.settle()


async def test_every_status_has_words_and_a_sign_like_no_other(chromium):
    signs, titles = {}, set()
    async with shown(chromium) as (it, page):
        source = await page.ask("fetch('/signs.svg').then(it => it.text())")
        drawn = dict(re.findall(r'<symbol id="([a-z-]+)"[^>]*>(.*?)</symbol>', source))
        words = await page.ask("import('/words.js').then(it => it.WORDS)")
        assert words.keys() == {*STATUSES, *APART}
        for status in STATUSES:
            await appear(it, page, status)
            title, advice = await page.text("#status"), await page.text("#advice")
            assert [title, advice] == words[status]
            sign = await page.ask("document.getElementById('sign').getAttribute('href')")
            assert sign == f"/signs.svg#{status}"
            box = await page.ask(
                "(({ width, height }) => [width, height])(document.getElementById('sign').getBBox())"
            )
            assert max(box) > 20, f"{status} has an empty sign"
            signs[status] = drawn[status]
            titles.add(title)
        for status in APART:
            assert all(words[status])
            signs[status] = drawn[status]
            titles.add(words[status][0])
    assert all(signs.values())
    assert len({*signs.values()}) == len(titles) == len(STATUSES) + len(APART)


@pytest.mark.parametrize(("width", "height"), STATUS_PX)
async def test_everything_fits_on_the_screen(chromium, width, height):
    misfits = {}
    async with shown(chromium, width=width, height=height) as (it, page):
        await page.until("!document.getElementById('more').hidden")
        for captioned in (False, True):
            for speaker, text in LONG if captioned else ():
                await it.say(speaker, text)
            for status in STATUSES + APART:
                await appear(it, page, status, phase="speaking", speaker="absent")
                found = await page.ask(f"{MISFITS}({STATUS_PX[width, height]})")
                if found:
                    misfits[status, captioned] = found
        assert len(await page.ask(LINES)) == len(LONG)
    assert misfits == {}


async def test_both_faults_are_told_when_there_are_two(chromium):
    async with shown(chromium) as (it, page):
        await appear(it, page, "no-microphone", microphone="absent", speaker="absent")
        assert await page.text("#advice") == "Is its cable plugged in? Also: no speaker."
        await appear(it, page, "speaking", microphone=None, speaker=None, half_duplex=True)
        assert "Speak" not in await page.text("#advice")


@pytest.mark.parametrize(("text", "language"), [(LONG[2][1], "ar"), (LONG[3][1], "he")])
async def test_text_from_right_to_left_is_set_so(chromium, text, language):
    async with shown(chromium) as (it, page):
        await it.show("speaking")
        await it.say("agent", "Good morning.")
        await it.say("agent", text)
        await page.until(f"{LINES}.length === 2")
        direction, lang, from_right, from_left = await page.ask(
            "(() => { const line = document.querySelector('#captions li:last-child p');"
            "const range = document.createRange(); range.selectNodeContents(line);"
            "const last = [...range.getClientRects()].at(-1), all = line.getBoundingClientRect();"
            "return [getComputedStyle(line).direction, line.lang,"
            " all.right - last.right, last.left - all.left] })()"
        )
        assert (direction, lang) == ("rtl", language)
        assert from_right < 8 < from_left
        latin = "getComputedStyle(document.querySelector('#captions li p')).direction"
        assert await page.ask(latin) == "ltr"


async def test_words_grow_are_replaced_and_begin_anew(chromium):
    async with shown(chromium) as (it, page):
        await it.show("hearing")
        for text in ("wreck", "wreck a nice", "recognise"):
            await it.say("user", text, final=False)
            await page.until(f"JSON.stringify({LINES}) === '[\"{text}\"]'")
        await it.say("user", "", final=False)
        await page.until(f"{LINES}.length === 0")
        await it.say("agent", "One", final=False)
        await it.say("agent", "One two", final=False)
        await it.say("user", "Recognise speech.")
        await it.say("agent", "Something else", final=False)
        await page.until(f"{LINES}.length === 3")
        assert await page.ask(LINES) == ["One two", "Recognise speech.", "Something else"]
        assert await page.ask("document.querySelectorAll('#captions .partial').length") == 1
        assert await page.text("#spoken") == "You: Recognise speech."


async def test_a_year_of_talk_does_not_pile_up(chromium):
    async with shown(chromium) as (it, page):
        await it.show("listening")
        for number in range(150):
            await it.say(("user", "agent")[number % 2], f"Sentence {number}.")
        await page.until(f"{LINES}.at(-1) === 'Sentence 149.'")
        assert len(await page.ask(LINES)) == 60
        before = await page.ask("document.querySelectorAll('*').length")
        for number in range(30):
            await it.show(
                ("listening", "hearing", "muted", "offline")[number % 4], phase="listening"
            )
        assert await page.ask("document.querySelectorAll('*').length") == before


AT_END = (
    "(({ scrollTop, scrollHeight, clientHeight }) => scrollHeight - clientHeight - scrollTop < 3)"
    "(document.getElementById('scroll'))"
)


async def test_the_newest_words_are_in_view_unless_somebody_reads_older_ones(chromium):
    async with shown(chromium) as (it, page):
        await it.show("speaking")
        for speaker, text in LONG * 3:
            await it.say(speaker, text)
        await page.until(f"{LINES}.length === 15")
        await page.until(AT_END)
        await page.ask("document.getElementById('scroll').scrollTop = 40")
        await page.until("!document.getElementById('newest').hidden")
        await it.say("agent", "Newest.")
        await page.until(f"{LINES}.length === 16")
        await page.settle()
        assert await page.ask("document.getElementById('scroll').scrollTop") == 40
        await page.touch("#newest")
        await page.until(AT_END)
        assert await page.ask("document.getElementById('newest').hidden")


async def test_what_was_said_goes_by_itself(chromium):
    async with shown(chromium, haste=True) as (it, page):
        await it.show("speaking")
        await it.say("agent", "This is between us", final=False)
        await page.until(f"{LINES}.length === 1")
        await it.show("asleep")
        await page.until("document.querySelectorAll('#captions.past li').length === 1")
        assert await page.ask("document.querySelectorAll('.partial').length") == 0
        await page.until(f"{LINES}.length === 0 && document.getElementById('said').hidden")
        await it.send(type="problem", text="101 is no volume")
        await page.until("document.getElementById('notice').checkVisibility()")
        await page.until("!document.getElementById('notice').checkVisibility()")


async def test_a_device_that_fell_silent_is_found_out(chromium):
    slow = "const now = performance.now.bind(performance); performance.now = () => now() * 40;"
    slow += "const often = setInterval; window.setInterval = (act, ms) => often(act, ms / 40);"
    async with shown(chromium) as (it, page):
        await page.do("Page.addScriptToEvaluateOnNewDocument", source=slow)
        await page.open(it.url)
        await page.status("asleep")
        await it.show("listening")
        await page.status("listening")
        await asyncio.sleep(1)
        assert await page.ask("document.body.dataset.status") == "listening"
        assert it.times_opened == 2
        it.awake.clear()
        await page.status("lost")
        it.awake.set()
        await page.status("listening")


async def test_an_upgraded_device_has_the_page_loaded_anew(chromium):
    async with shown(chromium) as (it, page):
        await page.ask("window.old = true")
        await page.until("!document.getElementById('more').hidden")
        await page.touch("#more")
        await page.until("document.getElementById('settings').open")
        await it.show("asleep", version="1.1")
        await page.settle()
        assert await page.ask("window.old")
        await page.touch("#forget")
        await page.until("!window.old && document.body.dataset.status === 'asleep'")
        await page.settle()
        assert it.times_opened == 2


async def test_only_what_was_changed_is_set(chromium):
    async with shown(chromium) as (it, page):
        await page.until("!document.getElementById('more').hidden")
        await page.touch("#more")
        await page.until("document.getElementById('settings').open")
        await it.send(type="settings", **{**SETTINGS, "prompt": "You are two."})
        await page.ask("document.getElementById('greeting').select()")
        await page.write("Hi m!")
        await page.touch("#keep")
        await until(lambda: it.orders)
        (order,) = it.orders
        assert order["changed"] == {"greeting": "Hi m!"}
        assert order["was"] == {"greeting": "Hello!"}
        await it.send(type="problem", text="the greeting stays as it is")
        await page.until("document.getElementById('problem').textContent.startsWith('the greet')")
        assert await page.ask("document.getElementById('settings').open")
        await page.press("Escape")
        await page.until("!document.getElementById('settings').open")
        await it.send(type="settings", prompt="You are three.")
        await page.touch("#more")
        await page.until("document.getElementById('prompt').value === 'You are three.'")
        assert not await page.ask("document.getElementById('voice').checkVisibility()")
        await page.touch("#keep")
        await page.until("!document.getElementById('settings').open")
        assert len(it.orders) == 1


async def test_line_breaks_that_a_field_does_not_hold_are_no_change(chromium):
    known = {"voice": "a\nb", "prompt": "One.\r\nTwo.\rThree.\n", "greeting": "Hello!\r\nHi!\n"}
    async with shown(chromium) as (it, page):
        await page.until("!document.getElementById('more').hidden")
        await it.send(type="settings", **known)
        await page.settle()
        for new in (None, "Hi m!"):
            await page.touch("#more")
            await page.until("document.getElementById('settings').open")
            if new:
                await page.ask("document.getElementById('greeting').select()")
                await page.write(new)
                await page.touch("#keep")
                await until(lambda: it.orders)
                continue
            await page.touch("#keep")
            await page.until("!document.getElementById('settings').open")
            assert it.orders == []
        (order,) = it.orders
        assert order["changed"] == {"greeting": "Hi m!"}
        assert order["was"] == {"greeting": known["greeting"]}


async def test_settings_go_when_they_may_no_longer_be_changed(chromium):
    async with shown(chromium) as (it, page):
        await page.until("!document.getElementById('more').hidden")
        it.settings = None
        await it.hang_up()
        await page.until("document.body.dataset.status === 'asleep' && !window.x")
        await until(lambda: it.times_opened == 2)
        await page.until("document.getElementById('more').hidden")


async def test_a_page_that_was_too_eager_comes_back_by_itself(chromium):
    async with shown(chromium, haste=True) as (it, page):
        it.locked, it.entering = True, 429
        await page.open(f"{it.url}#sesame")
        await page.status("too-often")
        assert await page.ask("location.hash") == ""
        it.entering = 204
        await page.status("asleep")
        assert {*it.tokens} == {"sesame"}


async def test_held_keys_and_fast_fingers_do_not_flood_the_device(chromium):
    async with shown(chromium) as (it, page):
        began_s = time.monotonic()
        for _ in range(40):
            await page.press("m")
        for percent in range(0, 100, 2):
            await page.ask(
                f"(it => {{ it.value = {percent}; it.dispatchEvent(new Event('input')) }})"
                "(document.getElementById('volume'))"
            )
        last = json.dumps({"do": "volume", "to": 100})
        await until(lambda: json.dumps(it.orders[-1]) == last)
        # live.js: a dozen at once, then eight a second, however long the 90 take here.
        assert len(it.orders) <= 12 + 8 * (time.monotonic() - began_s)
        assert await page.ask("document.body.dataset.status") == "asleep"


async def test_words_that_come_late_are_not_shown_as_live(chromium):
    async with shown(chromium, haste=True) as (it, page):
        await it.say("agent", "Goodbye")
        await page.until("document.querySelectorAll('#captions.past li').length === 1")
        await page.until(f"{LINES}.length === 0")
