"""All services that face the outside: imported, built and run only while the settings ask for them."""

import asyncio
import ipaddress
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from voiced.api.access import AccessPolicy
from voiced.api.captions import Subtitles
from voiced.api.device_control import DeviceControl
from voiced.api.local_addresses import is_own, own_links
from voiced.api.optional_service import ObserverGroup, OptionalService
from voiced.api.refusal_log import Refusals
from voiced.assembly.factory import link_options
from voiced.config.schema_services import KioskSection, MetricsSection, MqttSection
from voiced.devices.network.connector import Connector
from voiced.devices.network.link import LinkOptions
from voiced.errors import NotSavedError, RequestRefused
from voiced.host.board import is_throttled, temperature, wifi_dbm
from voiced.host.serial import machine_mark, serial_number
from voiced.lib.net_address import is_loopback
from voiced.ports import BackgroundTask
from voiced.reload.applier import SettingsApplier
from voiced.reload.overrides import UserOverrides
from voiced.reload.reloader import SettingsReloader
from voiced.runtime.guard import Guard
from voiced.storage.mqtt_retained import BrokerTraces
from voiced.storage.state_files import KIOSK_TOKEN
from voiced.storage.state_store import StateStore

TOKEN_BYTES = 24
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}")
KIOSK_SETTING = "kiosk.listen"


@dataclass
class Services:
    """All services that face the outside.

    Attributes:
        applier: Has the runtime and the settings in force.
        reloader: Knows where those settings come from.
        overrides: The settings that people may change.
        store: Keeps the token of the page, and reports the state of the disk.
        guard: Restarts services that fail.
        margin_s: Returns the time left until the watchdog of systemd would restart the daemon.
        control: The state of the device, and what can be done with it.
        subtitles: The captions.
        observers: All observers of the conversation.
        refusals: Counts refused requests.
        background: The tasks to run.
    """

    applier: SettingsApplier
    reloader: SettingsReloader
    overrides: UserOverrides
    store: StateStore
    guard: Guard
    margin_s: Callable[[], float | None]
    control: DeviceControl = field(init=False)
    subtitles: Subtitles = field(init=False)
    observers: ObserverGroup = field(init=False)
    refusals: Refusals = field(default_factory=Refusals)

    def __post_init__(self) -> None:
        applier = self.applier
        self.control = DeviceControl(lambda: applier.runtime, lambda: applier.running.device.name)

        def heard_ms(reply_id: str) -> float | None:  # looked up each time: the runtime comes later
            return applier.runtime.playout.heard_ms(reply_id)

        self.subtitles = Subtitles(heard_ms)
        self.observers = ObserverGroup([self.control], self.guard)
        self._door: AccessPolicy | None = None
        self._began_s = time.monotonic()
        self._traces = BrokerTraces(self.store)
        self.background = (
            OptionalService("kiosk", lambda: applier.running.kiosk, self._kiosk, self.guard),
            OptionalService("metrics", lambda: applier.running.metrics, self._monitor, self.guard),
            OptionalService("mqtt", self._broker, self._mqtt, self.guard),
        )
        applier.on_applied.append(self.look)
        self.look()

    def look(self) -> None:
        """Look again: the settings may have changed."""
        privacy = self.applier.running.privacy
        self.subtitles.keep(privacy.transcript_lines if privacy.transcripts else 0)
        for service in self.background:
            service.look()

    @property
    def revision(self) -> str | None:
        """The revision of the settings in force, or part of their digest; None without a server."""
        sent = self.reloader.record.sent
        return None if sent is None else str(sent.revision or sent.digest[:12])

    def page(self) -> dict[str, object]:
        """Return the links to the page, as JSON can hold them.

        Raises:
            RequestRefused: If there is no page, or not yet.
        """
        if self.applier.running.kiosk is None:
            raise RequestRefused("the page is not enabled; add `kiosk: {}` to the settings")
        if self._door is None:
            # The settings ask for a page, but it is still being imported, or fails to start.
            raise RequestRefused("the page is not running yet; see `voiced logs`")
        section = self.applier.running.kiosk
        return {"links": links(section, self._door), "open": is_open(section)}

    def may_read(self, is_device: bool) -> bool:  # noqa: FBT001 - it is the one argument
        """Return whether a visitor, at the device itself or not, may read captions."""
        who = self.applier.running.privacy.captions
        return who == "network" or (who == "device" and is_device)

    async def _kiosk(self, section: KioskSection) -> BackgroundTask:
        module = await asyncio.to_thread(import_module, "voiced.api.kiosk")
        host, port = _split(section.listen)
        token = await kiosk_token(self.store) if is_open(section) else None
        proxies = [ipaddress.ip_network(each, strict=False) for each in section.trusted_proxy]
        self._door = AccessPolicy(port, section.names, token, proxies, is_own)
        page: BackgroundTask = module.Kiosk(
            module.Address(host, port, KIOSK_SETTING, _certificate(section)),
            self._door,
            self.control,
            self.subtitles,
            module.Permits(self.may_read, self.overrides if section.settings else None),
            self.refusals,
        )
        return page

    async def _monitor(self, section: MetricsSection) -> BackgroundTask:
        module = await asyncio.to_thread(import_module, "voiced.api.health")
        host, port = _split(section.listen)
        token = None if section.token is None else section.token.resolve()
        metrics = module.Metrics(partial(self._reading, module.Reading))
        monitor = module.Monitor(
            module.Address(host, port, "metrics.listen"),
            AccessPolicy(port, section.names, token, is_own=is_own),
            self.control,
            metrics,
            self.refusals,
        )
        return self.observers.attended(metrics, monitor)

    def _broker(self) -> tuple[MqttSection, str, LinkOptions] | None:
        running = self.applier.running
        if running.mqtt is None:
            return None
        return running.mqtt, running.device.name, link_options(running)

    async def _mqtt(self, asked: tuple[MqttSection, str, LinkOptions]) -> BackgroundTask:
        section, name, options = asked
        module = await asyncio.to_thread(import_module, "voiced.api.mqtt")
        device = module.Device(name, serial_number() or machine_mark())

        def stays() -> bool:
            now = self.applier.running.mqtt
            return now is not None and (now.host, now.port) == (section.host, section.port)

        link = module.Mqtt(
            section,
            device,
            self.control,
            lambda: self.revision,
            self._traces,
            stays,
            partial(self._diagnostics, module.Diagnostics),
            self._page,
            connector=Connector(options, self.applier.resolver),
        )
        return self.observers.attended(link, link)

    def _page(self) -> str | None:
        """Return the address of the page for others, without the token."""
        section = self.applier.running.kiosk
        if section is None or not is_open(section):
            return None
        return next(iter(addresses(section)), None)

    def _diagnostics(self, make: Callable[..., Any]) -> Any:
        alarms = self.applier.runtime.alarms
        waiting = [] if alarms is None else alarms.all()
        return make(
            started=datetime.now(UTC) - timedelta(seconds=time.monotonic() - self._began_s),
            next_alarm=waiting[0].rings_at if waiting else None,
            temperature=temperature(),
            wifi_dbm=wifi_dbm(),
        )

    def _reading(self, make: Callable[..., Any]) -> Any:
        runtime, record = self.applier.runtime, self.reloader.record
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
            failing=frozenset(fault.name for fault in self.guard.faults),
            failures=self.guard.failures,
            refused=self.refusals.counts,
            disk=self.store.report,
        )


