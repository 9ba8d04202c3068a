"""What outlives a link: settings, refusals, and what is needed to resume a session."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from voiced.agents.assemblyai.session_updates import (
    configured_voice,
    merged,
    opening,
    private_texts,
    wire_format,
)
from voiced.agents.codec import AgentSettings, Notice
from voiced.core.pcm import WireFormat

PRIVATE_OF_A_KIND = 3  # masked texts per setting: a prompt that changes often must not fill memory


@dataclass(slots=True)
class SessionRecord:
    """What another link needs to know of one session.

    Attributes:
        told: The session settings sent to the agent.
        uplink: Format of sound to the agent.
        downlink: Format of sound from the agent.
        session_id: What to resume, or an empty string before `session.ready`.
        resume_token: The newest credential that the agent issued for this session, or empty.
        has_failed: The server failed once in it, and it was resumed or is about to be.
    """

    told: Mapping[str, Any] = field(repr=False)
    uplink: WireFormat
    downlink: WireFormat
    session_id: str = ""
    resume_token: str = field(default="", repr=False)
    has_failed: bool = False
    _by_kind: dict[tuple[str, ...], deque[str]] = field(default_factory=dict, repr=False)

    @classmethod
    def begin(cls, told: Mapping[str, Any]) -> Self:
        """Return the record of a session that is opened with `told`."""
        uplink, downlink = wire_format(told, "input"), wire_format(told, "output")
        record = cls(told, uplink, downlink)
        record._keep_private(told)
        return record

    def tell(self, changed: Mapping[str, Any]) -> None:
        """Record that `changed` was sent to the agent as well."""
        self.told = merged(self.told, changed)
        self._keep_private(changed)

    def _keep_private(self, told: Mapping[str, Any]) -> None:
        for path, text in private_texts(told).items():
            self._by_kind.setdefault(path, deque(maxlen=PRIVATE_OF_A_KIND)).append(text)

    @property
    def private(self) -> list[str]:
        """Texts sent that must not appear in a log, the newest of each kind."""
        return [text for kind in self._by_kind.values() for text in kind]


class Memory:
    """What was learned on earlier links.

    Attributes:
        settings: The settings of the next session.
        token_retried: A temporary token was refused since the last success.
        key_refused: The configured credential was refused since the last success.
        real_time_only: The agent complained about sound faster than real time.
    """

    def __init__(self, settings: AgentSettings) -> None:
        self.settings = settings
        self.token_retried = False
        self.key_refused = False
        self.real_time_only = False
        self._refused_voice: str | None = None
        self._session: SessionRecord | None = None
        self._notices: list[Notice] = []

    def update(self, settings: AgentSettings) -> None:
        """Use `settings` for the next session."""
        self.settings = settings
        self._forget_refusals()
        if configured_voice(settings) != self._refused_voice:
            self._refused_voice = None

    def session(self, resume_key: str | None, *, greet: bool = True) -> SessionRecord:
        """Return the record of the session to resume, or that of a new one."""
        if self._session is not None and self._session.session_id == resume_key:
            return self._session
        return SessionRecord.begin(opening(self.settings, self._refused_voice, greet=greet))

    def opened(self, session: SessionRecord) -> list[Notice]:
        """Remember `session` as the newest that became ready; return the log lines that waited."""
        self._session = session
        self._forget_refusals()
        notices, self._notices = self._notices, []
        return notices

    def refuse_voice(self, voice: str) -> None:
        """Leave `voice` out of future sessions, until another one is configured."""
        self._refused_voice = voice
        self._notices.append(
            Notice(
                "warning",
                f"the agent does not know the voice {voice[:50]!r} and uses its own; "
                "change or remove agent.session.output.voice",
            )
        )

    def _forget_refusals(self) -> None:
        self.token_retried = False
        self.key_refused = False
