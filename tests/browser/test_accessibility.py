"""The page for people who see, hear or move otherwise: checked by axe-core, and by hand."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.browser.test_faces import APART, LONG, SCREENS, STATUSES, appear, shown

pytestmark = pytest.mark.real_time

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIOLATIONS = f"""
axe.run({{ runOnly: {TAGS} }}).then((it) => [
  ...it.violations.map((each) => `${{each.id}}: ${{each.nodes.map((node) => node.html)}}`),
  ...it.incomplete.filter((each) => each.impact === "critical").map((each) => `? ${{each.id}}`),
])
"""
RUNNING = "document.getAnimations().filter(it => it.playState === 'running').length"


def axe_core():
    """Return the source of axe-core, from the package that carries it."""
    (folder,) = find_spec("axe_core_python").submodule_search_locations
    return (Path(folder) / "axe.min.js").read_text(encoding="utf-8")


async def be_checked(page):
    """Load axe-core into the page; colours change at once, so that none is seen half-way."""
    await page.ask(axe_core() + "; undefined")
    await page.prefer(**{"reduced-motion": "reduce"})


@pytest.mark.parametrize(("width", "height"), SCREENS)
async def test_axe_finds_nothing_wrong_with_any_face(chromium, width, height):
    wrong = {}
    async with shown(chromium, width=width, height=height) as (it, page):
        await be_checked(page)
        for captioned in (False, True):
            for speaker, text in LONG if captioned else ():
                await it.say(speaker, text)
                await it.say(speaker, "And then", final=False)
            for status in STATUSES + APART:
                await appear(it, page, status, phase="speaking", muted=status == "muted")
                found = await page.ask(VIOLATIONS)
                if found:
                    wrong[status, captioned] = found
        assert await page.ask("document.querySelectorAll('#captions li').length") >= len(LONG)
    assert wrong == {}


async def test_axe_finds_nothing_wrong_with_settings_and_problems(chromium):
    async with shown(chromium) as (it, page):
        await be_checked(page)
        await it.show("speaking")
        await it.say("agent", LONG[2][1], interrupted=True)
        await it.send(type="problem", text="101 is not a volume; use 0 to 100")
        await page.until("document.getElementById('notice').checkVisibility()")
        assert await page.ask(VIOLATIONS) == []
        await it.show("asleep")
        await page.until("document.querySelector('.past')")
        assert await page.ask(VIOLATIONS) == []
        await page.touch("#more")
        await page.until("document.getElementById('settings').open")
        await it.send(type="problem", text="this cannot be changed here")
        await page.until("document.getElementById('problem').textContent")
        assert await page.ask(VIOLATIONS) == []


async def test_axe_would_find_something_wrong(chromium):
    async with shown(chromium) as (_, page):
        await be_checked(page)
        await page.ask("document.getElementById('volume').removeAttribute('aria-label')")
        await page.ask("document.getElementById('advice').style.color = '#333'")
        found = await page.ask(VIOLATIONS)
        assert {each.partition(":")[0] for each in found} == {"color-contrast", "label"}


async def test_nothing_moves_for_those_who_do_not_want_it(chromium):
    async with shown(chromium) as (it, page):
        moving = set()
        for motion in ("no-preference", "reduce"):
            await page.prefer(**{"reduced-motion": motion})
            for status in STATUSES:
                await appear(it, page, status)
                if await page.ask(RUNNING):
                    moving.add((motion, status))
        assert {motion for motion, _ in moving} == {"no-preference"}
        assert {"asleep", "listening", "hearing", "thinking", "speaking"} <= {
            it for _, it in moving
        }
        await appear(it, page, "speaking")
        assert await page.ask("document.getAnimations().length") == 0


async def test_a_wish_for_contrast_is_heeded(chromium):
    async with shown(chromium) as (_, page):
        advice = "getComputedStyle(document.getElementById('advice')).color"
        assert await page.ask(advice) == "rgb(184, 196, 209)"
        await page.prefer(contrast="more")
        assert await page.ask(advice) == "rgb(255, 255, 255)"


async def test_every_control_is_reached_and_seen_by_keyboard(chromium):
    async with shown(chromium) as (it, page):
        await it.say("agent", LONG[0][1])
        await page.until("!document.getElementById('said').hidden")
        reached = []
        for _ in range(5):
            await page.press("Tab")
            reached.append(await page.ask("document.activeElement.id"))
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            assert await page.ask(outline) == "solid"
        assert reached == ["scroll", "talk", "mute", "volume", "more"]
        await page.press("Enter")
        await page.until("document.getElementById('settings').open")
        await page.press("Escape")
        assert await page.ask("document.activeElement.id") == "more"
