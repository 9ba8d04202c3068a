"""A check that the agent still has the configured voice: voices come and go. assemblyai.md §12."""

from http import HTTPStatus

from voiced.agents.assemblyai.auth import bearer, rest_url
from voiced.agents.assemblyai.session_updates import configured_voice
from voiced.agents.codec import AgentSettings, HttpAnswer, HttpCall, VoiceCheck
from voiced.agents.json_messages import MalformedError, read_object


def voice_check(settings: AgentSettings) -> VoiceCheck | None:
    """Return the check; None without a voice or a key, as temporary tokens open only sessions."""
    voice = configured_voice(settings)
    if not voice or not settings.key:
        return None
    call = HttpCall("GET", rest_url(settings.url, "/v1/voices"), bearer(settings.key))
    return VoiceCheck(voice, call, lambda answer: _is_listed(voice, answer))


def _is_listed(voice: str, answer: HttpAnswer) -> bool | None:
    """Return whether the answer lists the voice; None if it is not a list of voices."""
    if answer.status != HTTPStatus.OK:
        return None
    try:
        voices = read_object(answer.body).get("voices")
    except MalformedError:
        return None
    names = (
        {name for each in voices if (name := _name_of(each))} if isinstance(voices, list) else ()
    )
    return voice in names if names else None


def _name_of(entry: object) -> str:
    """Return the name in an entry, or the entry if it is a name itself; empty if neither."""
    found = entry
    if isinstance(entry, dict):
        found = entry.get("name") or entry.get("id")
    return found if isinstance(found, str) else ""
