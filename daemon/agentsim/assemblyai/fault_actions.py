"""Fault actions: what the stand-in does wrong at one moment."""

import json
from collections.abc import Callable

from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.sender import Sender
from agentsim.assemblyai.session import AgentSession
from agentsim.assemblyai.tool_objects import HTTP_TOOL
from agentsim.faults import Fault

MIB = 1 << 20


def perform(fault: Fault, connection: Sender, session: AgentSession | None) -> None:
    """Do what `fault` says; what needs a session is left out before there is one."""
    if fault.name in _ON_CONNECTION:
        _ON_CONNECTION[fault.name](connection, fault)
    elif session:
        _ON_SESSION[fault.name](session, fault)


_ON_CONNECTION: dict[str, Callable[[Sender, Fault], object]] = {
    "drop": lambda connection, _: connection.drop(),
    "half-open": lambda connection, _: connection.freeze(),
    "close": lambda connection, fault: connection.close(int(fault.number)),
    "error": lambda connection, fault: connection.refuse(
        Refusal(fault.text, "A fault was asked for.")
    ),
    "unknown-type": lambda connection, _: connection.send("agent.mood", mood="curious"),
    "malformed-json": lambda connection, _: connection.send_raw(
        '{"type": "reply.audio", "data": "AAA'
    ),
    "binary": lambda connection, _: connection.send_raw(bytes(range(256))),
    "huge": lambda connection, fault: connection.send_raw(
        json.dumps({"type": "agent.mood", "padding": "x" * int(fault.number * MIB)})
    ),
    "stray-audio": lambda connection, _: connection.send(
        "reply.audio", reply_id="resp_stray", data="AAAA" * 160
    ),
}


def _send_bad_base64(session: AgentSession, _fault: Fault) -> None:
    reply = session.talk.reply
    session.send("reply.audio", reply_id=reply.id if reply else "resp_0", data="not base64!")


_ON_SESSION: dict[str, Callable[[AgentSession, Fault], object]] = {
    "ended": lambda session, _: session.finish(),
    "reply-error": lambda session, fault: session.talk.fail(fault.text),
    "bad-base64": _send_bad_base64,
    "http-tool-call": lambda session, _: session.talk.calls.inform(HTTP_TOOL["name"]),
}
