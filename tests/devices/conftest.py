"""One sound rig for the whole suite; a test that unplugs it brings its own."""

import os
from contextlib import contextmanager

import pytest

from tests.devices.rig import SoundRig


@contextmanager
def plugged_in():
    """A rig that this process sees as its sound card."""
    with SoundRig() as rig:
        before = {name: os.environ.get(name) for name in rig.environment}
        os.environ.update(rig.environment)
        try:
            yield rig
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


@pytest.fixture(scope="session")
def rig():
    with plugged_in() as rig:
        yield rig


@pytest.fixture
def doomed_rig(rig):
    """A second rig, to be killed. The first one is what the process sees afterwards."""
    with plugged_in() as doomed:
        yield doomed
