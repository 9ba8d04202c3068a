"""The schema of `agent.session`: the `session` object of assemblyai.md §5."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from voiced.agents.assemblyai.session_updates import LIVE, paths_in
from voiced.errors import Problem
from voiced.lib.permissions import SERVER, SOFTEST_SENT, owner
from voiced.lib.section_check import Path, problems_in
from voiced.lib.sections import WholeSection, expect, permissions_in, prose, remote

PCM_RATE_HZ = 24_000
RESERVED = "aai_"  # prefix of the platform's own tools; assemblyai.md §12

NOT_FOR_CLIENTS = ("llm", "pre_connect_requests")

# fmt: off
Language = Literal[
    "en", "es", "de", "fr", "pt", "it", "tr", "nl", "sv",
    "no", "da", "fi", "hi", "vi", "ar", "he", "ja", "zh",
]
# fmt: on
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Text = Annotated[str, prose()]
Name = Annotated[str, expect("a name", min_length=1)]
KeyTerm = Annotated[str, expect("text of 1 to 50 characters", min_length=1, max_length=50)]
Url = Annotated[
    str, expect("an address that begins with https:// or http://", pattern="^https?://")
]
Sound = Literal["audio", "text"]  # assemblyai.md §12


class _Format(WholeSection, frozen=True, kw_only=True):
    encoding: Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
    sample_rate: int = 0


class _TurnDetection(WholeSection, frozen=True, kw_only=True):
    vad_threshold: Share = 0
    min_silence: Annotated[int, msgspec.Meta(ge=50, le=10_000)] = 50
    max_silence: Annotated[int, msgspec.Meta(ge=1)] = 1
    interrupt_response: bool = True
    interruption_delay: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    uninterruptible_turns: tuple[Literal["greeting", "dtmf_prompt", "tool_refused_ask"], ...] = ()
    type: Text = ""  # old clients have it; the agent ignores it


class _Input(WholeSection, frozen=True, kw_only=True):
    type: Annotated[Sound, remote(owner("have the agent hear nothing"))] = "audio"
    format: Annotated[_Format | UnsetType, remote(SERVER)] = UNSET
    keyterms: Annotated[tuple[KeyTerm, ...], msgspec.Meta(max_length=100), remote(SERVER)] = ()
    language_codes: Annotated[tuple[Language, ...], remote(SERVER)] = ()
    transcription_mode: Annotated[
        Literal["min_latency", "balanced", "max_accuracy"], remote(SERVER)
    ] = "balanced"
    continuous_partials: Annotated[bool, remote(SERVER)] = False
    transcription_prompt: Annotated[str, prose(most=1_750), remote(SERVER)] = ""
    voice_focus: Annotated[Literal["near-field", "far-field"], remote(SERVER)] = "near-field"
    voice_focus_threshold: Annotated[Share, remote(SERVER)] = 0
    turn_detection: Annotated[_TurnDetection, remote(SERVER)] = _TurnDetection()


class _Output(WholeSection, frozen=True, kw_only=True):
    type: Annotated[Sound, remote(owner("have the agent say nothing aloud"))] = "audio"
    voice: Annotated[Name, remote(SERVER)] = ""
    format: Annotated[_Format | UnsetType, remote(SERVER)] = UNSET
    volume: Annotated[
        float,
        msgspec.Meta(ge=0, le=100),
        remote(owner("have the agent say nothing aloud", at_least=SOFTEST_SENT)),
    ] = 100


class _Instructions(WholeSection, frozen=True, kw_only=True):
    success: Annotated[str, prose(most=500)] = ""
    error: Annotated[str, prose(most=500)] = ""


class _Parameters(WholeSection, frozen=True, kw_only=True):
    type: Literal["object"] = "object"
    properties: Mapping[str, Any] = {}
    required: tuple[Text, ...] = ()


class _Tool(WholeSection, frozen=True, kw_only=True):
    type: Literal["function"]
    name: Name
    description: Text = ""
    parameters: Mapping[str, Any] = {}
    execution_mode: Literal["interactive", "hold"] = "interactive"
    timeout_seconds: Annotated[float, msgspec.Meta(ge=1, le=300)] = 300
    response_instructions: _Instructions = _Instructions()
    http: Mapping[str, Any] = {}


class _Webhook(WholeSection, frozen=True, kw_only=True):
    url: Url
    events: tuple[Text, ...]
    secret: Text = ""


class _Session(WholeSection, frozen=True, kw_only=True):
    agent_id: Annotated[
        Name,
        remote(owner("have any agent stored under the key answer, with its tools and webhooks")),
    ] = ""
    system_prompt: Annotated[Text, remote(SERVER)] = ""
    greeting: Annotated[Text, remote(SERVER)] = ""
    input: _Input = _Input()
    output: _Output = _Output()
    tools: Annotated[
        tuple[_Tool, ...],
        remote(owner("have the agent's service send what people say to any address")),
    ] = ()
    webhook: Annotated[
        _Webhook | UnsetType,
        remote(owner("have the agent's service report every session to any address")),
    ] = UNSET
    llm: Annotated[Any, remote(owner("have another model answer"))] = None
    pre_connect_requests: Annotated[
        Any, remote(owner("have the agent's service call any address before each session"))
    ] = None


_PARAMETERS = _Parameters.__struct_fields__

PERMISSIONS = permissions_in(_Session)  # what a settings server may set


def check_session(session: Mapping[str, Any]) -> list[Problem]:
    """Return everything that is wrong with a configured `agent.session`."""
    problems = problems_in(session, _Session)
    if not problems:
        problems = [*_sound(session), *_tools(session)]
    return [*problems, *_not_for_clients(session), *_agent_id_alone(session)]


def _not_for_clients(session: Mapping[str, Any]) -> Iterator[Problem]:
    for key in NOT_FOR_CLIENTS:
        if key in session:
            yield Problem((key,), "clients may not set this", "remove it; set it in a stored agent")


def _agent_id_alone(session: Mapping[str, Any]) -> Iterator[Problem]:
    if "agent_id" not in session:
        return
    for path in paths_in(session):
        if path[0] in PERMISSIONS and path != ("agent_id",) and path not in LIVE:
            hint = "a stored agent brings its own settings; remove this or agent_id"
            yield Problem(path, "cannot be combined with agent_id", hint)


def _sound(session: Mapping[str, Any]) -> Iterator[Problem]:
    for direction in ("input", "output"):
        chosen = session.get(direction, {}).get("format", {})
        where: Path = (direction, "format", "sample_rate")
        if "sample_rate" not in chosen:
            continue
        if chosen["encoding"] != "audio/pcm":
            yield Problem(where, "must be left out", "this encoding always has 8000 Hz")
        elif chosen["sample_rate"] != PCM_RATE_HZ:
            yield Problem(where, f"must be {PCM_RATE_HZ}", "the agent takes no other rate")
    turns = session.get("input", {}).get("turn_detection", {})
    if turns.get("min_silence", 0) >= turns.get("max_silence", inf):
        where = ("input", "turn_detection", "min_silence")
        yield Problem(where, "must be less than max_silence")


def _tools(session: Mapping[str, Any]) -> Iterator[Problem]:
    names = set()
    for i, tool in enumerate(session.get("tools", ())):
        where, name = ("tools", i, "name"), tool["name"]
        if name.startswith(RESERVED):
            hint = f"choose one that does not begin with {RESERVED}"
            yield Problem(where, "is reserved for the service's own tools", hint)
        elif name in names:
            yield Problem(where, "is used by an earlier tool")
        names.add(name)
        within = ("tools", i, "parameters")
        parameters = {
            key: item for key, item in tool.get("parameters", {}).items() if key in _PARAMETERS
        }
        for each in problems_in(parameters, _Parameters):
            yield replace(each, path=(*within, *each.path))
