"""What the unit tests take for Home Assistant's schemas is what 2026.11 has."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.home_assistant.core import ROOT
from tests.unit.api.test_home_assistant import ABOUT, ENTITY, NEEDED, ORIGIN, PLATFORMS, SHARED


@pytest.fixture(scope="module")
def real():
    script = (Path(__file__).parent / "schemas.py").read_text()
    command = ["chroot", ROOT, "/opt/new/bin/python", "-", *PLATFORMS]
    ran = subprocess.run(command, input=script, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def differing(ours, real, *, besides=()):
    return {*ours} ^ {key for key in real if key not in besides}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_keys_of_each_platform_are_the_real_ones(real, platform):
    inside = {"device", "origin"}  # of a device that introduces itself, all of it has them once
    ours = ENTITY.keys() - {"platform"} | PLATFORMS[platform].keys()
    assert differing(ours, real[platform], besides=inside) == set()
    assert {key for key, needed in real[platform].items() if needed} == NEEDED[platform]


def test_the_keys_of_the_whole_are_the_real_ones(real):
    assert differing(ABOUT, real["device"]) == set()
    assert differing(ORIGIN, real["origin"]) == set()
    inside = {"device", "origin", "components", "child_devices"}
    assert differing(SHARED, real["whole"], besides=inside) == set()
