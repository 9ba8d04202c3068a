"""Captions in step with the sound (subtitles.py)."""

import asyncio

import pytest

from voiced.agents.codec import Caption
from voiced.subtitles import BEHIND, MOST_WAITING, Subtitles


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
