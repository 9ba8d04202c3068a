"""Calls that no reasonable agent makes, and what has to come of each.

A row for another tool goes into a table of its own, and that into `HOSTILE`. Those of declared tools
are in hostile_declared.py.
"""

import asyncio
import json

from agentsim.scenario import Phrases, Scenario
from agentsim.steps import Call, Say, ToolOrder
from tests.hostile_tools import BEHAVIOURS, SECRET, hostile_tools, name_of
from tests.tool_turns import results
from tests.whole import until
from tests.wire.hostile_declared import DECLARED
from tests.wire.hostile_rows import KIB, Hostile
from voiced.assembly.tools import built_in_tools
from voiced.config.schema import Settings
from voiced.core.events import MuteChanged

BRIEF = Scenario(phrases=Phrases(error="No.", timeout="Late."))


def _nested(levels, inner=SECRET):
    for _ in range(levels):
        inner = [inner]
    return inner


def _text(arguments):
    return (
        '{"type": "tool.call", "call_id": "ID", "name": "set_volume", "arguments": '
        + arguments
        + "}"
    )


_VOLUMES = {
    "text with a command": f"50; rm -rf / {SECRET}",
    "text with a template": "{{7*7}} ${HOME} $(reboot)",
    "text with control characters": "50\0\r\n\x1b[31m",
    "text that turns around": "\u202e05",
    "a list": [50],
    "an object": {"$gt": 0, "secret": SECRET},
    "a query": {"percent": 50},
    "true": True,
    "null": None,
    "a fraction": 5.5,
    "too little": -1,
    "too much": 101,
    "far too much": 10**30,
    "huge text": SECRET * 2 * KIB,
    "a message full of text": "x" * 900 * KIB,
    "a huge list": [0] * 24 * KIB,  # more in one message ends the link
    "deep nesting": _nested(40),
    "deeper nesting": _nested(400),
}

ARGUMENTS = {
    **{f"volume: {name}": Hostile("set_volume", {"percent": it}) for name, it in _VOLUMES.items()},
    "text for a number": Hostile("set_volume", {"percent": "50"}, "answer"),
    "change by text": Hostile("set_volume", {"change": f"louder; {SECRET}"}),
    "change beyond all": Hostile("set_volume", {"change": 10**30}, "answer"),
    "both of two": Hostile("set_volume", {"percent": 5, "change": 5}),
    "no arguments": Hostile("set_volume", {}),
    "wrong keys": Hostile("set_volume", {"Percent": 50, "__class__": SECRET}),
    "ten thousand keys": Hostile("set_volume", {f"{SECRET}{n}": n for n in range(10_000)}),
    "keys nobody asked for": Hostile("get_time", {"zone": SECRET, "": None}, "answer"),
    "keys nobody asked for, either": Hostile("get_device_status", {"secrets": True}, "answer"),
    "mute with an answer": Hostile("mute_microphone", {"muted": False}, "answer"),
}

TIMERS = {
    "a duration as text": Hostile("set_timer", {"minutes": f"5; {SECRET}"}),
    "a duration without end": Hostile("set_timer", {"hours": 1e300}),
    "a duration backwards": Hostile("set_timer", {"hours": 1, "minutes": -60}),
    "a huge name": Hostile("set_timer", {"minutes": 5, "name": SECRET * KIB}),
    "a name that is no text": Hostile("set_timer", {"minutes": 5, "name": {"x": SECRET}}),
    "a command for a time": Hostile("set_alarm", {"time": "$(reboot)"}),
    "the end of time": Hostile("set_alarm", {"time": "07:00", "date": "9999-12-31"}),
    "two times": Hostile("remind_me", {"text": SECRET, "minutes": 5, "time": "07:00"}),
    "nothing to cancel": Hostile("cancel_timer", {"id": ["*"], "name": "*"}),
}

NAMES = {
    "unknown": Hostile("order_pizza", {"where": SECRET}),
    "empty": Hostile("", {"x": SECRET}),
    "blank": Hostile(" ", {"x": SECRET}),
    "another spelling": Hostile("Get_Time", {"x": SECRET}),
    "a path": Hostile("../../etc/passwd", {"x": SECRET}),
    "a class": Hostile("voiced.tools.builtin.get_time:GetTime", {"x": SECRET}),
    "an attribute": Hostile("__class__", {"x": SECRET}),
    "terminal codes": Hostile("get_time\x1b[2J\r\n\0", {"x": SECRET}),
    "too long": Hostile("x" * 100 * KIB, {"x": SECRET}),
    "a number": Hostile(7, {"x": SECRET}, raw=True),
    "null": Hostile(None, {"x": SECRET}, raw=True),
    "a list": Hostile(["get_time"], {"x": SECRET}, raw=True),
}

