"""Which driver a configured device gets."""

import subprocess
import sys

import pytest

from voiced.devices.sound.alsa_playback import AlsaSpeaker
from voiced.devices.sound.factory import SoundDevices, microphone, speaker
from voiced.devices.sound.keep_awake import KeptAwake
from voiced.devices.sound.wav import WavMicrophone, WavSpeaker


def test_wav_names_get_files(tmp_path):
    devices = SoundDevices("wav:a.wav", f"wav:{tmp_path}/b.wav")
    assert isinstance(microphone(devices), WavMicrophone)
    assert isinstance(speaker(devices), WavSpeaker)


@pytest.mark.parametrize("name", ["auto", "default", "2886:001a", "ArrayUAC10", "hw:CARD=Array"])
def test_all_other_names_get_alsa(name):
    assert isinstance(microphone(SoundDevices(name, name)), KeptAwake)
    assert isinstance(speaker(SoundDevices(name, name)), AlsaSpeaker)


def test_a_box_without_alsa_can_use_files():
    program = (
        "import sys; sys.modules['alsaaudio'] = None\n"
        "from voiced.devices.sound.factory import SoundDevices, microphone, speaker\n"
        "files = SoundDevices('wav:a.wav', 'wav:b.wav')\n"
        "microphone(files), speaker(files), speaker(SoundDevices('wav:a.wav', 'default'))\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
