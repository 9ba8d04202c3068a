"""A connection to an MQTT broker, by `aiomqtt` over a socket of our own.

One that its library opens itself blocks a thread of the loop's executor, and with it the end of the
program, until a dead broker or name server is given up.
"""

import asyncio
import logging
import math
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from voiced.config.schema_services import MqttSection
from voiced.devices.network.connector import Connector
from voiced.devices.network.diagnosis import explain_network, no_answer
from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.mqtt_packets import CheckedSocket, PacketCheck
from voiced.devices.network.tls import Identity, tls_context
from voiced.errors import LinkError, LinkRejected

PORT, TLS_PORT = 1883, 8883

CONNECT_WITHIN_S = 10.0
ACKNOWLEDGE_WITHIN_S = 10.0
GOODBYE_WITHIN_S = 0.5

AT_LEAST_ONCE = 1
REFUSED = 128
"""The least reason code of MQTT 5 that says no; it does not say why."""

BAD_CREDENTIALS = {134, 135}
UNSUPPORTED_VERSION = 132
"""Reason codes of MQTT 5; paho turns those of 3.1.1 into them."""

HUNG_UP = "hung up"

MOST_PACKET_BYTES = 16 * 1024
"""Of what the broker sends; nothing that a device is told is longer."""

MOST_UNSENT_PACKETS = 1024
"""That may wait for a broker that does not read, such as what acknowledges its messages."""

READ_FOR_S = 0.002
"""Without a break, however much the broker sends: sound must go on."""

_silent = logging.getLogger(f"{__name__}.library")
_silent.disabled = True  # it tells of every message that it drops, as often as a broker likes


