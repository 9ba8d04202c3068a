"""No setting holds a control character: a card's name with NUL ended the daemon."""

import json
from collections.abc import Mapping
from typing import get_origin

import pytest

from tests.unit.config.samples import problems
from voiced.config.schema import Settings
from voiced.lib.sections import every_setting

PLACES = [path for path, setting in every_setting(Settings) if setting.bare is str]


def nested(path, value):
    for key in reversed(path):
        value = {key: value}
    return json.dumps(value)


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f", "\x9b"])
@pytest.mark.parametrize("path", PLACES, ids=".".join)
def test_a_control_character_is_refused_in_every_text(path, character):
    found = [each for each in problems(nested(path, f"a{character}b")) if ".".join(path) in each]
    assert len(found) == 1
    assert f"contains the control character U+{ord(character):04X}" in found[0]
    assert character not in found[0]


NAMES = [
    path for path, setting in every_setting(Settings) if get_origin(setting.bare) is not Mapping
]
UNSEEN = ["\n", "\r", "\t", "\x85", *"\u2028\u2029\u202e\u2066\u200b\ufeff\U000e0041"]


def test_every_name_path_and_address_is_one_line_that_is_what_it_looks_like(measured):
    """A line break in a name writes a line of the log; a mark of direction turns a path around."""
    tries = 0
    for path in NAMES:
        for character in UNSEEN:
            for text in (
                f"a{character}b",
                f"/a{character}b",
                f"https://a/{character}b",
                f"a{character}",
            ):
                for value in (text, [text]):
                    tries += 1
                    found = [
                        each for each in problems(nested(path, value)) if ".".join(path) in each
                    ]
                    assert found, (path, value)
                    assert not any(character in each for each in found)
    measured(f"{tries} texts with characters that cannot be seen tried")


@pytest.mark.parametrize("value", ["a\x1bb", ["x", "a\x1bb"], {"x": ["a\x1bb"]}, {"a\x1bb": 1}])
def test_nor_is_it_taken_deep_in_what_the_agent_is_sent(value):
    found = problems(nested(("agent", "session", "system_prompt"), value))
    assert any("agent.session.system_prompt" in each and "U+001B" in each for each in found)


def test_a_prompt_may_have_lines_and_be_indented():
    text = nested(("agent", "session", "system_prompt"), "One.\n\tTwo.\r\n")
    assert not any("control character" in each for each in problems(text))
