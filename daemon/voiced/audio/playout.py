"""The queue between the agent's bursts and the speaker's steady pull.

Its lock is held for microseconds, because the playback thread must never wait. Positions count the frames
pulled since the speaker was opened; only the device knows which of them have been played.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from voiced.audio.levels import is_audible
from voiced.audio.limiter import soft_limit
from voiced.audio.start_threshold import StartThreshold

REFUSALS_REMEMBERED = 64  # audio of a dropped reply stops arriving within seconds
MOST_REPLIES = 64  # bounds memory: no sane agent queues so many
FULL_VOLUME = 100
DUCKED_GAIN = 0.25
COUNTED_EVERY_S = 0.5


@dataclass(slots=True, eq=False)
class _Reply:
    """One queued reply.

    Attributes:
        finished: No more audio will come.
        playing: It was held back long enough.
        newest_bytes: Size of the chunk that came last.
        held_since: Position of the first pull while the reply was held back.
        last_heard: The chunk that was pulled last.
        fell_silent: It ran out in the middle of audible sound.
        end: Position after the last frame pulled.
        n_pulled: How many of its frames were pulled.
        audible_at: Position of the first frame pulled that is not digital silence.
    """

    reply_id: str
    queue: bytearray = field(default_factory=bytearray)
    finished: bool = False
    playing: bool = False
    newest_bytes: int = 0
    held_since: int | None = None
    last_heard: bytes = b""
    fell_silent: bool = False
    end: int = 0
    n_pulled: int = 0
    audible_at: int | None = None

    def hold_back(self) -> None:
        """Buffer sound again before playing on."""
        self.playing = False
        self.held_since = None


class Playout:
    """Replies waiting to be heard, one after another, as mono int16 LE.

    A reply starts when the start threshold has passed since its first chunk, when that much is queued
    before its newest chunk, or when the reply is finished. After an underrun it is held back again.

    `on_drained` reports that the last frame of a finished reply left the speaker: once per `finish`, never
    for a reply that was dropped or followed by another. It runs on the playback thread, or inside `finish`
    if nothing is left to play. A report already on its way when the next reply is accepted is not recalled.
    `on_audible` reports, on the playback thread, that the first audible frame of a reply left the speaker.

    Attributes:
        capacity_s: How much may be queued, of `MOST_REPLIES` at most. The newest excess is dropped.
        ducked: Replies are lowered by 12 dB, because the user begins to speak.
        boost: Gain on top of the volume; peaks go through the soft limiter.
        rate_hz: What `feed` expects and `pull` returns.
        underruns: Gaps inside a reply: it ran out, and more of it came. Gaps after digital silence do not count.
        dropped_ms: Sound dropped because the queue was full or the rate had changed.
        sounded: Counts up about twice a second while audible sound of a reply is queued or pulled.
    """

    def __init__(
        self,
        rate_hz: int,
        on_drained: Callable[[str], None],
        *,
        capacity_s: float = 60.0,
        start: StartThreshold | None = None,
        on_audible: Callable[[str], None] | None = None,
    ) -> None:
        self.rate_hz = rate_hz
        self.underruns = 0
        self.dropped_ms = 0.0
        self.sounded = 0
        self._fed_s = self._pulled_s = float("-inf")
        self.ducked = False
        self.boost = 1.0
        self._on_drained = on_drained
        self._on_audible = on_audible
        self._unheard: _Reply | None = None
        self.capacity_s = capacity_s
        self._start = start or StartThreshold()
        self._lock = Lock()
        self._replies: deque[_Reply] = deque()
        self._accepting: _Reply | None = None
        self._to_report: _Reply | None = None
        self._refused: deque[str] = deque(maxlen=REFUSALS_REMEMBERED)
        self._pulled = 0
        self._played = 0
        self._volume = FULL_VOLUME
        self._gain = 1.0
        self._pulled_at = FULL_VOLUME  # the volume of what was pulled last
        self._limit_ms: float | None = None
        self._silence = b""
        self._overlay = b""
        self._overlay_floor = 0

    @property
    def sounding(self) -> bool:
        """Sound of a reply is queued, or the speaker still holds some."""
        with self._lock:
            return any(reply.queue or reply.end > self._played for reply in self._replies)

    def heard_ms(self, reply_id: str) -> float | None:
        """Return how much of a reply has left the speaker; None if it is not queued or has ended."""
        with self._lock:
            for reply in self._replies:
                if reply.reply_id == reply_id:
                    held_frames = max(reply.end - self._played, 0)
                    return max(reply.n_pulled - held_frames, 0) * 1000 / self.rate_hz
        return None

    @property
    def queued_ms(self) -> float:
        """How much sound is queued."""
        with self._lock:
            return self._duration_ms(self._queued_bytes())

    @property
    def position(self) -> int:
        """How many frames were pulled since the speaker was opened."""
        return self._pulled

    @property
    def volume(self) -> int:
        """Loudness from 0 to 100, by a cubic law; 100 leaves the sound as it is."""
        return self._volume

    @volume.setter
    def volume(self, volume: int) -> None:
        self._volume = min(max(volume, 0), FULL_VOLUME)

    def accept(self, reply_id: str) -> None:
        """Take audio of `reply_id` from now on, to play after what is queued."""
        with self._lock:
            if reply_id in self._refused:
                return
            if self._accepting is not None:
                if self._accepting.reply_id == reply_id:
                    return
                self._accepting.finished = True
            if len(self._replies) >= MOST_REPLIES:
                self.dropped_ms += self._duration_ms(len(self._replies.pop().queue))
            self._accepting = _Reply(reply_id)
            self._replies.append(self._accepting)
            self._to_report = None
            self._start.begin()

    def limit(self, queue_ms: float | None) -> None:
        """Queue at most `queue_ms` from now on (None: the capacity), and hold back at most half of it."""
        with self._lock:
            self._limit_ms = queue_ms

    def forget_refusals(self) -> None:
        """Accept the ids of dropped replies again: another link may reuse them."""
        with self._lock:
            self._refused.clear()

    def feed(self, reply_id: str, pcm: bytes, now_s: float) -> None:
        """Queue `pcm` (n_frames, int16 LE), unless another reply or none is being accepted."""
        with self._lock:
            reply = self._accepting
            if reply is None or reply.reply_id != reply_id or not pcm:
                return
            self._start.observe(self._duration_ms(len(pcm)), now_s)
            kept = pcm[: max(0, self._capacity_bytes() - self._queued_bytes())]
            self.dropped_ms += self._duration_ms(len(pcm) - len(kept))
            self.underruns += reply.fell_silent
            reply.fell_silent = False
            reply.queue += kept
            if now_s - self._fed_s >= COUNTED_EVERY_S and is_audible(kept):
                self._fed_s = now_s
                self.sounded += 1
            reply.newest_bytes = len(kept)

    def finish(self, reply_id: str) -> None:
        """Take no more audio of `reply_id`; report when all of it has been played.

        Does nothing unless that reply is being accepted.
        """
        with self._lock:
            reply = self._accepting
            if reply is None or reply.reply_id != reply_id:
                return
            reply.finished = True
            self._accepting, self._to_report = None, reply
            drained = self._take_report()
        if drained is not None:
            self._on_drained(drained)

    def drop(self, reply_id: str | None) -> bool:
        """Discard `reply_id` (None: every reply) and refuse its audio from now on.

        Returns:
            Whether the speaker may still hold sound of it.
        """
        with self._lock:
            dropped = [reply for reply in self._replies if reply_id in (None, reply.reply_id)]
            gone = [reply.reply_id for reply in dropped] if reply_id is None else [reply_id]
            self._refused.extend(gone)
            self._replies = deque(reply for reply in self._replies if reply not in dropped)
            if self._accepting in dropped:
                self._accepting = None
            if self._to_report in dropped:
                self._to_report = None
            if self._unheard in dropped:
                self._unheard = None
            return any(reply.end > self._played for reply in dropped)

    def overlay(self, pcm: bytes, least_volume: int = 0) -> None:
        """Mix `pcm` (n_frames, int16 LE) over what is pulled next, at `least_volume` (0 to 100) or louder.

        It replaces an earlier overlay.
        """
        with self._lock:
            self._overlay, self._overlay_floor = pcm, least_volume

    def restart(self, rate_hz: int) -> None:
        """Start over at position 0 for a speaker that was just opened.

        Sound in the old speaker is lost; queued sound is kept if the rate is the same. The playback thread
        must not run meanwhile.
        """
        with self._lock:
            for reply in self._replies:
                if rate_hz != self.rate_hz:
                    self.dropped_ms += self._duration_ms(len(reply.queue))
                    reply.queue.clear()
                reply.hold_back()
                reply.end = 0
            self._unheard = None
            self._overlay = b""
            self.rate_hz = rate_hz
            self._pulled = self._played = 0

    def pull(self, n_bytes: int) -> bytes:
        """Return exactly `n_bytes`, padded with silence.

        Thread: the playback thread.
        """
        with self._lock:
            pcm = self._take(n_bytes)
            self._pulled += n_bytes // 2
            over, self._overlay = self._overlay[:n_bytes], self._overlay[n_bytes:]
            floor = self._overlay_floor
        # Outside the lock: amplifying takes longer than the loop's thread should wait.
        was_at, self._pulled_at = self._pulled_at, self._volume
        ducking = DUCKED_GAIN if self.ducked else 1.0
        before, self._gain = self._gain, _loudness(self._pulled_at) * self.boost * ducking
        if over:
            samples = _amplified(pcm.ljust(n_bytes, b"\0"), before, self._gain)
            loudness = (_loudness(max(at, floor)) for at in (was_at, self._pulled_at))
            samples += _amplified(over.ljust(n_bytes, b"\0"), *loudness)
            return soft_limit(samples)
        if not pcm:
            if len(self._silence) != n_bytes:
                self._silence = bytes(n_bytes)
            return self._silence
        if before == self._gain == 1.0:
            return pcm.ljust(n_bytes, b"\0")
        samples = _amplified(pcm, before, self._gain)
        if self.boost > 1.0:
            return soft_limit(samples).ljust(n_bytes, b"\0")
        return np.rint(samples).astype("<i2").tobytes().ljust(n_bytes, b"\0")

    def played(self, n_frames: int) -> None:
        """Record that the first `n_frames` pulled have left the speaker.

        Thread: the playback thread.
        """
        with self._lock:
            self._played = n_frames
            audible = self._take_audible()
            drained = self._take_report()
        if audible is not None and self._on_audible is not None:
            self._on_audible(audible)
        if drained is not None:
            self._on_drained(drained)

    def _take(self, n_bytes: int) -> bytes:
        pcm = b""
        newest = self._accepting
        if newest is not None and newest.queue and newest.held_since is None:
            newest.held_since = self._pulled
        for reply in self._replies:
            if not self._may_play(reply):
                break
            piece = bytes(reply.queue[: n_bytes - len(pcm)])
            if piece:
                del reply.queue[: len(piece)]
                pcm += piece
                self._count(piece)
                if reply.audible_at is None:
                    self._look_for_sound(reply, piece, self._pulled + (len(pcm) - len(piece)) // 2)
                reply.last_heard = piece
                reply.end = self._pulled + len(pcm) // 2
                reply.n_pulled += len(piece) // 2
            if len(pcm) == n_bytes:
                break
            if not reply.finished:
                reply.fell_silent = any(reply.last_heard)
                reply.hold_back()
        return pcm

    def _count(self, piece: bytes) -> None:
        now_s = self._pulled / self.rate_hz
        if not 0 <= now_s - self._pulled_s < COUNTED_EVERY_S and is_audible(piece):
            self._pulled_s = now_s
            self.sounded += 1

    def _look_for_sound(self, reply: _Reply, piece: bytes, position: int) -> None:
        n_silent = len(piece) - len(piece.lstrip(b"\0"))
        if n_silent < len(piece):
            reply.audible_at = position + n_silent // 2
            self._unheard = reply

    def _take_audible(self) -> str | None:
        """Return, once, the reply that has become audible."""
        reply = self._unheard
        if reply is None or reply.audible_at is None or reply.audible_at >= self._played:
            return None
        self._unheard = None
        return reply.reply_id

    def _may_play(self, reply: _Reply) -> bool:
        if not (reply.playing or reply.finished) and reply.held_since is not None:
            start_ms = self._start.ms
            if self._limit_ms is not None:
                start_ms = min(start_ms, self._limit_ms / 2)
            threshold_frames = start_ms / 1000 * self.rate_hz
            held_frames = (len(reply.queue) - reply.newest_bytes) // 2
            waited_frames = self._pulled - reply.held_since
            reply.playing = max(held_frames, waited_frames) >= threshold_frames
        return reply.playing or reply.finished

    def _take_report(self) -> str | None:
        """Remove replies that have been played; return the id of the last one if it is to be reported."""
        while self._replies and _heard_out(self._replies[0], self._played):
            self._replies.popleft()
        if self._to_report is None or self._replies:
            return None
        drained, self._to_report = self._to_report.reply_id, None
        return drained

    def _queued_bytes(self) -> int:
        return sum(len(reply.queue) for reply in self._replies)

    def _capacity_bytes(self) -> int:
        capacity_s = self.capacity_s if self._limit_ms is None else self._limit_ms / 1000
        return 2 * int(capacity_s * self.rate_hz)

    def _duration_ms(self, n_bytes: int) -> float:
        return n_bytes * 500 / self.rate_hz


def _heard_out(reply: _Reply, played: int) -> bool:
    return reply.finished and not reply.queue and reply.end <= played


def _loudness(volume: int) -> float:
    return (volume / FULL_VOLUME) ** 3


def _amplified(pcm: bytes, before: float, after: float) -> NDArray[np.float32]:
    """Return `pcm` with a gain that ramps from `before` to `after`, so that it does not click."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    if before != after:
        samples *= np.linspace(before, after, samples.size, dtype=np.float32)
    elif after != 1.0:
        samples *= np.float32(after)
    return samples
