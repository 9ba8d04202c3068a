import logging

import pytest

from tests.ports import free_port
from tests.wire.certificates import Authority
from tests.wire.mcp_house import TOKEN


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
    return free_port()


def broken(record):
    """Tell whether a test broke something on purpose."""
    return record.getMessage() == "the thread of the MCP servers broke"


@pytest.fixture
def told(caplog):
    """What the log says of MCP, from INFO on; nothing of it is ever an error, or a secret."""
    caplog.set_level(logging.DEBUG)

    def lines(level=logging.INFO):
        return [
            each.getMessage()
            for each in caplog.records
            if each.levelno >= level and each.name.startswith("voiced")
        ]

    yield lines
    records = caplog.get_records("call")
    assert not [each for each in records if each.levelno >= logging.ERROR and not broken(each)]
    everything = "\n".join(each.getMessage() for each in records)
    assert TOKEN not in everything
    assert "x" * 100 not in everything
    assert "tools/call" not in everything
