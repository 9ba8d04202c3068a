"""The answer to a request for a temporary token, of any agent."""

from collections.abc import Mapping
from http import HTTPStatus

from voiced.agents.codec import HttpAnswer
from voiced.agents.reading import Body, MalformedError, read_object
from voiced.errors import AgentBusy, LinkError, LinkRejected


def token_answer(answer: HttpAnswer, remedies: Mapping[int, str]) -> Body:
    """Return what a token request was answered with; nothing if that is not an object.

    Args:
        answer: The answer.
        remedies: What the owner must do, by the status that only the owner can mend.

    Raises:
        LinkRejected: If only the owner can help.
        AgentBusy: If we asked too often.
        LinkError: If there was no success.
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
