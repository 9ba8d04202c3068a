"""The REST calls: temporary tokens, voices, agents, sessions."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from agentsim.assemblyai.credentials import (
    LEAST_SESSION_S,
    LEAST_TOKEN_S,
    MOST_SESSION_S,
    MOST_TOKEN_S,
    Credentials,
)
from agentsim.assemblyai.sessions import Sessions
from agentsim.assemblyai.settings import Settings

Answer = tuple[int, Mapping[str, Any]]


def answer(
    sessions: Sessions,
    credentials: Credentials,
    method: str,
    url: str,
    headers: Mapping[str, str],
) -> Answer:
    """Answer one call: status and JSON body."""
    split = urlsplit(url)
    names = {name.lower(): value for name, value in headers.items()}
    owner = credentials.owner_of_key(names.get("authorization"))
    settings = sessions.service.settings
    if method != "GET":
        status, body = _error(405, "Method Not Allowed")
    elif split.path == "/v1/token":
        status, body = _token(settings, credentials, parse_qs(split.query), owner)
    else:
        status, body = _listing(sessions, split.path, owner)
    sessions.service.events.add("rest", method=method, path=split.path, status=status)
    return status, body


def _listing(sessions: Sessions, path: str, owner: str | None) -> Answer:
    if path not in {"/v1/voices", "/v1/agents", "/v1/sessions"}:
        return _error(404, "Not Found")
    if owner is None:
        return _error(404, "Invalid API key")
    settings = sessions.service.settings
    if path == "/v1/voices":
        return 200, {"voices": [{"name": name} for name in settings.voices]}
    if path == "/v1/agents":
        return 200, {"agents": [{"id": name} for name in settings.scenario.agents]}
    mine = [session for session in sessions.all if session.visitor.owner == owner]
    return 200, {"sessions": [session.summary() for session in mine]}


def _token(
    settings: Settings,
    credentials: Credentials,
    query: Mapping[str, list[str]],
    owner: str | None,
) -> Answer:
    fault = settings.faults.get("token-status")
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
    if owner is None:  # as measured: the service answers a wrong key with "not found"
        return _error(404, "Invalid API key")
    if owner in settings.forbidden_keys:
        return 403, {"error": "Forbidden", "code": 403, "details": None}
    token = credentials.issue(owner, lifetime_s, session_s)
    return 200, {"token": token, "expires_in_seconds": lifetime_s}


def _error(status: int, detail: str) -> Answer:
    return status, {"detail": detail}


def _number(query: Mapping[str, list[str]], name: str, least: int, most: int) -> int:
    written = query.get(name, [""])[0]
    if not written:
        raise ValueError(name, "Field required")
    if not written.isdecimal() or not least <= int(written) <= most:
        raise ValueError(name, f"Input should be from {least} to {most}")
    return int(written)
