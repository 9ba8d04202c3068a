"""Telling an echo from a person."""

import pytest

from voiced.core.echo_detection import IN_A_ROW, EchoGuard
from voiced.core.events import ReplyDone, ReplyStarted, SpeechStarted

SAID = "Hello! I am the stand-in agent. How can I help?"


def reply(guard, number, *, heard, after_s=1.0, interrupted=True, early_text=False):
    """Live through one reply; tell whether the guard was sure of an echo at its end."""
    began_s = 10.0 * number
    sure = guard.note(ReplyStarted(f"r{number}"), began_s)
    guard.said(SAID)
    if early_text and heard is not None:
        sure |= guard.heard(heard)
    sure |= guard.note(ReplyDone(f"r{number}", interrupted), began_s + after_s)
    if not early_text and heard is not None:
        sure |= guard.heard(heard)
    return sure


@pytest.mark.parametrize("early_text", [True, False])
@pytest.mark.parametrize("heard", ["hello I am the", "I am a stand in", "", "HOW CAN I HELP"])
def test_own_words_in_a_row_are_an_echo(heard, early_text):
    guard = EchoGuard()
    found = [reply(guard, n, heard=heard, early_text=early_text) for n in range(IN_A_ROW)]
    assert found == [False] * (IN_A_ROW - 1) + [True]


def test_interruptions_without_a_word_are_an_echo_by_the_next_reply():
    guard = EchoGuard()
    found = [reply(guard, n, heard=None) for n in range(IN_A_ROW + 1)]
    assert found == [False] * IN_A_ROW + [True]


@pytest.mark.parametrize(
    "spared",
    [
        {"heard": "what time is it"},
        {"heard": "no stop I wanted the other one please"},
        {"heard": "hello I am the", "after_s": 4.0},
        {"heard": "hello I am the", "interrupted": False},
    ],
)
def test_a_person_who_interrupts_is_no_echo_and_ends_the_row(spared):
    guard = EchoGuard()
    assert not any(reply(guard, n, **spared) for n in range(9))
    row = [reply(guard, 20 + n, heard="hello I am") for n in range(IN_A_ROW - 1)]
    assert not any([*row, reply(guard, 40, **spared)])
    assert not reply(guard, 50, heard="hello I am")


def test_what_is_no_reply_does_not_matter():
    guard = EchoGuard()
    assert not guard.note(ReplyDone("r9", interrupted=True), 1.0)
    assert not guard.note(SpeechStarted(), 2.0)
    assert not guard.heard("hello")
