"""Hundreds of network faults, one after another, in the middle of a conversation."""

import asyncio
import gc
import logging
import os
import random
import threading
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.timing import Timing
from tests.fakes import RecordingSpeaker, ScriptedMicrophone
from tests.flows.house import tone
from tests.whole import converse, daemon, until
from tests.wire.fault_proxy import FaultProxy
from voiced.core.state import AWAKE, Policy
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.liveness import Patience

pytestmark = pytest.mark.real_time
log = logging.getLogger(__name__)

FAULTS = int(os.environ.get("VOICED_SOAK_FAULTS", "500"))
STUCK_S = 10.0
ACCELERATED = Policy(
    idle_timeout_s=None,
    resume_window_s=1.0,
    resume_delay_s=0.02,
    resume_cap_s=0.2,
    retry_delay_s=0.05,
    retry_cap_s=0.3,
    window_spread_s=0.2,
    steady_s=0.3,
    answered_steady_s=0.3,
)
LINK = LinkOptions(
    connect_timeout_s=1,
    send_timeout_s=1,
    close_timeout_s=0.2,
    patience=Patience(dead_after_s=0.3, ping_after_s=0.4, silent_after_s=0.8, look_every_s=0.1),
)
QUICK = Timing(
    ready_s=0.02, think_s=0.05, leading_silence_s=0.0, end_of_turn_s=0.2, grace_s=1.2, onset_s=0.05
)


def accidents(proxy, dice):
    """Return every fault of the proxy: what begins it and what ends it."""

    def put(**values):
        for name, value in values.items():
            setattr(proxy, name, value)

    calm = {"latency_s": 0.0, "jitter_s": 0.0, "bytes_per_s": 0, "accept_delay_s": 0.0}

    def end():
        put(**calm, drop_after_bytes=None)

    return {
        "latency": (lambda: put(latency_s=dice.uniform(0.05, 0.4)), end),
        "jitter": (lambda: put(jitter_s=dice.uniform(0.05, 0.4)), end),
        "bandwidth": (lambda: put(bytes_per_s=dice.randint(2_000, 40_000)), end),
        "slow accept": (lambda: (put(accept_delay_s=dice.uniform(0, 1.5)), proxy.cut()), end),
        "drop mid-frame": (lambda: put(drop_after_bytes=dice.randint(0, 5_000)), end),
        "half-open": (proxy.freeze, proxy.thaw),
        "black hole": (
            lambda: (proxy.freeze(), put(accept_delay_s=2.0)),
            lambda: (proxy.thaw(), end()),
        ),
        "reset": (proxy.reset, end),
        "cut": (proxy.cut, end),
    }


def leftovers():
    gc.collect()
    fds = len(list(Path("/proc/self/fd").iterdir()))
    return {"tasks": len(asyncio.all_tasks()), "threads": threading.active_count(), "fds": fds}


async def test_every_fault_ends_in_a_conversation_and_leaves_nothing_behind(caplog):
    caplog.set_level(logging.INFO, "voiced")
    dice = random.Random(20)
    microphone, speaker = ScriptedMicrophone(), RecordingSpeaker()
    outcomes, kinds = Counter(), Counter()
    agent = Settings(timing=QUICK)
    async with serve_assemblyai(agent) as server:
        address = urlsplit(server.url)
        async with (
            FaultProxy(address.port) as proxy,
            daemon(
                f"ws://127.0.0.1:{proxy.port}{address.path}",
                microphone=microphone,
                speaker=speaker,
                link=LINK,
                policy=ACCELERATED,
            ) as it,
        ):
            await converse(it)
            microphone.say(tone(400))
            await until(lambda: "speaking" in it.led.shown, STUCK_S)
            await asyncio.sleep(1)
            at_start = leftovers()
            faults = accidents(proxy, dice)
            for _ in range(FAULTS):
                kind = dice.choice(list(faults))
                begin, end = faults[kind]
                shown, sessions = len(it.led.shown), len(server.service.sessions)
                if not microphone.queue:
                    microphone.say(tone(dice.randint(100, 400)) + bytes(16_000))
                begin()
                await asyncio.sleep(dice.uniform(0.05, 1.0))
                end()
                await recovery(it, server, kind)
                dropped = "connecting" in it.led.shown[shown:]
                fresh = len(server.service.sessions) > sessions
                outcomes["fresh" if fresh else "resumed" if dropped else "rode it out"] += 1
                kinds[kind] += 1
                speaker.heard.clear()
            await recovery(it, server, "the last")
            await asyncio.sleep(1.5)
            at_end = leftovers()
    log.info("faults %s; outcomes %s; %s -> %s", dict(kinds), dict(outcomes), at_start, at_end)
    assert sum(outcomes.values()) == FAULTS
    assert at_end["tasks"] <= at_start["tasks"]
    assert at_end["threads"] <= at_start["threads"]
    assert at_end["fds"] <= at_start["fds"]
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


async def recovery(it, server, kind):
    """Wait until both ends talk again; tell all there is to know if they do not."""
    try:
        await until(lambda: it.running.done() or in_conversation(it, server), STUCK_S)
        if it.running.done():
            it.running.result()
    except TimeoutError:
        sessions = [
            (each.id, each.ended, each.ready, each.connection is not None)
            for each in server.service.sessions[-3:]
        ]
        last = list(server.service.events)[-12:]
        pytest.fail(f"stuck after {kind}: {it.runtime.conversation}, {sessions}, {last}")


def in_conversation(it, server):
    """Whether both ends believe in the same link."""
    return it.runtime.conversation.phase in AWAKE and any(
        session.connection is not None and session.ready for session in server.service.sessions
    )
