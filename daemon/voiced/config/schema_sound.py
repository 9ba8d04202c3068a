"""The settings of sound; see `schema`."""

from typing import Annotated, Literal

import msgspec

from voiced.config.types import FILE, MixerControl, SoundDevice, live, next_session, restart
from voiced.lib.permissions import SERVER, SOFTEST_SENT, owner, server
from voiced.lib.sections import Section


class CaptureSection(Section, frozen=True, kw_only=True):
    """The microphone."""

    device: Annotated[
        SoundDevice,
        restart(
            "USB VID:PID like 2886:001a (VID:PID:SERIAL or VID:PID@SOCKET for identical cards), ALSA card id, ALSA PCM name, wav:PATH (never from a server), "
            "or auto for the best array.",
            server(never=FILE),
        ),
    ] = "auto"
    channel: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=31)] | None,
        restart("Channel to use, counted from 0, instead of the one known to be right.", SERVER, 0),
    ] = None
    gain: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=100)] | None,
        restart(
            "Volume of the microphone in per cent of the range of its card. Without it the card keeps "
            "what alsamixer set, except for arrays that are known to need a certain volume.",
            SERVER,
            80,
        ),
    ] = None
    period_ms: Annotated[
        Annotated[int, msgspec.Meta(ge=5, le=100)],
        restart("Length of the pieces in which sound is captured.", SERVER),
    ] = 40
    mute: Annotated[
        Literal["gate", "close"],
        restart(
            "What mute does: gate stops sound from leaving; close also closes the sound card.",
            owner("decide whether mute closes the microphone"),
        ),
    ] = "gate"
    silent_after_s: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=3600)],
        restart(
            "After this long of nothing but zeros the microphone counts as broken; 0 for never.",
            owner("have the light show a dead microphone as one that hears"),
        ),
    ] = 10.0


class PlaybackSection(Section, frozen=True, kw_only=True):
    """The speaker."""

    device: Annotated[
        SoundDevice,
        restart(
            "Like audio.capture.device; auto prefers the microphone's own card.", server(never=FILE)
        ),
    ] = "auto"
    volume: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=100)],
        live(
            "Volume in per cent, until somebody changes it on the device.",
            owner("silence the device", at_least=SOFTEST_SENT),
        ),
    ] = 70
    mixer: Annotated[
        MixerControl,
        restart("The card's own control for the volume; none scales the sound instead.", SERVER),
    ] = "auto"
    boost_db: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=12)],
        restart(
            "Gain for an agent that is too quiet at full volume; peaks are limited softly.", SERVER
        ),
    ] = 0.0
    buffer_s: Annotated[
        Annotated[int, msgspec.Meta(ge=5, le=300)],
        restart("How much of a reply may wait to be played.", SERVER),
    ] = 60


class AudioSection(Section, frozen=True, kw_only=True):
    """Sound."""

    echo: Annotated[
        Literal["hardware", "half_duplex", "headphones"],
        next_session(
            "What keeps the agent from hearing itself: the microphone array, a microphone closed "
            "while it speaks (no barge-in), or headphones.",
            SERVER,
        ),
    ] = "hardware"
    echo_tail_ms: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=2000)],
        next_session(
            "How long a closed microphone stays closed after the agent has spoken.", SERVER
        ),
    ] = 300
    ducking: Annotated[
        Literal["auto", "on", "off"],
        next_session(
            "Lower the agent's volume while the user begins to speak; auto does so with hardware echo "
            "cancellation.",
            SERVER,
        ),
    ] = "auto"
    capture: CaptureSection = CaptureSection()
    playback: PlaybackSection = PlaybackSection()
