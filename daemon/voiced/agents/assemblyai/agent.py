"""One configured AssemblyAI agent, across links and sessions."""

from voiced.agents.assemblyai.agent_state import Memory
from voiced.agents.assemblyai.codec import AssemblyAiCodec
from voiced.agents.assemblyai.session_schema import PERMISSIONS, check_session
from voiced.agents.assemblyai.voices import voice_check
from voiced.agents.codec import AgentCodec, AgentSettings, VoiceCheck


class AssemblyAi:
    """Makes a codec per link and remembers what must outlive a link."""

    resumable = True
    announces = True
    takes_tools = True
    scheme = "wss"
    personal = {  # noqa: RUF012 - an attribute of the port, never changed
        "voice": ("output", "voice"),
        "prompt": ("system_prompt",),
        "greeting": ("greeting",),
    }
    session_permissions = PERMISSIONS
    default_url = "wss://agents.assemblyai.com/v1/ws"

    def __init__(self, settings: AgentSettings) -> None:
        self._memory = Memory(settings)

    check_session = staticmethod(check_session)

    def codec(self, resume_key: str | None, *, greet: bool = True) -> AgentCodec:
        return AssemblyAiCodec(self._memory, resume_key, greet=greet)

    def update(self, settings: AgentSettings) -> None:
        self._memory.update(settings)

    def voice_check(self) -> VoiceCheck | None:
        return voice_check(self._memory.settings)
