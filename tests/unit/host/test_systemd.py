"""What systemd is told, and when it is fed."""

import asyncio
import socket

import pytest

from voiced.core.actions import Status
from voiced.errors import SoundFault
from voiced.host.systemd import SoundProgressCheck, SystemdService, feeding_s, notifier
from voiced.runtime.pipes import Progress

STILL = Progress(7, 700)


@pytest.mark.parametrize(
    ("now", "lives"),
    [
        (Progress(8, 800), True),
        (Progress(7, 800), False),
        (Progress(8, 700), False),
        (STILL, False),
        (Progress(7, 800, microphone=SoundFault.ABSENT), True),
        (Progress(8, 700, speaker=SoundFault.BUSY), True),
        (Progress(7, 700, SoundFault.STALLED, SoundFault.STALLED), True),
        (Progress(7, 700, microphone=SoundFault.ABSENT), False),
        (Progress(8, 800, microphone=SoundFault.HANGING), False),
        (Progress(8, 800, speaker=SoundFault.HANGING), False),
        (Progress(8, 0), True),  # opened anew, the count of what was played begins again
    ],
)
def test_it_lives_if_each_direction_moves_or_its_trouble_is_known(now, lives):
    progress_check = SoundProgressCheck()
    assert progress_check.judge(STILL)
    assert progress_check.judge(now) is lives


def test_words_of_others_give_systemd_no_orders():
    """A settings file can quote them into the complaint about itself."""
    told = Told()
    complaint = "voiced.yaml:1: x\nMAINPID=1\nWATCHDOG=trigger\x1b[2J: unknown key"
    service = SystemdService(told, lambda: STILL, None, complaint=lambda: complaint)
    service.show(Status.CONFIGURATION_ERROR)
    assert told == [
        r"STATUS=configuration-error: voiced.yaml:1: x\nMAINPID=1\nWATCHDOG=trigger\u001b[2J: unknown key"
    ]


class Told(list):
    def __call__(self, text):
        self.append(text)


async def test_it_is_ready_once_both_devices_are_known_and_then_fed():
    told, now = Told(), [Progress(0, 0, SoundFault.UNOPENED, SoundFault.UNOPENED)]
    service = SystemdService(told, lambda: now[0], feed_every_s=5.0)
    running = asyncio.create_task(service.run())
    await asyncio.sleep(3)
    assert told == []
    now[0] = Progress(0, 0, SoundFault.ABSENT, SoundFault.UNOPENED)
    await asyncio.sleep(3)
    assert told == []
    now[0] = Progress(0, 0, SoundFault.ABSENT, None)
    await asyncio.sleep(0.2)
    assert told == ["READY=1", "WATCHDOG=1"]
    for played in (100, 200):
        now[0] = Progress(0, played, SoundFault.ABSENT, None)
        await asyncio.sleep(5)
    assert told[2:] == ["WATCHDOG=1", "WATCHDOG=1"]
    running.cancel()


async def test_it_is_not_fed_while_sound_stands_still_and_that_is_said_once(caplog):
    told = Told()
    service = SystemdService(told, lambda: STILL, feed_every_s=5.0)
    running = asyncio.create_task(service.run())
    await asyncio.sleep(22)
    assert told == ["READY=1", "WATCHDOG=1"]
    assert len([line for line in caplog.messages if "no sound moves" in line]) == 1
    running.cancel()


async def test_without_a_watchdog_it_is_only_ready():
    told = Told()
    await SystemdService(told, lambda: STILL, feed_every_s=None).run()
    assert told == ["READY=1"]


def test_the_status_and_the_end_and_a_reload_are_told():
    told = Told()
    service = SystemdService(told, lambda: STILL, None)
    service.show(Status.LISTENING)
    service.show(Status.STOPPING)
    service.reloading(True)
    service.reloading(False)
    assert told[:2] == ["STATUS=listening", "STOPPING=1\nSTATUS=stopping"]
    assert told[2].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert told[3] == "READY=1"


def test_nobody_is_told_outside_systemd(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    assert notifier() is None
    assert feeding_s() is None


def test_the_library_speaks_to_the_socket_that_systemd_names(monkeypatch, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notifier()("READY=1")
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize(("given", "every_s"), [("20000000", 5.0), ("nonsense", None)])
def test_the_watchdog_is_fed_four_times_in_its_patience(monkeypatch, given, every_s):
    monkeypatch.setenv("WATCHDOG_USEC", given)
    assert feeding_s() == every_s


@pytest.mark.parametrize("status", [Status.OFFLINE, Status.REJECTED, Status.LISTENING])
def test_it_tells_why_the_agent_cannot_be_had(status):
    told = []
    service = SystemdService(told.append, lambda: None, None, cause=lambda: "out of quota")
    service.show(status)
    why = "" if status is Status.LISTENING else ": out of quota"
    assert told == [f"STATUS={status.value}{why}"]
