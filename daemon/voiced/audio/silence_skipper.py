"""Skip pauses in a backlog of captured sound without losing a word."""

from voiced.audio.levels import rms_dbfs
from voiced.core.pcm import PcmFormat

BACKLOG_MS = 300.0
"""A shorter backlog needs no catching up."""

KEPT_MS = 200.0
"""The part of each pause that is kept, so that words and sentences keep their ends."""

SILENT_DBFS = -50.0
"""Always silence: speech into an array has -40 to -15 dBFS."""

BELOW_SPEECH_DB = 30.0
"""So far below the loudest recent sound is silence even in a noisy room; a breath or an 's' is louder."""

FORGET_DB_PER_S = 1.5


class SilenceSkipper:
    """Decides which periods to skip, so that sound sent in real time catches up."""

    def __init__(self) -> None:
        self._loudest_dbfs = SILENT_DBFS
        self._silent_ms = 0.0

    def skip(self, pcm: bytes, pcm_format: PcmFormat, backlog_ms: float) -> bool:
        """Return whether to skip this period. Call it for every period, in order.

        Args:
            pcm: n_frames, int16 LE.
            pcm_format: Its format.
            backlog_ms: How much waits behind it.
        """
        duration_ms = pcm_format.duration_ms(len(pcm))
        level_dbfs = rms_dbfs(pcm)
        fading_dbfs = self._loudest_dbfs - FORGET_DB_PER_S * duration_ms / 1000
        self._loudest_dbfs = max(level_dbfs, fading_dbfs)
        if level_dbfs > max(SILENT_DBFS, self._loudest_dbfs - BELOW_SPEECH_DB):
            self._silent_ms = 0.0
            return False
        self._silent_ms += duration_ms
        return self._silent_ms > KEPT_MS and backlog_ms > BACKLOG_MS
