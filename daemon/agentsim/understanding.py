"""From recorded words to text."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

from agentsim.errors import SetupError
from agentsim.sound import HEARING_HZ, Samples

WORDS_PER_S = 3.0


class Understanding(Protocol):
    """Something that understands speech. Called off the loop's thread, one call at a time."""

    def understand(self, samples: Samples, turn: int) -> str | None:
        """Return what was said.

        Args:
            samples: Mono at `HEARING_HZ`.
            turn: Which turn of the session this is, from 1.

        Returns:
            None if it was nothing this understands; an empty text if it was no speech at all, of
            which the agent then says nothing.
        """

    def partly(self, samples: Samples, turn: int) -> str | None:
        """Return what was said so far, in the middle of a turn."""

    def close(self) -> None:
        """Let go of what it needs; idempotent."""


class Scripted:
    """Takes the nth turn for the nth line of a script, whatever it sounded like."""

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self.lines = list(lines)

    def understand(self, samples: Samples, turn: int) -> str | None:
        """Return the line of `turn`; None when the script is over."""
        del samples
        return self.lines[turn - 1] if turn <= len(self.lines) else None

    def partly(self, samples: Samples, turn: int) -> str | None:
        """Return as many words of the line as there was time for."""
        line = self.understand(samples, turn)
        n_words = int(len(samples) / HEARING_HZ * WORDS_PER_S)
        return " ".join(line.split()[:n_words]) if line else None

    def close(self) -> None:
        """Let go of nothing."""


UNDERSTANDINGS = ("auto", "sphinx", "none")


def understanding_named(name: str) -> Understanding:
    """Return an understanding by its name on the command line.

    Raises:
        SetupError: If it is not installed.
    """
    if name == "none" or (name == "auto" and not find_spec("pocketsphinx")):
        return Scripted()
    if not find_spec("pocketsphinx"):
        raise SetupError("--understanding sphinx", "needs pocketsphinx: pip install voiced[demo]")
    from agentsim.sphinx import Sphinx

    return Sphinx()
