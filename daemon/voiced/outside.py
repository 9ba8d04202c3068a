"""What faces the outside: built, imported and run only while the settings ask for it."""

import asyncio
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from voiced.adopter import Adopter
from voiced.config.outside import KioskSection, MetricsSection, MqttSection
from voiced.host.board import is_throttled, temperature
from voiced.host.memory import replace_file
from voiced.host.serial import serial_number
from voiced.host.visitors import Doorman, is_loopback
from voiced.outlets import Audience, Outlet
from voiced.ports import Chore
from voiced.reconfigure import Reconfigurer
from voiced.steering import CannotError, Steering
from voiced.subtitles import Subtitles
from voiced.wishes import Wishes

TOKEN_FILE = "kiosk.token"  # noqa: S105 - where it is, not what it is
TOKEN_BYTES = 24
KIOSK_SETTING = "kiosk.listen"


def _no_margin() -> float | None:
    return None


@dataclass
class Outside:
    """Everything of a daemon that faces the outside.

    Attributes:
        adopter: Tells what runs, and by which settings.
        reconfigurer: Tells where those come from.
        wishes: What people may set.
        state_folder: Where a token is kept that visitors must show.
        steering: What can be seen and done.
        subtitles: What is said.
        audience: Who follows what happens.
        margin_s: Tells how long until systemd would start the daemon anew.
    """

    adopter: Adopter
    reconfigurer: Reconfigurer
    wishes: Wishes
    state_folder: Path
    steering: Steering = field(init=False)
    subtitles: Subtitles = field(init=False)
    audience: Audience = field(init=False)
    margin_s: Callable[[], float | None] = _no_margin

    def __post_init__(self) -> None:
        adopter = self.adopter
        self.steering = Steering(lambda: adopter.runtime, lambda: adopter.running.device.name)

        def heard_ms(reply_id: str) -> float | None:
            return adopter.runtime.playout.heard_ms(reply_id)

        self.subtitles = Subtitles(heard_ms)
        self.audience = Audience([self.steering])
        self._door: Doorman | None = None
        self._outlets = (
            Outlet("kiosk", lambda: adopter.running.kiosk, self._kiosk),
            Outlet("metrics", lambda: adopter.running.metrics, self._monitor),
            Outlet("mqtt", self._broker, self._mqtt),
        )
        adopter.adopted = self.look
        self.look()

    @property
    def chores(self) -> tuple[Chore, ...]:
        """What has to run for all that."""
        return self._outlets

    def look(self) -> None:
        """Take note that the settings may have changed."""
        privacy = self.adopter.running.privacy
        self.subtitles.keep(privacy.transcript_lines if privacy.transcripts else 0)
        for outlet in self._outlets:
            outlet.look()

    @property
    def revision(self) -> str | None:
        """What the settings in force are called by the server that sent them."""
        sent = self.reconfigurer.record.sent
        return None if sent is None else str(sent.revision or sent.digest[:12])

    def page(self) -> dict[str, object]:
        """Return how the page is reached, as JSON can hold it.

        Raises:
            CannotError: If there is none, or not yet.
        """
        if self.adopter.running.kiosk is None:
            raise CannotError("there is no page; write `kiosk: {}` into the settings")
        if self._door is None:
            raise CannotError("the page is not there yet; see `voiced logs`")
        return {"links": links(self._door), "open": self._door.token is not None}

    def may_read(self, address: str) -> bool:
        """Tell whether a visitor from `address` may read what is said."""
        who = self.adopter.running.privacy.captions
        return who == "network" or (who == "device" and is_loopback(address))

    async def _kiosk(self, section: KioskSection) -> Chore:
        module = await asyncio.to_thread(import_module, "voiced.kiosk")
        host, port = _split(section.listen)
        names, token = tuple(section.names), None
        if not is_loopback(host):
            names += await asyncio.to_thread(own_names)
            token = await asyncio.to_thread(kiosk_token, self.state_folder)
        self._door = Doorman(port, names, token)
        page: Chore = module.Kiosk(
            module.Address(host, port, KIOSK_SETTING),
            self._door,
            self.steering,
            self.subtitles,
            self.may_read,
            self.wishes if section.settings else None,
        )
        return page

    async def _monitor(self, section: MetricsSection) -> Chore:
        module = await asyncio.to_thread(import_module, "voiced.monitor")
        host, port = _split(section.listen)
        names = () if is_loopback(host) else await asyncio.to_thread(own_names)
        token = None if section.token is None else section.token.resolve()
        metrics = module.Metrics(partial(self._reading, module.Reading))
        monitor = module.Monitor(
            module.Address(host, port, "metrics.listen"),
            Doorman(port, names, token),
            self.steering,
            metrics,
        )
        return self.audience.attended(metrics, monitor)

    def _broker(self) -> tuple[MqttSection, str] | None:
        running = self.adopter.running
        return None if running.mqtt is None else (running.mqtt, running.device.name)

    async def _mqtt(self, asked: tuple[MqttSection, str]) -> Chore:
        section, name = asked
        module = await asyncio.to_thread(import_module, "voiced.mqtt")
        device = module.Device(name, serial_number())
        link: Chore = module.Mqtt(section, device, self.steering, lambda: self.revision)
        return link

    def _reading(self, make: Callable[..., Any]) -> Any:
        runtime, record = self.adopter.runtime, self.reconfigurer.record
        now, uplink = runtime.progress, runtime.uplink
        return make(
            captured_periods=now.captured_periods,
            dropped_periods=uplink.dropped_periods,
            dropped_s=uplink.dropped_ms / 1000,
            replayed_periods=uplink.replayed_periods,
            overruns=now.overruns,
            underruns=now.underruns,
            gaps=runtime.playout.underruns,
            revision=None if record.sent is None else record.sent.revision,
            on_trial=record.trial is not None,
            taken_back=len(record.failed),
            watchdog_margin_s=self.margin_s(),
            temperature=temperature(),
            throttled=is_throttled(),
        )


def links(door: Doorman) -> list[str]:
    """Return the addresses of a page; they let in whoever opens them."""
    names = [name for name in door.names if "." in name or ":" in name] or ["127.0.0.1"]
    fragment = "" if door.token is None else f"#{door.token}"
    return [
        f"http://{name}:{door.port}/{fragment}" for name in names if not _is_here(name, door)
    ] or [f"http://127.0.0.1:{door.port}/{fragment}"]


def _is_here(name: str, door: Doorman) -> bool:
    return door.token is not None and is_loopback(name)


def _split(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def own_names() -> tuple[str, ...]:
    """Return what a browser in this network may call this device. May ask name servers."""
    name = socket.gethostname()
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(name, None)}
    except OSError:
        found = set()
    found |= {address for address in map(_address_to, ("192.0.2.1", "2001:db8::1")) if address}
    return (name, f"{name}.local", *(f"[{each}]" if ":" in each else each for each in found))


def _address_to(peer: str) -> str | None:
    """Return the address by which this device would talk to `peer`; nothing is sent."""
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((peer, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def kiosk_token(state_folder: Path) -> str:
    """Return what visitors from elsewhere must show, made up by the first call."""
    path = state_folder / TOKEN_FILE
    try:
        known = path.read_text().strip()
    except OSError:
        known = ""
    if not known:
        known = secrets.token_urlsafe(TOKEN_BYTES)
        replace_file(path, f"{known}\n".encode(), mode=0o600)
    return known
