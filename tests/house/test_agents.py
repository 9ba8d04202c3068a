"""Agents differ by facts of their codecs, nowhere by their names."""

import re

import pytest

from tests.house.repository import ROOT, modules, place
from voiced.agents import AGENTS

BY_NAME = re.compile(rf"""\b(?:if|elif|case|match|==|!=|in)\b.*["'](?:{"|".join(AGENTS)})["']""")
ELSEWHERE = [
    path
    for path in modules("daemon")
    if path.is_relative_to(ROOT / "daemon" / "voiced")
    and not path.is_relative_to(ROOT / "daemon" / "voiced" / "agents")
]


@pytest.mark.parametrize("path", ELSEWHERE, ids=place)
def test_nothing_outside_the_agents_asks_which_agent_it_is(path):
    text = path.read_text(encoding="utf-8")
    assert BY_NAME.findall(text) == []
    assert not re.search(r"\bprotocol\s*(==|!=|is|in)\b(?! AGENTS)", text)


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_is_one_line_of_the_registry(name):
    assert re.fullmatch(rf"voiced\.agents\.{name}:\w+", AGENTS[name])
