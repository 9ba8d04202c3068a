"""The stand-in agent as a program that acts out a play, so that its work is not counted as ours."""

import argparse
import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.service import Service
from agentsim.assemblyai.session import AgentSession
from agentsim.assemblyai.settings import Settings
from agentsim.faults import Faults
from agentsim.scenario import Rule, Scenario
from agentsim.steps import Say
from agentsim.timing import Timing
from agentsim.understanding import Scripted

QUESTION = "what time is it in the kitchen"
ANSWER = "I would say that it is high time for tea, and that there is nobody here but us machines."
"""5.3 s of sound, at the 60 ms a character of the stand-in's tone."""

WORD = "Yes, I am."
WORD_EVERY_S = 2.0
STORY = "and then " * 100
INTERRUPT_AFTER_S = 1.0

Play = Callable[[Service, float], Awaitable[None]]


async def _stay(_service: Service, _gap_s: float) -> None:
    """Say nothing but what the scenario does."""
    await asyncio.Event().wait()


async def _say_words(service: Service, _gap_s: float) -> None:
    session = await _ready_session(service)
    while True:
        session.say(WORD)
        await asyncio.sleep(WORD_EVERY_S)


HERALD_S = 0.3


async def _be_interrupted(service: Service, gap_s: float) -> None:
    session = await _ready_session(service)
    while True:
        session.say(STORY)
        await asyncio.sleep(INTERRUPT_AFTER_S)
        session.send("input.speech.started")  # as the live agent does, long before it interrupts
        await asyncio.sleep(HERALD_S)
        session.interrupt()
        session.send("input.speech.stopped")
        await asyncio.sleep(gap_s)


TALE = (
    "Once upon a time there was a small computer that lived on a shelf in a kitchen, and every "
    "morning it listened to the kettle, and to the rain on the window."
)
"""9.4 s of sound: long enough to be interrupted."""

PLAYS: dict[str, tuple[Play, Settings]] = {
    # Ready at once and silent.
    "listen": (_stay, Settings(timing=Timing(ready_s=0), listening=False)),
    # Answers each turn of the user, at the pace of the real service.
    "converse": (
        _stay,
        Settings(
            scenario=Scenario(rules=(Rule(steps=(Say(ANSWER),)),)),
            understanding=Scripted([QUESTION] * 10_000),
        ),
    ),
    # The same, but going on about it.
    "tell": (
        _stay,
        Settings(
            scenario=Scenario(rules=(Rule(steps=(Say(TALE),)),)),
            understanding=Scripted([QUESTION] * 10_000),
        ),
    ),
    # A short reply every two seconds, audible from its first sample.
    "words": (
        _say_words,
        Settings(timing=Timing(ready_s=0, leading_silence_s=0), listening=False),
    ),
    # A long reply, interrupted after a second, again and again.
    "interrupted": (
        _be_interrupted,
        Settings(timing=Timing(ready_s=0, leading_silence_s=0), listening=False),
    ),
}


async def _ready_session(service: Service) -> AgentSession:
    while not (service.sessions and service.sessions[-1].ready):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    await asyncio.sleep(1)  # let the client settle
    return service.sessions[-1]


async def _serve(play: Play, settings: Settings, gap_s: float, events: Path) -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with serve_assemblyai(settings, events_path=events) as server:
        print(json.dumps({"url": server.url}), flush=True)
        async with asyncio.TaskGroup() as group:  # noqa: TID251 - the stand-in has no part in the daemon
            acting = group.create_task(_act(play, server.service, gap_s))
            await over.wait()
            acting.cancel()


async def _act(play: Play, service: Service, gap_s: float) -> None:
    await play(service, gap_s)


def main() -> None:
    """Print one JSON line with the URL, then serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("play", choices=PLAYS)
    parser.add_argument("--events", type=Path, required=True, help="where to log what happens")
    parser.add_argument("--fault", action="append", default=[], help="as of agentsim assemblyai")
    parser.add_argument("--gap", type=float, default=1.0, help="seconds from interruption to reply")
    options = parser.parse_args()
    play, settings = PLAYS[options.play]
    settings.faults = Faults(options.fault)
    asyncio.run(_serve(play, settings, options.gap, options.events))


if __name__ == "__main__":
    main()
