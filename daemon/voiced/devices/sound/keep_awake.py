"""Keep a card's playback open for its microphone, while the agent plays on another card."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from voiced.core.pcm import PcmFormat
from voiced.devices.sound.alsa_capture import AlsaCapture, AlsaMicrophone
from voiced.devices.sound.alsa_playback import AlsaPlayback, AlsaSpeaker
from voiced.devices.sound.cards import Card
from voiced.devices.sound.selection import choose
from voiced.errors import DeviceError
from voiced.lib.task_group import TaskGroup
from voiced.ports import Capture
from voiced.runtime.guard import first_of


class Silence:
    """Plays silence. Implements `SoundSource`."""

    def pull(self, n_bytes: int) -> bytes:
        return bytes(n_bytes)

    def played(self, n_frames: int) -> None:
        pass


class KeptAwake:
    """A microphone that also opens its card's playback, if the card needs it and the speaker does not.

    Args:
        microphone: The microphone.
        speaker_device: The device the agent plays on.
        speaker: Returns the speaker of a card, from its id.
    """

    def __init__(
        self,
        microphone: AlsaMicrophone,
        speaker_device: str,
        speaker: Callable[[str], AlsaSpeaker] = AlsaSpeaker,
    ) -> None:
        self._microphone = microphone
        self._speaker_device = speaker_device
        self._speaker = speaker
        self._speakers: dict[str, AlsaSpeaker] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Capture]:
        async with self._microphone.open() as capture:
            choice = capture.opened.choice
            card = choice.name.card
            if card is None or not choice.profile.needs_playback or self._plays_on(card):
                yield capture
                return
            # One for each card, because it remembers an opening that still hangs.
            if card.id not in self._speakers:
                self._speakers[card.id] = self._speaker(card.id)
            async with self._speakers[card.id].open() as playback:
                yield _CaptureWithSilence(capture, playback)

    def _plays_on(self, card: Card) -> bool:
        wanted = self._microphone.device
        try:
            other = choose(self._speaker_device, "playback", wanted, self._microphone.asound)
        except DeviceError:
            return False
        return other.name.card is not None and other.name.card.id == card.id


class _CaptureWithSilence:
    """A capture, and silence on the same card."""

    def __init__(self, capture: AlsaCapture, playback: AlsaPlayback) -> None:
        self.format: PcmFormat = capture.format
        self._capture = capture
        self._playback = playback

    @property
    def xruns(self) -> int:
        return self._capture.xruns

    async def run(self, deliver: Callable[[bytes], None]) -> None:
        failure: BaseException | None = None
        try:
            async with TaskGroup() as group:
                group.create_task(self._playback.run(Silence()), name="keep awake")
                await self._capture.run(deliver)
        except* Exception as several:  # noqa: BLE001 - raised again below
            failure = first_of(several)
        if failure is not None:
            raise failure

    def relax(self, relaxed: bool, /) -> None:  # noqa: FBT001 - as the port says
        self._capture.relax(relaxed)
        self._playback.relax(relaxed)
