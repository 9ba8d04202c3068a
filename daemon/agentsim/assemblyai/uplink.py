"""Checks, counts, keeps and converts the incoming sound of one session."""

import base64
import binascii
import wave
from pathlib import Path

from agentsim.assemblyai.refusal import Refusal
from agentsim.sound import HEARING_HZ, Samples
from agentsim.sound.resample import Resampler
from agentsim.sound.wire import Encoding

LONGEST_CHUNK_S = 0.2


class Uplink:
    """The sound a session receives.

    Attributes:
        audio_s: How much sound came in all.
        heard: The payloads, if they are kept.
    """

    def __init__(self, encoding: Encoding, *, keep: bool, record_to: Path | None) -> None:
        self.encoding = encoding
        self.audio_s = 0.0
        self.heard = bytearray()
        self._keep = keep
        self._resampler = Resampler(encoding.rate_hz, HEARING_HZ)
        self._recording = _recording(record_to, encoding) if record_to else None

    def payload(self, audio: object) -> bytes:
        """Return the bytes of an `input.audio`.

        Raises:
            Refusal: If they are not sound in this encoding.
        """
        if not isinstance(audio, str):
            raise Refusal("invalid_audio", "audio must be a base64 string.", "audio")
        try:
            payload = base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError):
            raise Refusal("invalid_audio", "audio is not base64.", "audio") from None
        if len(payload) % self.encoding.bytes_per_frame:
            raise Refusal("invalid_audio", "audio has half a sample.", "audio")
        return payload

    def take(self, payload: bytes) -> Samples:
        """Count and keep a payload; return its samples at `HEARING_HZ`."""
        self.audio_s += self.encoding.seconds(len(payload))
        if self._keep:
            self.heard += payload
        samples = self.encoding.decode(payload)
        if self._recording:
            self._recording.writeframes(samples.tobytes())
        return self._resampler(samples)

    def close(self) -> None:
        """Finish the recording; idempotent."""
        if self._recording:
            self._recording.close()
            self._recording = None


def _recording(path: Path, encoding: Encoding) -> wave.Wave_write:
    path.parent.mkdir(parents=True, exist_ok=True)
    recording = wave.open(str(path), "wb")  # noqa: SIM115 - open as long as the session
    recording.setparams((1, 2, encoding.rate_hz, 0, "NONE", ""))
    return recording
