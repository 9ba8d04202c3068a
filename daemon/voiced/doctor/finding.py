"""The result of a check."""

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
    """One line of the report.

    Attributes:
        check: The check's name; names stay the same across versions.
        result: How it ended.
        text: What was found, in one clause.
        fix: How to fix it, in one sentence; empty if nothing is wrong.
    """

    check: str
    result: Result
    text: str
    fix: str = ""


def ok(check: str, text: str) -> Finding:
    """Return the finding that all is well."""
    return Finding(check, Result.OK, text)


def warn(check: str, text: str, fix: str) -> Finding:
    """Return a finding that may be a problem."""
    return Finding(check, Result.WARN, text, fix)


def fail(check: str, text: str, fix: str) -> Finding:
    """Return a finding that prevents conversations."""
    return Finding(check, Result.FAIL, text, fix)


def skip(check: str, text: str) -> Finding:
    """Return the finding that the check was skipped."""
    return Finding(check, Result.SKIP, text)


def fail_as(check: str, sentence: str, otherwise: str) -> Finding:
    """Return a failure from an error's text, `what is wrong; what to do`; `otherwise` is the default fix."""
    text, _, fix = sentence.partition("; ")
    return fail(check, text, fix or otherwise)
