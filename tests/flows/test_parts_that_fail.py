"""Every part that is not vital raises wherever it waits, and whenever it is called: the conversation goes on."""

import asyncio
import gc
from contextlib import asynccontextmanager, suppress
from dataclasses import fields, replace

import pytest

from agentsim.faults import Faults
from agentsim.timing import Timing
from tests.flows.house import House, house, tone
from tests.flows.sabotage import Sabotage
from tests.ports import free_port
from voiced.assembly.factory import ComponentCache, Extras, catalogue
from voiced.config.load import examine
from voiced.config.resolve import choose
from voiced.core.events import MuteToggled, StopRequested, Woken
from voiced.core.state import Phase, Policy
from voiced.host.systemd import SystemdService
from voiced.lib.backoff import Backoff
from voiced.ports import AlarmWish
from voiced.runtime.components import Components
from voiced.runtime.guard import name_of
from voiced.service.run import follow
from voiced.service.signals import SignalWake
from voiced.storage.settings_store import RecordFile
from voiced.storage.state_store import StateStore

pytestmark = pytest.mark.about("assemblyai")

SETTINGS = """\
version: 1
device: {{name: kitchen}}
agent: {{url: 'wss://agent.test/v1/ws', key: {{file: {folder}/key}}}}
sounds: {{earcons: false, causes: false}}
audio: {{capture: {{silent_after_s: 0}}}}
wake: {{mode: always}}
button: {{pin: 17}}
buttons: {{volume_up: {{pin: 22}}, volume_down: {{pin: 23}}, mute: {{pin: 24}}}}
led: {{pin: 25}}
tools: [set_timer]
mcp: {{home: {{url: 'http://127.0.0.1:9/mcp'}}}}
kiosk: {{listen: '127.0.0.1:{kiosk}'}}
metrics: {{listen: '127.0.0.1:{metrics}'}}
mqtt: {{host: 127.0.0.1, port: 9}}
remote: {{url: 'https://127.0.0.1:9/kitchen.yaml', interval_s: 5}}
"""
"""Every part that settings can ask for."""

VITAL = {"signal wake", "systemd service"}


@asynccontextmanager
async def everything(folder):
    """Run all that the composition root assembles; only sound and the agent are stand-ins."""
    agent = {"faults": Faults(()), "timing": Timing(leading_silence_s=0.0), "keep_heard": True}
    it = House("assemblyai", agent, {}, Policy(), [])
    (folder / "key").write_text("k\n")
    (folder / "key").chmod(0o600)
    it.ports = {name: free_port() for name in ("kiosk", "metrics")}
    it.path = folder / "voiced.yaml"
    it.path.write_text(SETTINGS.format(folder=folder, **it.ports))
    it.kept = RecordFile(StateStore(folder / "state"), it.path)
    choice = choose(examine(it.path, catalogue()), it.kept.record, catalogue())
    it.control = folder / "control.sock"
    it.following = follow(it.path, choice, it.kept, ComponentCache(), it.control)
    vital = SignalWake(it.following.reloads), SystemdService(lambda text: None, progress(it), 5.0)
    it.runtime = it.following.assemble(
        Extras(
            store=it.kept.store,
            microphone=it.microphone,
            speaker=it.speaker,
            wake_sources=vital[:1],
            indicators=[it.led, vital[1]],
            captions=[it.captions],
            background=vital[1:],
            vital=vital,
        )
    )
    it.runtime._components = replace(it.runtime._components, dial=it._dial)
    it.runtime._context = it.runtime._link_context()
    it.guard = it.runtime.guard
    it.guard._backoff = Backoff(0.2, 0.4, 5.0)
    running = asyncio.create_task(it.runtime.run())
    try:
        await it.settle(Phase.LISTENING)
        yield it
        it.runtime.dispatch(StopRequested())
        await asyncio.wait({running}, timeout=60.0)
        assert running.done()
        running.result()
    finally:
        running.cancel()
        it.service.close()


def progress(it):
    return lambda: it.runtime.progress


async def ask(*where, target="/"):
    """Ask one of our own servers something, whatever comes of it."""
    with suppress(OSError):
        async with asyncio.timeout(60):
            reader, writer = await (
                asyncio.open_unix_connection(*where)
                if len(where) == 1
                else asyncio.open_connection(*where)
            )
            writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await reader.read(100)
            writer.close()


async def keep_busy(it, pins):
    """Give every part something to do."""
    it.path.write_text(it.path.read_text() + "# again\n")
    it.runtime.volume += 1
    it.kept.put(it.kept.record)
    it.following.reloads.ask()
    it.following.remote._asked.set()
    for pin in (22, 23):
        pins.pin(pin).drive_low()
    await asyncio.sleep(0.1)
    for pin in (22, 23):
        pins.pin(pin).drive_high()
    with suppress(Exception):  # whatever was broken
        alarm = await it.runtime.alarms.set(AlarmWish("timer", after_s=3600.0))
        await it.runtime.alarms.cancel([alarm.alarm_id])
    await ask(it.control, target="/status")
    await ask("127.0.0.1", it.ports["kiosk"])
    await ask("127.0.0.1", it.ports["metrics"], target="/metrics")
    await asyncio.sleep(1)


