"""What a device tells a broker: who it is, how it fares and what happens. Never what is said."""

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

LOOK_AGAIN_S = 5.0
"""How often to look for what nobody tells: the revision of the settings, the next alarm."""

MEASURE_EVERY_S = 60.0
"""How often what changes all the time is told, like a temperature."""

BIRTH_SPREAD_S = 1.0
"""Home Assistant asks for it, so that a fleet does not answer its start in step."""

MOST_HAPPENINGS = 16
"""That may wait for a slow broker; older ones are of no interest."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where it is known from.

    Attributes:
        control: Tells what can be seen.
        revision: Tells what the settings in force are called by the server that sent them.
        diagnostics: Tells how the board fares, and what rings next.
        page: Tells where the page of this device is, if others can open it.
    """

    control: DeviceControl
    revision: Callable[[], str | None]
    diagnostics: Callable[[], Diagnostics]
    page: Callable[[], str | None]


@dataclass
class Teller:
    """Tells it whenever it is another thing than before. Implements `Observer`.

    Attributes:
        device: Which device it is.
        topics: Where it tells.
        sources: Where it knows it from.
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
        """Note what is to be told of a step of the conversation."""
        if new := happened(before, event, now):
            self._happened.extend(new)
            self._changed.set()

    def tell_anew(self) -> None:
        """Tell everything again, even what has not changed."""
        self._unknown = True
        self._changed.set()

    async def watch(self) -> None:
        """Note whatever is to be seen, until cancelled."""
        while True:  # whoever was too slow begins anew
            async with aclosing(self.sources.control.watch()) as states:
                async for _ in states:
                    self._changed.set()

    async def tell(self, client: Client, settled: Callable[[], Awaitable[None]]) -> None:
        """Tell until cancelled how it is by then: what was between is left out.

        Args:
            client: The connection.
            settled: Is called each time everything has been told.

        Raises:
            aiomqtt.MqttError: If the connection is lost.
        """
        self._unknown = True
        self._happened.clear()  # whoever was not there is not told of it as if it were now
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
        """Return what nobody tells of, by topic: a conversation changes several times a second, the board does not."""
        found = self._diagnostics()
        looked = {self.topics.diagnostics: diagnostics(found)}
        if self.topics.introduction:  # it comes first: what it introduces follows
            about = introduction(self.device, self.topics, found, self.sources.page())
            looked = {self.topics.introduction: about, **looked}
        return looked

    def _diagnostics(self) -> Diagnostics:
        """Return how the board fares; measured now and then, but for what is known to have changed."""
        now_s, before = asyncio.get_running_loop().time(), self._diagnosed
        is_due = now_s - self._measured_s >= MEASURE_EVERY_S or not self._told
        found = steady(self.sources.diagnostics(), before)
        if before is None or is_due or found.next_alarm != before.next_alarm:
            self._diagnosed, self._measured_s = found, now_s
        return self._diagnosed or found