def is_open(section: KioskSection) -> bool:
    """Return whether others than this device can reach the page: by network, or through a proxy."""
    is_here = is_loopback(_split(section.listen)[0])
    return not is_here or bool(section.names or section.trusted_proxy)


def links(section: KioskSection, door: AccessPolicy) -> list[str]:
    """Return the addresses of a page, with the token: anyone who has such a link is let in."""
    # In the fragment, which browsers do not send: the page itself reads it.
    fragment = f"#{door.token}" if is_open(section) else ""
    return [f"{address}{fragment}" for address in addresses(section)]


def addresses(section: KioskSection) -> list[str]:
    """Return the addresses of a page. A proxy on this device is taken to serve its names over TLS."""
    host, port = _split(section.listen)
    if not is_open(section):
        return [f"http://127.0.0.1:{port}/"]
    names = [f"[{name}]" if ":" in name else name for name in section.names]
    if is_loopback(host) and section.certificate is None:
        return [f"https://{name}/" for name in names or own_links()]
    scheme = "http" if section.certificate is None else "https"
    return [f"{scheme}://{name}:{port}/" for name in (*names, *own_links())]


def _certificate(section: KioskSection) -> Any:
    if section.certificate is None or section.key is None:
        return None
    module = import_module("voiced.api.certificate")
    return module.Certificate(Path(section.certificate), Path(section.key), "kiosk.certificate")


def _split(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


async def kiosk_token(store: StateStore) -> str:
    """Return the token for visitors from elsewhere; the first call makes it."""
    file = store.open(KIOSK_TOKEN)
    known = file.read(read_token)
    if known is None:
        known = secrets.token_urlsafe(TOKEN_BYTES)
        content = f"{known}\n".encode()
        try:
            await file.save(content)
        except NotSavedError:
            file.put(content)  # valid for this process, and saved once the disk works
    return known


def read_token(content: bytes) -> str:
    """Return the token in `content`.

    Raises:
        ValueError: If there is none, or one that is easy to guess.
    """
    known = content.decode("ascii").strip()
    if TOKEN.fullmatch(known) is None:
        raise ValueError("not a token")
    return known
