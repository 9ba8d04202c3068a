"""Which driver a configured device gets."""

import subprocess
import sys

from voiced.devices.alsa import AlsaMicrophone, AlsaSpeaker
from voiced.devices.sound import microphone, speaker
from voiced.devices.wavfile import WavMicrophone, WavSpeaker


def test_wav_names_get_files_and_all_others_get_alsa(tmp_path):
    assert isinstance(microphone("wav:a.wav", 0, 20), WavMicrophone)
    assert isinstance(speaker(f"wav:{tmp_path}/b.wav", 20), WavSpeaker)
    for name in ("default", "2886:001a", "ArrayUAC10", "hw:CARD=Array,DEV=0"):
        assert isinstance(microphone(name, 0, 20), AlsaMicrophone)
        assert isinstance(speaker(name, 20), AlsaSpeaker)


def test_a_box_without_alsa_can_use_files():
    program = (
        "import sys; sys.modules['alsaaudio'] = None\n"
        "from voiced.devices.sound import microphone, speaker\n"
        "microphone('wav:a.wav', 0, 20), speaker('wav:b.wav', 20), speaker('default', 20)\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
