"""What `agent.session` may hold: the `session` object of assemblyai.md §5, checked."""

from collections.abc import Iterator, Mapping
from typing import Any

from voiced.agents.assemblyai.session_updates import LIVE, WIRE_FORMATS, paths_in
from voiced.errors import Problem
from voiced.lib.permissions import SERVER, SOFTEST_SENT, Permission, Permissions, owner
from voiced.lib.validators import (
    Check,
    Path,
    json_value,
    list_of,
    mapping,
    number,
    one_of,
    text,
    truth,
    wrong_type,
)

LANGUAGES = (
    *("en", "es", "de", "fr", "pt", "it", "tr", "nl", "sv"),
    *("no", "da", "fi", "hi", "vi", "ar", "he", "ja", "zh"),
)
PCM_RATE_HZ = 24_000
RESERVED = "aai_"
"""How the names of the platform's own tools begin. assemblyai.md §12"""

Keys = Mapping[str, tuple[Check, Permission | Permissions]]
"""What each key may hold, and whether a settings server may set it."""


def check_session(session: Mapping[str, Any]) -> list[Problem]:
    """Return everything that is wrong with a configured `agent.session`."""
    return [*_SESSION(session, ()), *_agent_id_alone(session)]


def _checks(keys: Keys) -> dict[str, Check]:
    return {key: check for key, (check, _) in keys.items()}


def _permissions(keys: Keys) -> Permissions:
    return {key: permission for key, (_, permission) in keys.items()}


def _agent_id_alone(session: Mapping[str, Any]) -> Iterator[Problem]:
    if "agent_id" not in session:
        return
    for path in paths_in(session):
        if path[0] in _KEYS and path != ("agent_id",) and path not in LIVE:
            hint = "a stored agent brings its own settings; remove this or agent_id"
            yield Problem(path, "cannot be combined with agent_id", hint)


def _format(value: Any, path: Path) -> Iterator[Problem]:
    yield from _FORMAT_KEYS(value, path)
    rate_hz = value.get("sample_rate") if isinstance(value, Mapping) else None
    if rate_hz is None:
        return
    where = (*path, "sample_rate")
    encoding = value.get("encoding")
    if encoding in ("audio/pcmu", "audio/pcma"):
        yield Problem(where, "must be left out", "this encoding always has 8000 Hz")
    elif encoding == "audio/pcm" and (rate_hz != PCM_RATE_HZ or not isinstance(rate_hz, int)):
        yield Problem(where, f"must be {PCM_RATE_HZ}", "the agent takes no other rate")


def _turn_detection(value: Any, path: Path) -> Iterator[Problem]:
    problems = list(_TURN_DETECTION_KEYS(value, path))
    yield from problems
    if problems or "min_silence" not in value or "max_silence" not in value:
        return
    if value["min_silence"] >= value["max_silence"]:
        yield Problem((*path, "min_silence"), "must be less than max_silence")


