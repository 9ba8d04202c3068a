"""Scenario files: YAML that tells a stand-in agent what to say, call and break.

Example:
    name: kitchen
    greeting: Hello there.            # when the client sets no greeting
    hears: [what time is it]          # understanding by script: the words of each turn
    turns:                            # the first rule that matches a turn answers it
      - when: {intent: time}          # or {turn: 2}, or {text: a regular expression}
        do:
          - say: Let me look.
          - call: {name: get_time}    # or a list: several at once
          - say: It is {get_time.time}.
      - when: {turn: 3}
        do: [repeat, {pause: 0.5}, {fault: drop@reply+300}, {say: Oh no.}, end]
    faults: [jitter=100]
    timing: {think_s: 0.1}
    agents: {agent_1: {system_prompt: Be brief., greeting: Hi.}}
    voices: [alba, jane]
    phrases: {error: That did not work., timeout: No answer., repeat: "You said:"}
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from agentsim.errors import SetupError
from agentsim.faults import parse
from agentsim.intents import INTENTS
from agentsim.steps import Break, Call, Finish, Pause, Repeat, Say, Step, ToolOrder
from agentsim.timing import Timing

SHIPPED = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True)
class Rule:
    """Which turns get which answer. A condition that is not given always holds."""

    steps: tuple[Step, ...]
    turn: int | None = None
    intent: str | None = None
    text: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Phrases:
    """What the agent says when there is no answer."""

    error: str = "Sorry, that did not work."
    timeout: str = "Sorry, I got no answer."
    repeat: str = "You said:"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One checked scenario file."""

    name: str = "default"
    greeting: str | None = None
    hears: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    faults: tuple[str, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    agents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    voices: tuple[str, ...] | None = None
    phrases: Phrases = field(default_factory=Phrases)


def load(name: str) -> Scenario:
    """Read a scenario file, given its path or the name of a shipped one.

    Raises:
        SetupError: If there is no such file or it is not a valid scenario.
    """
    shipped = SHIPPED / f"{name}.yaml"
    path = shipped if shipped.is_file() else Path(name)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        names = ", ".join(sorted(each.stem for each in SHIPPED.glob("*.yaml")))
        raise SetupError(name, f"no such scenario file; shipped ones: {names}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SetupError(name, f"not YAML: {' '.join(str(error).split())}") from None
    return read({} if content is None else content, str(path))


def read(content: Any, where: str) -> Scenario:
    """Check the content of a scenario file.

    Raises:
        SetupError: If it is not a valid scenario; the error names `where` and the key.
    """
    entries = _mapping(
        where, content, {each.name for each in fields(Scenario)} - {"rules"} | {"turns"}
    )
    at = {key: f"{where}: {key}" for key in entries}
    readers: dict[str, Callable[[str, Any], Any]] = {
        "name": _text,
        "greeting": _text,
        "hears": lambda place, value: tuple(_each(place, value, _text)),
        "faults": lambda place, value: tuple(_each(place, value, _fault)),
        "timing": _timing,
        "agents": _agents,
        "voices": lambda place, value: tuple(_each(place, value, _text)),
        "phrases": _phrases,
        "turns": lambda place, value: tuple(_each(place, value, _rule)),
    }
    ready: dict[str, Any] = {key: readers[key](at[key], value) for key, value in entries.items()}
    if "turns" in ready:
        ready["rules"] = ready.pop("turns")
    return Scenario(**ready)


def _rule(where: str, value: Any) -> Rule:
    entries = _mapping(where, value, {"when", "do"})
    if "do" not in entries:
        raise SetupError(where, "needs `do`, a list of steps")
    when = _mapping(f"{where}.when", entries.get("when", {}), {"turn", "intent", "text"})
    turn, intent, pattern = when.get("turn"), when.get("intent"), when.get("text")
    if turn is not None and (isinstance(turn, bool) or not isinstance(turn, int) or turn < 1):
        raise SetupError(f"{where}.when.turn", "must be a whole number from 1")
    if intent is not None and intent not in INTENTS:
        raise SetupError(f"{where}.when.intent", f"must be one of {', '.join(INTENTS)}")
    return Rule(
        steps=tuple(_each(f"{where}.do", entries["do"], _step)),
        turn=turn,
        intent=intent,
        text=None if pattern is None else _pattern(f"{where}.when.text", pattern),
    )


def _step(where: str, value: Any) -> Step:
    if value == "repeat":
        return Repeat()
    if value == "end":
        return Finish()
    if not isinstance(value, dict) or len(value) != 1:
        raise SetupError(where, "must be one of say, call, pause, fault, repeat, end")
    key, content = next(iter(value.items()))
    place = f"{where}.{key}"
    if key == "say":
        return Say(_text(place, content))
    if key == "pause":
        return Pause(_seconds(place, content))
    if key == "fault":
        return Break(_fault(place, content))
    if key == "call":
        orders = content if isinstance(content, list) else [content]
        return Call(tuple(_each(place, orders, _order)))
    raise SetupError(where, f"{key!r} is not a step; use say, call, pause, fault, repeat or end")


def _order(where: str, value: Any) -> ToolOrder:
    entries = _mapping(where, value, {"name", "arguments"})
    arguments = entries.get("arguments", {})
    if not isinstance(arguments, dict):
        raise SetupError(f"{where}.arguments", "must be a mapping")
    return ToolOrder(_text(f"{where}.name", entries.get("name")), arguments)


def _fault(where: str, value: Any) -> str:
    written = _text(where, value)
    try:
        parse(written)
    except SetupError as error:
        raise SetupError(where, str(error)) from None
    return written


def _timing(where: str, value: Any) -> dict[str, float]:
    entries = _mapping(where, value, {each.name for each in fields(Timing)})
    return {key: _seconds(f"{where}.{key}", each) for key, each in entries.items()}


def _agents(where: str, value: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict):
        raise SetupError(where, "must map agent ids to session objects")
    for name, agent in value.items():
        if not isinstance(agent, dict) or "agent_id" in agent:
            raise SetupError(f"{where}.{name}", "must be a session object without agent_id")
    return value


def _phrases(where: str, value: Any) -> Phrases:
    entries = _mapping(where, value, {each.name for each in fields(Phrases)})
    return Phrases(**{key: _text(f"{where}.{key}", each) for key, each in entries.items()})


def _mapping(where: str, value: Any, keys: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SetupError(where, "must be a mapping")
    for key in value:
        if key not in keys:
            near = get_close_matches(str(key), keys, 1)
            hint = f"did you mean {near[0]}?" if near else f"use {', '.join(sorted(keys))}"
            raise SetupError(where, f"unknown key {key!r}; {hint}")
    return value


def _each(where: str, value: Any, read_one: Any) -> list[Any]:
    if not isinstance(value, list):
        raise SetupError(where, "must be a list")
    return [read_one(f"{where}[{index}]", each) for index, each in enumerate(value)]


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SetupError(where, "must be text")
    return value


def _seconds(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise SetupError(where, "must be a number of seconds")
    return float(value)


def _pattern(where: str, value: Any) -> re.Pattern[str]:
    try:
        return re.compile(_text(where, value), re.IGNORECASE)
    except re.error as error:
        raise SetupError(where, f"not a regular expression: {error}") from None
