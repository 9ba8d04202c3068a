"""`voiced doctor --echo`: does this hardware keep the agent from hearing itself?"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from voiced.audio.echo_measure import (
    PAUSE_S,
    SPEECH_S,
    SWEEP_S,
    EchoPath,
    as_pcm,
    from_pcm,
    measure,
    trial_sound,
)
from voiced.config.schema import Settings
from voiced.devices.sound.channels import one_channel
from voiced.devices.sound.factory import SoundDevices
from voiced.doctor.finding import Finding, fail, ok, skip, warn
from voiced.doctor.sound_probe import Heard, Score, listen
from voiced.ports import Mixer

SAFE_DB = 30.0  # agents take -45 dBFS for speech, and a reply is played at about -15
DOUBTFUL_DB = 18.0
PERIOD_MS = 5  # periods are timed as a whole, so the delay is no more exact than their length
CLEARLY_BETTER_DB = 6.0
TRIALS = 3  # sound with gaps says little about the room, so it is played again
SLIP_S = 0.004


class TrialScore(Score):
    """The test sound, at the agent's volume.

    Args:
        volume: Loudness of the agent, 0 to 100.

    Attributes:
        gain: Factor applied to the samples; 1 if the card's mixer sets the volume.
    """

    length_s = 3 * PAUSE_S + SWEEP_S + SPEECH_S + 1.2
    relaxed = True

    def __init__(self, volume: int) -> None:
        self._volume = volume
        self.gain = 1.0

    def pcm(self, rate_hz: int, mixer: Mixer | None) -> bytes:
        """Return the test sound at `rate_hz`."""
        if mixer is not None:
            mixer.set_volume(self._volume)
        else:
            self.gain = (self._volume / 100) ** 3  # as `audio.playout` scales the agent
        return as_pcm(trial_sound(self.gain), rate_hz)


async def check_echo(settings: Settings, devices: SoundDevices) -> list[Finding]:
    """Play the test sound; return a finding for each channel, and the verdict."""
    score = TrialScore(settings.audio.playback.volume)
    heard, played, disturbed = await undisturbed(
        lambda: listen(replace(devices, period_ms=PERIOD_MS), score)
    )
    if heard.error is not None or played.error is not None:
        return [skip("echo", "needs a working microphone and speaker")]
    if not score.gain:
        return [fail("echo", "the volume is 0", "set audio.playback.volume")]
    return [*disturbed, *judge_echo(paths(heard, played, score.gain), heard.channel)]


async def undisturbed(
    trial: Callable[[], Awaitable[tuple[Heard, Heard]]],
) -> tuple[Heard, Heard, list[Finding]]:
    """Return the first of `TRIALS` trials without gaps, or the last one and a warning."""
    heard, played = await trial()
    for _ in range(1, TRIALS):
        if not _has_gaps(heard, played):
            break
        heard, played = await trial()
    if not _has_gaps(heard, played):
        return heard, played, []
    text = f"the test sound stuttered in each of {TRIALS} trials: the results may be wrong"
    return heard, played, [warn("echo trial", text, "stop other programs, then try again")]


def _has_gaps(heard: Heard, played: Heard) -> bool:
    return heard.xruns + played.xruns > 0 or max(heard.slip_s, played.slip_s) > SLIP_S


def paths(heard: Heard, played: Heard, gain: float) -> list[EchoPath]:
    """Return the measured echo path to each capture channel."""
    began_s = played.began_s - heard.began_s
    rate_hz, n_channels = heard.format.rate_hz, heard.format.channels
    channels = (one_channel(heard.pcm, n, n_channels) for n in range(n_channels))
    return [measure(from_pcm(channel, rate_hz), began_s, gain) for channel in channels]


def judge_echo(found: list[EchoPath], channel: int) -> list[Finding]:
    """Return a finding for each channel, and the verdict about `channel`, the one in use."""
    lines = [ok(f"echo {n}", _describe(path)) for n, path in enumerate(found)]
    best = max(range(len(found)), key=lambda n: found[n].loss_db)
    chosen = found[channel]
    if found[best].loss_db >= chosen.loss_db + CLEARLY_BETTER_DB and chosen.loss_db < SAFE_DB:
        text = f"channel {channel} hears {found[best].loss_db - chosen.loss_db:.0f} dB more echo"
        fix = f"set `audio.capture.channel: {best}`"
        return [*lines, fail("echo", f"barge-in is not safe: {text} than channel {best}", fix)]
    if not chosen.heard:
        text = f"barge-in is safe on channel {channel} if you heard the test sound: the channel did not"
        return [*lines, ok("echo", text)]
    text = f"channel {channel}, {_describe(chosen)}"
    fix = "write `echo: half_duplex`, turn the volume down, or use an array that cancels echo"
    if chosen.loss_db >= SAFE_DB:
        return [*lines, ok("echo", f"barge-in is safe: {text}")]
    if chosen.loss_db >= DOUBTFUL_DB:
        return [*lines, warn("echo", f"barge-in may fail: {text}", fix)]
    return [*lines, fail("echo", f"barge-in is not safe, echo loop: {text}", fix)]


def _describe(path: EchoPath) -> str:
    if not path.heard:
        return f"echo not heard, at least {path.loss_db:.0f} dB down"
    return f"echo {path.loss_db:.1f} dB down, {path.delay_s * 1000:.0f} ms late"
