"""A daemon that is a process starts whatever lies in its state folder, and says what it could not use."""

import os
import random

import pytest

from tests.unit.storage.start import NONSENSE, samples, variants
from tests.wire.timed import Device
from voiced.storage.state_files import (
    ALARMS,
    ALL_FILES,
    BROKER,
    BY_HAND,
    KIOSK_TOKEN,
    SETTINGS,
    VOLUME,
)

pytestmark = [pytest.mark.real_time, pytest.mark.long]

DICE = random.Random(4)


def folder(path):
    path.mkdir()
    (path / "inside").write_text("")


def sparse(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


def cut(spec):
    return lambda path: path.write_bytes(DICE.choice([*variants(samples(path)[spec])]))


HARD = {
    SETTINGS: (os.mkfifo, lambda path: path.write_bytes(b'{"local":[{"name":"\xff","text":""}]}'), sparse),
    VOLUME: (folder, sparse, lambda path: path.symlink_to("/dev/zero")),
    ALARMS: (lambda path: path.write_bytes(NONSENSE[ALARMS][0]), os.mkfifo, folder),
    BY_HAND: (os.mkfifo, folder, lambda path: path.symlink_to(path)),
    KIOSK_TOKEN: (lambda path: path.write_bytes(b"\xff"), lambda path: path.write_bytes(b"x"), os.mkfifo),
    BROKER: (os.mkfifo, folder, lambda path: path.write_bytes(NONSENSE[BROKER][0])),
}  # fmt: skip


@pytest.mark.parametrize("n", range(3))
async def test_a_process_starts_with_every_file_in_the_hardest_shape(tmp_path, n):
    device = Device(tmp_path, "ws://127.0.0.1:9/")
    more = "kiosk: {settings: true}\n"
    (tmp_path / "voiced.yaml").write_text((tmp_path / "voiced.yaml").read_text() + more)
    (tmp_path / "state").mkdir()
    for spec in ALL_FILES:
        HARD[spec][n](tmp_path / "state" / spec.name)
    async with device.on() as it:
        told = it.log
        assert it.status in ("asleep", "offline")
    for spec in set(ALL_FILES) - {KIOSK_TOKEN}:  # that one is read where a page is shown to others
        assert f"{spec.name}: is damaged" in told


async def test_a_process_starts_with_every_file_changed_at_random(tmp_path):
    device = Device(tmp_path, "ws://127.0.0.1:9/")
    (tmp_path / "state").mkdir()
    for _ in range(4):
        for spec in ALL_FILES:
            cut(spec)(tmp_path / "state" / spec.name)
        async with device.on() as it:
            assert it.status in ("asleep", "offline")
