"""The settings of a stand-in AssemblyAI service."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agentsim.assemblyai.session_object import VOICES
from agentsim.common_settings import CommonSettings


@dataclass
class Settings(CommonSettings):
    """How one stand-in behaves.

    Attributes:
        mode: `live` behaves as the service was observed to; `strict` behaves as its documentation
            says, and counts what the client does against it.
        forbidden_keys: Keys that are valid, but not allowed to do anything.
        record_dir: Write what each session heard to a WAV file in this folder.
        max_sessions: A further session at the same time gets `concurrency_exceeded`.
    """

    mode: Literal["live", "strict"] = "live"
    forbidden_keys: Sequence[str] = ()
    record_dir: Path | None = None
    max_sessions: int | None = None

    @property
    def voices(self) -> Sequence[str]:
        """The voices a client may choose from."""
        return self.scenario.voices or VOICES
