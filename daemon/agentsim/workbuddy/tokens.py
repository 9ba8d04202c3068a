"""Tokens that each open one connection."""

import secrets
from collections.abc import Callable


class Tokens:
    """The tokens that are valid now."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._expire_at: dict[str, float] = {}

    def issue(self, lifetime_s: float) -> str:
        """Return a new token."""
        token = f"jwt.{secrets.token_urlsafe(24)}"
        self._expire_at[token] = self._now() + lifetime_s
        return token

    def redeem(self, token: str) -> bool:
        """Use up a token; return whether it was valid."""
        return self._expire_at.pop(token, float("-inf")) > self._now()
