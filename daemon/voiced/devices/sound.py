"""Which driver a configured sound device gets: `wav:PATH`, or ALSA for any other name."""

from pathlib import Path

from voiced.ports import Microphone, Speaker

WAV = "wav:"


def microphone(device: str, channel: int, period_ms: int) -> Microphone:
    """Return the capture device the configuration names."""
    if device.startswith(WAV):
        from voiced.devices.wavfile import WavMicrophone

        path = Path(device.removeprefix(WAV))
        return WavMicrophone(path, channel=channel, period_ms=period_ms)
    from voiced.devices.alsa import AlsaMicrophone

    return AlsaMicrophone(device, channel=channel, period_ms=period_ms)


def speaker(device: str, period_ms: int) -> Speaker:
    """Return the playback device the configuration names."""
    if device.startswith(WAV):
        from voiced.devices.wavfile import WavSpeaker

        return WavSpeaker(Path(device.removeprefix(WAV)), period_ms=period_ms)
    from voiced.devices.alsa import AlsaSpeaker

    return AlsaSpeaker(device, period_ms=period_ms)
