"""Which answer a user's turn gets: the scenario's rules first, then a few manners of its own."""

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
        text: What was understood; None if nothing was.
        intent: What it asks for; None if that is unclear.
    """

    number: int
    text: str | None
    intent: Intent | None


def choose(turn: Turn, scenario: Scenario, tools: Collection[str]) -> tuple[Step, ...]:
    """Return the answer to `turn`, given the names of the tools the client has."""
    for rule in scenario.rules:
        if _fits(rule, turn):
            return rule.steps
    if turn.intent is None:
        return (Say(scenario.phrases.repeat), Repeat())
    return _manners(turn.intent, tools)


def _fits(rule: Rule, turn: Turn) -> bool:
    if rule.turn is not None and rule.turn != turn.number:
        return False
    if rule.intent is not None and (turn.intent is None or turn.intent.name != rule.intent):
        return False
    return rule.text is None or bool(turn.text and rule.text.search(turn.text))


def _manners(intent: Intent, tools: Collection[str]) -> tuple[Step, ...]:
    if intent.name == "time":
        if "get_time" in tools:
            return (Call((ToolOrder("get_time"),)), Say("It is {get_time.time}."))
        return (Say("I cannot see a clock from here."),)
    if intent.name in {"volume", "volume_up", "volume_down"}:
        if "set_volume" in tools:
            return _set_volume(_percent(intent))
        return (Say("I cannot change the volume here."),)
    if intent.name == "goodbye":
        farewell = Call((ToolOrder("end_conversation"),))
        return (Say("Goodbye."), farewell) if "end_conversation" in tools else (Say("Goodbye."),)
    return (Say({"joke": JOKE, "story": STORY, "stop": "All right."}[intent.name]),)


def _percent(intent: Intent) -> int:
    return intent.slots.get(
        "percent", {"volume": MIDDLE, "volume_up": LOUD, "volume_down": QUIET}[intent.name]
    )


def _set_volume(percent: int) -> tuple[Step, ...]:
    order = ToolOrder("set_volume", {"percent": percent})
    return (Call((order,)), Say(f"The volume is now {spelled(percent)} percent."))
