"""The built-in tools, as the agent calls them."""

import asyncio
from datetime import datetime

import pytest

from voiced import __version__
from voiced.core.events import EndRequested, MuteChanged
from voiced.core.state import Conversation
from voiced.errors import SoundFault, ToolError
from voiced.tools.builtin.end_conversation import EndConversation
from voiced.tools.builtin.get_device_status import GetDeviceStatus
from voiced.tools.builtin.get_time import GetTime
from voiced.tools.builtin.mute_microphone import MuteMicrophone
from voiced.tools.builtin.set_volume import SetVolume


class House:
    def __init__(self, volume=50, **conversation):
        self.volume = volume
        self.conversation = Conversation(**conversation)
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
        ({"percent": "40"}, 40),
        ({"percent": 40.0, "change": None}, 40),
        ({"percent": "40 %", "change": ""}, 40),
        ({"percent": "forty percent"}, 40),
        ({"percent": "maximum"}, 100),
        ({"change": "20"}, 70),
        ({"change": "-20"}, 30),
        ({"change": 20.0}, 70),
        ({"change": "up"}, 60),
        ({"change": "a bit quieter"}, 45),
        ({"change": "much louder"}, 75),
        ({"change": "turn it down by fifteen percent"}, 35),
        ({"change": "turn up the volume to fifty-five"}, 55),
        ({"change": "down to 20"}, 20),
        ({"change": "up to the maximum"}, 100),
        ({"change": "turn it down to half"}, 50),
        ({"change": "down by half"}, 25),
        ({"change": "half louder"}, 75),
        ({"change": "a quarter quieter"}, 38),
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
        {"percent": "loud"},
        {"percent": "%"},
        {"percent": "-5"},
        {"percent": "5.5"},
        {"percent": ".5"},
        {"percent": "1,000"},
        {"percent": 5.5},
        {"percent": float("nan")},
        {"percent": "", "change": None},
        {"change": "different"},
        {"change": "up and down"},
        {"change": "five apples louder"},
        {"change": "down to"},
        {"change": "down to -5"},
        {"change": "from 20 up to 50"},
        {"change": "up to 101"},
        {"change": ".5 louder"},
        {"change": "half a percent louder"},
        {"change": "louder by 0"},
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


async def test_the_agent_mutes_at_once_and_learns_that_only_a_hand_can_unmute():
    house = House()
    answer = await MuteMicrophone().call({}, house)
    assert house.events == [MuteChanged(muted=True)]
    assert "by hand" in answer["to_unmute"]


@pytest.mark.parametrize("sent", [{}, {"muted": False}, {"on": True}, {"to_unmute": "now"}])
async def test_no_argument_makes_the_agent_hear_again(sent):
    house = House(muted=True)
    await MuteMicrophone().call(sent, house)
    assert house.events == [MuteChanged(muted=True)]


@pytest.mark.parametrize(
    ("conversation", "told"),
    [
        ({}, {"microphone": "fine", "speaker": "fine", "connection": "fine", "settings": "fine"}),
        ({"muted": True, "microphone": SoundFault.SILENT}, {"microphone": "muted"}),
        ({"microphone": SoundFault.SILENT}, {"microphone": "silent"}),
        ({"speaker": SoundFault.ABSENT}, {"speaker": "absent"}),
        ({"half_duplex": True}, {"can_be_interrupted_by_voice": False}),
        ({"failures": 2}, {"connection": "lost recently, and back now"}),
        (
            {"misconfigured": True},
            {"settings": "were changed to something unusable; the previous ones are in force"},
        ),
        (
            {"update_refused": True},
            {
                "settings": "were changed to something the agent refuses; the previous ones are in force"
            },
        ),
    ],
)
async def test_the_agent_learns_how_the_device_fares(conversation, told):
    answer = await GetDeviceStatus().call({}, House(volume=33, **conversation))
    assert answer.items() >= told.items()
    assert (answer["volume_percent"], answer["version"]) == (33, __version__)
    assert answer["up_for_minutes"] >= 0


async def test_the_status_of_a_device_holds_nothing_secret():
    secrets = {"resume_key": "sess_secret", "reply_id": "secret", "announcements": ("secret",)}
    answer = await GetDeviceStatus().call({}, House(**secrets))
    assert "secret" not in str(answer)
