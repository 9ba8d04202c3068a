"""Speech recognition: from recorded words to text."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

from agentsim.errors import SetupError
from agentsim.sound import HEARING_HZ, Samples

WORDS_PER_S = 3.0


class Understanding(Protocol):
    """Understands speech. It is called on another thread than the loop's, one call at a time."""

    def understand(self, samples: Samples, turn: int) -> str | None:
        """Return what was said.

        Args:
            samples: Mono at `HEARING_HZ`.
            turn: Which turn of the session this is, from 1.

        Returns:
            None if it could not be understood; an empty text if it was not speech, which the agent
            then ignores.
        """

    def partly(self, samples: Samples, turn: int) -> str | None:
        """Return what was said so far, in the middle of a turn."""

    def close(self) -> None:
        """Release its resources; idempotent."""


class Scripted:
    """Returns the nth line of a script for the nth turn, whatever the sound."""

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self.lines = list(lines)

    def understand(self, samples: Samples, turn: int) -> str | None:
        """Return the line of `turn`; None after the last line."""
        del samples
        return self.lines[turn - 1] if turn <= len(self.lines) else None

    def partly(self, samples: Samples, turn: int) -> str | None:
        """Return as many words of the line as fit into the sound."""
        line = self.understand(samples, turn)
        n_words = int(len(samples) / HEARING_HZ * WORDS_PER_S)
        return " ".join(line.split()[:n_words]) if line else None

    def close(self) -> None:
        """Do nothing: it has no resources."""


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
