"""Authentication of a link: by key, by temporary token, or by the session's own credential."""

from enum import Enum
from http import HTTPStatus
from urllib.parse import quote, urlsplit, urlunsplit

from voiced.agents.assemblyai.agent_state import Memory, SessionRecord
from voiced.agents.codec import AgentSettings, Dial, DialPlan, HttpAnswer, HttpCall
from voiced.agents.json_messages import is_credential
from voiced.agents.tokens import owners_token, token_answer
from voiced.errors import LinkError, LinkRejected, Redial

# Long enough for a slow handshake, too short to be worth stealing. assemblyai.md §1.
_LIFETIMES = "expires_in_seconds=120&max_session_duration_seconds=10800"

_REJECTIONS: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "check agent.url; the server did not understand the token request",
    HTTPStatus.UNAUTHORIZED: "check agent.key",
    HTTPStatus.FORBIDDEN: "the key in agent.key is not allowed to make tokens",
    HTTPStatus.NOT_FOUND: "check agent.key and that agent.url is in the key's region",
    HTTPStatus.UNPROCESSABLE_ENTITY: "check agent.url; the server did not understand the token request",
}


class Credential(Enum):
    """What a link authenticates with."""

    KEY = "key"
    TEMPORARY = "temporary token"
    RESUMING = "session credential"


class SignIn:
    """The authentication of one link. The agent's memory decides which credential to try."""

    def __init__(self, memory: Memory, session: SessionRecord) -> None:
        self._memory = memory
        self._settings = memory.settings
        self._session = session
        self._used = Credential.KEY
        self._token = ""

    @property
    def host(self) -> str:
        """The host of the agent, without user and password, for a log."""
        return urlsplit(self._settings.url).netloc.rpartition("@")[2]

    def secrets(self) -> list[str]:
        """Return every credential that this link may have sent."""
        source = self._settings.token
        headers = [*source.headers.values()] if source else []
        return [self._settings.key or "", self._token, self._session.resume_token, *headers]

    def plan(self) -> DialPlan:
        """Choose a credential and get a token if need be; see `DialPlan`."""
        settings = self._settings
        has_own = settings.key or settings.token
        # The session's own credential is the last resort: it opens no new session.
        if self._session.resume_token and (self._memory.key_refused or not has_own):
            return self._resuming()
        if settings.auth == "bearer" and settings.token is None:
            return Dial(settings.url, bearer(settings.key))
        self._used = Credential.TEMPORARY
        try:
            if settings.token is not None:
                self._token, _ = yield from owners_token(settings.token)
            else:
                url = rest_url(settings.url, "/v1/token", _LIFETIMES)
                call = HttpCall("GET", url, bearer(settings.key))
                self._token = _token_in((yield call))
        except LinkRejected:
            if not self._session.resume_token:
                raise
            return self._resuming()
        separator = "&" if urlsplit(settings.url).query else "?"
        return Dial(f"{settings.url}{separator}token={quote(self._token, safe='')}")

    def refused(self, reason: str) -> LinkError:
        """Return the reaction to a refused credential."""
        if self._used is Credential.TEMPORARY and not self._memory.token_retried:
            self._memory.token_retried = True
            return Redial(f"{reason}; trying once more with a fresh temporary token")
        if self._used is Credential.RESUMING:
            self._session.resume_token = ""
        if self._session.resume_token:
            self._memory.key_refused = True
            return Redial(f"{reason}; trying the session's own credential")
        return LinkRejected(reason, _remedy(self._settings))

    def _resuming(self) -> Dial:
        self._used = Credential.RESUMING
        return Dial(self._settings.url, bearer(self._session.resume_token))


def _remedy(settings: AgentSettings) -> str:
    if settings.token is not None:
        return "check agent.token and that agent.url is in the region of the tokens"
    if not settings.key:
        return "no key is configured; set agent.key"
    return "check agent.key and that agent.url is in the key's region"


def bearer(credential: str | None) -> dict[str, str]:
    """Return the header that sends `credential`; none without one."""
    return {"Authorization": f"Bearer {credential}"} if credential else {}


def rest_url(url: str, path: str, query: str = "") -> str:
    """Return the address of a REST call at the host of the WebSocket `url`. assemblyai.md §1."""
    parts = urlsplit(url)
    scheme = "http" if parts.scheme == "ws" else "https"
    return urlunsplit((scheme, parts.netloc, path, query, ""))


def _token_in(answer: HttpAnswer) -> str:
    """Return the token; raises as `token_answer` does."""
    token = token_answer(answer, _REJECTIONS).get("token")
    if not is_credential(token):
        raise LinkError("the answer to the token request contains no token")
    return token
