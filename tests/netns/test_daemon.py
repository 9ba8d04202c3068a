"""The whole daemon over a real network connection that is cut, and heals."""

import asyncio
import contextlib
import logging
from types import SimpleNamespace

import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.timing import Timing
from tests.fakes import RecordingSpeaker, ScriptedMicrophone
from tests.flows.fleet import Still
from tests.flows.house import tone
from tests.flows.test_outages import counted, counting
from tests.whole import converse, daemon, until
from tests.wire.certificates import Authority
from voiced.config.schema import NetworkSection
from voiced.core.events import StopRequested
from voiced.core.state import Phase

pytestmark = pytest.mark.real_time
log = logging.getLogger(__name__)

QUICK = Timing(ready_s=0.02, greeting_s=0.05, think_s=0.05, leading_silence_s=0.0)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority.found(tmp_path_factory.mktemp("authority"))


@contextlib.asynccontextmanager
async def conversation(wire, authority, *, idle=False, **options):
    """Hold a conversation with an agent at the other end of `wire`; the agent only listens."""
    tls = authority.serving("wire", names=f"IP:{wire.peer_address}")
    agent = Settings(timing=QUICK, keep_heard=True, listening=options.pop("listening", False))
    microphone = Still() if idle else ScriptedMicrophone()
    async with (
        serve_assemblyai(agent, sock=wire.listen(), tls=tls) as server,
        daemon(
            server.url,
            microphone=microphone,
            speaker=RecordingSpeaker(),
            network=NetworkSection(ca_file=authority.ca_file),
            **options,
        ) as it,
    ):
        await converse(it)
        yield SimpleNamespace(daemon=it, service=server.service, microphone=microphone)


def phase(it):
    return it.daemon.runtime.conversation.phase


def heard(it, session=-1):
    import numpy as np

    uplink = it.service.sessions[session].hearing.uplink
    return np.frombuffer(bytes(uplink.heard), "<i2")


async def noticed_s(it, within_s):
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    await until(lambda: phase(it) is Phase.CONNECTING, within_s)
    return loop.time() - start_s


@pytest.mark.parametrize(
    ("accident", "idle", "within_s"),
    [
        ("carrier", False, 0.2),
        ("black hole", False, 1.6),
        ("carrier", True, 0.2),
        ("black hole", True, 8.0),
    ],
)
async def test_a_dead_network_is_noticed(wire, authority, accident, idle, within_s):
    async with conversation(wire, authority, idle=idle) as it:
        await asyncio.sleep(2)
        if accident == "carrier":
            wire.carrier(False)
        else:
            wire.black_hole(True)
        took_s = await noticed_s(it, 20)
        log.info("%s, %s: noticed after %.2f s", accident, "idle" if idle else "streaming", took_s)
        assert took_s <= within_s


@pytest.mark.parametrize("accident", ["carrier", "black_hole"])
async def test_after_three_seconds_the_session_goes_on_and_nothing_said_is_missing(
    wire, authority, accident
):
    async with conversation(wire, authority) as it:
        it.microphone.say(counting(16))
        await asyncio.sleep(2)
        wire.fail(accident)
        await asyncio.sleep(3)
        before = len(heard(it))
        wire.heal(accident)
        loop = asyncio.get_running_loop()
        healed_s = loop.time()
        await until(lambda: len(heard(it)) > before, 10)
        flowing_s = loop.time() - healed_s
        await asyncio.sleep(15)
        numbers = counted(heard(it))
        log.info("%s: sound flows again after %.2f s", accident, flowing_s)
        missing = sorted(set(range(1, 801)) - set(numbers))
        doubled = len(numbers) - len(set(numbers))
        log.info("%s: missing %s, doubled %d periods of 20 ms", accident, missing, doubled)
        assert not missing
        assert doubled <= 5
        first_seen = list(dict.fromkeys(numbers))
        assert first_seen == sorted(first_seen)
        assert len(it.service.sessions) == 1
        assert flowing_s <= 0.5


@pytest.mark.long
async def test_after_twenty_seconds_the_session_goes_on_with_the_last_ten(wire, authority):
    async with conversation(wire, authority) as it:
        it.microphone.say(counting(45))
        await asyncio.sleep(2)
        wire.carrier(False)
        await asyncio.sleep(20)
        wire.carrier(True)
        await until(lambda: phase(it) is Phase.LISTENING, 3)
        healed = (2 + 20) * 50
        await asyncio.sleep(12)
        numbers = counted(heard(it))
        assert len(it.service.sessions) == 1
        after = [number for number in numbers if number > 105]
        assert healed - after[0] == pytest.approx(500, abs=50)
        assert after == list(range(after[0], after[-1] + 1))


@pytest.mark.long
async def test_after_forty_seconds_a_new_conversation_is_usable_by_itself(wire, authority):
    async with conversation(wire, authority, listening=True) as it:
        wire.carrier(False)
        await asyncio.sleep(40)
        assert it.daemon.led.shown[-1] == "offline"
        wire.carrier(True)
        await until(lambda: phase(it) is Phase.LISTENING, 5)
        assert len(it.service.sessions) == 2
        it.microphone.say(tone(600))
        await until(lambda: phase(it) is Phase.SPEAKING, 5)


async def test_stopping_in_the_middle_of_a_black_hole_takes_less_than_three_seconds(
    wire, authority
):
    async with conversation(wire, authority) as it:
        wire.black_hole(True)
        await asyncio.sleep(0.3)
        it.daemon.wake.emit(StopRequested())  # the daemon fixture waits 3 s at most