MESSAGES = {
    "arguments as text": Hostile("set_volume", '{"percent": 40}', "answer", raw=True),
    "arguments as other text": Hostile("set_volume", f"percent={SECRET}", raw=True),
    "arguments as deep text": Hostile("set_volume", "[" * 100 * KIB, raw=True),
    "arguments as a list": Hostile("set_volume", [SECRET], raw=True),
    "arguments as a number": Hostile("set_volume", 40, raw=True),
    "arguments as true": Hostile("set_volume", True, raw=True),
    "half a character": Hostile("set_volume", {"percent": "\ud800"}, "nothing", raw=True),
    "half a character for a name": Hostile("\udfff", {"x": SECRET}, "nothing", raw=True),
    "NaN": Hostile("", "", "nothing", raw=True, text=_text('{"percent": NaN}')),
    "Infinity": Hostile("", "", "nothing", raw=True, text=_text('{"percent": -Infinity}')),
    "a number without end": Hostile("", "", "nothing", raw=True, text=_text('{"percent": 1e400}')),
    "a key twice": Hostile("", "", raw=True, text=_text('{"percent": 5, "percent": "a"}')),
    "nested without end": Hostile(
        "", "", "nothing", raw=True, text=_text("[" * 100 * KIB + "]" * 100 * KIB)
    ),
    "no id": Hostile("", "", "nothing", raw=True, text='{"type": "tool.call", "name": "get_time"}'),
    "an id that is a number": Hostile(
        "", "", "nothing", raw=True, text='{"type": "tool.call", "call_id": 7, "name": "get_time"}'
    ),
    "an id without end": Hostile(
        *("", "", "nothing", True),
        '{"type": "tool.call", "name": "get_time", "call_id": "%s"}' % ("7" * 100 * KIB),
    ),
}

HOSTILE = {
    **{f"argument, {name}": it for name, it in ARGUMENTS.items()},
    **{f"timer, {name}": it for name, it in TIMERS.items()},
    **{f"name, {name}": it for name, it in NAMES.items()},
    **{f"message, {name}": it for name, it in MESSAGES.items()},
    **{f"tool {name}": Hostile(name_of(name), {"x": SECRET}) for name in BEHAVIOURS},
    **DECLARED,
}
"""At least forty: acceptance 3."""


def tools(house=None):
    """Return the daemon's own tools, those that misbehave, and those of a house."""
    declared = [] if house is None else house.tools
    return [*built_in_tools(Settings()).values(), *hostile_tools(), *declared]


async def harass(it, wanted=None):
    """Make every hostile call, or those `wanted`; return what came of each that should not have.

    `it` has the `runtime`, the `house` of the declared tools, and `service` and `session` of a
    stand-in that follows `BRIEF`.
    """
    wrong = {}
    for number, (name, row) in enumerate((wanted or HOSTILE).items()):
        call = _make_raw_call if row.raw else _make_call
        came = await call(it, row, number)
        it.runtime.dispatch(MuteChanged(muted=False))
        arrived = it.house.taken()
        if (came, arrived) != (row.comes, row.arrives):
            wrong[name] = came, arrived
        if name.startswith("program") and (left := it.house.left_behind()):
            wrong[name] = came, left
    return wrong


async def _make_call(it, row, _number):
    """Have the agent make a call in a turn of its own; return what came of it."""
    n_said = len(it.captions.final("agent"))
    n_before = len(results(it))
    order = ToolOrder(row.name, row.arguments)
    it.session.talk.say((Call((order,)), Say("Yes.")), "own", 0)
    return await _come(it, n_before, lambda: len(it.captions.final("agent")) > n_said)


async def _make_raw_call(it, row, number):
    n_before = len(results(it))
    call_id = f"raw-{number}"
    call = {"type": "tool.call", "call_id": call_id, "name": row.name, "arguments": row.arguments}
    it.session.connection.send_raw(row.text.replace("ID", call_id) or json.dumps(call))
    if row.comes == "nothing":
        await asyncio.sleep(0.1)
    return await _come(it, n_before, lambda: row.comes == "nothing" or len(results(it)) > n_before)


async def _come(it, n_before, is_over):
    try:
        await until(is_over, within_s=5)
    except TimeoutError:
        return "nothing"
    came = ["apology" if each.get("is_error") else "answer" for each in results(it)[n_before:]]
    return ", ".join(came) or "nothing"
