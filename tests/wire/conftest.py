import socket

import pytest

from tests.wire.certificates import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority.found(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def serving(authority):
    """A server's TLS context for 127.0.0.1, localhost and agent.test."""
    return authority.serving("good")


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The folders of a daemon of this test's own, for the commands that ask it."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


@pytest.fixture
def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
