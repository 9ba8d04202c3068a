"""Publishes identity, state and events of the device to a broker. Never what is said."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from voiced.api.device_control import DeviceControl
from voiced.api.home_assistant import introduction
from voiced.api.mqtt_payloads import (
    ONLINE,
    Device,
    Diagnostics,
    Happening,
    Json,
    Topics,
    diagnostics,
    happened,
    happening,
    state,
    steady,
)
from voiced.core.events import Event
from voiced.core.state import Conversation
from voiced.devices.network.mqtt_socket import Client
from voiced.lib.waiting import uniform

LOOK_AGAIN_S = 5.0  # poll for what sends no event: the revision of the settings, the next alarm
MEASURE_EVERY_S = 60.0  # for what changes all the time, like a temperature
BIRTH_SPREAD_S = 1.0  # random delay, so that a fleet does not answer Home Assistant's start at once
MOST_HAPPENINGS = 16  # that may wait for a slow broker; older ones are dropped


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of what is published.

    Attributes:
        control: The state of the device.
        revision: Returns the revision of the settings in force, if a server sent them.
        diagnostics: Returns the state of the board, and the next alarm.
        page: Returns the address of the page, if others can open it.
    """

    control: DeviceControl
    revision: Callable[[], str | None]
    diagnostics: Callable[[], Diagnostics]
    page: Callable[[], str | None]


@dataclass
class Teller:
    """Publishes what has changed. Implements `Observer`.

    Attributes:
        device: Which device it is.
        topics: Its topics.
        sources: The sources of what is published.
    """

    device: Device
    topics: Topics
    sources: Sources
    _changed: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _unknown: bool = field(init=False, default=True)
    _told: dict[str, str] = field(init=False, default_factory=dict)
    _happened: deque[Happening] = field(
        init=False, default_factory=lambda: deque(maxlen=MOST_HAPPENINGS)
    )
    _diagnosed: Diagnostics | None = field(init=False, default=None)
    _measured_s: float = field(init=False, default=0.0)
    _looked_s: float = field(init=False, default=0.0)
    _looked: dict[str, Json] = field(init=False, default_factory=dict)

    def noticed(
        self, before: Conversation, event: Event | None, now: Conversation, _took_s: float
    ) -> None:
        """Queue the events in a step of the conversation."""
        if new := happened(before, event, now):
            self._happened.extend(new)
            self._changed.set()

    def tell_again(self) -> None:
        """Publish everything again, even what has not changed."""
        self._unknown = True
        self._changed.set()

    async def watch(self) -> None:
        """Notice changes of the device's state, until cancelled."""
        while True:  # a watch ends if it was too slow
            async with aclosing(self.sources.control.watch()) as states:
                async for _ in states:
                    self._changed.set()

    async def tell(self, client: Client, settled: Callable[[], Awaitable[None]]) -> None:
        """Publish until cancelled, the newest state each time: a slow broker misses those between.

        Args:
            client: The connection.
            settled: Called each time everything has been published.

        Raises:
            aiomqtt.MqttError: If the connection is lost.
        """
        self._unknown = True
        self._happened.clear()  # events carry no time, and these are old
        while True:
            unknown, self._unknown = self._unknown, False
            if unknown:
                self._told.clear()
            await self._tell_all(client)
            if unknown:
                await client.keep(self.topics.availability, ONLINE)
                await settled()
            while self._happened:
                await client.tell(
                    self.topics.events, json.dumps(happening(self._happened.popleft()))
                )
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._changed.wait()
            self._changed.clear()
            if self._unknown:
                await asyncio.sleep(uniform(0.0, BIRTH_SPREAD_S))

    async def _tell_all(self, client: Client) -> None:
        sources = self.sources
        now_s = asyncio.get_running_loop().time()
        if not self._told or now_s - self._looked_s >= LOOK_AGAIN_S:
            self._looked_s, self._looked = now_s, self._look()
        seen = state(self.device, sources.control.device_state(), sources.revision())
        for topic, content in {**self._looked, self.topics.state: seen}.items():
            text = json.dumps(content)
            if text != self._told.get(topic):
                await client.keep(topic, text)
                self._told[topic] = text

    def _look(self) -> dict[str, Json]:
        """Return the payloads that need polling, by topic: those that change seldom."""
        found = self._diagnostics()
        looked = {self.topics.diagnostics: diagnostics(found)}
        if self.topics.introduction:  # first: Home Assistant must know an entity before its state
            about = introduction(self.device, self.topics, found, self.sources.page())
            looked = {self.topics.introduction: about, **looked}
        return looked

    def _diagnostics(self) -> Diagnostics:
        """Return the state of the board, old for up to `MEASURE_EVERY_S` unless the next alarm changes."""
        now_s, before = asyncio.get_running_loop().time(), self._diagnosed
        is_due = now_s - self._measured_s >= MEASURE_EVERY_S or not self._told
        found = steady(self.sources.diagnostics(), before)
        if before is None or is_due or found.next_alarm != before.next_alarm:
            self._diagnosed, self._measured_s = found, now_s
        return self._diagnosed or found
