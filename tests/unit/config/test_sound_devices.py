"""A sound device is a name. alsa-lib would take any other text for a definition, and run what it says."""

import pytest

from tests.unit.config.samples import examined
from voiced.config.sending import forbidden, permissions_of
from voiced.config.yaml_document import parse
from voiced.devices.sound.cards import resolve
from voiced.errors import DeviceError

NAMES = [
    "auto",
    "default",
    "Array",
    "vc4hdmi0",
    "2886:001a",
    "2886:001A:0123-A.b_c",
    "0d8c:0014@1-1.2",
    "hw:CARD=Array,DEV=0",
    "hw:Array",
    "hw:1,0",
    "plughw:CARD=Array",
    "sysdefault:CARD=Array",
    "dmix_48000.front-left",
]
FILES = ["wav:/var/lib/voiced/in.wav", "wav:in here.wav"]
DEFINITIONS = [
    "file:'|id >/tmp/x',raw",
    "tee:null,'|cat >/tmp/x',raw",
    "file:FILE=/etc/passwd",
    "{type file file /tmp/x slave.pcm null}",
    "null:{}",
    "hw:CARD=Array,DEV=0,SUBDEV=0;x",
    "hw:CARD={type x}",
    "hw:CARD=Array,FILE=/tmp/x",
    "plug:SLAVE='file:/tmp/x'",
    "plughw:CARD=$(id)",
    "sysdefault:CARD=`id`",
    "plug:'hw:0'",
    "shm:'/tmp/socket',default",
    "ladspa:x",
    "<confdir:../tmp/x>",
    "@args",
    "2886:001a:",
    "2886:001a@",
    "2886:001a@1-1.",
    "2886:001a:x@1-1",
    "Array@1-1",
    "2886:001a:{x}",
    "12886:001a",
    "a b",
    "a,b",
    "a\tb",
    "wav:",
    "wav:/tmp/a\x1bb",
    "WAV:/tmp/a",
    "",
]
DIRECTIONS = ["capture", "playback"]


def text(device, direction="capture"):
    quoted = "".join(f"\\x{ord(each):02x}" for each in device)
    return f'audio: {{{direction}: {{device: "{quoted}"}}}}\n'


def is_taken(device, direction):
    found = examined("agent: {url: 'ws://localhost'}\n" + text(device, direction))
    return not found.problems


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("device", NAMES + FILES)
def test_a_name_is_taken(device, direction):
    assert is_taken(device, direction)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("device", DEFINITIONS)
def test_a_definition_is_refused(device, direction):
    assert not is_taken(device, direction)


@pytest.mark.parametrize("allow", [[], ["audio"], ["audio.capture.device", "audio.playback"]])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("device", FILES)
def test_no_server_may_name_a_file_whatever_the_device_allows(device, direction, allow):
    (problem,) = forbidden(
        parse(text(device, direction).encode(), "f.yaml"), allow, permissions_of({})
    )
    assert problem.path == ("audio", direction, "device")
    assert problem.hint == "set it in the device's own file"


@pytest.mark.parametrize("device", NAMES)
def test_a_server_may_name_a_card(device):
    assert forbidden(parse(text(device).encode(), "f.yaml"), [], permissions_of({})) == []


@pytest.mark.parametrize("device", [each for each in DEFINITIONS if "wav" not in each.lower()])
def test_a_definition_is_not_opened_wherever_it_comes_from(device, tmp_path):
    with pytest.raises(DeviceError, match="not the name of a sound device"):
        resolve(device, "capture", tmp_path)
