"""The `session` object of `session.update`: what it may contain and when it may change."""

import copy
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.tool_objects import check_tools
from agentsim.assemblyai.values import (
    check_each,
    check_flag,
    check_integer,
    check_number,
    check_object,
    check_text,
    one_of,
)
from agentsim.faults import Faults

# fmt: off
LANGUAGES = (
    "en", "es", "de", "fr", "pt", "it", "tr", "nl", "sv", "no", "da", "fi", "hi", "vi", "ar", "he",
    "ja", "zh",
)
VOICES = (
    "alba", "anna", "charles", "estelle", "eve", "george", "giovanni", "iris", "jane", "jean",
    "juergen", "lola", "mary", "michael", "paul", "rafael", "reid", "vera",
)
# fmt: on
UNINTERRUPTIBLE = ("greeting", "dtmf_prompt", "tool_refused_ask")
SAMPLE_RATES_HZ = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}

Path = tuple[str, ...]
Check = Callable[[str, Any], None]

DEFAULTS: Mapping[str, Any] = {
    "system_prompt": "",
    "greeting": None,
    "input": {
        "format": {"encoding": "audio/pcm", "sample_rate": 24_000},
        "keyterms": [],
        "language_codes": None,
        "transcription_mode": "balanced",
        "voice_focus": "near-field",
        "voice_focus_threshold": 0.85,
        "turn_detection": {"vad_threshold": 0.5, "interrupt_response": True},
    },
    "output": {"voice": "alba", "format": {"encoding": "audio/pcm", "sample_rate": 24_000}},
    "tools": [],
}


def _check_format(param: str, value: Any) -> None:
    check_object(param, value, {"encoding", "sample_rate"})
    encoding = value.get("encoding")
    one_of(SAMPLE_RATES_HZ)(f"{param}.encoding", encoding)
    rate_hz = value.get("sample_rate", SAMPLE_RATES_HZ[encoding])
    check_integer(f"{param}.sample_rate", rate_hz, 1, 192_000)
    if rate_hz == SAMPLE_RATES_HZ[encoding]:
        return
    if encoding == "audio/pcm":  # as measured: the service fails instead of refusing
        raise Refusal("internal_error", "Internal server error.")
    raise Refusal("invalid_value", "This encoding is always 8000 Hz.", f"{param}.sample_rate")


def _check_turn_detection(param: str, value: Any) -> None:
    check_object(param, value)
    checks: dict[str, Check] = {
        "vad_threshold": lambda where, each: check_number(where, each, 0, 1),
        "min_silence": lambda where, each: check_integer(where, each, 50, 10_000),
        "max_silence": lambda where, each: check_integer(where, each, 50, 10_000),
        "interrupt_response": check_flag,
        "interruption_delay": lambda where, each: check_integer(where, each, 0, 1000),
        "uninterruptible_turns": check_each(len(UNINTERRUPTIBLE), one_of(UNINTERRUPTIBLE)),
    }
    for key, check in checks.items():
        if key in value:
            check(f"{param}.{key}", value[key])
    if value.get("min_silence", 0) >= value.get("max_silence", 10_001):
        raise Refusal("invalid_value", "Must be below max_silence.", f"{param}.min_silence")


def _check_webhook(param: str, value: Any) -> None:
    try:
        check_object(param, value, {"url", "events", "secret"})
        check_text(f"{param}.url", value.get("url"), 2048)
        check_each(100, lambda where, each: check_text(where, each, 100))(
            f"{param}.events", value.get("events")
        )
    except Refusal as refusal:
        raise Refusal("invalid_webhook", refusal.message, refusal.param) from None


def _text(longest: int) -> Check:
    return lambda param, value: check_text(param, value, longest)


