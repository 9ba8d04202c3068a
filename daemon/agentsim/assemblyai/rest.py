"""The REST calls: temporary tokens, voices, agents, sessions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from agentsim.assemblyai.credentials import (
    LEAST_SESSION_S,
    LEAST_TOKEN_S,
    MOST_SESSION_S,
    MOST_TOKEN_S,
)

if TYPE_CHECKING:
    from agentsim.assemblyai.service import Service

Answer = tuple[int, Mapping[str, Any]]


def answer(service: "Service", method: str, url: str, headers: Mapping[str, str]) -> Answer:
    """Answer one call: status and JSON body."""
    split = urlsplit(url)
    names = {name.lower(): value for name, value in headers.items()}
    owner = service.credentials.owner_of_key(names.get("authorization"))
    status, body = _answer(service, method, split.path, parse_qs(split.query), owner)
    service.events.add("rest", method=method, path=split.path, status=status)
    return status, body


def _answer(
    service: "Service", method: str, path: str, query: Mapping[str, list[str]], owner: str | None
) -> Answer:
    if method != "GET":
        return 405, {"detail": "Method Not Allowed"}
    if path == "/v1/token":
        return _token(service, query, owner)
    if path not in {"/v1/voices", "/v1/agents", "/v1/sessions"}:
        return 404, {"detail": "Not Found"}
    if owner is None:
        return 404, {"detail": "Invalid API key"}
    if path == "/v1/voices":
        return 200, {"voices": [{"name": name} for name in service.settings.voices]}
    if path == "/v1/agents":
        return 200, {"agents": [{"id": name} for name in service.settings.scenario.agents]}
    mine = [session for session in service.sessions if session.visitor.owner == owner]
    return 200, {"sessions": [session.summary() for session in mine]}


def _token(service: "Service", query: Mapping[str, list[str]], owner: str | None) -> Answer:
    fault = service.settings.faults.get("token-status")
    if fault:
        status = int(fault.number)
        return status, {"error": "A fault was asked for.", "code": status, "details": None}
    try:
        lifetime_s = _number(query, "expires_in_seconds", LEAST_TOKEN_S, MOST_TOKEN_S)
        session_s = MOST_SESSION_S
        if "max_session_duration_seconds" in query:
            session_s = _number(
                query, "max_session_duration_seconds", LEAST_SESSION_S, MOST_SESSION_S
            )
    except ValueError as error:
        return 422, {"detail": [{"loc": ["query", error.args[0]], "msg": error.args[1]}]}
    if owner is None:  # measured: a wrong key is "not found"
        return 404, {"detail": "Invalid API key"}
    if owner in service.settings.forbidden_keys:
        return 403, {"error": "Forbidden", "code": 403, "details": None}
    token = service.credentials.issue(owner, lifetime_s, session_s)
    return 200, {"token": token, "expires_in_seconds": lifetime_s}


def _number(query: Mapping[str, list[str]], name: str, least: int, most: int) -> int:
    written = query.get(name, [""])[0]
    if not written:
        raise ValueError(name, "Field required")
    if not written.isdecimal() or not least <= int(written) <= most:
        raise ValueError(name, f"Input should be from {least} to {most}")
    return int(written)
