"""Temporary tokens, for any agent: from its own service, or from the source in `agent.token`."""

from collections.abc import Generator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from voiced.agents.codec import DialCall, HttpAnswer, HttpCall, ProgramCall, TokenSource
from voiced.agents.json_messages import Body, MalformedError, is_credential, read_object
from voiced.errors import AgentBusy, LinkError, LinkRejected
from voiced.lib.json_limits import TooLargeError, check_parts
from voiced.lib.json_pointer import at

OWNERS_REMEDIES: Mapping[int, str] = dict.fromkeys(
    (
        *(HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
        *(HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.UNPROCESSABLE_ENTITY),
    ),
    "check agent.token, and the server that it names",
)


def token_answer(answer: HttpAnswer, remedies: Mapping[int, str]) -> Body:
    """Return the object in the answer to a token request; an empty one if it holds no object.

    `remedies` tells what the owner must do, by HTTP status.

    Raises:
        LinkRejected: If only the owner can solve the problem.
        AgentBusy: If we asked too often.
        LinkError: If the request failed for another reason.
    """
    if (remedy := remedies.get(answer.status)) is not None:
        raise LinkRejected(f"the token request was refused (HTTP {answer.status})", remedy)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise AgentBusy("too many token requests (HTTP 429)")
    if answer.status != HTTPStatus.OK:
        raise LinkError(f"the token request failed (HTTP {answer.status})")
    try:
        return read_object(answer.body)
    except MalformedError:
        return {}


def owners_token(
    source: TokenSource,
) -> Generator[DialCall, HttpAnswer, tuple[str, Body]]:
    """Ask the owner's server or program for a token; return it and the object that holds it.

    Raises:
        LinkRejected: If only the owner can solve the problem.
        AgentBusy: If we asked too often.
        LinkError: If there is none. The message does not quote the answer, which may hold secrets.
    """
    if source.command:
        answer = yield ProgramCall(source.command)
    else:
        headers = {"Accept": "application/json, text/plain", **source.headers}
        answer = yield HttpCall("GET", source.url, headers)
    token_answer(answer, OWNERS_REMEDIES)
    found, beside = _found(answer.body, source.json_pointer)
    if isinstance(found, dict):
        beside, found = found, found.get("token")
    if not is_credential(found):
        where = f" at {source.json_pointer}" if source.json_pointer else ""
        raise LinkError(f"what agent.token returned contains no token{where}")
    return found, beside


def _found(body: bytes, pointer: str) -> tuple[object, dict[str, Any]]:
    """Return what `pointer` leads to (None if nothing), and the object that holds it."""
    try:
        check_parts(body)
        value: object = msgspec.json.decode(body)
    except (ValueError, TooLargeError, RecursionError):
        value = body.decode("ascii", "replace").strip()  # a bare token, as programs print it
    parent, _, _ = pointer.rpartition("/")
    try:
        found, holder = at(value, pointer), at(value, parent)
    except LookupError:
        return None, {}
    return found, holder if isinstance(holder, dict) else {}
