"""The connection to an MQTT broker, which shows and controls the device.

Imported only if the settings ask for it. What is said is never published. Payloads are never
logged, as they may hold words to say.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from voiced.api.device_control import DeviceControl
from voiced.api.mqtt_commands import Orders
from voiced.api.mqtt_payloads import (
    OFFLINE,
    ONLINE,
    QOS,
    STATE,
    Device,
    Diagnostics,
    Topics,
    is_state_of,
)
from voiced.api.mqtt_publisher import Sources, Teller
from voiced.config.schema_services import UNTOLD, MqttSection
from voiced.config.secret import TEXT
from voiced.devices.network.connector import Connector
from voiced.devices.network.diagnosis import no_answer
from voiced.devices.network.mqtt_socket import (
    CONNECT_WITHIN_S,
    HUNG_UP,
    MOST_PACKET_BYTES,
    REFUSED,
    Client,
    Opener,
    broker_of,
    identity_of,
    is_too_new,
    why_refused,
)
from voiced.errors import LinkError, LinkRejected, Redial, VoicedError
from voiced.lib.backoff import AFTER_REFUSAL, Backoff
from voiced.lib.task_group import TaskGroup
from voiced.lib.waiting import uniform, until_changed
from voiced.storage.mqtt_retained import BrokerTraces

log = logging.getLogger(__name__)

KEEPALIVE_S = 30
MOST_WAITING = 64  # messages
SHOW_WITHIN_S = 2.0  # how long a broker may take to send a retained message


@dataclass
class Mqtt:
    """Publishes the state of the device and obeys commands. Implements `BackgroundTask` and `Observer`.

    Attributes:
        section: The settings.
        device: Which device it is.
        control: The state of the device, and what can be done with it.
        revision: Returns the revision of the settings in force, if a server sent them.
        traces: Remembers retained messages at earlier topics.
        stays: Returns whether the settings still name this broker.
        diagnostics: Returns the diagnostics of the board, and the next alarm.
        page: Returns the address of the page, if others can open it.
        backoff: When to reconnect.
        connector: Opens connections.
    """

    section: MqttSection
    device: Device
    control: DeviceControl
    revision: Callable[[], str | None]
    traces: BrokerTraces
    stays: Callable[[], bool] = lambda: True
    diagnostics: Callable[[], Diagnostics] = Diagnostics
    page: Callable[[], str | None] = lambda: None
    backoff: Backoff = field(default_factory=Backoff)
    connector: Connector | None = None

    def __post_init__(self) -> None:
        section = self.section
        self._broker = broker_of(section)
        discovery = None if section.discovery == UNTOLD else section.discovery
        self._topics = Topics(self.device, section.prefix, discovery)
        self._former_topics: set[str] = set()
        self._kept: dict[str, asyncio.Future[bytes]] = {}
        self._opener = Opener(self._broker, section.ca_file, self.connector, identity_of(section))
        self._protocol = aiomqtt.ProtocolVersion.V5
        self._connected_s: float | None = None
        self._is_away = True
        self._teller = Teller(
            self.device,
            self._topics,
            Sources(self.control, self.revision, self.diagnostics, self.page),
        )
        self.noticed = self._teller.noticed
        self._complaints: set[str] = set()
        self._orders = Orders(self._topics.orders, self.control, may_unmute=section.unmute)

    async def run(self) -> None:
        """Stay connected until cancelled; then take leave of the broker within a second."""
        section, failures = self.section, 0
        left = self.traces.left_at(section.host, section.port, tls=section.tls)
        self._former_topics = {*left} - self._topics.kept
        self._note(self._former_topics | self._topics.kept)
        while True:
            self._connected_s, self._is_away = None, True
            try:
                await self._serve()
            except Redial:
                continue
            except LinkRejected as error:
                self._log_loss(error)
                # Only the owner can help, most likely with another password.
                await until_changed(self._password, AFTER_REFUSAL.pause_s(failures, uniform))
                failures += 1
                continue
            except VoicedError as error:
                self._log_loss(error)
            if self._lasted_s() >= self.backoff.steady_s:
                failures = 0
            await asyncio.sleep(self.backoff.pause_s(failures, uniform))
            failures += 1

    def _note(self, topics: Collection[str]) -> None:
        """Remember the topics at which the broker may have retained messages of this device."""
        section = self.section
        self.traces.note(section.host, section.port, topics, tls=section.tls)

    def _lasted_s(self) -> float:
        if self._connected_s is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._connected_s

    def _log_loss(self, error: VoicedError) -> None:
        """Log that there is no connection: one warning per outage, and one per problem of the owner's."""
        topic = "network" if isinstance(error, LinkError) else str(error)
        if isinstance(error, LinkRejected):
            topic = error.reason
        level = logging.DEBUG if topic in self._complaints else logging.WARNING
        self._complaints.add(topic)
        # As text: a log record that keeps the error would keep the dead connection too.
        log.log(level, "mqtt.lost: %s", str(error))

    async def _serve(self) -> None:
        """Connect, and serve until the connection is lost; raises VoicedError with the reason."""
        client = await self._client()
        try:
            async with client:
                self._connected_s = asyncio.get_running_loop().time()
                await self._serve_client(client)
        except MqttConnectError as refusal:
            raise self._refused(refusal) from None
        except aiomqtt.MqttError:
            raise self._not_accepted(client) from None
        finally:
            client.cut()

    async def _client(self) -> Client:
        """Return a client over a new connection, with the current password."""
        password = self._password()  # may raise, so before there is a connection to close
        version: dict[str, Any] = {"clean_session": True}
        if self._protocol is aiomqtt.ProtocolVersion.V5:
            limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            limits.MaximumPacketSize = MOST_PACKET_BYTES  # the broker drops larger ones
            version = {"clean_start": True, "properties": limits}
        return Client(
            await self._opener.open(),
            self._broker,
            identifier=self.device.id,
            username=self.section.username,
            password=password,
            protocol=self._protocol,
            will=aiomqtt.Will(self._topics.availability, OFFLINE, QOS, retain=True),
            keepalive=KEEPALIVE_S,
            max_queued_incoming_messages=MOST_WAITING,
            **version,
        )

    def _password(self) -> str | None:
        secret = self.section.password
        return None if secret is None else secret.resolve(TEXT)

    def _not_accepted(self, client: Client) -> VoicedError:
        """Return why the broker did not accept us, as far as the connection shows it."""
        if not client.fault:
            return no_answer(str(self._broker), CONNECT_WITHIN_S)
        if client.fault == HUNG_UP and self._protocol is aiomqtt.ProtocolVersion.V5:
            self._protocol = aiomqtt.ProtocolVersion.V311  # old brokers hang up on MQTT 5
            return Redial(f"{self._broker} may speak MQTT 3.1.1 only")
        self._protocol = aiomqtt.ProtocolVersion.V5
        return LinkError(f"{self._broker} {client.fault} instead of accepting the connection")

    def _refused(self, refusal: MqttConnectError) -> VoicedError:
        if is_too_new(refusal) and self._protocol is aiomqtt.ProtocolVersion.V5:
            self._protocol = aiomqtt.ProtocolVersion.V311
            return Redial(f"{self._broker} speaks MQTT 3.1.1 only")
        return why_refused(refusal, self._broker, self.section.username)

    async def _serve_client(self, client: Client) -> None:
        """Publish and obey until the connection is lost, which raises LinkError."""
        reason = ""
        try:
            try:
                async with TaskGroup() as group:
                    group.create_task(self._teller.watch(), name="mqtt sights")
                    group.create_task(self._publish(client), name="mqtt states")
                    await self._obey(client)
            except* aiomqtt.MqttError as errors:
                reason = _reason(errors)
            if not reason and client.fault not in ("", HUNG_UP):
                reason = f": it {client.fault}"
        except asyncio.CancelledError:
            # If another broker is set, the retained messages here would show a dead device for ever.
            if self.stays():
                await client.say_goodbye({self._topics.availability: OFFLINE})
            elif await client.say_goodbye(dict.fromkeys(sorted(self._topics.kept), "")):
                self._note(self._former_topics)
            raise
        raise LinkError(f"the connection to {self._broker} was lost{reason}")

    async def _publish(self, client: Client) -> None:
        await self._listen(client)
        await self._teller.tell(client, partial(self._settle, client))

    async def _settle(self, client: Client) -> None:
        if self._is_away:
            log.info("mqtt.connected: %s", self._broker)
        self._is_away = False
        self._complaints.clear()
        await self._delete_former(client)

    async def _delete_former(self, client: Client) -> None:
        """Delete our retained messages at former topics, by an empty message as MQTT wants it."""
        roots: dict[str, list[str]] = {}
        for topic in sorted(self._former_topics):
            roots.setdefault(topic.rpartition("/")[0], []).append(topic)
        for root, topics in roots.items():
            told_at = f"{root}/{STATE}"
            ours = told_at not in topics or await self._is_ours(client, told_at)
            for topic in topics if ours else ():
                await client.keep(topic, "")
            if ours is not None:
                self._former_topics.difference_update(topics)
        self._note(self._former_topics | self._topics.kept)

    async def _is_ours(self, client: Client, topic: str) -> bool | None:
        """Return whether the state retained at `topic` is of this device; None if there is none."""
        kept = self._kept[topic] = asyncio.get_running_loop().create_future()
        try:
            if await client.listen([topic]):
                return False
            with suppress(TimeoutError):
                async with asyncio.timeout(SHOW_WITHIN_S):
                    await kept
        finally:
            del self._kept[topic]
        await client.stop_listening(topic)
        return (
            is_state_of(self.device, kept.result())
            if kept.done() and not kept.cancelled()
            else None
        )

    async def _listen(self, client: Client) -> None:
        topics = [*self._topics.orders, *filter(None, [self._topics.birth])]
        # Its own topics, too: another device of its name, or the will of a dead connection, may
        # write there.
        for topic in await client.listen([*topics, self._topics.availability, self._topics.state]):
            if topic in topics:
                self._orders.ignore(topic, "the broker does not let this user read it")

    async def _obey(self, client: Client) -> None:
        async for message in client.messages:
            if self._orders.has_patience():
                self._handle(message)

    def _handle(self, message: aiomqtt.Message) -> None:
        topic, payload = message.topic.value, bytes(message.payload)
        if self._is_from_device(topic, payload, is_kept=message.retain):
            return
        if topic == self._topics.birth:
            if payload == ONLINE.encode() and not message.retain:
                self._teller.tell_again()
        else:
            self._orders.take(topic, payload, is_kept=message.retain)

    def _is_from_device(self, topic: str, payload: bytes, *, is_kept: bool) -> bool:
        """Return whether `topic` is one that devices publish to; if so, react to the message."""
        if (kept := self._kept.get(topic)) is not None:
            if not kept.done():
                kept.set_result(payload)
        elif topic == self._topics.state:
            if payload and not is_state_of(self.device, payload):
                self._orders.ignore(
                    topic, "another device with this name publishes there; give each its own name"
                )
        elif topic != self._topics.availability:
            return False
        elif not is_kept and payload != ONLINE.encode():
            self._teller.tell_again()
        return True


# By the reason code of MQTT 5.
_HINTS = {142: "; another client uses this device's id: is its SD card a copy?"}


def _reason(errors: BaseExceptionGroup[aiomqtt.MqttError]) -> str:
    """Return the broker's reason for closing the connection, if it gave one."""
    for error in errors.exceptions:
        code = getattr(error.__cause__, "rc", None)
        if isinstance(code, ReasonCode) and code.value != REFUSED:  # paho's code for "none given"
            return f": {code}{_HINTS.get(code.value, '')}"
    return ""
