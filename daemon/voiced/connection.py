"""One link's whole life: dial, greet, exchange, part. Made fresh for every attempt.

Failures leave here as exactly one event, LinkLost, and only if nobody asked for the end.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from voiced.agents.codec import (
    AgentCodec,
    AgentSettings,
    Caption,
    Dial,
    DialPlan,
    Item,
    Message,
    Notice,
    ReplyAudio,
    Send,
)
from voiced.audio import g711
from voiced.audio.downlink import Downlink
from voiced.audio.pace import Pacer
from voiced.audio.playout import Playout
from voiced.audio.resample import Resampler
from voiced.audio.silence import SilenceSkipper
from voiced.audio.uplink import UplinkQueue
from voiced.core.events import (
    AgentReady,
    Event,
    LinkLost,
    Loss,
    ReplyDone,
    SpeechStarted,
    SpeechStopped,
)
from voiced.core.pcm import PcmFormat
from voiced.errors import (
    AgentBusy,
    LinkError,
    LinkRejected,
    Redial,
    ResumeRefused,
    VoicedError,
    WireError,
)
from voiced.ports import CaptionView, Dialer, HttpCaller, Link

log = logging.getLogger(__name__)

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}

LOSSES: dict[type[VoicedError], Loss] = {
    AgentBusy: Loss.BUSY,
    LinkRejected: Loss.REJECTED,
    ResumeRefused: Loss.SESSION_GONE,
    Redial: Loss.MENDED,
    LinkError: Loss.BROKEN,
    WireError: Loss.BROKEN,
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every connection of one runtime shares.

    Attributes:
        dial: Opens the socket.
        call_http: Makes the HTTPS calls of a dial plan.
        uplink: Captured sound waiting to leave.
        playout: Takes the agent's sound.
        captions: Take what is said.
        dispatch: Takes events, on the loop's thread.
    """

    dial: Dialer
    call_http: HttpCaller
    uplink: UplinkQueue
    playout: Playout
    captions: Sequence[CaptionView]
    dispatch: Callable[[Event], None]


