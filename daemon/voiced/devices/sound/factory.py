"""Choose the driver of a configured sound device: WAV files for `wav:PATH`, otherwise ALSA."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from voiced.ports import Microphone, Speaker

if TYPE_CHECKING:
    from voiced.devices.sound.driver_calls import DriverCalls

WAV = "wav:"


@dataclass(frozen=True, slots=True)
class SoundDevices:
    """Both directions, as in the settings.

    Attributes:
        capture: The microphone.
        playback: The speaker.
        channel: The channel of the microphone; None is the card's default.
        period_ms: How much sound moves at a time.
        mixer: The card's own control for the volume: its name, `auto` or `none`.
        gain: The capture volume in per cent; None leaves it, unless the card's profile sets one.
    """

    capture: str
    playback: str
    channel: int | None = None
    period_ms: int = 40
    mixer: str = "auto"
    gain: int | None = None


def is_file(device: str) -> bool:
    """Tell whether a device is a WAV file."""
    return device.startswith(WAV)


def microphone(devices: SoundDevices, calls: "DriverCalls | None" = None) -> Microphone:
    """Return the configured capture device; `calls` makes the calls into its driver."""
    device, other = devices.capture, devices.playback
    if is_file(device):
        from voiced.devices.sound.wav import WavMicrophone

        path = Path(device.removeprefix(WAV))
        return WavMicrophone(path, channel=devices.channel or 0, period_ms=devices.period_ms)
    from voiced.devices.sound.alsa_capture import AlsaMicrophone
    from voiced.devices.sound.keep_awake import KeptAwake
    from voiced.devices.sound.recovery import CardRecovery

    alsa = AlsaMicrophone(
        device,
        channel=devices.channel,
        period_ms=devices.period_ms,
        partner=None if is_file(other) else other,
        recovery=CardRecovery(calls=calls, gain=devices.gain),
    )
    return KeptAwake(alsa, other)


def speaker(devices: SoundDevices, calls: "DriverCalls | None" = None) -> Speaker:
    """Return the configured playback device; `calls` makes the calls into its driver."""
    device, other = devices.playback, devices.capture
    if is_file(device):
        from voiced.devices.sound.wav import WavSpeaker

        return WavSpeaker(Path(device.removeprefix(WAV)), period_ms=devices.period_ms)
    from voiced.devices.sound.alsa_playback import AlsaSpeaker
    from voiced.devices.sound.recovery import CardRecovery

    return AlsaSpeaker(
        device,
        partner=None if is_file(other) else other,
        mixer=devices.mixer,
        recovery=CardRecovery(calls=calls),
    )
