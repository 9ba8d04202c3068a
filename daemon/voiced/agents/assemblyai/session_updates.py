"""From settings to the `session` object: the first update, and what changes later."""

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

# What a running session takes, and what stands for a setting that was removed.
# None: there is no telling the agent to go back to its default. assemblyai.md §5.
LIVE: dict[tuple[str, ...], Any] = {
    ("system_prompt",): "",
    ("tools",): [],
    ("input", "keyterms"): [],
    ("input", "transcription_mode"): "balanced",
    ("input", "transcription_prompt"): "",
    ("input", "turn_detection"): None,
    ("output", "volume"): None,
}


MOST_PROMPT_CHARS = 100_000
"""What servers of tools tell is cut there; the owner's own prompt is for the agent to judge."""


def wire_format(
    session: Mapping[str, Any],
    direction: Literal["input", "output"],
    unstated: WireFormat = WIRE_FORMATS["audio/pcm"],
) -> WireFormat:
    """Return how sound travels in `direction` of a session; `unstated` if it does not say."""
    encoding = _at(session, (direction, "format", "encoding"))
    return WIRE_FORMATS.get(encoding, unstated) if isinstance(encoding, str) else unstated


def configured_voice(settings: AgentSettings) -> str | None:
    """Return the voice the owner asks for, if any."""
    voice: str | None = _at(settings.session, ("output", "voice"))
    return voice


def whole(settings: AgentSettings) -> dict[str, Any]:
    """Return the session as it is meant to be: settings, tools, and what the agent is to know besides its prompt.

    A device tool takes the place of a configured one with the same name. A stored agent has tools of its own,
    which a list of ours would replace: it is told of those that were written down for it, and no others. So with
    its prompt.
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

    Whether `output` may come without a voice is not documented, and a refused first update is
    fatal. Without a voice it is therefore sent only if its format must be known; a volume alone
    follows when the session is ready, where a refusal does no harm.
    """
    session = whole(settings)
    if "agent_id" in session:  # alone; what may change follows when it is ready. assemblyai.md §12
        return {"agent_id": session["agent_id"]}
    if not greet:
        session.pop("greeting", None)
    output = dict(session.pop("output", {}))
    if output.get("voice") == refused_voice:
        output.pop("voice", None)
    if (
        "voice" in output
        or output.get("type") == "text"  # without a voice; audio is what there is anyway
        or wire_format({"output": output}, "output").encoding is not Encoding.S16LE
    ):
        session["output"] = output
    return session


def changes(told: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `session` of the update that brings a running session nearer to `wanted`.

    What a stored agent has of its own nobody here knows: it is not taken back to it.
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
    """Return what the agent has been told once it was sent `changed` as well."""
    result = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in told.items()
    }
    for path in LIVE:
        if (value := _at(changed, path)) is not None:
            _put(result, path, value)
    return result


def waiting(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of changed settings that only a new session can take."""
    return [
        ".".join(path)
        for path in sorted(paths_in(before) | paths_in(after))
        if path not in LIVE and _at(before, path) != _at(after, path)
    ]


def private_texts(session: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """Return what must not show in a log, should the agent quote it, by where it stands."""
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
    """Return where the settings of a session stand: keys, and those within `input` and `output`."""
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
