"""A valid settings file, and ways to look at others."""

from types import SimpleNamespace

from voiced.config.load import Examined, Source, examine_sources
from voiced.config.rules import Catalogue
from voiced.config.schema import Settings
from voiced.errors import Problem
from voiced.lib.permissions import SERVER, owner

VALID = """\
version: 1
device: {name: kitchen}
agent:
  protocol: assemblyai
  url: ws://localhost:8765/v1/ws
  session:
    system_prompt: Be brief.
    input: {keyterms: [oven, timer]}
audio:
  capture: {device: "2886:001a", channel: 0, period_ms: 20}
  playback: {device: default, volume: 70}
wake: {mode: button, idle_timeout_s: 12.5}
network: {resume_window_s: 25, replay_s: 10}
tools: [get_time]
log: {level: debug}
"""


def check_session(session):
    return [
        Problem((key,), "unknown key") for key in session if key not in {"system_prompt", "input"}
    ]


AGENTS = {
    "assemblyai": SimpleNamespace(
        takes_tools=True,
        check_session=check_session,
        default_url="wss://agent.test/v1/ws",
        scheme="wss",
        session_permissions={
            "system_prompt": SERVER,
            "input": {"keyterms": SERVER},
            "webhook": owner("have the agent report to anybody"),
        },
    ),
    "homeless": SimpleNamespace(
        takes_tools=True,
        check_session=check_session,
        default_url=None,
        scheme="https",
        session_permissions={},
    ),
}
CATALOGUE = Catalogue(AGENTS, Settings().tools, AGENTS.get)


def examined(text: str | bytes, catalogue: Catalogue = CATALOGUE, name="f.yaml") -> Examined:
    content = text.encode() if isinstance(text, str) else text
    return examine_sources([Source(name, content)], catalogue)


def settings(text: str):
    found = examined(text)
    assert not found.problems, [str(problem) for problem in found.problems]
    return found.settings


def problems(text: str | bytes) -> list[str]:
    return [str(problem) for problem in examined(text).problems]
