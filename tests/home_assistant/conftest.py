"""Every test once with each Home Assistant."""

import itertools

import pytest

from tests.home_assistant.core import ROOT, VERSIONS
from tests.home_assistant.home import SERIAL, house


@pytest.fixture(params=VERSIONS, ids=[f"{name}-{VERSIONS[name]}" for name in VERSIONS])
def at_home(request, tmp_path, monkeypatch):
    """Return what runs a house with a Home Assistant in it; nothing that it says of us is a complaint."""
    if not ROOT.exists():
        pytest.fail("there is no Home Assistant here: scripts/home-assistant makes one")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    serials = itertools.cycle(SERIAL.values())
    monkeypatch.setattr("voiced.api.services.serial_number", lambda: next(serials))
    return lambda: house(request.param, tmp_path)
