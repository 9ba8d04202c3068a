"""The doctor on a rig that is well, and with one fault at a time."""

import asyncio
import contextlib
import socket
import subprocess
import threading
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pytest
from gpiozero.pins.mock import MockPin

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.faults import Faults
from agentsim.timing import Timing
from tests.wire.certificates import Authority
from voiced.cli.doctor import as_document, in_words
from voiced.devices.gpio.pins import Lamp
from voiced.doctor.checks import Wanted, check_up

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("pins")]

SETTINGS = """\
version: 1
agent:
  url: {url}
  key: {key}
audio:
  capture: {capture}
  playback: {playback}
button: {{pin: 17}}
led: {{pin: 25}}
sounds: {{directory: {sounds}}}
network: {{ca_file: {ca_file}, connect_timeout_s: 2, proxy: auto}}
{more}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority.found(tmp_path_factory.mktemp("authority"))


@contextlib.contextmanager
def room(rig, level):
    """Let the microphone hear noise while the block runs."""
    noise = np.clip(np.random.default_rng(3).normal(0, level, 16_000 * 30), -32_768, 32_767)
    feed = subprocess.Popen(
        rig._pacat("--playback", "mic", 16_000, 1, latency_ms=50),
        env=rig._environment(),
        stdin=subprocess.PIPE,
    )

    def pump():
        with contextlib.suppress(BrokenPipeError):
            feed.stdin.write(noise.astype("<i2").tobytes())

    pumping = threading.Thread(target=pump, daemon=True)
    pumping.start()
    try:
        yield
    finally:
        feed.terminate()
        feed.wait()
        pumping.join()
        with contextlib.suppress(BrokenPipeError):
            feed.stdin.close()


@dataclass
class Patient:
    """A device that is well, until somebody changes something.

    Attributes:
        values: What goes into its settings.
        server: What the stand-in agent is set up with.
        today: What its clock says.
        level: How loud its room is.
    """

    folder: object
    authority: Authority
    values: dict = field(default_factory=dict)
    server: dict = field(default_factory=dict)
    today: date | None = None
    level: float = 300.0
    tls: object = None
    text: str | None = None
    leaves_open: bool = False
    kept: list = field(default_factory=list)

    async def examined(self, rig, monkeypatch):
        monkeypatch.setenv("AGENT_KEY", self.values.pop("key_itself", "good-key"))
        sounds = self.folder / "sounds"
        sounds.mkdir(exist_ok=True)
        faults = Faults(self.server.pop("faults", ()))
        served = Settings(
            timing=Timing(ready_s=0.05), keys=["good-key"], faults=faults, **self.server
        )
        tls = self.tls or self.authority.serving("good")
        async with serve_assemblyai(served, tls=tls) as server:
            values = {
                "url": server.url,
                "key": "{env: AGENT_KEY}",
                "capture": "{device: vmic}",
                "playback": "{device: vspk}",
                "sounds": sounds,
                "ca_file": self.authority.ca_file,
                "more": "",
            } | self.values
            path = self.folder / "voiced.yaml"
            path.write_text(self.text or SETTINGS.format(**values))
            wanted = Wanted(
                path, self.values.get("state", self.folder / "state"), online=True, today=self.today
            )
            with room(rig, self.level) if self.level else contextlib.nullcontext():
                await asyncio.sleep(0.3)
                found = [finding async for finding in check_up(wanted)]
            assert self.leaves_open or all(it.ended for it in server.service.sessions)
        return found


@pytest.fixture
def patient(tmp_path, authority):
    patient = Patient(tmp_path, authority)
    yield patient
    for thing in patient.kept:
        thing.close()


def words(found):
    return "\n".join(map(in_words, found))


async def test_a_rig_that_is_well_is_all_ok(rig, patient, monkeypatch, measured):
    found = await patient.examined(rig, monkeypatch)
    measured(words(found))
    assert {finding.result.value for finding in found} <= {"ok", "skip"}, words(found)
    skipped = {finding.check for finding in found if finding.result.value == "skip"}
    assert skipped == {
        "muted",
        "gain",
        "same card",
        "array",
        "remote",
        "page",
        "figures",
        "broker",
        "parts",
    }
    document = as_document(found)
    assert document["ok"] is True
    assert all(set(each) == {"check", "result", "text", "fix"} for each in document["checks"])


def unknown_key(patient, **_):
    patient.values["more"] = "audoi: {}"


def not_yaml(patient, **_):
    patient.text = "version: [1\n"


def key_not_set(patient, **_):
    patient.values["key"] = "{env: NOT_SET}"


def key_file_missing(patient, **_):
    patient.values["key"] = "{file: /nowhere/key}"


def microphone_absent(patient, **_):
    patient.values["capture"] = '{device: "2886:001a"}'


def microphone_unknown(patient, **_):
    patient.values["capture"] = "{device: nosuchpcm}"


def speaker_unknown(patient, **_):
    patient.values["playback"] = "{device: nosuchpcm}"


def channel_too_high(patient, **_):
    patient.values["capture"] = "{device: vmic, channel: 7}"


def only_zeros(patient, **_):
    patient.level = 0.0


def much_too_loud(patient, **_):
    patient.level = 200_000.0


def volume_zero(patient, **_):
    patient.values["playback"] = "{device: vspk, volume: 0}"


class StuckPin(MockPin):
    """A button that somebody sits on: no pull lifts it."""

    def drive_high(self):
        self.drive_low()


def button_stuck(patient, pins, **_):
    pins.pin(17, pin_class=StuckPin)


def button_pin_in_use(patient, pins, **_):
    patient.kept = [Lamp([17])]


def light_pin_in_use(patient, pins, **_):
    patient.kept = [Lamp([25])]


def sounds_missing(patient, **_):
    patient.values["sounds"] = "/nowhere/sounds"


def sound_broken(patient, **_):
    (patient.folder / "sounds").mkdir()
    (patient.folder / "sounds" / "wake.wav").write_text("no sound")


def sound_misnamed(patient, **_):
    (patient.folder / "sounds").mkdir()
    (patient.folder / "sounds" / "wakeup.wav").write_text("")


def clock_wrong(patient, **_):
    patient.today = date(1970, 1, 1)


def state_not_writable(patient, **_):
    (patient.folder / "state").write_text("a file")


def name_unknown(patient, **_):
    patient.values["url"] = "wss://no-such-host.invalid/v1/ws"


def proxy_unusable(patient, monkeypatch, **_):
    patient.values["url"] = "wss://no-such-host.invalid/v1/ws"
    monkeypatch.setenv("https_proxy", "nonsense://proxy")


def nothing_listens(patient, **_):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        patient.values["url"] = f"wss://127.0.0.1:{probe.getsockname()[1]}/v1/ws"


def firewall(patient, **_):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    patient.kept = [listener, *(socket.socket() for _ in range(4))]
    for taken in patient.kept[1:]:
        taken.setblocking(False)
        taken.connect_ex(listener.getsockname())
    patient.values["url"] = f"wss://127.0.0.1:{listener.getsockname()[1]}/v1/ws"


def certificate_unknown(patient, **_):
    patient.values["ca_file"] = "/etc/ssl/certs/ca-certificates.crt"


def certificate_expired(patient, **_):
    dates = "-startdate 20200101000000Z -enddate 20210101000000Z"
    patient.tls = patient.authority.serving("expired", dates=dates)


def key_refused(patient, **_):
    patient.values["key_itself"] = "bad-key"


def agent_full(patient, **_):
    patient.server["faults"] = ["error=concurrency_exceeded"]


def never_ready(patient, **_):
    patient.server["faults"] = ["close=1011@connect*9"]


def resume_refused(patient, **_):
    patient.server["faults"] = ["resume=session_not_found"]
    patient.leaves_open = True  # nobody can end a session that cannot be resumed


FAULTS = [
    (unknown_key, "settings", "unknown key", "did you mean audio?"),
    (not_yaml, "settings", "not valid YAML", "brackets"),
    (key_not_set, "key", "is not set", "set NOT_SET for the service"),
    (key_file_missing, "key", "does not exist", "create it"),
    (microphone_absent, "microphone", "no sound card 2886:001a is connected", "plug one in"),
    (microphone_unknown, "microphone", "no sound card and no PCM", "voiced devices"),
    (speaker_unknown, "speaker", "no sound card and no PCM", "voiced devices"),
    (channel_too_high, "microphone", "there is no channel 7", "channels count from 0"),
    (only_zeros, "level", "nothing but zeros", "mute"),
    (much_too_loud, "level", "bad audio", "alsamixer"),
    (volume_zero, "volume", "it is 0", "audio.playback.volume"),
    (button_stuck, "button", "pressed all the time", "active: high"),
    (button_pin_in_use, "button", "GPIO 17", "uses this pin"),
    (light_pin_in_use, "light", "GPIO 25", "uses this pin"),
    (sounds_missing, "sounds", "there is no folder", "sounds.directory"),
    (sound_broken, "sounds", "not a WAV file", "ffmpeg"),
    (sound_misnamed, "sounds", "replaces nothing", "wake.wav"),
    (clock_wrong, "clock", "it says 1970-01-01", "time server"),
    (state_not_writable, "disk", "cannot be written", "give "),
    (proxy_unusable, "proxy", "the configured proxy is not usable", "http://"),
    (name_unknown, "dns", "no-such-host.invalid", "spelt right"),
    (nothing_listens, "tcp", "refused the connection", "nothing listens there"),
    (firewall, "tcp", "did not answer within 2 s", "firewall"),
    (certificate_unknown, "tls", "is not signed by a known authority", "CA file"),
    (certificate_expired, "tls", "has expired", "clock"),
    (key_refused, "agent", "", "key"),
    (agent_full, "agent", "", ""),
    (never_ready, "agent", "", ""),
    (resume_refused, "resume", "resume fails", "support"),
]


@pytest.mark.parametrize("case", FAULTS, ids=[fault.__name__ for fault, *_ in FAULTS])
async def test_exactly_the_right_line_fails_with_a_fix(rig, patient, pins, monkeypatch, case):
    fault, check, text, fix = case
    fault(patient=patient, pins=pins, monkeypatch=monkeypatch)
    found = await patient.examined(rig, monkeypatch)
    failed = [finding for finding in found if finding.result.value in ("fail", "warn")]
    assert [finding.check for finding in failed] == [check], words(found)
    assert text in failed[0].text
    assert fix in failed[0].fix
    assert failed[0].fix
    assert "good-key" not in words(found)
    assert "bad-key" not in words(found)
    assert as_document(found)["ok"] is False


async def test_a_dead_sound_server_fails_both_directions_and_nothing_else(
    doomed_rig, patient, monkeypatch
):
    doomed_rig.kill()
    patient.level = 0.0
    found = await patient.examined(doomed_rig, monkeypatch)
    failed = [finding.check for finding in found if finding.result.value == "fail"]
    assert failed == ["microphone", "speaker"]
