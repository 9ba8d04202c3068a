"""The faulty deeds: things a stand-in does wrong at one moment."""

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from agentsim.assemblyai.refusal import Refusal
from agentsim.faults import Fault

if TYPE_CHECKING:
    from agentsim.assemblyai.connection import Connection

MIB = 1 << 20
HTTP_TOOL = {
    "type": "function",
    "name": "look_up_weather",
    "description": "Called by the service itself.",
    "parameters": {"type": "object", "properties": {}, "required": []},
    "http": {"url": "https://example.invalid/weather", "method": "GET"},
}
"""What the fault `http-tool-call` calls; the configuration lists it while the fault is on."""


def do_deeds(connection: "Connection", place: str) -> None:
    """Do what is due at `place`, each deed after its delay."""
    for fault in connection.service.settings.faults.take(place):
        if fault.delay_s:
            connection.service.timers.after(fault.delay_s, partial(_do, connection, fault))
        else:
            _do(connection, fault)


def _do(connection: "Connection", fault: Fault) -> None:
    if not connection.closed:
        connection.log("fault", fault=fault.name)
        _DEEDS[fault.name](connection, fault)


def _drop(connection: "Connection", _fault: Fault) -> None:
    connection.drop()


def _half_open(connection: "Connection", _fault: Fault) -> None:
    connection.freeze()


def _close(connection: "Connection", fault: Fault) -> None:
    connection.close(int(fault.number))


def _error(connection: "Connection", fault: Fault) -> None:
    connection.refuse(Refusal(fault.text, "A fault was asked for."))


def _ended(connection: "Connection", _fault: Fault) -> None:
    if connection.session:
        connection.session.finish()


def _reply_error(connection: "Connection", fault: Fault) -> None:
    if connection.session:
        connection.session.talk.fail(fault.text)


def _unknown_type(connection: "Connection", _fault: Fault) -> None:
    connection.send("agent.mood", mood="curious")


def _malformed_json(connection: "Connection", _fault: Fault) -> None:
    connection.send_raw('{"type": "reply.audio", "data": "AAA')


def _binary(connection: "Connection", _fault: Fault) -> None:
    connection.send_raw(bytes(range(256)))


def _huge(connection: "Connection", fault: Fault) -> None:
    padding = "x" * int(fault.number * MIB)
    connection.send_raw(json.dumps({"type": "agent.mood", "padding": padding}))


def _bad_base64(connection: "Connection", _fault: Fault) -> None:
    reply = connection.session.talk.reply if connection.session else None
    connection.send("reply.audio", reply_id=reply.id if reply else "resp_0", data="not base64!")


def _stray_audio(connection: "Connection", _fault: Fault) -> None:
    connection.send("reply.audio", reply_id="resp_stray", data="AAAA" * 160)


def _http_tool_call(connection: "Connection", _fault: Fault) -> None:
    if connection.session:
        connection.session.talk.calls.inform(HTTP_TOOL["name"])


_DEEDS: dict[str, Callable[["Connection", Fault], None]] = {
    "drop": _drop,
    "half-open": _half_open,
    "close": _close,
    "error": _error,
    "ended": _ended,
    "reply-error": _reply_error,
    "unknown-type": _unknown_type,
    "malformed-json": _malformed_json,
    "binary": _binary,
    "huge": _huge,
    "bad-base64": _bad_base64,
    "stray-audio": _stray_audio,
    "http-tool-call": _http_tool_call,
}
