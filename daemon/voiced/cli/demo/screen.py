"""The output of a demo: plain lines, or a terminal with a live block at the bottom.

Both implement Indicator, CaptionSink, PeriodTap and a log handler.
"""

import logging
import shutil
import sys
import unicodedata
from typing import TextIO

from voiced.agents.codec import Caption
from voiced.audio.levels import rms_dbfs
from voiced.core.actions import Status
from voiced.core.pcm import PcmFormat
from voiced.lib.printable import shown

NAMES = {"user": "you", "agent": "agent"}

FACES = {
    Status.BOOTING: "  starting",
    Status.ASLEEP: "z asleep",
    Status.CONNECTING: "~ connecting",
    Status.LISTENING: "o listening",
    Status.HEARING: "O hearing you",
    Status.THINKING: ". thinking",
    Status.SPEAKING: "> speaking",
    Status.MUTED: "x muted",
    Status.OFFLINE: "! offline, trying again",
    Status.REJECTED: "! refused by the agent",
    Status.NO_MICROPHONE: "! no microphone",
    Status.MICROPHONE_BUSY: "! microphone in use",
    Status.MICROPHONE_STALLED: "! microphone stalled",
    Status.MICROPHONE_SILENT: "! microphone silent",
    Status.NO_SPEAKER: "! no speaker",
    Status.SPEAKER_BUSY: "! speaker in use",
    Status.SPEAKER_STALLED: "! speaker stalled",
    Status.CONFIGURATION_ERROR: "! settings broken",
    Status.STOPPING: "  stopping",
}

METER_CELLS = 12
METER_FLOOR_DBFS = -60.0
METER_EVERY = 5  # periods between two redraws: ten a second at 20 ms


class PlainLines(logging.Handler):
    """One line for every status and every final caption."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        super().__init__(logging.WARNING)
        self._out = out

    def line(self, text: str) -> None:
        """Print `text`."""
        print(shown(text), file=self._out, flush=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Print a log record."""
        self.line(f"{record.levelname.lower()}: {record.getMessage()}")

    def show(self, status: Status) -> None:
        """Print the status."""
        self.line(f"status: {status.value}")

    def caption(self, caption: Caption) -> None:
        """Print what was said, once it is final."""
        if caption.final:
            self.line(spoken(caption))

    def feed(self, pcm: bytes, _pcm_format: PcmFormat, /) -> None:
        """Ignore the sound: lines have no meter."""


class Screen(PlainLines):
    """Lines that scroll, above a block of two that are redrawn in place.

    The cursor rests at the start of the block, so that erasing downwards clears it.
    """

    def __init__(self, hint: str, out: TextIO = sys.stdout) -> None:
        super().__init__(out)
        self._hint = hint
        self._status = Status.ASLEEP
        self._partial = ""
        self._level_dbfs = METER_FLOOR_DBFS
        self._periods = 0

    def line(self, text: str) -> None:
        """Print `text` above the block."""
        self._out.write(f"\x1b[J{shown(text)}\n")
        self._redraw()

    def show(self, status: Status) -> None:
        """Show the status in the block."""
        self._status = status
        self._redraw()

    def caption(self, caption: Caption) -> None:
        """Show the caption in the block; print it once it is final."""
        self._partial = "" if caption.final else spoken(caption)
        if caption.final:
            self.line(spoken(caption))
        else:
            self._redraw()

    def feed(self, pcm: bytes, _pcm_format: PcmFormat, /) -> None:
        """Show the level of the microphone."""
        self._level_dbfs = max(self._level_dbfs, rms_dbfs(pcm))
        self._periods += 1
        if self._periods % METER_EVERY == 0:
            self._redraw()
            self._level_dbfs = METER_FLOOR_DBFS

    def close(self) -> None:
        """Clear the block."""
        self._out.write("\x1b[J")
        self._out.flush()
        super().close()

    def _redraw(self) -> None:
        # One less, as a full line would wrap and break the block.
        columns = shutil.get_terminal_size().columns - 1
        share = 1 - max(self._level_dbfs, METER_FLOOR_DBFS) / METER_FLOOR_DBFS
        meter = ("#" * round(share * METER_CELLS)).ljust(METER_CELLS, "-")
        status = f"{FACES[self._status]:<24} mic [{meter}]  {self._hint}"
        # Erase downwards, draw both lines, and put the cursor back to the start of the block.
        self._out.write(
            f"\x1b[J{tail(shown(self._partial), columns)}\n{head(status, columns)}\x1b[1A\r"
        )
        self._out.flush()


def spoken(caption: Caption) -> str:
    """Return a caption as one line."""
    text = " ".join(caption.text.split())
    return f"{NAMES[caption.speaker]}: {text}" + (" --" if caption.interrupted else "")


def head(text: str, columns: int) -> str:
    """Return as much of the start of `text` as fits into `columns`."""
    used = 0
    for index, character in enumerate(text):
        used += _cells(character)
        if used > columns:
            return text[:index]
    return text


def tail(text: str, columns: int) -> str:
    """Return as much of the end of `text` as fits into `columns`, without a leading combining accent."""
    kept = head(text[::-1], columns)[::-1]
    while kept and kept != text and unicodedata.combining(kept[0]):
        kept = kept[1:]
    return kept


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
