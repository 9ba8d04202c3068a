"""The agent's sound on its way to the playout: decode, batch, resample."""

from voiced.audio import g711
from voiced.audio.playout import Playout
from voiced.audio.resample import Resampler
from voiced.core.pcm import Encoding, WireFormat

GATHER_MS = 40
"""Agents send chunks as short as 10 ms. Resampling four at once costs a third of the CPU time, and the start
threshold hides the wait."""

WAIT_S = 0.05
"""How long a chunk waits for others: the last chunk of a reply may come long before the reply's end."""


class Downlink:
    """Feeds one link's replies to `playout`."""

    def __init__(self, playout: Playout) -> None:
        self._playout = playout
        self._wire = WireFormat(0)
        self._rate_hz = 0
        self._enough_bytes = 0
        self._reply_id = ""
        self._gathered = b""
        self._oldest_s = 0.0

    def take(self, reply_id: str, payload: bytes, wire: WireFormat, now_s: float) -> None:
        """Queue one chunk of a reply.

        Args:
            reply_id: The reply it belongs to.
            payload: Whole samples in `wire` format.
            wire: The codec's downlink format.
            now_s: When it arrived.
        """
        if (
            reply_id != self._reply_id
            or wire != self._wire
            or self._rate_hz != self._playout.rate_hz
        ):
            self._begin(reply_id, wire, now_s)
        if not self._gathered:
            self._oldest_s = now_s
        self._gathered += payload
        if len(self._gathered) >= self._enough_bytes:
            self._pass_on(now_s)

    def due_s(self) -> float | None:
        """Return when `advance` wants to be called, or None."""
        return self._oldest_s + WAIT_S if self._gathered else None

    def advance(self, now_s: float) -> None:
        """Play chunks that have waited long enough."""
        if (due_s := self.due_s()) is not None and due_s <= now_s:
            self._pass_on(now_s)

    def finish(self, reply_id: str, now_s: float) -> None:
        """Play the rest of a reply, including what the resampling filter still holds."""
        if reply_id == self._reply_id:
            self._pass_on(now_s)
            self._playout.feed(reply_id, self._resampler.flush(), now_s)
            self._reply_id = ""

    def _begin(self, reply_id: str, wire: WireFormat, now_s: float) -> None:
        if self._reply_id:
            self.finish(self._reply_id, now_s)
        sample_bytes = 2 if wire.encoding is Encoding.S16LE else 1
        self._reply_id, self._wire, self._rate_hz = reply_id, wire, self._playout.rate_hz
        self._enough_bytes = wire.rate_hz * GATHER_MS // 1000 * sample_bytes
        self._resampler = Resampler(wire.rate_hz, self._rate_hz)

    def _pass_on(self, now_s: float) -> None:
        pcm = g711.decode(self._gathered, self._wire.encoding)
        self._gathered = b""
        if pcm:
            self._playout.feed(self._reply_id, self._resampler.process(pcm), now_s)
