"""Error codes, and which of them close the connection."""

FATAL_CODES = {
    "unauthorized": 1008,
    "forbidden": 1008,
    "session_not_found": 1008,
    "session_forbidden": 1008,
    "session_expired": 1008,
    "agent_not_found": 1008,
    "at_capacity": 1008,
    "concurrency_exceeded": 1008,
    "internal_error": 1011,
    "server_error": 1011,
    "agent_init_failed": 1011,
    "agent_timeout": 1011,
}
"""Close code after each error that always ends the connection."""

FATAL_AT_FIRST = {"invalid_value", "invalid_config", "invalid_webhook"}
"""Errors that end the connection with 1008 if they are about the first update."""


class Refusal(Exception):  # noqa: N818 - reads as what happened
    """The service refuses something the client sent.

    Attributes:
        code: The error code, in lower case.
        message: A sentence for a person.
        param: The field it is about.
    """

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(code, message, param)
        self.code = code
        self.message = message
        self.param = param

    def close_code(self, *, first: bool) -> int | None:
        """Return the close code that follows; None if the connection stays open."""
        code = self.code.lower()
        if first and code in FATAL_AT_FIRST:
            return 1008
        return FATAL_CODES.get(code)
