"""Captions in step with the sound (captions.py)."""

import asyncio

import pytest

from voiced.agents.codec import MOST_CAPTION_BYTES, Caption
from voiced.api.captions import BEHIND, MOST_KEPT_CHARS, MOST_WAITING, MOST_WAITING_CHARS, Subtitles


class Screen:
    """Somebody who reads along; `heard_ms` is how far each reply was heard."""

    def __init__(self):
        self.heard_ms = {}
        self.read = []
        self.subtitles = Subtitles(self.heard_ms.get, lambda: 1000.0)

    async def __aenter__(self):
        self._reading = asyncio.create_task(self._read())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        self._reading.cancel()

    async def _read(self):
        async for caption in self.subtitles.watch():
            self.read.append(caption.text)

    async def after(self, seconds):
        await asyncio.sleep(seconds)
        return self.read


def piece(text, at_ms, reply_id="r"):
    return Caption("agent", text, reply_id=reply_id, at_ms=at_ms)


def of_record(text, **more):
    return Caption("agent", text, final=True, reply_id="r", **more)


async def test_the_agents_words_wait_for_their_sound():
    async with Screen() as screen:
        screen.heard_ms["r"] = 0.0
        for text, at_ms in (("one", 0.0), ("one two", 400.0), ("one two three", 900.0)):
            screen.subtitles.caption(piece(text, at_ms))
        screen.subtitles.caption(of_record("One, two, three."))
        assert await screen.after(0.2) == ["one"]
        screen.heard_ms["r"] = 399.0
        assert await screen.after(0.2) == ["one"]
        screen.heard_ms["r"] = 410.0
        assert await screen.after(0.05) == ["one", "one two"]
        del screen.heard_ms["r"]  # heard out
        assert await screen.after(0.05) == ["one", "one two", "one two three", "One, two, three."]


async def test_the_users_words_wait_for_nobody():
    async with Screen() as screen:
        screen.heard_ms["r"] = 0.0
        screen.subtitles.caption(piece("later", 5000.0))
        screen.subtitles.caption(Caption("user", "stop"))
        assert await screen.after(0) == ["stop"]


async def test_an_interruption_forgets_what_was_not_heard():
    async with Screen() as screen:
        screen.heard_ms["r"] = 100.0
        screen.subtitles.caption(piece("I will never", 0.0))
        screen.subtitles.caption(piece("I will never be heard", 3000.0))
        screen.subtitles.caption(of_record("I will never", interrupted=True))
        assert await screen.after(0.1) == ["I will never", "I will never"]


async def test_agents_that_tell_no_time_are_shown_at_once():
    async with Screen() as screen:
        screen.subtitles.caption(Caption("agent", "now"))
        screen.subtitles.caption(piece("now too", None))
        assert await screen.after(0) == ["now", "now too"]


async def test_too_much_that_waits_is_shown_early():
    async with Screen() as screen:
        screen.heard_ms["r"] = 0.0
        for number in range(MOST_WAITING + 2):
            screen.subtitles.caption(piece(str(number), 1000.0))
        assert await screen.after(0) == ["0", "1"]


async def test_who_does_not_read_is_left_behind():
    subtitles = Subtitles({}.get, lambda: 0.0)
    watching = subtitles.watch()
    first = asyncio.create_task(anext(watching))
    await asyncio.sleep(0)
    for number in range(2 * BEHIND):
        subtitles.caption(Caption("user", str(number)))
    read = [(await first).text, *[caption.text async for caption in watching]]
    assert read == [str(number) for number in range(1, BEHIND)]


HUGE = "x" * MOST_CAPTION_BYTES


async def test_huge_captions_that_wait_are_shown_early():
    async with Screen() as screen:
        screen.heard_ms["r"] = 0.0
        for _ in range(10):
            screen.subtitles.caption(piece(HUGE, 1000.0))
            await asyncio.sleep(0)
        waiting = MOST_WAITING_CHARS // len(HUGE)
        assert len(await screen.after(0)) == 10 - waiting


async def test_who_does_not_read_huge_captions_is_left_behind_early():
    subtitles = Subtitles({}.get, lambda: 0.0)
    watching = subtitles.watch()
    first = asyncio.create_task(anext(watching))
    await asyncio.sleep(0)
    for _ in range(20):
        subtitles.caption(Caption("user", HUGE))
    read = [await first, *[caption async for caption in watching]]
    assert len(read) == MOST_WAITING_CHARS // len(HUGE)


def test_no_more_is_kept_than_fits_whatever_is_allowed():
    subtitles = Subtitles({}.get, lambda: 1000.0)
    subtitles.keep(10_000)
    for number in range(100):
        subtitles.caption(Caption("user", f"{number:02} {HUGE}", final=True))
    lines = subtitles.lines
    assert len(lines) == MOST_KEPT_CHARS // MOST_CAPTION_BYTES
    assert lines[-1].text.startswith("99 ")
    for number in range(10_000):
        subtitles.caption(Caption("user", str(number), final=True))
    assert subtitles.lines[-1].text == "9999"
    assert subtitles._kept_chars == sum(len(line.text) for line in subtitles.lines)


@pytest.mark.parametrize("char", ["x", "\u00e4", "\u20ac", "\U0001f600", "\ud800"])
def test_a_caption_holds_only_so_much_text(char):
    caption = Caption("agent", f"a{char * 1_000_000}")
    encoded = caption.text.encode()
    assert MOST_CAPTION_BYTES - 4 < len(encoded) <= MOST_CAPTION_BYTES
    assert Caption("agent", f"a{char}").text == f"a{char}"


@pytest.mark.parametrize(
    ("allowed", "kept"), [(0, []), (2, ["two", "three"]), (9, ["one", "two", "three"])]
)
def test_only_as_much_is_kept_as_is_allowed(allowed, kept):
    subtitles = Subtitles({}.get, lambda: 1000.0)
    subtitles.keep(allowed)
    for text in ("one", "two", "three"):
        subtitles.caption(Caption("user", text[:1]))
        subtitles.caption(Caption("user", text, final=True))
    subtitles.caption(Caption("user", "", final=True))
    assert [line.text for line in subtitles.lines] == kept
    assert all(line.at == 1000.0 for line in subtitles.lines)
    subtitles.keep(0)
    assert subtitles.lines == []


def test_no_log_can_show_them():
    subtitles = Subtitles({}.get, lambda: 1000.0)
    subtitles.keep(5)
    subtitles.caption(Caption("user", "my secret", final=True))
    assert "secret" not in repr(subtitles.lines)
