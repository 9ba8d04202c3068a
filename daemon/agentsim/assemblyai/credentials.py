"""Keys, temporary tokens and resume tokens."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from agentsim.assemblyai.settings import Settings

TOKEN_BYTES = 1_900
"""Makes a token of about 2,500 characters, as on the live service."""
LEAST_TOKEN_S, MOST_TOKEN_S = 1, 600
LEAST_SESSION_S, MOST_SESSION_S = 60, 10_800


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who opened a connection, and how long the session may last."""

    owner: str
    session_s: float = MOST_SESSION_S


@dataclass(slots=True)
class Token:
    """A temporary token."""

    visitor: Visitor
    expires_at: float
    used: bool = False


class Credentials:
    """All credentials that are valid now."""

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._tokens: dict[str, Token] = {}
        self._resume_tokens: dict[str, tuple[str, str]] = {}

    def issue(self, owner: str, lifetime_s: int, session_s: int = MOST_SESSION_S) -> str:
        """Return a new temporary token of `owner`."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._tokens[token] = Token(Visitor(owner, session_s), self._now() + lifetime_s)
        return token

    def rotate(self, session_id: str, owner: str) -> str:
        """Return a new resume token of a session; earlier ones become invalid."""
        self._resume_tokens = {
            token: of for token, of in self._resume_tokens.items() if of[0] != session_id
        }
        token = f"rt_{secrets.token_urlsafe(24)}"
        self._resume_tokens[token] = (session_id, owner)
        return token

    def owner_of_key(self, authorization: str | None) -> str | None:
        """Return the owner of an Authorization header; None if it is not valid."""
        scheme, _, key = (authorization or "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key:
            return None
        known = {*self._settings.keys, *self._settings.forbidden_keys}
        return key if not self._settings.keys or key in known else None

    def admit(self, authorization: str | None, token: str | None) -> Visitor | None:
        """Return who opens a WebSocket with these credentials; None if they are not valid."""
        if token:
            return self._bearer_of_token(token)
        bearer = (authorization or "").partition(" ")[2].strip()
        if bearer in self._resume_tokens:
            return Visitor(self._resume_tokens[bearer][1])
        owner = self.owner_of_key(authorization)
        return Visitor(owner) if owner else None

    def _bearer_of_token(self, text: str) -> Visitor | None:
        # The service's quickstart sends the key itself in place of a token; a device should not.
        if text in self._settings.keys or text in self._settings.forbidden_keys:
            return Visitor(text)
        token = self._tokens.get(text)
        if token is None or self._now() >= token.expires_at:
            return None
        if token.used and "single-use-tokens" in self._settings.faults:
            return None
        token.used = True
        return token.visitor