class Opener:
    """Opens connections to one broker.

    Args:
        broker: Where it is.
        ca_file: Whom to trust besides those whom the system trusts, under TLS.
        connector: Opens connections.
        identity: What to show a broker that asks who we are, under TLS.
    """

    def __init__(
        self,
        broker: Endpoint,
        ca_file: str | None,
        connector: Connector | None = None,
        identity: Identity | None = None,
    ) -> None:
        self._identity = identity
        self._broker = broker
        self._ca_file = ca_file
        self._connector = connector or Connector(LinkOptions())

    async def open(self) -> socket.socket:
        """Return a new connection, under TLS if the broker's scheme says so.

        Raises:
            LinkError: Why there is none.
        """
        tls = None
        if self._broker.scheme == "mqtts":
            tls = await asyncio.to_thread(tls_context, self._ca_file, self._identity)
        deadline_s = asyncio.get_running_loop().time() + CONNECT_WITHIN_S
        opened = await self._connector(self._broker, CONNECT_WITHIN_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return opened
        try:
            async with asyncio.timeout_at(deadline_s):
                return await self._secure(opened, tls)
        except TimeoutError:
            raise no_answer(str(self._broker), CONNECT_WITHIN_S) from None
        except ssl.SSLError as error:
            problem = explain_network(error, str(self._broker)).reason
            raise LinkRejected(
                problem, "check mqtt.host, mqtt.port and the files below mqtt"
            ) from None
        except OSError as error:
            raise explain_network(error, str(self._broker)) from None

    async def _secure(self, opened: socket.socket, tls: ssl.SSLContext) -> socket.socket:
        secured = tls.wrap_socket(
            opened, server_hostname=self._broker.host, do_handshake_on_connect=False
        )
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    secured.do_handshake()
                except ssl.SSLWantReadError:
                    await _ready(secured, loop.add_reader, loop.remove_reader)
                except ssl.SSLWantWriteError:
                    await _ready(secured, loop.add_writer, loop.remove_writer)
                else:
                    return secured
        except BaseException:
            secured.close()
            raise


class Client(aiomqtt.Client):
    """Speaks MQTT over a connection that it is given.

    Args:
        opened: The connection.
        broker: Where it leads.
        options: What `aiomqtt.Client` takes.

    Attributes:
        fault: Why we ended the connection, or that the broker did; empty until then.
    """

    def __init__(self, opened: socket.socket, broker: Endpoint, **options: Any) -> None:
        # It would wait by `asyncio.wait_for`, which loses a cancellation now and then before 3.12.
        super().__init__(broker.host, broker.port, timeout=math.inf, logger=_silent, **options)
        self.fault = ""
        self._opened = opened
        self._checked = CheckedSocket(opened, PacketCheck(MOST_PACKET_BYTES))
        self._is_taken = self._is_cut = self._is_reading_on = False
        self._client._create_socket = self._hand_over  # type: ignore[method-assign]  # noqa: SLF001
        self._read_packet = self._client.loop_read
        self._client.loop_read = self._read  # type: ignore[method-assign]

    @property
    def is_greeted(self) -> bool:
        """The broker has taken us."""
        taken = self._connected
        return taken.done() and not taken.cancelled() and taken.exception() is None

    def _hand_over(self) -> CheckedSocket:
        """Thread: one of the loop's executor."""
        if self._is_cut:
            raise ConnectionAbortedError
        self._is_taken = True
        return self._checked

    def _read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read for a while, and on in the next turn of the loop: TLS may hold what no socket tells of."""
        until_s = self._loop.time() + READ_FOR_S
        while True:
            code = self._read_some(max_packets)
            if code is not MQTTErrorCode.MQTT_ERR_SUCCESS or not self._checked.is_holding:
                return code
            if self._loop.time() >= until_s:
                if not self._is_reading_on:
                    self._is_reading_on = True
                    self._loop.call_soon(self._read_on)
                return code

    def _read_on(self) -> None:
        self._is_reading_on = False
        if self._client.socket() is not None:
            self._read()

    def _read_some(self, max_packets: int) -> MQTTErrorCode:
        """Read in place of the library: it would try what it stumbles over for ever."""
        if len(self._client._out_packet) > MOST_UNSENT_PACKETS:  # noqa: SLF001 - it tells in no other way
            self._lose("sends more than it reads")
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        try:
            code = self._read_packet(max_packets)
        except Exception:  # noqa: BLE001 - whatever it is, the packet was not as MQTT says
            code = MQTTErrorCode.MQTT_ERR_PROTOCOL
        if code not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            told = self._checked.fault
            self._lose(f"sent {told}" if told else _LOSSES.get(code, "sent a broken packet"))
        return code

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:  # noqa: ARG002 - as the library calls it
        """Have the loop write, unless the socket is closed by then: the library asks by its number.

        Thread: the loop's, or one of its executor.
        """

        def write() -> None:
            try:
                client.loop_write()
            except Exception:  # noqa: BLE001 - the library raises what it likes
                self._lose(HUNG_UP)

        def register() -> None:
            if sock.fileno() != -1:
                self._loop.add_writer(sock.fileno(), write)

        self._loop.call_soon_threadsafe(register)

    def _lose(self, why: str) -> None:
        """End the connection at once, and what waits for it."""
        self.fault = self.fault or why
        if self._opened.fileno() != -1:
            self._loop.remove_reader(self._opened)
            with suppress(OSError):
                self._opened.shutdown(socket.SHUT_RDWR)
        waiting = self._disconnected if self._connected.done() else self._connected
        if not waiting.done() and (waiting is self._connected or self.is_greeted):
            waiting.set_exception(aiomqtt.MqttError(why))
        self._look_at_ends()

    async def keep(self, topic: str, payload: str) -> None:
        """Publish what is to be seen there from now on."""
        async with _at_most(ACKNOWLEDGE_WITHIN_S):
            await self.publish(topic, payload, AT_LEAST_ONCE, retain=True)

    async def tell(self, topic: str, payload: str) -> None:
        """Publish what has happened, to whoever listens now."""
        async with _at_most(ACKNOWLEDGE_WITHIN_S):
            await self.publish(topic, payload, AT_LEAST_ONCE, retain=False)

    async def listen(self, topics: Sequence[str]) -> list[str]:
        """Subscribe to topics; return those that the broker withholds from this user."""
        async with _at_most(ACKNOWLEDGE_WITHIN_S):
            answers: Sequence[Any] = await self.subscribe(
                [(topic, AT_LEAST_ONCE) for topic in topics]
            )
        codes = [getattr(answer, "value", answer) for answer in answers]
        return [topic for topic, code in zip(topics, codes, strict=False) if code >= REFUSED]

    async def stop_listening(self, topic: str) -> None:
        """Unsubscribe from a topic, if there still is a connection."""
        with suppress(aiomqtt.MqttError):
            async with _at_most(ACKNOWLEDGE_WITHIN_S):
                await self.unsubscribe(topic)

    async def say_goodbye(self, last_words: Mapping[str, str]) -> bool:
        """Tell what is to be seen at topics from now on; return whether that was possible.

        Where it fails, the will tells that we are gone.
        """
        try:
            async with _at_most(GOODBYE_WITHIN_S):
                for topic, payload in last_words.items():
                    await self.publish(topic, payload, AT_LEAST_ONCE, retain=True)
        except aiomqtt.MqttError:
            self.cut()
            return False
        return True

    async def __aenter__(self) -> Self:
        async with _at_most(CONNECT_WITHIN_S):
            await super().__aenter__()
        if self.fault:  # right after its greeting
            raise aiomqtt.MqttError(self.fault)
        return self

    async def __aexit__(self, *args: Any) -> None:
        with suppress(aiomqtt.MqttError):
            async with _at_most(GOODBYE_WITHIN_S):
                await super().__aexit__(*args)

    def cut(self) -> None:
        """Close the connection, if it is open, without a word."""
        if self._is_cut:
            return
        self._is_cut = True
        if not self._is_taken:
            self._opened.close()
            return
        with suppress(OSError):
            self._opened.shutdown(socket.SHUT_RDWR)
        if self._connected.cancelled():
            # The library asks it why it failed: it would answer that by cancelling us.
            self._connected = self._loop.create_future()
        if self._client.socket() is not None:
            self._client.loop_read()  # lets it find out
        self._look_at_ends()

    def _look_at_ends(self) -> None:
        """Keep asyncio from reporting why the connection ended; who waits for that is told."""
        for ended in (self._connected, self._disconnected):
            if ended.done() and not ended.cancelled():
                ended.exception()


_LOSSES = {MQTTErrorCode.MQTT_ERR_CONN_LOST: HUNG_UP, MQTTErrorCode.MQTT_ERR_NO_CONN: HUNG_UP}


@asynccontextmanager
async def _at_most(within_s: float) -> AsyncGenerator[None, None]:
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError:
        raise aiomqtt.MqttError(f"no answer within {within_s:g} s") from None


def broker_of(mqtt: MqttSection) -> Endpoint:
    """Return where the broker of the settings is."""
    port = mqtt.port or (TLS_PORT if mqtt.tls else PORT)
    return Endpoint("mqtts" if mqtt.tls else "mqtt", mqtt.host, port)


def identity_of(mqtt: MqttSection) -> Identity | None:
    """Return what the settings say to show a broker."""
    if mqtt.certificate is None or mqtt.key is None:
        return None
    return Identity(mqtt.certificate, mqtt.key)


def is_too_new(refusal: MqttConnectError) -> bool:
    """Tell whether a broker does not know the version of MQTT that we speak."""
    return getattr(refusal.rc, "value", None) == UNSUPPORTED_VERSION


def why_refused(refusal: MqttConnectError, broker: Endpoint, user: str | None) -> LinkError:
    """Return why a broker does not let `user` in."""
    code = refusal.rc
    if not isinstance(code, ReasonCode):
        return LinkError(f"{broker} refused the connection")
    if code.value not in BAD_CREDENTIALS:
        return LinkError(f"{broker} refused the connection: {code}")
    if user is None:
        return LinkRejected(
            "the broker requires a user name", "set mqtt.username and mqtt.password"
        )
    return LinkRejected(f"the broker refuses user {user}", "check mqtt.username and mqtt.password")


async def _ready(
    secured: ssl.SSLSocket, add: Callable[..., None], remove: Callable[..., object]
) -> None:
    """Wait until a socket can be read or written, as `add` and `remove` say."""
    ready = asyncio.Event()
    add(secured, ready.set)
    try:
        await ready.wait()
    finally:
        remove(secured)
