"""One link's whole life: dial, greet, exchange, close. Each attempt has its own `Connection`.

A failure becomes exactly one event, LinkLost, unless the end was asked for.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
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
from voiced.audio.pacing import Pacer
from voiced.audio.playout import Playout
from voiced.audio.resample import Resampler
from voiced.audio.silence_skipper import SilenceSkipper
from voiced.audio.uplink import UplinkQueue
from voiced.core import events as ev
from voiced.core.events import Event
from voiced.core.pcm import PcmFormat
from voiced.errors import LinkError, VoicedError
from voiced.lib.task_group import TaskGroup
from voiced.ports import CaptionSink, DialCaller, Dialer, Link
from voiced.runtime.guard import Guard, reason_of
from voiced.runtime.losses import lost

log = logging.getLogger(__name__)

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}

MOST_UNSENT = 1024
"""Messages that may wait for the link, besides sound: more than an agent that reads ever leaves unsent."""

PART_S = 0.5
"""How long the peer may take to close a failed link, and again after our close."""


@dataclass(frozen=True, slots=True)
class LinkContext:
    """What every connection of one runtime shares.

    Attributes:
        dial: Opens the socket.
        call_http: Makes the calls of a dial plan.
        uplink: Captured sound for the agent.
        playout: Takes the agent's sound.
        captions: Receive the transcripts.
        dispatch: Receives events, on the loop's thread.
        guard: Calls parts whose failure must not end the link.
    """

    dial: Dialer
    call_http: DialCaller
    uplink: UplinkQueue
    playout: Playout
    captions: Sequence[CaptionSink]
    dispatch: Callable[[Event], None]
    guard: Guard = field(default_factory=Guard)


class Connection:
    """One attempt to hold a conversation over one link.

    Attributes:
        ready: The agent accepts audio.
        signs: Counts the captions, as signs that the agent makes progress.
    """

    def __init__(self, codec: AgentCodec, context: LinkContext, *, resumes: bool = False) -> None:
        self.ready = False
        self._resumes = resumes
        self.signs = 0
        self._codec = codec
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._outbox: deque[Message] = deque()
        self._something_to_send = asyncio.Event()
        self._link: Link | None = None
        self._ending = False
        self._closing = False
        self._codec_timer: asyncio.TimerHandle | None = None
        self._flush_timer: asyncio.TimerHandle | None = None
        self._farewell_timer: asyncio.TimerHandle | None = None
        self._uplink_resampler: tuple[PcmFormat, Resampler] | None = None
        self._downlink = Downlink(context.playout)
        self._pacer = Pacer()
        self._silence = SilenceSkipper()
        self._task: asyncio.Task[None] | None = None
        self._send_failure: LinkError | None = None
        self._started = ""
        # A call that was answered is not made again as soon as one that reached nobody.
        self._was_answered = False

    @property
    def is_open(self) -> bool:
        """The agent was reached."""
        return self._link is not None

    async def run(self, delay_s: float) -> None:
        """Run one link after `delay_s`. Cancellation drops the link at once.

        Raises nothing. Dispatches LinkLost, or the codec's event for a clean end, unless `end` was called first.
        """
        if self._ending:
            return
        self._task = asyncio.current_task()
        try:
            end = await self._run_link(delay_s)
        except* Exception as group:  # noqa: BLE001 - whatever broke, the next link may do better
            end = self._lost(group)
        finally:
            self.ready = False
            for timer in (self._codec_timer, self._flush_timer, self._farewell_timer):
                if timer is not None:
                    timer.cancel()
            if self._link is not None:
                self._log_support("link closed")
        if not self._ending:
            self._context.dispatch(end)

    def end(self) -> None:
        """End the session cleanly, within the codec's farewell timeout. Idempotent."""
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
        self._farewell_timer = self._loop.call_later(
            self._codec.farewell_timeout_s, self._link.abort
        )

    def announce(self, text: str) -> None:
        """Ask the agent to say something, as soon as its protocol allows."""
        self._outbox.extend(self._codec.say(text))
        self._something_to_send.set()

    def sound_waits(self) -> None:
        """Wake the sender: the uplink queue has new sound."""
        self._something_to_send.set()

    def return_tool(self, call_id: str, result: str, *, is_error: bool) -> None:
        """Send a tool's result to the agent, as soon as its protocol allows."""
        now_s = self._loop.time()
        self._carry_out(self._codec.return_tool(call_id, result, is_error=is_error, now_s=now_s))

    def update(self, settings: AgentSettings) -> None:
        """Update the running session to `settings`, as far as the agent allows."""
        self._outbox.extend(self._codec.update(settings))
        self._something_to_send.set()

    async def _run_link(self, delay_s: float) -> Event:
        # A link being opened has no farewell to wait for, so `end` may cancel up to here.
        await asyncio.sleep(delay_s)
        dial = await self._follow(self._codec.plan_dial(self._loop.time()))
        async with self._context.dial(dial) as link:
            self._link = link
            self._started = datetime.now(UTC).isoformat(timespec="seconds")
            try:
                await self._exchange(link)
            except* Exception as group:
                await self._close_failed(link, lost(group).loss)
                raise
            finally:
                self._note_progress(link)
        if link.close_code is None and self._send_failure is not None:
            raise self._send_failure
        return self._codec.closed(link.close_code, link.close_reason)

    def _lost(self, group: BaseExceptionGroup[Exception]) -> ev.LinkLost:
        end = replace(lost(group), reached=self.is_open)
        if end.loss is ev.Loss.UNREACHED and self._was_answered:
            return replace(end, loss=ev.Loss.BROKEN)
        return end

    async def _close_failed(self, link: Link, loss: ev.Loss) -> None:
        """Close a failed link: end its session unless it may be resumed, and read the peer's close for the log."""
        session_over = loss in (ev.Loss.REJECTED, ev.Loss.SESSION_GONE)
        parting = not self._ending and (session_over or not (self.ready or self._resumes))
        with suppress(VoicedError, TimeoutError):
            async with asyncio.timeout(PART_S):
                for message in self._codec.farewell() if parting else ():
                    await link.send(message)
                await _until_closed(link)
        with suppress(VoicedError, TimeoutError):
            async with asyncio.timeout(PART_S):
                await link.close()
                await _until_closed(link)
        with suppress(VoicedError):
            self._codec.closed(link.close_code, link.close_reason)

    async def _exchange(self, link: Link) -> None:
        """Send and receive until the link ends."""
        self._outbox.extend(self._codec.greet())
        timeout_s = self._codec.ready_timeout_s
        async with TaskGroup() as group:
            helpers = [
                group.create_task(self._send(link), name="uplink"),
                group.create_task(link.watch(), name="link watch"),
            ]
            try:
                async with asyncio.timeout(timeout_s) as deadline:
                    async for message in link:
                        self._carry_out(self._codec.receive(message, self._loop.time()))
                        if len(self._outbox) > MOST_UNSENT:
                            raise LinkError("the agent asks for more than it reads")
                        # The deadline is only for readiness; from then on `watch` guards the link.
                        if self.ready and deadline.when() is not None:
                            deadline.reschedule(None)
            except TimeoutError:
                raise LinkError(f"the agent was not ready within {timeout_s:g} s") from None
            finally:
                for helper in helpers:
                    helper.cancel()

    async def _send(self, link: Link) -> None:
        """Send the codec's messages first, then captured sound once the agent is ready."""
        try:
            while True:
                if self._outbox:
                    await link.send(self._outbox.popleft())
                elif self._closing:
                    await link.close()
                    return
                elif self.ready and not self._ending and (chunk := self._context.uplink.take()):
                    await self._send_sound(link, *chunk)
                else:
                    self._something_to_send.clear()
                    await self._something_to_send.wait()
        except LinkError as exc:
            self._send_failure = exc  # not raised: the peer's close, which is read next, says more

    async def _send_sound(self, link: Link, pcm: bytes, pcm_format: PcmFormat) -> None:
        """Resample, encode and send one chunk; a backlog is paced."""
        speed, most_s = self._codec.uplink_speed, self._codec.uplink_lead_s
        if most_s is not None and self._pacer.lead_s(self._loop.time()) >= most_s:
            speed = 1.0
        # In real time a backlog never shrinks, so its pauses are left out.
        if speed <= 1.0 and self._silence.skip(pcm, pcm_format, self._context.uplink.queued_ms):
            return
        payload = g711.encode(self._resampler(pcm_format).process(pcm), self._codec.uplink.encoding)
        messages = self._codec.encode_audio(payload) if payload else []
        for number, message in enumerate(messages):
            duration_ms = pcm_format.duration_ms(len(pcm)) / len(messages)
            wait_s = self._pacer.wait_s(duration_ms, self._loop.time(), speed)
            if number and speed <= 1.0:
                wait_s = max(
                    wait_s, duration_ms / 1000
                )  # real time: as if captured in chunks of this size
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await link.send(message)
            if not self._ending:  # by now the queue may belong to another link
                self._context.uplink.sent(link.written_bytes)
                self._note_progress(link)

    def _note_progress(self, link: Link) -> None:
        """Remove acknowledged sound from the uplink queue."""
        if not self._ending:
            self._context.uplink.acknowledge(link.acknowledged_bytes)

    def _resampler(self, pcm_format: PcmFormat) -> Resampler:
        """Return the resampler for `pcm_format`, primed with the last sound of the previous link."""
        if self._uplink_resampler is None or self._uplink_resampler[0] != pcm_format:
            resampler = Resampler(pcm_format.rate_hz, self._codec.uplink.rate_hz)
            lead = self._context.uplink.lead if self._uplink_resampler is None else None
            if lead is not None and lead[1] == pcm_format:
                resampler.process(lead[0])
            self._uplink_resampler = (pcm_format, resampler)
        return self._uplink_resampler[1]

    def _carry_out(self, items: list[Item]) -> None:
        """Carry out the items of one message, in order."""
        for item in items:
            match item:
                case ReplyAudio(reply_id, payload):
                    wire, now_s = self._codec.downlink, self._loop.time()
                    self._downlink.take(reply_id, payload, wire, now_s)
                    if self._flush_timer is None:
                        self._watch_downlink()
                case Caption():
                    self.signs += 1
                    for view in self._context.captions:
                        self._context.guard.attempt(view, view.caption, item)
                case Send(message):
                    self._outbox.append(message)
                    self._something_to_send.set()
                case Notice(severity, text):
                    log.log(LEVELS[severity], "agent: %s", text)
                case _:
                    self._handle_event(item)
        self._schedule_due()

    def _handle_event(self, event: Event) -> None:
        """Handle an event of the codec and dispatch it, unless `end` was called."""
        if isinstance(event, ev.AgentReady):
            self.ready = True
            self._something_to_send.set()
            if self._codec.keep_s is not None:
                self._context.uplink.keep_newest(self._codec.keep_s * 1000)
            self._context.playout.limit(self._codec.queue_ms)
            self._attend(closely=not self._codec.heralds)
            self._log_support("session resumed" if self._resumes else "session began")
        if isinstance(event, ev.SpeechStarted | ev.SpeechStopped) and self._codec.heralds:
            self._attend(closely=isinstance(event, ev.SpeechStarted))
        if isinstance(event, ev.ReplyDone):
            self._downlink.finish(event.reply_id, self._loop.time())
        if not self._ending:
            self._context.dispatch(event)

    def _log_support(self, what: str) -> None:
        """Log the ids that the agent's support asks for."""
        told = self._context.guard.attempt("link", self._codec.support) or {}
        facts = {"started": self._started, **told}
        fields = {"SESSION_ID": facts["session_id"]} if "session_id" in facts else {}
        in_words = " ".join(f"{name}={value}" for name, value in facts.items())
        log.info("%s: %s", what, in_words, extra=fields)

    def _attend(self, *, closely: bool) -> None:
        if self._link is not None:
            self._link.attend(closely)

    def _watch_downlink(self) -> None:
        """Flush batched sound that has waited long enough. One timer serves many chunks."""
        self._context.guard.attempt("link", self._downlink.advance, self._loop.time())
        due_s = self._downlink.due_s()
        self._flush_timer = None
        if due_s is not None:
            self._flush_timer = self._loop.call_at(due_s, self._watch_downlink)

    def _schedule_due(self) -> None:
        if self._codec_timer is not None:
            self._codec_timer.cancel()
            self._codec_timer = None
        if (due_s := self._codec.due_s()) is not None:
            self._codec_timer = self._loop.call_at(due_s, self._advance)

    def _advance(self) -> None:
        self._codec_timer = None
        try:
            self._carry_out(self._codec.advance(self._loop.time()))
        except Exception as error:  # noqa: BLE001 - it ends the link, as what comes by it would
            self._send_failure = LinkError(reason_of(error))
            if self._link is not None:
                self._link.abort()

    async def _follow(self, plan: DialPlan) -> Dial:
        """Make the HTTP calls of a dial plan; return the resulting dial."""
        try:
            call = next(plan)
            while True:
                answer = await self._context.call_http(call)
                self._was_answered = True
                call = plan.send(answer)
        except StopIteration as done:
            dial: Dial = done.value
            return dial


async def _until_closed(link: Link) -> None:
    """Read until the peer has closed."""
    async for _ in link:
        pass
