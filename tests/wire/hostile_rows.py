"""What the tables of hostile calls consist of."""

from dataclasses import dataclass
from typing import Literal

KIB = 1024


@dataclass(frozen=True)
class Hostile:
    """One call.

    Attributes:
        name: Of the tool.
        arguments: What it is called with.
        comes: What the agent must get.
        raw: The stand-in would not make such a call: the message is sent as it is, without a turn.
        text: The message, with `ID` for the id of the call, where JSON alone cannot say it.
        arrives: What programs and services must have been given, as `hostile_house` notes it.
    """

    name: object
    arguments: object
    comes: Literal["answer", "apology", "nothing"] = "apology"
    raw: bool = False
    text: str = ""
    arrives: tuple = ()
