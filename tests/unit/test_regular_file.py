"""What somebody put at a path is read if it is a file, and never waited for."""

import os
import socket
import threading
from pathlib import Path

import pytest

from voiced.config.load import read
from voiced.config.secret import Secret
from voiced.errors import ConfigError
from voiced.regular_file import read_start

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


@pytest.fixture(params=OTHERS)
def other(request, tmp_path):
    """The path of something that is no file, and what to say of it."""
    make, said = OTHERS[request.param]
    path = tmp_path / "it"
    make(path)
    return path, said


def answer_of(call):
    """Return what a call raised, within a second."""
    raised = []

    def attempt():
        try:
            call()
        except (ConfigError, OSError) as error:
            raised.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(1)
    assert not thread.is_alive()
    return raised[0]


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