CHECKS: Mapping[Path, Check] = {
    ("agent_id",): _text(200),
    ("system_prompt",): _text(100_000),
    ("greeting",): _text(10_000),
    ("input", "type"): one_of(("audio", "text")),
    ("input", "format"): _check_format,
    ("input", "keyterms"): check_each(100, _text(50)),
    ("input", "language_codes"): check_each(len(LANGUAGES), one_of(LANGUAGES)),
    ("input", "transcription_mode"): one_of(("min_latency", "balanced", "max_accuracy")),
    ("input", "continuous_partials"): check_flag,
    ("input", "transcription_prompt"): _text(1750),
    ("input", "voice_focus"): one_of(("near-field", "far-field")),
    ("input", "voice_focus_threshold"): lambda param, value: check_number(param, value, 0, 1),
    ("input", "turn_detection"): _check_turn_detection,
    ("output", "type"): one_of(("audio", "text")),
    ("output", "voice"): _text(100),
    ("output", "format"): _check_format,
    ("output", "volume"): lambda param, value: check_number(param, value, 0, 100),
    ("tools",): check_tools,
    ("webhook",): _check_webhook,
    ("llm",): check_object,
    ("pre_connect_requests",): check_each(100, check_object),
}

TOP_KEYS = {path[0] for path in CHECKS}

FIXED_WHEN_READY = {
    ("greeting",),
    ("input", "format"),
    ("output", "voice"),
    ("output", "format"),
    ("webhook",),
}
"""Fields that cannot change in a running session."""


def check_first(update: Any, voices: Collection[str]) -> dict[str, Any]:
    """Check the `session` object of the first update.

    Raises:
        Refusal: If the service would refuse it.
    """
    session = _check(update)
    if "agent_id" in session and len(session) > 1:
        raise Refusal("invalid_value", "agent_id cannot go with inline fields.", "agent_id")
    voice = session.get("output", {}).get("voice")
    if voice is not None and voice not in voices:
        raise Refusal("invalid_value", "Unknown voice.", "output.voice")
    return session


def check_later(update: Any) -> dict[str, Any]:
    """Check the `session` object of an update of a running session.

    Raises:
        Refusal: If the service would refuse it.
    """
    session = _check(update)
    if "agent_id" in session:
        raise Refusal("agent_id_not_first", "agent_id is for the first update.", "agent_id")
    for path, _value in _leaves(session):
        if path in FIXED_WHEN_READY:
            raise Refusal("immutable_field", "This cannot change any more.", ".".join(path))
    return session


def check_prompt(session: Mapping[str, Any], faults: Faults) -> None:
    """Refuse a prompt that the fault `refuse-prompt` forbids, as a policy of the service would.

    Raises:
        Refusal: If it is not allowed.
    """
    fault = faults.get("refuse-prompt")
    if fault is not None and fault.text in session.get("system_prompt", ""):
        raise Refusal("invalid_value", "This prompt is not allowed.", "system_prompt")


def unknown_keys(session: Mapping[str, Any]) -> list[str]:
    """Return the nested keys that are not documented; the service ignores them."""
    return [
        f"{path[0]}.{key}"
        for path in (("input",), ("output",))
        for key in session.get(path[0], {})
        if (*path, key) not in CHECKS
    ]


def merged(config: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config` with `update` applied: objects are merged, all else is replaced."""
    result = copy.deepcopy(dict(config))
    for key, value in update.items():
        if key in {"input", "output", "turn_detection"} and isinstance(value, dict):
            result[key] = merged(result.get(key) or {}, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def _check(update: Any) -> dict[str, Any]:
    if not isinstance(update, dict):
        raise Refusal("invalid_format", "session must be an object.", "session")
    for key in update:
        if key not in TOP_KEYS:
            raise Refusal("invalid_config", "Unknown field.", key)
    for path, value in _leaves(update):
        param = ".".join(path)
        if value is None:
            raise Refusal("invalid_format", "Leave the field out instead of null.", param)
        if path in CHECKS:
            CHECKS[path](param, value)
    return update


def _leaves(session: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    for key, value in session.items():
        if key in {"input", "output"}:
            check_object(key, value)
            for inner, leaf in value.items():
                yield (key, inner), leaf
        else:
            yield (key,), value