def _parameters(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield wrong_type(value, path, "a mapping")
        return
    yield from json_value(value, path)
    if value.get("type", "object") != "object":
        yield Problem((*path, "type"), "must be 'object'")
    if not isinstance(properties := value.get("properties", {}), Mapping):
        yield wrong_type(properties, (*path, "properties"), "a mapping")
    yield from list_of(text())(value.get("required", []), (*path, "required"))


def _tools(value: Any, path: Path) -> Iterator[Problem]:
    yield from list_of(_TOOL)(value, path)
    names = set()
    for index, tool in enumerate(value if isinstance(value, list | tuple) else ()):
        name = tool.get("name") if isinstance(tool, Mapping) else None
        if isinstance(name, str) and name.startswith(RESERVED):
            hint = f"choose one that does not begin with {RESERVED}"
            yield Problem((*path, index, "name"), "is reserved for the service's own tools", hint)
        elif isinstance(name, str) and name in names:
            yield Problem((*path, index, "name"), "is used by an earlier tool")
        elif isinstance(name, str):
            names.add(name)


def _http(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield wrong_type(value, path, "a mapping")
    else:
        yield from json_value(value, path)


def _url(value: Any, path: Path) -> Iterator[Problem]:
    yield from text(may_be_empty=False)(value, path)
    if isinstance(value, str) and value and not value.startswith(("https://", "http://")):
        yield Problem(path, "must be an address that begins with https:// or http://")


def _anything(value: Any, path: Path) -> Iterator[Problem]:
    if value is None:
        yield wrong_type(value, path, "")


def _not_for_clients(_value: Any, path: Path) -> Iterator[Problem]:
    yield Problem(path, "is not for clients", "remove it; a stored agent can have it")


_FORMAT_KEYS = mapping(
    {"encoding": one_of(*WIRE_FORMATS), "sample_rate": _anything},
    required=("encoding",),
)
_TURN_DETECTION_KEYS = mapping(
    {
        "vad_threshold": number(0, 1),
        "min_silence": number(50, 10_000, whole=True),
        "max_silence": number(1, whole=True),
        "interrupt_response": truth(),
        "interruption_delay": number(0, 1_000, whole=True),
        "uninterruptible_turns": list_of(one_of("greeting", "dtmf_prompt", "tool_refused_ask")),
        "type": _anything,  # old clients have it; the agent ignores it
    }
)
_TYPES = ("audio", "text")
"""assemblyai.md §12"""
_INPUT: Keys = {
    "type": (one_of(*_TYPES), owner("have the agent hear nothing")),
    "format": (_format, SERVER),
    "keyterms": (
        list_of(text(max_chars=50, may_be_empty=False, is_name=True), max_items=100),
        SERVER,
    ),
    "language_codes": (list_of(one_of(*LANGUAGES)), SERVER),
    "transcription_mode": (one_of("min_latency", "balanced", "max_accuracy"), SERVER),
    "continuous_partials": (truth(), SERVER),
    "transcription_prompt": (text(max_chars=1_750), SERVER),
    "voice_focus": (one_of("near-field", "far-field"), SERVER),
    "voice_focus_threshold": (number(0, 1), SERVER),
    "turn_detection": (_turn_detection, SERVER),
}
_OUTPUT: Keys = {
    "type": (one_of(*_TYPES), owner("have the agent say nothing aloud")),
    "voice": (text(may_be_empty=False, is_name=True), SERVER),
    "format": (_format, SERVER),
    "volume": (number(0, 100), owner("have the agent say nothing aloud", at_least=SOFTEST_SENT)),
}
_TOOL = mapping(
    {
        "type": one_of("function"),
        "name": text(may_be_empty=False, is_name=True),
        "description": text(),
        "parameters": _parameters,
        "execution_mode": one_of("interactive", "hold"),
        "timeout_seconds": number(1, 300),
        "response_instructions": mapping(
            {"success": text(max_chars=500), "error": text(max_chars=500)}
        ),
        "http": _http,
    },
    required=("type", "name"),
)
_WEBHOOK = mapping(
    {"url": _url, "events": list_of(text()), "secret": text()}, required=("url", "events")
)
_KEYS: Keys = {
    "agent_id": (
        text(may_be_empty=False, is_name=True),
        owner("have any agent answer that is stored under the key, with its tools and webhooks"),
    ),
    "system_prompt": (text(), SERVER),
    "greeting": (text(), SERVER),
    "input": (mapping(_checks(_INPUT)), _permissions(_INPUT)),
    "output": (mapping(_checks(_OUTPUT)), _permissions(_OUTPUT)),
    "tools": (_tools, owner("have the agent's service call any address, with what people say")),
    "webhook": (_WEBHOOK, owner("have the agent's service report every session to any address")),
    "llm": (_not_for_clients, owner("have another model answer")),
    "pre_connect_requests": (
        _not_for_clients,
        owner("have the agent's service call any address before each session"),
    ),
}
_SESSION = mapping(_checks(_KEYS))
PERMISSIONS = _permissions(_KEYS)
"""What of a session a settings server may set."""
