"""The built-in tools, as the agent calls them."""

import asyncio
from datetime import datetime

import pytest

from voiced.core.events import EndRequested
from voiced.errors import ToolError
from voiced.tools.clock import GetTime
from voiced.tools.loudness import SetVolume
from voiced.tools.parting import EndConversation


class House:
    def __init__(self, volume=50):
        self.volume = volume
        self.events = []

    def dispatch(self, event):
        self.events.append(event)


async def test_the_time_is_the_local_time():
    answer = await GetTime().call({}, House())
    told = datetime.fromisoformat(f"{answer['date']}T{answer['time']}")
    assert abs((datetime.now() - told).total_seconds()) < 120  # noqa: DTZ005 - local on purpose


@pytest.mark.parametrize(
    ("arguments", "volume"),
    [
        ({"percent": 0}, 0),
        ({"percent": 100}, 100),
        ({"change": 20}, 70),
        ({"change": -20}, 30),
        ({"change": 90}, 100),
        ({"change": -90}, 0),
    ],
)
async def test_the_volume_is_set_or_changed_within_its_limits(arguments, volume):
    house = House(volume=50)
    assert await SetVolume().call(arguments, house) == {"percent": volume}
    assert house.volume == volume


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"percent": 5, "change": 5},
        {"percent": 101},
        {"percent": -1},
        {"percent": "50"},
        {"percent": 5.5},
        {"change": True},
        {"change": []},
    ],
)
async def test_nonsense_is_answered_with_a_sentence_and_changes_nothing(arguments):
    house = House(volume=50)
    with pytest.raises(ToolError, match=r"^[A-Z].*\.$"):
        await SetVolume().call(arguments, house)
    assert house.volume == 50


async def test_goodbye_waits_for_the_parting_words():
    house = House()
    await asyncio.wait_for(EndConversation().call({}, house), 1)
    assert house.events == [EndRequested(after_reply=True)]
