"""What alsa-lib would run or write for a name, it is never given: looked at from outside the process."""

import pytest

from voiced.devices.alsa_capture import AlsaMicrophone
from voiced.devices.alsa_playback import AlsaSpeaker
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
