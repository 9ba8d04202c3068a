"""What a demo shows."""

import io
import logging
import re

import pytest

from voiced.agents.codec import Caption
from voiced.cli.demo.screen import FACES, PlainLines, Screen, head, tail
from voiced.core.actions import Status
from voiced.core.pcm import PcmFormat

LOUD = b"\xff\x3f" * 320


def rows(written):
    """Return what a terminal shows after `written`, row by row: a tiny terminal."""
    shown, row, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[[0-9]*[A-Z]|\n|\r|[^\x1b\n\r]+", written):
        if piece == "\x1b[J":
            shown[row] = shown[row][:column]
            del shown[row + 1 :]
        elif piece == "\x1b[1A":
            row -= 1
        elif piece == "\n":
            row, column = row + 1, 0
            if row == len(shown):
                shown.append("")
        elif piece == "\r":
            column = 0
        else:
            shown[row] = shown[row][:column].ljust(column) + piece
            column += len(piece)
    return shown


def test_every_status_has_a_face_of_its_own():
    assert FACES.keys() == set(Status)
    assert len(set(FACES.values())) == len(FACES)


def test_plain_lines_show_statuses_and_final_captions_only():
    out = io.StringIO()
    view = PlainLines(out)
    view.show(Status.LISTENING)
    view.caption(Caption("user", "what"))
    view.caption(Caption("user", "what time\nis it", final=True))
    view.caption(Caption("agent", "It is", final=True, interrupted=True))
    view.feed(LOUD, PcmFormat(16_000))
    assert out.getvalue().splitlines() == [
        "status: listening",
        "you: what time is it",
        "agent: It is --",
    ]


def test_warnings_of_the_log_are_lines_too():
    out = io.StringIO()
    record = logging.LogRecord("voiced", logging.WARNING, "", 0, "link lost: %s", ("dns",), None)
    PlainLines(out).emit(record)
    assert out.getvalue() == "warning: link lost: dns\n"


def test_the_screen_keeps_final_lines_above_a_block_of_two():
    out = io.StringIO()
    screen = Screen("q quit", out)
    screen.show(Status.CONNECTING)
    screen.caption(Caption("agent", "Hello!", final=True))
    screen.show(Status.HEARING)
    screen.caption(Caption("user", "what time"))
    first, partial, block = rows(out.getvalue())
    assert (first, partial) == ("agent: Hello!", "you: what time")
    assert block.startswith("O hearing you")
    assert block.endswith("q quit")
    screen.caption(Caption("user", "what time is it", final=True))
    assert rows(out.getvalue())[:3] == ["agent: Hello!", "you: what time is it", ""]


def test_the_meter_follows_the_microphone_and_falls_back():
    out = io.StringIO()
    screen = Screen("", out)
    for _ in range(5):
        screen.feed(LOUD, PcmFormat(16_000))
    assert rows(out.getvalue())[-1].count("#") > 9
    for _ in range(5):
        screen.feed(bytes(640), PcmFormat(16_000))
    assert "#" not in rows(out.getvalue())[-1]


def test_closing_leaves_only_the_lines():
    out = io.StringIO()
    screen = Screen("", out)
    screen.line("one")
    screen.close()
    assert rows(out.getvalue()) == ["one", ""]


@pytest.mark.parametrize(
    ("text", "columns", "start", "end"),
    [
        ("hello", 10, "hello", "hello"),
        ("hello", 3, "hel", "llo"),
        ("時刻は何時", 4, "時刻", "何時"),
        ("時刻は何時", 5, "時刻", "何時"),
        ("e\u0301a", 1, "e\u0301", "a"),
        ("", 3, "", ""),
    ],
)
def test_text_is_cut_to_the_columns_it_really_takes(text, columns, start, end):
    assert head(text, columns) == start
    assert tail(text, columns) == end
