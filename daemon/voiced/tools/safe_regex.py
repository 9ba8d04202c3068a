"""Regular expressions for what an agent sends, matched by RE2.

Matching cannot be interrupted, and blocks the whole process. RE2 needs time proportional to the
text, and bounded memory, for every expression. In return it has no lookaround and no backreferences.
Its syntax: https://github.com/google/re2/wiki/Syntax.

The library costs 4 MB and is imported by the first pattern.
"""

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from voiced.errors import Problem

MOST_STEPS = 10_000_000  # states times characters: at worst about a second on a small board
MOST_BYTES = 1024 * 1024  # of memory per expression, with RE2's cache

# How RE2's errors begin, and what they mean.
_BEYOND = (
    ("invalid perl operator", "uses lookaround, or a flag that is not supported"),
    ("invalid escape sequence", "uses a backreference, or an unknown escape"),
    ("invalid repetition size", "repeats something more than 1000 times"),
    ("pattern too large", "is too large"),
)


def problem_of(pattern: str, max_chars: int, path: tuple[str | int, ...]) -> Problem | None:
    """Return the problem of `pattern` for texts of up to `max_chars`, or None."""
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
    """Return whether `pattern` matches somewhere in `text`."""
    return _compiled(pattern).search(text) is not None


@lru_cache
def _compiled(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.max_mem = MOST_BYTES
    options.never_capture = True
    options.log_errors = False  # RE2 would print them to standard error
    return re2.compile(pattern, options)


def _explained(error: Exception) -> tuple[str, str]:
    said = error.args[0].decode(errors="replace")
    for begin, meaning in _BEYOND:
        if said.startswith(begin):
            return meaning, f"the engine for patterns (RE2) says: {said}"
    return "not a regular expression", f"the engine for patterns (RE2) says: {said}"