class Connection:
    """One attempt to hold a conversation over one link.

    Attributes:
        ready: The agent accepts audio.
    """

    def __init__(self, codec: AgentCodec, around: Surroundings) -> None:
        self.ready = False
        self._codec = codec
        self._around = around
        self._loop = asyncio.get_running_loop()
        self._outbox: deque[Message] = deque()
        self._something_to_send = asyncio.Event()
        self._link: Link | None = None
        self._ending = False
        self._closing = False
        self._due: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._up: tuple[PcmFormat, Resampler] | None = None
        self._downlink = Downlink(around.playout)
        self._up_pace = Pacer()
        self._silence = SilenceSkipper()
        self._task: asyncio.Task[None] | None = None
        self._send_failure: LinkError | None = None
        self._started = ""

    @property
    def is_open(self) -> bool:
        """The agent was reached."""
        return self._link is not None

    async def run(self, delay_s: float) -> None:
        """Live one link after `delay_s`. Cancellation drops the link at once.

        Nothing is raised; LinkLost, or what the codec says of a clean end, is dispatched
        unless `end` was called first.
        """
        if self._ending:
            return
        self._task = asyncio.current_task()
        try:
            end = await self._live(delay_s)
        except* VoicedError as group:
            end = _lost(group)
        finally:
            self.ready = False
            for timer in (self._due, self._patience):
                if timer is not None:
                    timer.cancel()
            if self._link is not None:
                facts = {"started": self._started, **self._codec.support()}
                fields = {"SESSION_ID": facts["session_id"]} if "session_id" in facts else {}
                log.info("link closed: %s", _in_words(facts), extra=fields)
        if not self._ending:
            self._around.dispatch(end)

    def end(self) -> None:
        """End the session in good order, within the codec's farewell timeout. Idempotent."""
        if self._ending:
            return
        self._ending = True
        if self._link is None:
            if self._task is not None:
                self._task.cancel()
            return
        farewell = self._codec.farewell()
        self._outbox.extend(farewell)
        self._closing = not farewell
        self._something_to_send.set()
        self._patience = self._loop.call_later(self._codec.farewell_timeout_s, self._link.abort)

    def announce(self, text: str) -> None:
        """Have the agent say something, when its protocol allows."""
        self._outbox.extend(self._codec.say(text))
        self._something_to_send.set()

    def sound_waits(self) -> None:
        """Take note that the uplink queue holds something new."""
        self._something_to_send.set()

    def return_tool(self, call_id: str, result: str, *, is_error: bool) -> None:
        """Hand a tool's outcome to the agent, when its protocol allows."""
        now_s = self._loop.time()
        self._take(self._codec.return_tool(call_id, result, is_error=is_error, now_s=now_s))

    def update(self, settings: AgentSettings) -> None:
        """Change the running session to `settings`, as far as it can be changed."""
        self._outbox.extend(self._codec.update(settings))
        self._something_to_send.set()

    async def _live(self, delay_s: float) -> Event:
        # A link being opened has no farewell to wait for, so `end` may cancel up to here.
        await asyncio.sleep(delay_s)
        dial = await self._follow(self._codec.plan_dial(self._loop.time()))
        async with self._around.dial(dial) as link:
            self._link = link
            self._started = datetime.now(UTC).isoformat(timespec="seconds")
            try:
                await self._exchange(link)
            finally:
                self._note_progress(link)
        if link.close_code is None and self._send_failure is not None:
            raise self._send_failure
        return self._codec.closed(link.close_code, link.close_reason)

    async def _exchange(self, link: Link) -> None:
        """Send and receive until the link ends."""
        self._outbox.extend(self._codec.greet())
        timeout_s = self._codec.ready_timeout_s
        async with asyncio.TaskGroup() as group:
            helpers = [
                group.create_task(self._send(link), name="uplink"),
                group.create_task(link.watch(), name="link watch"),
            ]
            try:
                async with asyncio.timeout(timeout_s) as deadline:
                    async for message in link:
                        self._take(self._codec.receive(message, self._loop.time()))
                        if self.ready and deadline.when() is not None:
                            deadline.reschedule(None)
            except TimeoutError:
                raise LinkError(f"the agent was not ready within {timeout_s:g} s") from None
            finally:
                for helper in helpers:
                    helper.cancel()

    async def _send(self, link: Link) -> None:
        """Send until the link takes no more; the receiver learns from the peer why."""
        try:
            await self._send_what_comes(link)
        except LinkError as exc:
            self._send_failure = exc

    async def _send_what_comes(self, link: Link) -> None:
        """Send what the codec wants sent, and captured sound once the agent is ready."""
        while True:
            if self._outbox:
                await link.send(self._outbox.popleft())
            elif self._closing:
                await link.close()
                return
            elif self.ready and not self._ending and (chunk := self._around.uplink.take()):
                await self._send_sound(link, *chunk)
            else:
                self._something_to_send.clear()
                await self._something_to_send.wait()

    async def _send_sound(self, link: Link, pcm: bytes, pcm_format: PcmFormat) -> None:
        """Send one chunk: resample -> encode -> socket, a backlog not faster than allowed."""
        speed = self._codec.uplink_speed
        if speed <= 1.0 and self._silence.skip(pcm, pcm_format, self._around.uplink.queued_ms):
            return
        payload = g711.encode(self._resampler(pcm_format).process(pcm), self._codec.uplink.encoding)
        messages = self._codec.encode_audio(payload) if payload else []
        for number, message in enumerate(messages):
            duration_ms = pcm_format.duration_ms(len(pcm)) / len(messages)
            wait_s = self._up_pace.wait_s(duration_ms, self._loop.time(), speed)
            if number and speed <= 1.0:
                wait_s = max(wait_s, duration_ms / 1000)  # as if captured in such short pieces
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await link.send(message)
            if not self._ending:  # by now the queue may belong to another link
                self._around.uplink.sent(link.written_bytes)
                self._note_progress(link)

    def _note_progress(self, link: Link) -> None:
        """Let go of the sound that the agent has."""
        if not self._ending:
            self._around.uplink.acknowledge(link.acknowledged_bytes)

    def _resampler(self, pcm_format: PcmFormat) -> Resampler:
        """Return what resamples `pcm_format`, joined without a gap to what an earlier link sent."""
        if self._up is None or self._up[0] != pcm_format:
            resampler = Resampler(pcm_format.rate_hz, self._codec.uplink.rate_hz)
            lead = self._around.uplink.lead if self._up is None else None
            if lead is not None and lead[1] == pcm_format:
                resampler.process(lead[0])
            self._up = (pcm_format, resampler)
        return self._up[1]

    def _take(self, items: list[Item]) -> None:
        """Do what one message led to, in order."""
        for item in items:
            match item:
                case ReplyAudio(reply_id, payload):
                    wire, now_s = self._codec.downlink, self._loop.time()
                    self._downlink.take(reply_id, payload, wire, now_s)
                case Caption():
                    for view in self._around.captions:
                        view.caption(item)
                case Send(message):
                    self._outbox.append(message)
                    self._something_to_send.set()
                case Notice(severity, text):
                    log.log(LEVELS[severity], "agent: %s", text)
                case _:
                    self._tell(item)
        self._schedule_due()

    def _tell(self, event: Event) -> None:
        """Pass a fact on, unless we are parting and nobody listens any more."""
        if isinstance(event, AgentReady):
            self.ready = True
            self._something_to_send.set()
            if self._codec.keep_s is not None:
                self._around.uplink.keep_newest(self._codec.keep_s * 1000)
            self._around.playout.limit(self._codec.queue_ms)
            self._attend(closely=not self._codec.heralds)
        if isinstance(event, SpeechStarted | SpeechStopped) and self._codec.heralds:
            self._attend(closely=isinstance(event, SpeechStarted))
        if isinstance(event, ReplyDone):
            self._downlink.finish(event.reply_id, self._loop.time())
        if not self._ending:
            self._around.dispatch(event)

    def _attend(self, *, closely: bool) -> None:
        if self._link is not None:
            self._link.attend(closely)

    def _schedule_due(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if (due_s := self._codec.due_s()) is not None:
            self._due = self._loop.call_at(due_s, self._advance)

    def _advance(self) -> None:
        self._due = None
        self._take(self._codec.advance(self._loop.time()))

    async def _follow(self, plan: DialPlan) -> Dial:
        """Make the calls a dial plan asks for; return where it leads."""
        try:
            call = next(plan)
            while True:
                call = plan.send(await self._around.call_http(call))
        except StopIteration as done:
            dial: Dial = done.value
            return dial


def _lost(group: BaseExceptionGroup[VoicedError]) -> LinkLost:
    """Reduce what went wrong to one event, the gravest first."""
    for kind, loss in LOSSES.items():
        if (matching := group.subgroup(kind)) is not None:
            first = _first_in(matching)
            return LinkLost(str(first), loss, first.wait_s if isinstance(first, AgentBusy) else 0.0)
    return LinkLost(str(_first_in(group)))


def _first_in(group: BaseExceptionGroup[VoicedError]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def _in_words(facts: Mapping[str, str]) -> str:
    """Write a codec's support facts on one line."""
    return " ".join(f"{name}={value}" for name, value in facts.items())
