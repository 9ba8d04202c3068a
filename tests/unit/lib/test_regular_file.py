"""What somebody put at a path is read if it is a file, and never waited for."""

import os
import socket
import threading
from pathlib import Path

import pytest

from tests.unit.config.test_tool_declarations import examined
from voiced.audio.earcons import earcon
from voiced.config.load import read
from voiced.config.secret import Secret
from voiced.core.earcons import Earcon
from voiced.devices.network.tls import Identity, tls_context
from voiced.devices.sound.cue_files import CueFiles
from voiced.devices.sound.wav_reading import read_wav_file
from voiced.doctor.machine import check_sounds
from voiced.errors import VoicedError
from voiced.lib.regular_file import read_start

SETTINGS = b"agent: {url: 'ws://127.0.0.1/'}\n"


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


OTHERS = {
    "pipe": (os.mkfifo, "it is a pipe"),
    "folder": (os.mkdir, "it is a folder"),
    "socket": (make_socket, "it is a socket"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
    "nothing": (lambda path: None, "No such file or directory"),
    "link to itself": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
}

READERS = {
    "a CA file": lambda path: tls_context(str(path)),
    "a certificate": lambda path: tls_context(None, Identity(str(path), __file__)),
    "its key": lambda path: tls_context(None, Identity(__file__, str(path))),
    "a sound": lambda path: read_wav_file(path, 0),
}
"""What reads, or has a library read, the files that the owner names."""


@pytest.fixture(params=OTHERS)
def other(request, tmp_path):
    """The path of something that is no file, and what to say of it."""
    make, said = OTHERS[request.param]
    path = tmp_path / "it"
    make(path)
    return path, said


def answer_of(call):
    """Return what a call raised or returned, within a second."""
    answers = []

    def attempt():
        try:
            answers.append(call())
        except (VoicedError, OSError) as error:
            answers.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    return answers[0]


def test_what_is_no_file_is_said_at_once(other):
    path, said = other
    assert answer_of(lambda: read_start(path, 10)).strerror == said


def test_settings_that_are_no_file_are_said_at_once(other):
    path, said = other
    assert said in str(answer_of(lambda: read(path)))


def test_a_drop_in_that_is_no_file_is_said_at_once(other, tmp_path):
    path, said = other
    (tmp_path / "voiced.yaml").write_bytes(SETTINGS)
    (tmp_path / "conf.d").mkdir()
    path.parent.joinpath("conf.d", "50.yaml").symlink_to(path)
    if not path.exists():  # it is no drop-in then
        return
    error = str(answer_of(lambda: read(tmp_path / "voiced.yaml")))
    assert said in error
    assert "50.yaml" in error


def test_a_secret_that_is_no_file_is_said_at_once(other):
    path, said = other
    expected = "does not exist" if said.startswith("No such") else said
    assert expected in str(answer_of(Secret("file", str(path)).resolve))


@pytest.mark.parametrize("reader", READERS)
def test_whoever_reads_a_file_of_the_owner_says_at_once_that_it_is_none(other, reader):
    path, said = other
    assert said in str(answer_of(lambda: READERS[reader](path)))


def test_the_systems_certificates_are_not_waited_for(other, monkeypatch):
    path, said = other
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    answer = answer_of(lambda: tls_context(None))
    if path.exists():  # without any, OpenSSL goes on
        assert said in str(answer)


def test_a_sound_that_is_no_file_is_left_out_at_once(other, tmp_path, caplog):
    path, said = other
    folder = tmp_path / "sounds"
    folder.mkdir()
    (folder / "alarm.wav").symlink_to(path)
    cues = CueFiles(folder, earcons=True, prompts=True)
    assert answer_of(lambda: cues(Earcon.ALARM, None, 16_000)) == earcon(Earcon.ALARM, 16_000)
    assert said in caplog.text
    settings = examined(
        f"agent: {{url: 'ws://127.0.0.1/'}}\nsounds: {{directory: {folder}}}\n"
    ).draft
    assert said in answer_of(lambda: check_sounds(settings)).text


def test_a_file_is_read_through_links_and_not_beyond_what_was_asked(tmp_path):
    (tmp_path / "file").write_bytes(bytes(300_000))
    (tmp_path / "link").symlink_to("file")
    for most in (0, 1, 65_536, 65_537, 299_999, 300_000, 400_000):
        assert len(read_start(tmp_path / "link", most)) == min(most, 300_000)


def test_the_null_device_is_an_empty_file(tmp_path):
    (tmp_path / "masked").symlink_to(os.devnull)
    assert read_start(tmp_path / "masked", 10) == b""


def test_what_a_shell_has_opened_is_waited_for():
    reading, writing = os.pipe()
    later = threading.Timer(0.05, lambda: (os.write(writing, b"words"), os.close(writing)))
    later.start()
    try:
        assert read_start(Path(f"/dev/fd/{reading}"), 10) == b"words"
    finally:
        os.close(reading)
        later.join()
