"""JSON messages of any agent, and fields of messages that may be malformed."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import msgspec

from voiced.agents.codec import Message
from voiced.lib.json_limits import TooLargeError, check_parts

MAX_CREDENTIAL_CHARS = 16_000  # temporary tokens have about 2,500; assemblyai.md §1

Body = Mapping[str, Any]  # one decoded message

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class MalformedError(Exception):
    """A message, or the part of it that is needed, violates the protocol."""


def json_text(value: object) -> str:
    """Return `value` as JSON."""
    return msgspec.json.encode(value).decode()


def read_message(message: Message) -> dict[str, Any]:
    """Return the JSON object in a text message.

    Raises:
        MalformedError: If it holds anything else, or is binary.
    """
    if isinstance(message, bytes):
        raise MalformedError("that is binary")
    return read_object(message)


def read_object(text: str | bytes) -> dict[str, Any]:
    """Return the JSON object in `text`.

    Raises:
        MalformedError: If it holds anything else.
    """
    try:
        check_parts(text)  # a megabyte of empty lists would take fifty in memory
        return _decode(text)
    except TooLargeError as exc:
        raise MalformedError("that contains too many values") from exc
    except (ValueError, RecursionError) as exc:
        raise MalformedError("that is not a JSON object") from exc


def text_in(body: Body, key: str) -> str:
    """Return the text at `key`.

    Raises:
        MalformedError: If there is none.
    """
    value = body.get(key)
    if not isinstance(value, str):
        raise MalformedError(f"without a usable {key}")
    return value


def is_credential(value: object) -> TypeGuard[str]:
    """Return whether `value` can be sent in an HTTP header."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_CREDENTIAL_CHARS
        and value.isascii()
        and value.isprintable()
    )
