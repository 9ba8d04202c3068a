"""A connection to an MQTT broker, with `aiomqtt` over a socket of our own.

A connection that the library opens itself blocks a thread of the loop's executor, and with it the end of the
program, until a dead broker or name server times out.
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
"""MQTT 5 reason codes from this one on are failures."""

BAD_CREDENTIALS = {134, 135}
UNSUPPORTED_VERSION = 132
"""MQTT 5 reason codes; paho maps those of 3.1.1 to them."""

HUNG_UP = "hung up"

MOST_PACKET_BYTES = 16 * 1024
"""The longest packet accepted from the broker; no command to a device is longer."""

MOST_UNSENT_PACKETS = 1024
"""Packets that may wait for a broker that does not read, such as acknowledgements."""

READ_FOR_S = 0.002
"""How long to read in one go, however much the broker sends: sound must go on."""

_silent = logging.getLogger(f"{__name__}.library")
_silent.disabled = True  # it logs every message that it drops, as often as a broker likes


class Opener:
    """Opens connections to one broker.

    Args:
        broker: Where it is.
        ca_file: PEM file of authorities to trust besides the system's, for TLS.
        connector: Opens connections.
        identity: The client certificate, for TLS.
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
    """An MQTT client over an open connection.

    Attributes:
        fault: Why the connection ended; empty until then.
    """

    def __init__(self, opened: socket.socket, broker: Endpoint, **options: Any) -> None:
        # No timeout: aiomqtt uses `asyncio.wait_for`, which can lose a cancellation before Python 3.12.
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
        """The broker has accepted the connection."""
        taken = self._connected
        return taken.done() and not taken.cancelled() and taken.exception() is None

    def _hand_over(self) -> CheckedSocket:
        """Thread: one of the loop's executor."""
        if self._is_cut:
            raise ConnectionAbortedError
        self._is_taken = True
        return self._checked

    def _read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read for a while, and continue in the next turn of the loop: TLS may hold data while the socket is idle."""
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
        """Read, and end the connection on an error, where the library would retry for ever."""
        if len(self._client._out_packet) > MOST_UNSENT_PACKETS:  # noqa: SLF001 - there is no public way to ask
            self._lose("sends more than it reads")
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        try:
            code = self._read_packet(max_packets)
        except Exception:  # noqa: BLE001 - whatever it is, the packet was invalid
            code = MQTTErrorCode.MQTT_ERR_PROTOCOL
        if code not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            told = self._checked.fault
            self._lose(f"sent {told}" if told else _LOSSES.get(code, "sent a broken packet"))
        return code

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:  # noqa: ARG002 - as the library calls it
        """Start to read, unless the socket is closed by then: its number may be reused.

        Thread: the loop's, or one of its executor.
        """

        def start() -> None:
            if sock.fileno() != -1:
                self._loop.add_reader(sock.fileno(), self._read)
                self._misc_task = self._loop.create_task(self._misc_loop())

        self._loop.call_soon_threadsafe(start)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:  # noqa: ARG002 - as the library calls it
        """Register the socket for writing, unless it is closed by then: its number may be reused.

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
        """End the connection at once, and everything that waits for it."""
        self.fault = self.fault or why
        if self._opened.fileno() != -1:
            self._loop.remove_reader(self._opened)
            with suppress(OSError):
                self._opened.shutdown(socket.SHUT_RDWR)
        waiting = self._disconnected if self._connected.done() else self._connected
        if not waiting.done() and (waiting is self._connected or self.is_greeted):
            waiting.set_exception(aiomqtt.MqttError(why))
        self._retrieve_errors()

    async def keep(self, topic: str, payload: str) -> None:
        """Publish a retained message."""
        async with _at_most(ACKNOWLEDGE_WITHIN_S):
            await self.publish(topic, payload, AT_LEAST_ONCE, retain=True)

    async def tell(self, topic: str, payload: str) -> None:
        """Publish a message that is not retained."""
        async with _at_most(ACKNOWLEDGE_WITHIN_S):
            await self.publish(topic, payload, AT_LEAST_ONCE, retain=False)

    async def listen(self, topics: Sequence[str]) -> list[str]:
        """Subscribe to topics; return those that the broker refuses to this user."""
        async with _at_most(ACKNOWLEDGE_WITHIN_S):
            answers: Sequence[Any] = await self.subscribe(
                [(topic, AT_LEAST_ONCE) for topic in topics]
            )
        codes = [getattr(answer, "value", answer) for answer in answers]
        return [topic for topic, code in zip(topics, codes, strict=False) if code >= REFUSED]

    async def stop_listening(self, topic: str) -> None:
        """Unsubscribe from a topic, if the connection still works."""
        with suppress(aiomqtt.MqttError):
            async with _at_most(ACKNOWLEDGE_WITHIN_S):
                await self.unsubscribe(topic)

    async def say_goodbye(self, last_words: Mapping[str, str]) -> bool:
        """Publish the last retained messages; return whether that worked.

        If it fails, the connection is cut, so that the broker publishes the will.
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
        """Close the connection without a DISCONNECT, if it is open."""
        if self._is_cut:
            return
        self._is_cut = True
        if not self._is_taken:
            self._opened.close()
            return
        with suppress(OSError):
            self._opened.shutdown(socket.SHUT_RDWR)
        if self._connected.cancelled():
            # The library asks the future why it failed, and a cancelled one would raise CancelledError in us.
            self._connected = self._loop.create_future()
        if self._client.socket() is not None:
            self._client.loop_read()  # so that the library notices the end
        self._retrieve_errors()

    def _retrieve_errors(self) -> None:
        """Mark the errors as retrieved, so that asyncio does not log them as lost."""
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
    """Return the endpoint of the configured broker."""
    port = mqtt.port or (TLS_PORT if mqtt.tls else PORT)
    return Endpoint("mqtts" if mqtt.tls else "mqtt", mqtt.host, port)


def identity_of(mqtt: MqttSection) -> Identity | None:
    """Return the configured client certificate, or None."""
    if mqtt.certificate is None or mqtt.key is None:
        return None
    return Identity(mqtt.certificate, mqtt.key)


def is_too_new(refusal: MqttConnectError) -> bool:
    """Tell whether the broker does not support our version of MQTT."""
    return getattr(refusal.rc, "value", None) == UNSUPPORTED_VERSION


def why_refused(refusal: MqttConnectError, broker: Endpoint, user: str | None) -> LinkError:
    """Return the error for a broker that refused `user`."""
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
    """Wait until a socket is readable or writable; `add` and `remove` say which."""
    ready = asyncio.Event()
    add(secured, ready.set)
    try:
        await ready.wait()
    finally:
        remove(secured)
