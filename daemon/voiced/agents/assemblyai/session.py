"""What `agent.session` may hold: the `session` object of assemblyai.md §5, checked."""

from collections.abc import Iterator, Mapping
from typing import Any

from voiced.agents.assemblyai.updates import WIRE_FORMATS
from voiced.errors import Problem
from voiced.shapes import (
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


def check_session(session: Mapping[str, Any]) -> list[Problem]:
    """Return everything that is wrong with a configured `agent.session`."""
    return [*_SESSION(session, ()), *_agent_id_alone(session)]


def _agent_id_alone(session: Mapping[str, Any]) -> Iterator[Problem]:
    if "agent_id" not in session:
        return
    for key in session:
        if key in _KEYS and key != "agent_id":
            hint = "a stored agent brings its own settings; remove this or agent_id"
            yield Problem((key,), "cannot be combined with agent_id", hint)


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
        if isinstance(name, str) and name in names:
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
_INPUT = mapping(
    {
        "format": _format,
        "keyterms": list_of(text(max_chars=50, may_be_empty=False), max_items=100),
        "language_codes": list_of(one_of(*LANGUAGES)),
        "transcription_mode": one_of("min_latency", "balanced", "max_accuracy"),
        "continuous_partials": truth(),
        "transcription_prompt": text(max_chars=1_750),
        "voice_focus": one_of("near-field", "far-field"),
        "voice_focus_threshold": number(0, 1),
        "turn_detection": _turn_detection,
    }
)
_OUTPUT = mapping({"voice": text(may_be_empty=False), "format": _format, "volume": number(0, 100)})
_TOOL = mapping(
    {
        "type": one_of("function"),
        "name": text(may_be_empty=False),
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
_KEYS: dict[str, Check] = {
    "agent_id": text(may_be_empty=False),
    "system_prompt": text(),
    "greeting": text(),
    "input": _INPUT,
    "output": _OUTPUT,
    "tools": _tools,
    "webhook": mapping(
        {"url": _url, "events": list_of(text()), "secret": text()}, required=("url", "events")
    ),
    "llm": _not_for_clients,
    "pre_connect_requests": _not_for_clients,
}
_SESSION = mapping(_KEYS)
