"""Fault switches: what goes wrong, where, and how often.

Written `NAME[=VALUE][@PLACE[+MS]][*COUNT]`, the same on the command line, in scenario files and in
tests: `burst=4`, `drop@reply+300`, `error=at_capacity@update*2`, `close=1011@ready`.
`agentsim assemblyai --list-faults` prints the switches.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from agentsim.errors import SetupError

PLACES = ("connect", "update", "ready", "audio", "speech", "reply", "tool", "end")
"""Where a fault action can happen: socket open, first update or resume, ready sent, first input.audio,
user speech detected, reply.started sent, tool.call sent, session.end received."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One kind of fault.

    Attributes:
        sentence: What it does.
        check: Converts the written value; None if the switch takes no value.
        value: The default value; None if there is none.
        place: Where an action happens by default; None for a lasting condition.
        count: How often it happens by default; None means every time.
    """

    sentence: str
    check: Callable[[str], float | str] | None = None
    value: float | str | None = None
    place: str | None = None
    count: int | None = None


def _condition(sentence: str, check: Callable[[str], float | str] | None = None,
               value: float | str | None = None) -> Switch:  # fmt: skip
    return Switch(sentence, check, value)


def _action(sentence: str, place: str, check: Callable[[str], float | str] | None = None,
          value: float | str | None = None) -> Switch:  # fmt: skip
    return Switch(sentence, check, value, place, 1)


SWITCHES = {
    # Actions happen at a place, by default once.
    "drop": _action("cut the TCP connection without a close message", "reply"),
    "half-open": _action("stop reading and writing, keep the socket", "reply"),
    "close": _action("close with this code and no error message", "ready", int, 1011),
    "error": _action("send session.error with this code; close if it is fatal", "update", str,
                   "internal_error"),
    "ended": _action("send session.ended although the client did not ask, then close 1000", "ready"),
    "ended-because": _action("WorkBuddy: send session_ended with this reason, then close 1000",
                           "ready", str, "agent_disconnected"),
    "no-message": _condition("WorkBuddy: close without the error message before it"),
    "wait-for-sound": _condition("WorkBuddy: be ready only once sound has come"),
    "quiet": _condition("WorkBuddy: send nothing instead of silence between replies"),
    "reply-error": _action("fail the reply with reply.error of this code", "reply", str,
                         "llm_error"),
    "unknown-type": _action("send an event of an unknown type", "ready"),
    "malformed-json": _action("send text that is not JSON", "ready"),
    "binary": _action("send a binary message", "ready"),
    "huge": _action("send a message of this many MiB", "ready", float, 2.0),
    "bad-base64": _action("send a reply.audio that is not base64", "reply"),
    "stray-audio": _action("send reply.audio of a reply that has not started", "ready"),
    "http-tool-call": _action("send an informational tool.call of a tool with http", "reply"),
    # Conditions stay on.
    "late-ready": _condition("delay session.ready by this many seconds more", float),
    "never-ready": _condition("never send session.ready; agent_timeout after 10 s"),
    "upgrade-status": _condition("answer the WebSocket upgrade with this HTTP status", int),
    "token-status": _condition("answer GET /v1/token with this HTTP status", int),
    "single-use-tokens": _condition("refuse a token used before"),
    "resume": _condition("refuse every resume with this code", str, "session_not_found"),
    "ignore-end": _condition("do not answer session.end"),
    "burst": _condition("send reply.audio this many times faster than real time", float, 4.0),
    "chunk-bytes": _condition("send reply.audio in pieces of this many bytes", int),
    "odd-sizes": _condition("send reply.audio in pieces of random size, whole frames"),
    "odd-bytes": _condition("send PCM in pieces that cut frames in two"),
    "jitter": _condition("delay each reply.audio by 0 to this many ms, order kept", float, 200.0),
    "early-done": _condition("send reply.done as soon as a burst is sent, before it has been played"),
    "late-audio": _condition("go on sending an interrupted reply for this many ms", float, 300.0),
    "done-first": _condition("on barge-in send reply.done before transcript.agent"),
    "speech-on-noise": _condition("send input.speech.started at onset, before deciding"),
    "refuse-prompt": _condition("refuse a system_prompt that contains this word", str, "forbidden"),
    "silent-agent": _condition("never answer what the user says"),
    "upper-case-codes": _condition("spell error codes in upper case"),
    "string-arguments": _condition("send tool arguments as a JSON string"),
    "old-arguments": _condition("call the arguments `args`"),
    "no-status": _condition("leave status out of reply.done"),
    "no-reply-id": _condition("leave reply_id out of everything"),
    "unknown-field": _condition("add an unknown field to every event"),
    "null-fields": _condition("send optional fields as null instead of leaving them out"),
    "iso-timestamps": _condition("send timestamps as ISO strings"),
    "seed-shape": _condition("send only the fields of the oldest documentation"),
}  # fmt: skip


@dataclass(slots=True)
class Fault:
    """A switch that is on."""

    name: str
    value: float | str | None
    place: str | None
    delay_s: float
    left: int | None

    @property
    def number(self) -> float:
        """The value as a number."""
        return float(self.value or 0)

    @property
    def text(self) -> str:
        """The value as text."""
        return str(self.value or "")


_FORM = re.compile(
    r"(?P<name>[a-z0-9-]+)(=(?P<value>[^@*]+))?"
    r"(@(?P<place>[a-z]+)(\+(?P<delay_ms>\d+))?)?(\*(?P<count>\d+))?"
)


def parse(written: str) -> Fault:
    """Read one fault.

    Raises:
        SetupError: If it is not a valid fault.
    """
    where = f"fault {written!r}"
    form = _FORM.fullmatch(written.strip())
    if form is None:
        raise SetupError(where, "must look like NAME[=VALUE][@PLACE[+MS]][*COUNT]")
    switch = SWITCHES.get(form["name"])
    if switch is None:
        near = get_close_matches(form["name"], SWITCHES, 1)
        raise SetupError(where, "no such switch" + (f"; did you mean {near[0]}?" if near else ""))
    if form["place"] and switch.place is None:
        raise SetupError(where, "this switch is a lasting condition; it takes no @PLACE")
    if form["place"] and form["place"] not in PLACES:
        raise SetupError(where, f"no such place; use one of {', '.join(PLACES)}")
    return Fault(
        name=form["name"],
        value=_value(where, switch, form["value"]),
        place=form["place"] or switch.place,
        delay_s=int(form["delay_ms"] or 0) / 1000,
        left=int(form["count"]) if form["count"] else switch.count,
    )


def _value(where: str, switch: Switch, written: str | None) -> float | str | None:
    if written is None:
        if switch.check and switch.value is None:
            raise SetupError(where, "needs =VALUE")
        return switch.value
    if switch.check is None:
        raise SetupError(where, "takes no value")
    try:
        return switch.check(written)
    except ValueError:
        raise SetupError(where, "the value must be a number") from None


class Faults:
    """The faults that are on, shared by all connections of a stand-in."""

    def __init__(self, written: Iterable[str] = ()) -> None:
        self._on: list[Fault] = []
        for each in written:
            self.add(each)

    def add(self, written: str) -> None:
        """Turn a fault on.

        Raises:
            SetupError: If `written` is not a valid fault.
        """
        self._on.append(parse(written))

    def remove(self, name: str) -> None:
        """Turn every fault called `name` off."""
        self._on = [fault for fault in self._on if fault.name != name]

    def get(self, name: str) -> Fault | None:
        """Return the condition called `name` if it is on, and count one use of it."""
        for fault in self._on:
            if fault.name == name:
                self._use(fault)
                return fault
        return None

    def __contains__(self, name: str) -> bool:
        return any(fault.name == name for fault in self._on)

    def take(self, place: str) -> list[Fault]:
        """Return the actions due at `place`, and count one use of each."""
        due = [fault for fault in self._on if fault.place == place]
        for fault in due:
            self._use(fault)
        return due

    def _use(self, fault: Fault) -> None:
        if fault.left is not None:
            fault.left -= 1
            if fault.left <= 0:
                self._on.remove(fault)
