"""Checks of what the sound probe has captured and played."""

from collections.abc import Iterator

import numpy as np

from voiced.audio.levels import rms_dbfs
from voiced.config.schema import Settings
from voiced.devices.sound.channels import one_channel
from voiced.devices.sound.quirks import PLAIN
from voiced.doctor.finding import Finding, fail, ok, skip, warn
from voiced.doctor.sound_probe import Heard

RATE_TOLERANCE = 0.03
CLIPPED_SHARE = 0.001
FAINT_DBFS = -80.0
SPEECH_HZ = 16_000
FULL = 32_767  # largest int16: samples there are clipped


def judge(settings: Settings, heard: Heard, played: Heard) -> Iterator[Finding]:
    """Yield the findings for both directions of sound."""
    yield _opened("microphone", heard)
    yield _opened("speaker", played)
    yield _same_card(settings, heard, played)
    yield _array(settings, heard)
    yield _speed("capture rate", heard)
    yield _speed("playback rate", played)
    yield _level(settings, heard)
    yield _in_time(heard, played)


def _opened(check: str, side: Heard) -> Finding:
    if (error := side.error) is not None:
        text = f"{error.device}: {error.problem}"
        return fail(check, text, error.hint or "see `voiced devices`")
    where = side.choice.name.pcm if side.choice is not None else side.device
    text = f"{where}: {side.format.rate_hz} Hz"
    if check == "microphone":
        text += f", channel {side.channel} of {side.format.channels}"
        if side.format.rate_hz < SPEECH_HZ:
            fix = "use another microphone, or another firmware of this one"
            return warn(check, f"{text}: as dull as a telephone", fix)
    return ok(check, text)


def _same_card(settings: Settings, heard: Heard, played: Heard) -> Finding:
    if settings.audio.echo != "hardware":
        return skip("same card", f"does not matter with `echo: {settings.audio.echo}`")
    cards = [side.choice.name.card if side.choice else None for side in (heard, played)]
    if None in cards:
        return skip("same card", "ALSA alone knows which cards these are")
    one, other = cards
    if one is not None and other is not None and one.id != other.id:
        text = f"the echo of {other.id} cannot be cancelled by {one.id}: echo loop"
        fix = "write `echo: half_duplex`, or use an array with a loudspeaker of its own"
        if one.playback is not None:
            fix = f"plug the loudspeaker into {one.id} and set both devices to it, or write `echo: half_duplex`"
        return fail("same card", text, fix)
    return ok("same card", one.name if one is not None else "")


def _array(settings: Settings, heard: Heard) -> Finding:
    choice = heard.choice
    if heard.error is not None or choice is None or choice.name.card is None:
        return skip("array", "no card that is known by its USB id")
    profile = choice.profile
    if settings.audio.echo != "hardware" or profile.cancels_echo == "yes":
        return ok("array", profile.name)
    text = f"{profile.name} is not known to cancel its echo"
    return warn("array", text, "run `voiced doctor --echo`, or write `echo: half_duplex`")


def _speed(check: str, side: Heard) -> Finding:
    if side.error is not None or side.rate_hz is None:
        return skip(check, "there was no sound to measure")
    nominal_hz = side.format.rate_hz
    text = f"{side.rate_hz:.0f} frames a second of {nominal_hz}"
    # A Jabra 410 accepts 16 kHz sound, and plays it at 48 kHz.
    if abs(side.rate_hz / nominal_hz - 1) > RATE_TOLERANCE:
        fix = (
            "update its firmware, or use another card: this one does not run at the rate it states"
        )
        return fail(check, f"{text}: voices are too high or too low", fix)
    return ok(check, text)


def _level(settings: Settings, heard: Heard) -> Finding:
    n_channels = heard.format.channels
    if heard.error is not None or not heard.pcm:
        return skip("level", "nothing was captured")
    channels = [one_channel(heard.pcm, n, n_channels) for n in range(n_channels)]
    chosen = channels[heard.channel]
    if not any(chosen):
        return _zeros(heard, [n for n, channel in enumerate(channels) if any(channel)])
    samples = np.abs(np.frombuffer(chosen, "<i2").astype(np.int32))
    level_dbfs = rms_dbfs(chosen)
    text = f"{level_dbfs:.0f} dBFS on channel {heard.channel}"
    if float(np.mean(samples >= FULL)) > CLIPPED_SHARE:
        fix = f"lower {_gain(settings, heard)}, or move it away from the noise"
        return fail("level", f"{text}, clipped: bad audio", fix)
    if level_dbfs < FAINT_DBFS:
        fix = f"raise {_gain(settings, heard)}, and say something while this runs"
        return warn("level", f"{text}: very faint", fix)
    return ok("level", text)


def _gain(settings: Settings, heard: Heard) -> str:
    """Return where to set the microphone's gain: alsamixer is useless if this program sets it."""
    profile = heard.choice.profile if heard.choice else PLAIN
    if settings.audio.capture.gain is None and profile.capture_gain is None:
        return "its capture volume with `alsamixer`"
    return "`audio.capture.gain`"


def _zeros(heard: Heard, others: list[int]) -> Finding:
    text = f"channel {heard.channel} delivers nothing but zeros"
    if others:
        return fail("level", text, f"set `audio.capture.channel: {others[0]}`, which does not")
    return fail("level", text, "switch off the microphone's own mute, or replug it")


def _in_time(heard: Heard, played: Heard) -> Finding:
    if heard.error is not None and played.error is not None:
        return skip("in time", "no sound was transferred")
    xruns = heard.xruns + played.xruns
    if xruns:
        text = f"sound came too late {xruns} times in a moment"
        return warn("in time", text, "stop other programs, or use a better cable")
    return ok("in time", "no over- or underrun")
