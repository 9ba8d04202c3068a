"""What alsa-lib would run or write for a name, it is never given: looked at from outside the process."""

import os
import subprocess
import sys

import pytest

from voiced.devices.sound.alsa_capture import AlsaMicrophone
from voiced.devices.sound.alsa_playback import AlsaSpeaker
from voiced.errors import DeviceError

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize("make", [AlsaMicrophone, AlsaSpeaker])
@pytest.mark.parametrize(
    "device",
    [
        "file:'|touch MARK',raw",
        "file:FILE=MARK,FORMAT=raw",
        "tee:null,'|touch MARK',raw",
        "tee:SLAVE=null,FILE=MARK,FORMAT=raw",
    ],
)
async def test_a_definition_does_nothing(make, device, tmp_path):
    mark = tmp_path / "mark"
    with pytest.raises(DeviceError, match="not the name of a sound device"):
        async with make(device.replace("MARK", str(mark))).open():
            pass
    assert not mark.exists()


ALSA = """\
</usr/share/alsa/alsa.conf>
pcm.studio {{ type plug slave.pcm "file:'|touch {mark}',raw" }}
pcm.nested {{ inner {{ type hw card 0 }} slave.pcm "file:'|touch {mark}',raw" }}
pcm.room "studio"
pcm.recorder "file:'|touch {mark}',raw"
pcm.silence "null"
pcm.round "around"
pcm.around "round"
"""
DEFINED = ["studio", "room", "recorder", "nested.inner", "pulse"]
NOT_DEFINED = [
    *("nosuchname", "studio.slave.pcm", "studio.type", "nested", "nested.slave.pcm", "studio.", ".", "round"),
    *("null", "silence"),  # capturing from it brings what was in memory
]  # fmt: skip


@pytest.mark.parametrize("name", DEFINED + NOT_DEFINED)
def test_a_name_counts_if_the_files_of_alsa_define_a_device_of_that_name(name, tmp_path):
    (tmp_path / "alsa.conf").write_text(ALSA.format(mark=tmp_path / "mark"))
    look = "import sys; from voiced.devices.sound.alsa_names import is_defined; print(is_defined(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", look, name],
        env=os.environ | {"ALSA_CONFIG_PATH": str(tmp_path / "alsa.conf")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(name in DEFINED), done.stderr
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("make", [AlsaMicrophone, AlsaSpeaker])
@pytest.mark.parametrize("device", ["nosuchname", "null", "tee.slave"])
async def test_a_name_that_is_not_defined_is_not_opened(make, device):
    with pytest.raises(DeviceError, match="no sound card and no PCM"):
        async with make(device).open():
            pass
