"""What a check found."""

from dataclasses import dataclass
from enum import Enum


class Result(Enum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.

    Attributes:
        check: The check's name; names do not change from version to version.
        result: How it ended.
        text: What was found, in one clause.
        fix: What to do about it, in one sentence; empty if nothing.
    """

    check: str
    result: Result
    text: str
    fix: str = ""


def ok(check: str, text: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(check, Result.OK, text)


def warn(check: str, text: str, fix: str) -> Finding:
    """Return a finding that may be trouble."""
    return Finding(check, Result.WARN, text, fix)


def fail(check: str, text: str, fix: str) -> Finding:
    """Return a finding that stops conversations."""
    return Finding(check, Result.FAIL, text, fix)


def skip(check: str, text: str) -> Finding:
    """Return what was not looked at."""
    return Finding(check, Result.SKIP, text)


def fail_as(check: str, sentence: str, otherwise: str) -> Finding:
    """Return a failure from an error's text, `what is wrong; what to do`.

    Args:
        check: The check's name.
        sentence: The text.
        otherwise: What to do if it does not say.
    """
    text, _, fix = sentence.partition("; ")
    return fail(check, text, fix or otherwise)
