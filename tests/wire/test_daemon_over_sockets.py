"""The whole daemon over real sockets, with a network between it and the agent that misbehaves."""

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import msgspec
import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.faults import Faults
from agentsim.timing import Timing
from tests.fakes import RecordingSpeaker, ScriptedMicrophone
from tests.flows.house import tone
from tests.whole import converse, daemon, until
from tests.wire.fault_proxy import FaultProxy
from voiced.assembly.factory import Extras, assemble
from voiced.config import schema
from voiced.core.events import StopRequested, Woken
from voiced.core.state import Policy

pytestmark = pytest.mark.real_time

QUICK = Timing(ready_s=0.05, greeting_s=0.05, think_s=0.05, leading_silence_s=0.0, call_done_s=0.05)


def stand_in(*faults, **options):
    return Settings(timing=QUICK, faults=Faults(faults), **options)


async def test_a_turn_over_real_sockets():
    microphone, speaker = ScriptedMicrophone(), RecordingSpeaker()
    async with (
        serve_assemblyai(stand_in()) as server,
        daemon(server.url, microphone=microphone, speaker=speaker) as it,
    ):
        await converse(it)
        microphone.say(tone(600))
        await until(lambda: "hearing" in it.led.shown)
        await until(lambda: "speaking" in it.led.shown)
        await until(lambda: it.led.shown[-1] == "listening")
        assert it.captions.final("user")
        assert speaker.sounding_ms > 100
    assert server.service.sessions[0].ended == "ended"


async def test_a_turn_over_tls_with_an_authority_of_our_own(authority, serving):
    network = schema.NetworkSection(ca_file=str(authority.ca_file))
    async with serve_assemblyai(stand_in(), tls=serving) as server:
        settings = schema.Settings(
            agent=schema.AgentSection(url=server.url, auth="token"), network=network
        )
        settings = msgspec.structs.replace(settings, wake=schema.WakeSection(mode="always"))
        extras = Extras(microphone=ScriptedMicrophone(), speaker=RecordingSpeaker(), key="k")
        runtime = assemble(settings, extras)
        running = asyncio.create_task(runtime.run())
        await until(lambda: any(session.ready for session in server.service.sessions))
        assert server.service.events.find("rest")
        runtime.dispatch(StopRequested())
        await asyncio.wait_for(running, 3)


@asynccontextmanager
async def talking_through_a_proxy():
    async with serve_assemblyai(stand_in()) as server:
        address = urlsplit(server.url)
        async with FaultProxy(address.port) as proxy:
            url = f"ws://127.0.0.1:{proxy.port}{address.path}"
            components = {"microphone": ScriptedMicrophone(), "speaker": RecordingSpeaker()}
            async with daemon(url, **components) as it:
                await converse(it)
                yield server, proxy, it


@pytest.mark.parametrize("accident", ["cut", "reset"])
async def test_a_connection_that_dies_is_taken_up_again(accident):
    async with talking_through_a_proxy() as (server, proxy, it):
        getattr(proxy, accident)()
        await until(lambda: it.led.shown[-2:] == ["connecting", "listening"])
        assert len(server.service.sessions) == 1


async def test_a_server_that_was_gone_is_found_by_the_next_attempt_which_is_the_only_one_it_sees():
    async with talking_through_a_proxy() as (server, proxy, it):
        proxy.refuse()
        await asyncio.sleep(3)
        in_vain = it.runtime.conversation.soon_tries
        await proxy.accept()
        await until(lambda: it.led.shown[-1] == "listening")
        assert 8 <= in_vain <= 3 / Policy().soon_least_s
        # One more may have been under way.
        assert it.runtime.conversation.soon_tries <= in_vain + 1
        assert proxy.accepted == 2
        assert len(server.service.sessions) == 1


async def test_a_network_that_swallows_everything_is_noticed():
    async with talking_through_a_proxy() as (_, proxy, it):
        proxy.freeze()
        # The kernel and the proxy take some seconds of sound before sending stalls.
        await until(lambda: it.led.shown[-1] == "offline", within_s=60)
        proxy.thaw()
        await until(lambda: it.led.shown[-1] == "listening")


async def test_a_slow_and_jittery_network_loses_nothing():
    microphone, speaker = ScriptedMicrophone(), RecordingSpeaker()
    async with serve_assemblyai(stand_in()) as server:
        address = urlsplit(server.url)
        async with FaultProxy(address.port) as proxy:
            proxy.latency_s, proxy.jitter_s = 0.1, 0.1
            url = f"ws://127.0.0.1:{proxy.port}{address.path}"
            async with daemon(url, microphone=microphone, speaker=speaker) as it:
                await converse(it)
                server.service.sessions[0].say("a reply of some length")
                await until(lambda: it.led.shown[-1] == "speaking")
                await until(lambda: it.led.shown[-1] == "listening")
                assert speaker.sounding_ms == pytest.approx(60 * 22, rel=0.1)
                assert it.runtime.playout.underruns == 0


@pytest.mark.parametrize("fault", ["malformed-json", "binary", "huge=0.9", "unknown-type"])
async def test_rubbish_on_the_wire_does_not_stop_the_conversation(fault):
    speaker = RecordingSpeaker()
    async with (
        serve_assemblyai(stand_in(fault)) as server,
        daemon(server.url, microphone=ScriptedMicrophone(), speaker=speaker) as it,
    ):
        await converse(it)
        server.service.sessions[0].say("this goes on")
        await until(lambda: speaker.sounding_ms > 500)
        assert len(server.service.connections) == 1


async def test_a_server_that_is_not_there_yet_is_found_when_it_comes(unused_port):
    components = {"microphone": ScriptedMicrophone(), "speaker": RecordingSpeaker()}
    async with daemon(f"ws://127.0.0.1:{unused_port}/v1/ws", **components) as it:
        it.wake.emit(Woken("test"))
        await until(lambda: it.led.shown[-1] == "offline")
        async with serve_assemblyai(stand_in(), port=unused_port):
            await until(lambda: it.led.shown[-1] == "listening", within_s=20)


async def test_a_certificate_from_nobody_we_know_is_refused(serving):
    async with serve_assemblyai(stand_in(), tls=serving) as server:
        components = {"microphone": ScriptedMicrophone(), "speaker": RecordingSpeaker()}
        async with daemon(server.url, **components) as it:
            it.wake.emit(Woken("test"))
            await until(lambda: it.led.shown[-1] == "offline")
            assert not server.service.connections
