"""The `session` object made from the settings: the first update, and later changes."""

from collections.abc import Mapping
from typing import Any, Literal

from voiced.agents.codec import AgentSettings, ToolSpec
from voiced.core.pcm import Encoding, WireFormat

WIRE_FORMATS = {
    "audio/pcm": WireFormat(24_000, Encoding.S16LE),
    "audio/pcmu": WireFormat(8_000, Encoding.MULAW),
    "audio/pcma": WireFormat(8_000, Encoding.ALAW),
}

_PRIVATE = (
    ("system_prompt",),
    ("greeting",),
    ("input", "transcription_prompt"),
    ("webhook", "secret"),
)

# What a running session accepts, and the value that stands for a removed setting.
# None: the agent cannot be told to return to its default. assemblyai.md §5.
LIVE: dict[tuple[str, ...], Any] = {
    ("system_prompt",): "",
    ("tools",): [],
    ("input", "keyterms"): [],
    ("input", "transcription_mode"): "balanced",
    ("input", "transcription_prompt"): "",
    ("input", "turn_detection"): None,
    ("output", "volume"): None,
}
# Texts of tool servers are cut there; the owner's own prompt is never cut.
MOST_PROMPT_CHARS = 100_000


def wire_format(
    session: Mapping[str, Any],
    direction: Literal["input", "output"],
    unstated: WireFormat = WIRE_FORMATS["audio/pcm"],
) -> WireFormat:
    """Return the sound format in `direction` of a session; `unstated` if none is set."""
    encoding = _at(session, (direction, "format", "encoding"))
    return WIRE_FORMATS.get(encoding, unstated) if isinstance(encoding, str) else unstated


def configured_voice(settings: AgentSettings) -> str | None:
    """Return the voice the owner asks for, if any."""
    voice: str | None = _at(settings.session, ("output", "voice"))
    return voice


def whole(settings: AgentSettings) -> dict[str, Any]:
    """Return the whole session: the settings, the tools of this device, and the context in the prompt.

    A device tool replaces a configured one of the same name. A stored agent has tools and a prompt of
    its own, which ours would replace: it gets only those that the settings name for it.
    """
    session = dict(settings.session)
    prompt = session.get("system_prompt", "")
    if settings.context and (prompt or "agent_id" not in session):
        told = "\n\n".join(filter(None, [prompt, *settings.context]))
        session["system_prompt"] = told[: max(len(prompt), MOST_PROMPT_CHARS)]
    if "agent_id" in session:
        return session
    if not session.get("greeting"):
        session.pop("greeting", None)
    device_tools = [_tool_entry(tool) for tool in settings.tools]
    taken = {tool["name"] for tool in device_tools}
    configured = [tool for tool in session.pop("tools", ()) if tool["name"] not in taken]
    if configured or device_tools:
        session["tools"] = configured + device_tools
    return session


def opening(
    settings: AgentSettings, refused_voice: str | None, *, greet: bool = True
) -> dict[str, Any]:
    """Return the `session` of the first update, with the configured greeting if `greet`.

    Whether `output` may come without a voice is undocumented, and a refused first update is
    fatal. Without a voice it is therefore sent only if its format must be known; a volume alone
    follows when the session is ready, where a refusal does no harm.
    """
    session = whole(settings)
    if "agent_id" in session:  # must come alone; the rest follows when ready. assemblyai.md §12
        return {"agent_id": session["agent_id"]}
    if not greet:
        session.pop("greeting", None)
    output = dict(session.pop("output", {}))
    if output.get("voice") == refused_voice:
        output.pop("voice", None)
    if (
        "voice" in output
        or output.get("type") == "text"  # needs no voice; audio is the default
        or wire_format({"output": output}, "output").encoding is not Encoding.S16LE
    ):
        session["output"] = output
    return session


def changes(told: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `session` of the update that brings a running session nearer to `wanted`.

    The own values of a stored agent are unknown here, so removing a setting does not restore them.
    """
    if told.get("agent_id") != wanted.get("agent_id"):
        return {}
    stored = "agent_id" in told
    changed: dict[str, Any] = {}
    for path, usual in LIVE.items():
        default = None if stored else usual
        before, after = _at(told, path), _at(wanted, path)
        after = default if after is None else after
        if after is not None and after != (default if before is None else before):
            _put(changed, path, after)
    return changed


def merged(told: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the session settings in force once `changed` was sent as well."""
    result = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in told.items()
    }
    for path in LIVE:
        if (value := _at(changed, path)) is not None:
            _put(result, path, value)
    return result


def waiting(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of changed settings that take effect only in a new session."""
    return [
        ".".join(path)
        for path in sorted(paths_in(before) | paths_in(after))
        if path not in LIVE and _at(before, path) != _at(after, path)
    ]


def private_texts(session: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """Return the texts that must not appear in a log should the agent quote them, by path."""
    return {path: text for path in _PRIVATE if (text := _at(session, path))}


def _tool_entry(tool: ToolSpec) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
        "execution_mode": tool.execution_mode,
        "timeout_seconds": tool.timeout_s,
    }
    if tool.response_instructions:
        entry["response_instructions"] = dict(tool.response_instructions)
    return entry


def paths_in(session: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """Return the paths of a session's settings: its keys, and those within `input` and `output`."""
    paths: set[tuple[str, ...]] = set()
    for key, value in session.items():
        if key in {"input", "output"} and isinstance(value, Mapping):
            paths.update((key, inner) for inner in value)
        else:
            paths.add((key,))
    return paths


def _at(session: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        session = session.get(key) if isinstance(session, Mapping) else None
    return session


def _put(session: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        session = session.setdefault(key, {})
    session[path[-1]] = value
