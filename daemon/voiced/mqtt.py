"""The connection to an MQTT broker, over which a device is seen and steered.

Imported only where there is to be one. What is said is neither published nor logged; nor is a
payload, which may hold it.
"""

import asyncio
import json
import logging
import random
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Any

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from voiced.config.outside import UNTOLD, MqttSection
from voiced.devices.broker import CONNECT_WITHIN_S, REFUSED, Client, Opener
from voiced.devices.endpoint import Endpoint
from voiced.devices.failures import no_answer
from voiced.errors import LinkError, LinkRejected, Redial, VoicedError
from voiced.home_assistant import (
    OFFLINE,
    ONLINE,
    QOS,
    Device,
    Order,
    Topics,
    introduction,
    state,
    wanted_mute,
    wanted_volume,
)
from voiced.host.backoff import Backoff
from voiced.steering import CannotError, Steering

log = logging.getLogger(__name__)

PORT, TLS_PORT = 1883, 8883
KEEPALIVE_S = 30

MOST_BYTES = 8 * 1024
"""As many as the longest text to say may have, in any script."""

MOST_PACKET_BYTES = 2 * MOST_BYTES
"""A broker that speaks MQTT 5 keeps larger ones to itself; others would fill our memory with them."""

MOST_WAITING = 64
ORDERS_PER_S = 10.0
BURST = 20.0

LOOK_AGAIN_S = 5.0
"""How often to look for what nobody tells: the revision of the settings."""

BIRTH_SPREAD_S = 1.0
"""Home Assistant asks for it, so that a fleet does not answer its start in step."""

BAD_CREDENTIALS = {134, 135}
UNSUPPORTED_VERSION = 132
"""Reason codes of MQTT 5; paho turns those of 3.1.1 into them."""

_uniform = random.SystemRandom().uniform


