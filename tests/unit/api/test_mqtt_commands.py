"""What is told of orders that are not done: never so much that it fills the journal (mqtt_commands.py)."""

import asyncio
import logging

import pytest

from voiced.api.mqtt_commands import BURST, FIRST_LINES, LINE_EVERY_S, Orders
from voiced.errors import RequestRefused

SAY = "voiced/kitchen/set/say"
MINUTES = 10
MOST_LINES = FIRST_LINES + MINUTES * 60 / LINE_EVERY_S


class Refusing:
    """Says nothing, for one reason or another."""

    def say(self, text):
        raise RequestRefused("there is nothing to say" if not text.strip() else "that is too long")


@pytest.fixture
def orders(caplog):
    caplog.set_level(logging.WARNING)
    return Orders({SAY: "say"}, Refusing())


async def test_words_that_cannot_be_said_are_told_each_time_and_at_most_once_a_minute(
    orders, caplog
):
    for _ in range(FIRST_LINES):
        orders.take(SAY, b" ", is_kept=False)
    assert len(caplog.messages) == FIRST_LINES
    for _ in range(MINUTES * 600):
        orders.take(SAY, b" ", is_kept=False)
        await asyncio.sleep(0.1)
    assert MOST_LINES - 1 <= len(caplog.messages) <= MOST_LINES


async def test_another_reason_is_told_at_once(orders, caplog):
    for _ in range(100):
        orders.take(SAY, b" ", is_kept=False)
    orders.take(SAY, b"long", is_kept=False)
    assert caplog.messages[-1] == f"mqtt.ignored: {SAY}: that is too long"


async def test_floods_that_come_again_and_again_are_told_of_at_most_once_a_minute(orders, caplog):
    floods = MINUTES * 10
    for _ in range(floods):
        for _ in range(int(2 * BURST)):
            orders.has_patience()
        await asyncio.sleep(60 * MINUTES / floods)
    assert MOST_LINES - 1 <= len(caplog.messages) <= MOST_LINES
