"""Which answer a user's turn gets: from the scenario's rules first, then a default answer."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from agentsim.intents import LOUD, MIDDLE, QUIET, Intent, spelled
from agentsim.scenario import Rule, Scenario
from agentsim.steps import Call, Repeat, Say, Step, ToolOrder

JOKE = "Why did the speaker go to school? To work on its volume."
STORY = (
    "Once upon a time there was a small computer that lived on a shelf in a kitchen. "
    "It had one ear, one mouth, and a very long memory. "
    "Every morning it listened to the kettle, and to the rain on the window. "
    "One day the kettle fell silent, and nobody knew why. "
    "So the little computer asked the lamp, and the lamp asked the clock, "
    "and the clock said that it was only Sunday. "
    "They all waited together until the sun came up, and then the kettle sang again. "
    "And from that day on, they never worried about a quiet morning. The end."
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user said.

    Attributes:
        number: Counts from 1.
        text: The words; None if none were understood.
        intent: What they ask for; None if that is unclear.
    """

    number: int
    text: str | None
    intent: Intent | None


def choose(turn: Turn, scenario: Scenario, tools: Collection[str]) -> tuple[Step, ...]:
    """Return the answer to `turn`, given the names of the tools the client has."""
    for rule in scenario.rules:
        if _matches(rule, turn):
            return rule.steps
    if turn.intent is None:
        return (Say(scenario.phrases.repeat), Repeat())
    return _default_answer(turn.intent, tools)


def _matches(rule: Rule, turn: Turn) -> bool:
    if rule.turn is not None and rule.turn != turn.number:
        return False
    if rule.intent is not None and (turn.intent is None or turn.intent.name != rule.intent):
        return False
    return rule.text is None or bool(turn.text and rule.text.search(turn.text))


def _default_answer(intent: Intent, tools: Collection[str]) -> tuple[Step, ...]:
    if intent.name == "time":
        if "get_time" in tools:
            return (Call((ToolOrder("get_time"),)), Say("It is {get_time.time}."))
        return (Say("I cannot see a clock from here."),)
    if intent.name in {"volume", "volume_up", "volume_down"}:
        if "set_volume" in tools:
            return _set_volume(_percent(intent))
        return (Say("I cannot change the volume here."),)
    if intent.name in {"timer", "cancel_timer"}:
        return _timer(intent, tools)
    if intent.name == "goodbye":
        farewell = Call((ToolOrder("end_conversation"),))
        return (Say("Goodbye."), farewell) if "end_conversation" in tools else (Say("Goodbye."),)
    return (Say({"joke": JOKE, "story": STORY, "stop": "All right."}[intent.name]),)


def _percent(intent: Intent) -> int:
    percent = {"volume": MIDDLE, "volume_up": LOUD, "volume_down": QUIET}[intent.name]
    return int(intent.slots.get("percent", percent))


def _set_volume(percent: int) -> tuple[Step, ...]:
    order = ToolOrder("set_volume", {"percent": percent})
    return (Call((order,)), Say(f"The volume is now {spelled(percent)} percent."))


def _timer(intent: Intent, tools: Collection[str]) -> tuple[Step, ...]:
    tool = {"timer": "set_timer", "cancel_timer": "cancel_timer"}[intent.name]
    if tool not in tools:
        return (Say("I have no timers."),)
    named = {key: value for key, value in intent.slots.items() if key == "name"}
    if intent.name == "cancel_timer":
        return (Call((ToolOrder(tool, named),)), Say("The timer is cancelled."))
    count, unit = int(intent.slots["count"]), str(intent.slots["unit"])
    order = ToolOrder(tool, {f"{unit}s": count, **named})
    units = unit if count == 1 else f"{unit}s"
    return (Call((order,)), Say(f"Your timer is set for {count} {units}."))


def instructed(instructions: str) -> str:
    """Return what to say when the client asks for a reply with `instructions`.

    That is the text in quotation marks, or else all of the instructions. If they speak of a timer or
    an alarm, the answer says that it is over or rings.
    """
    quoted = re.search(r"[\"“](.+?)[\"”]", instructions)
    words = quoted[1] if quoted else ""
    frame = re.sub(r"[\"“].+?[\"”]", "", instructions).lower()
    for thing, news in (("timer", "Your timer is over"), ("alarm", "Your alarm is ringing")):
        if re.search(rf"\b{thing}\b", frame):
            return f"{news}: {words}." if words else f"{news}."
    return words or instructions or "Yes?"