async def come_again(it):
    """Have every part leave and come again, as when settings change."""
    runtime = it.runtime
    runtime._supervisor.keep(dict.fromkeys((runtime._capture, runtime._playback)))
    runtime._supervisor.keep(runtime._running_parts())
    async with asyncio.timeout(600):  # threads and sockets take no time on this clock
        while runtime._supervisor._leaving:
            await asyncio.sleep(0.02)


async def talk(it):
    """Say something and be answered, over the link that there is."""
    session, before = it.session, len(it.captions.final("agent"))
    it.microphone.say(tone(600))
    async with asyncio.timeout(30):
        while len(it.captions.final("agent")) == before or it.phase is not Phase.LISTENING:
            await asyncio.sleep(0.02)
    assert it.session is session
    assert not session.ended


@pytest.mark.uncovered
@pytest.mark.long
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_every_part_raises_wherever_it_waits_and_the_conversation_goes_on(
    tmp_path, pins, measured
):
    async with everything(tmp_path) as it:
        sabotage = Sabotage(it.guard)
        for _ in range(2):
            await come_again(it)
            await keep_busy(it, pins)
        components = it.runtime._components
        names = [name_of(part) for part in (*components.wake_sources, *components.background)]
        assert len(names) == len({*names})
        assert {*names} - VITAL <= {*sabotage.places}
        assert not VITAL & {*sabotage.places}
        tried, missed = [], []
        for name in sabotage.places:
            assert sabotage.places[name], f"{name} never waits"
            for place in sorted(sabotage.places[name]):
                sabotage.target = name, place
                await come_again(it)
                await keep_busy(it, pins)
                await talk(it)
                (tried if sabotage.target is None else missed).append((name, place))
                sabotage.target = None
                assert it.runtime.conversation.microphone is None
        told = [name for name in sabotage.places if name in it.guard.failures]
        measured(
            f"{len(tried)} (part, await) pairs of {len(sabotage.places)} parts made to raise, "
            f"{len(missed)} not reached again; {len(told)} parts were started again"
        )
        assert {*sabotage.places} == {*told}, missed
        assert len(missed) < len(tried) / 4, missed
    gc.collect()  # what was broken while it closed a socket


WORDS = "what " + "somebody said"


class Broken:
    """Implements every port that is called and not run, and raises at every call."""

    def __init__(self, error):
        self.calls = 0
        self._error = error

    def __call__(self, *_given):
        self.calls += 1
        raise self._error(WORDS)

    def show(self, status):
        self()

    def tell_leaving(self, leaving):
        self()

    def noticed(self, before, event, now, took_s):
        self()

    def caption(self, caption):
        self()

    def feed(self, pcm, pcm_format):
        self()

    def remember(self, volume, *, muted):
        self()


PORTS = {
    "indicators": "show",
    "lights": "tell leaving",
    "observers": "noticed",
    "captions": "caption",
    "taps": "feed",
    "cues": "call",
    "memory": "remember",
}
"""What of `Components` is called, and by which name the guard tells of it."""

OTHERS = {
    *("wake_sources", "background", "vital", "guard"),  # they run: see above
    *("microphone", "speaker"),  # vital
    *("dial", "call_http", "agent", "uniform"),  # a link ends, and the next is dialled
    *("tools", "alarms"),  # see test_tool_calls and test_alarms
    "context",  # it is text
    "on_idle",  # see test_resting
}


def test_no_port_is_left_out():
    assert {field.name for field in fields(Components)} == {*PORTS, *OTHERS}


@pytest.mark.parametrize("error", [ValueError, OSError, asyncio.CancelledError])
@pytest.mark.parametrize("port", PORTS)
async def test_every_port_raises_at_every_call_and_the_conversation_goes_on(
    port, error, measured, caplog
):
    broken = Broken(error)
    async with house(failing=True) as it:
        found = getattr(it.runtime._components, port)
        given = [broken, *found, broken] if isinstance(found, list | tuple) else broken
        it.runtime._components = replace(it.runtime._components, **{port: given})
        it.runtime._capture._taps = it.runtime._components.taps
        it.runtime._context = it.runtime._link_context()
        it.wake.emit(Woken("test"))
        await it.settle(Phase.LISTENING)
        it.runtime.volume = 30
        it.wake.emit(MuteToggled())
        it.wake.emit(MuteToggled())
        await talk(it)
        assert broken.calls
        assert it.runtime.guard.failures == {f"broken ({PORTS[port]})": broken.calls}
        assert it.led.shown[-1] == "listening"
        assert it.tap.periods > 50
        assert it.captions.final("agent")
        assert WORDS not in caplog.text
    measured(f"{broken.calls} failing calls of {port}")


CODEC = ("plan_dial", "greet", "receive", "encode_audio", "due_s", "support", "closed")


@pytest.mark.parametrize("method", [None, *CODEC])
async def test_a_codec_that_breaks_costs_its_link_and_nothing_else(method):
    async with house(failing=True) as it:
        make, made = it.agent.codec, []

        def codec(*given, **named):
            if method is None and not made:
                made.append(None)
                raise TypeError
            made.append(make(*given, **named))
            if len(made) == 1:
                setattr(made[0], method, broken)
            return made[-1]

        def broken(*_given, **_named):
            raise TypeError

        it.agent.codec = codec
        it.wake.emit(Woken("test"))
        await asyncio.sleep(0.5)
        if it.service.sessions:
            it.session.drop()
        await it.settle(Phase.LISTENING)
        await talk(it)
        assert len(made) >= 2