class Mqtt:
    """Shows a device to a broker and does what is ordered there. Fills `Chore`.

    Args:
        section: The settings.
        device: Which device it is.
        steering: What is shown and done.
        revision: Tells what the settings in force are called by the server that sent them.
        backoff: When to try again.
    """

    def __init__(
        self,
        section: MqttSection,
        device: Device,
        steering: Steering,
        revision: Callable[[], str | None],
        backoff: Backoff | None = None,
    ) -> None:
        port = section.port or (TLS_PORT if section.tls else PORT)
        self._broker = Endpoint("mqtts" if section.tls else "mqtt", section.host, port)
        self._section = section
        self._device = device
        discovery = None if section.discovery == UNTOLD else section.discovery
        self._topics = Topics(device, section.prefix, discovery)
        self._steering = steering
        self._revision = revision
        self._backoff = backoff or Backoff()
        self._opener = Opener(self._broker, section.ca_file)
        self._protocol = aiomqtt.ProtocolVersion.V5
        self._connected_s: float | None = None
        self._is_away = True
        self._changed = asyncio.Event()
        self._unknown = True
        self._complaints: set[str] = set()
        self._told: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Stay connected until cancelled; then say goodbye, within a second."""
        failures = 0
        while True:
            self._connected_s, self._is_away = None, True
            try:
                await self._stay()
            except Redial:
                continue
            except VoicedError as error:
                self._complain(error)
            if self._lasted_s() >= self._backoff.steady_s:
                failures = 0
            await asyncio.sleep(self._backoff.pause_s(failures))
            failures += 1

    def _lasted_s(self) -> float:
        if self._connected_s is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._connected_s

    def _complain(self, error: VoicedError) -> None:
        """Tell that there is no connection: once, and once of each thing only its owner can mend."""
        topic = "network" if isinstance(error, LinkError) else str(error)
        if isinstance(error, LinkRejected):
            topic = error.reason
        level = logging.DEBUG if topic in self._complaints else logging.WARNING
        self._complaints.add(topic)
        log.log(level, "mqtt.lost: %s", str(error))  # it holds on to the dead connection

    async def _stay(self) -> None:
        """Connect, and serve as long as the connection lasts.

        Raises:
            VoicedError: Why it did not come about, or ended.
        """
        client = await self._client()
        try:
            async with client:
                self._connected_s = asyncio.get_running_loop().time()
                await self._attend(client)
        except MqttConnectError as refusal:
            raise self._refused(refusal) from None
        except aiomqtt.MqttError:
            raise no_answer(str(self._broker), CONNECT_WITHIN_S) from None
        finally:
            client.cut()

    async def _client(self) -> Client:
        """Return what speaks MQTT over a new connection, with the password as it is now."""
        password = self._section.password and self._section.password.resolve()
        version: dict[str, Any] = {"clean_session": True}
        if self._protocol is aiomqtt.ProtocolVersion.V5:
            limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            limits.MaximumPacketSize = MOST_PACKET_BYTES
            version = {"clean_start": True, "properties": limits}
        return Client(
            await self._opener.open(),
            self._broker,
            identifier=self._device.id,
            username=self._section.username,
            password=password,
            protocol=self._protocol,
            will=aiomqtt.Will(self._topics.availability, OFFLINE, QOS, retain=True),
            keepalive=KEEPALIVE_S,
            max_queued_incoming_messages=MOST_WAITING,
            **version,
        )

    def _refused(self, refusal: MqttConnectError) -> VoicedError:
        code = refusal.rc
        if not isinstance(code, ReasonCode):
            return LinkError(f"{self._broker} refused the connection")
        if code.value in BAD_CREDENTIALS and self._section.username is None:
            return LinkRejected("the broker wants a user", "set mqtt.username and mqtt.password")
        if code.value in BAD_CREDENTIALS:
            return LinkRejected(
                f"the broker refuses user {self._section.username}",
                "check mqtt.username and mqtt.password",
            )
        if code.value == UNSUPPORTED_VERSION and self._protocol is aiomqtt.ProtocolVersion.V5:
            self._protocol = aiomqtt.ProtocolVersion.V311
            return Redial(f"{self._broker} speaks MQTT 3.1.1 only")
        return LinkError(f"{self._broker} refused the connection: {code}")

    async def _attend(self, client: Client) -> None:
        """Tell and obey until the connection is lost.

        Raises:
            LinkError: Then.
        """
        reason = ""
        try:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._look(), name="mqtt sights")
                    group.create_task(self._tell(client), name="mqtt states")
                    await self._obey(client)
            except* aiomqtt.MqttError as errors:
                reason = _reason(errors)
        except asyncio.CancelledError:
            await client.say_goodbye(self._topics.availability)
            raise
        raise LinkError(f"the connection to {self._broker} was lost{reason}")

    async def _look(self) -> None:
        while True:  # whoever was too slow begins anew
            async with aclosing(self._steering.watch()) as sights:
                async for _ in sights:
                    self._changed.set()

    async def _tell(self, client: Client) -> None:
        """Tell who we are and how we fare, as it is by then: what was between is left out."""
        await self._listen(client)
        self._unknown, told = True, ""
        while True:
            unknown, self._unknown = self._unknown, False
            now = json.dumps(state(self._steering.sight(), self._revision()))
            if unknown and self._topics.introduction:
                device = json.dumps(introduction(self._device, self._topics))
                await client.keep(self._topics.introduction, device)
            if unknown or now != told:
                await client.keep(self._topics.state, now)
                told = now
            if unknown:
                await client.keep(self._topics.availability, ONLINE)
                self._settle()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._changed.wait()
            self._changed.clear()
            if self._unknown:
                await asyncio.sleep(_uniform(0.0, BIRTH_SPREAD_S))

    async def _listen(self, client: Client) -> None:
        topics = [*self._topics.orders, *filter(None, [self._topics.birth])]
        for topic in await client.listen(topics):
            self._ignore(topic, "the broker does not let this user read it")

    def _settle(self) -> None:
        if self._is_away:
            log.info("mqtt.connected: %s", self._broker)
        self._is_away = False
        self._complaints.clear()

    async def _obey(self, client: Client) -> None:
        clock = asyncio.get_running_loop().time
        patience, before_s, crowded = BURST, clock(), False
        async for message in client.messages:
            now_s = clock()
            patience = min(BURST, patience + (now_s - before_s) * ORDERS_PER_S)
            before_s, crowded = now_s, crowded and patience < BURST
            if patience >= 1:
                patience -= 1
                self._take(message)
            elif not crowded:
                crowded = True
                log.warning("mqtt.ignored: more than %g orders a second", ORDERS_PER_S)

    def _take(self, message: aiomqtt.Message) -> None:
        topic, payload = message.topic.value, bytes(message.payload)
        order = self._topics.orders.get(topic)
        if message.retain:
            if order:
                self._ignore(topic, "it was retained, who knows since when")
        elif len(payload) > MOST_BYTES:
            self._ignore(topic, f"more than {MOST_BYTES} bytes")
        elif topic == self._topics.birth:
            if payload == ONLINE.encode():
                self._unknown = True
                self._changed.set()
        elif order:
            try:
                self._do(order, payload.decode())
            except UnicodeDecodeError:
                self._ignore(topic, "no UTF-8")
            except CannotError as error:
                self._ignore(topic, str(error))

    def _ignore(self, topic: str, why: str) -> None:
        """Tell, once, of something that is not done."""
        level = logging.DEBUG if (topic, why) in self._told else logging.WARNING
        self._told.add((topic, why))
        log.log(level, "mqtt.ignored: %s: %s", topic, why)

    def _do(self, order: Order, payload: str) -> None:
        match order:
            case "talk":
                self._steering.talk()
            case "end":
                self._steering.end()
            case "press":
                self._steering.press()
            case "mute":
                self._steering.mute(wanted_mute(payload))
            case "volume":
                self._steering.set_volume(wanted_volume(payload))
            case "say":
                self._steering.say(payload)


def _reason(errors: BaseExceptionGroup[aiomqtt.MqttError]) -> str:
    """Return what the broker said when it closed the connection, if it did."""
    for error in errors.exceptions:
        code = getattr(error.__cause__, "rc", None)
        if isinstance(code, ReasonCode) and code.value != REFUSED:  # paho's word for no word
            return f": {code}"
    return ""
