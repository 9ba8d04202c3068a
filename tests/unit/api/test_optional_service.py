"""Components that come, go and fail with the settings."""

import asyncio
import logging
from contextlib import asynccontextmanager

import pytest

from voiced.api.optional_service import ObserverGroup, OptionalService
from voiced.config.schema_services import KioskSection
from voiced.errors import DeviceError
from voiced.runtime.guard import Guard


class Part:
    def __init__(self, section, log, failure=None):
        self.section, self.log, self.failure = section, log, failure

    async def run(self):
        self.log.append(("began", self.section.listen))
        try:
            if self.failure is not None:
                raise self.failure
            await asyncio.Event().wait()
        finally:
            self.log.append(("ended", self.section.listen))


@asynccontextmanager
async def optional(wanted, failures=()):
    """An outlet whose section is `wanted[-1]`, and what becomes of its parts."""
    happened, failures = [], list(failures)

    async def build(section):
        failure = failures.pop(0) if failures else None
        if isinstance(failure, ImportError):
            raise failure
        return Part(section, happened, failure)

    it = OptionalService("kiosk", lambda: wanted[-1], build, Guard())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(it.run())
        await asyncio.sleep(0.1)
        yield it, happened
        running.cancel()


async def test_a_part_runs_as_long_as_its_section_stays_the_same():
    wanted = [None]
    one, two = KioskSection(listen="127.0.0.1:1"), KioskSection(listen="127.0.0.1:2")
    async with optional(wanted) as (it, happened):
        assert happened == []
        for section in (one, one, two, None):
            wanted.append(section)
            it.look()
            await asyncio.sleep(0.1)
        assert happened == [
            ("began", "127.0.0.1:1"),
            ("ended", "127.0.0.1:1"),
            ("began", "127.0.0.1:2"),
            ("ended", "127.0.0.1:2"),
        ]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (ModuleNotFoundError("no", name="aiomqtt"), "pip install 'voiced[kiosk]'"),
        (DeviceError("there", "it is broken"), "it is broken"),
        (
            RuntimeError("a mistake of ours"),
            "kiosk: it broke: RuntimeError in test_optional_service.py",
        ),
    ],
)
async def test_a_part_that_fails_is_told_and_tried_again_and_ends_nothing_else(
    failure, said, caplog
):
    caplog.set_level(logging.INFO)
    async with optional([KioskSection()], [failure]) as (_, happened):
        assert said in caplog.text
        happened.clear()
        await asyncio.sleep(1)
        assert happened == [("began", "127.0.0.1:8080")]


async def test_who_attends_a_part_is_told_as_long_as_it_runs():
    class Ear:
        def __init__(self):
            self.heard = []

        def noticed(self, *happened):
            self.heard.append(happened)

    always, sometimes = Ear(), Ear()
    observers = ObserverGroup([always], Guard())
    part = observers.attended(sometimes, Part(KioskSection(), []))
    observers.noticed(1, 2, 3, 4)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(part.run())
        await asyncio.sleep(0)
        observers.noticed(5, 6, 7, 8)
        running.cancel()
    observers.noticed(9, 10, 11, 12)
    assert len(always.heard) == 3
    assert sometimes.heard == [(5, 6, 7, 8)]
