"""Regular expressions that are held against what an agent sends, by RE2.

Matching cannot be interrupted, and holds up everything else in the process. RE2 looks at each character
once and keeps within its memory, whatever the expression and the text; in return it knows no lookaround
and no references to groups. https://github.com/google/re2/wiki/Syntax says what it knows.

The library costs 4 MB and is imported by the first pattern.
"""

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from voiced.errors import Problem

MOST_STEPS = 10_000_000
"""States times characters: about a second on a small board at worst."""

MOST_BYTES = 1024 * 1024
"""That one expression may take, with what is remembered of matching it."""

_BEYOND = (
    ("invalid perl operator", "uses lookaround, or a flag that is not supported"),
    ("invalid escape sequence", "uses a backreference, or an unknown escape"),
    ("invalid repetition size", "repeats something more than 1000 times"),
    ("pattern too large", "is too large"),
)
"""How RE2 says that it cannot do something, and what that means."""


def problem_of(pattern: str, max_chars: int, path: tuple[str | int, ...]) -> Problem | None:
    """Return what is wrong with `pattern` for texts of so many characters, None if nothing is."""
    if find_spec("re2") is None:
        what = "a pattern needs the library google-re2, which is not here"
        return Problem(
            path, what, "run `pip install 'voiced[tools]'`, or write an `enum`", here=True
        )
    import re2

    try:
        n_states: int = _compiled(pattern).programsize
    except re2.error as error:
        return Problem(path, *_explained(error))
    if n_states * max_chars > MOST_STEPS:
        what = f"can be slow for a text of {max_chars} characters"
        return Problem(path, what, "write a simpler one, or a smaller maxLength")
    return None


def is_found(pattern: str, text: str) -> bool:
    """Tell whether `pattern` matches somewhere in `text`."""
    return _compiled(pattern).search(text) is not None


@lru_cache
def _compiled(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.max_mem = MOST_BYTES
    options.never_capture = True
    options.log_errors = False  # it would write them to standard error itself
    return re2.compile(pattern, options)


def _explained(error: Exception) -> tuple[str, str]:
    said = error.args[0].decode(errors="replace")
    for begin, meaning in _BEYOND:
        if said.startswith(begin):
            return meaning, f"the engine for patterns (RE2) says: {said}"
    return "not a regular expression", f"the engine for patterns (RE2) says: {said}"
