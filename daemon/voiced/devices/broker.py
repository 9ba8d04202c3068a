"""A connection to an MQTT broker, by `aiomqtt` over a socket of our own.

One that its library opens itself blocks a thread of the loop's executor, and with it the end of the
program, until a dead broker or name server is given up.
"""

import asyncio
import logging
import math
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import aiohappyeyeballs
import aiomqtt

from voiced.devices.endpoint import Endpoint
from voiced.devices.failures import explain_network, no_answer
from voiced.devices.resolver import Resolver
from voiced.errors import LinkError, LinkRejected

CONNECT_WITHIN_S = 10.0
ACKNOWLEDGE_WITHIN_S = 10.0
GOODBYE_WITHIN_S = 0.5
HEAD_START_S = 0.25

AT_LEAST_ONCE = 1
REFUSED = 128
"""The least reason code of MQTT 5 that says no; it does not say why."""

GONE = "offline"

_silent = logging.getLogger(f"{__name__}.library")
_silent.setLevel(logging.ERROR)  # it warns of every message that it drops


class Opener:
    """Opens connections to one broker.

    Args:
        broker: Where it is.
        ca_file: Whom to trust besides those whom the system trusts, under TLS.
    """

    def __init__(self, broker: Endpoint, ca_file: str | None) -> None:
        self._broker = broker
        self._ca_file = ca_file
        self._resolver = Resolver()
        self._tls: ssl.SSLContext | None = None

    async def open(self) -> socket.socket:
        """Return a new connection, under TLS if the broker's scheme says so.

        Raises:
            LinkError: Why there is none.
        """
        if self._broker.scheme == "mqtts" and self._tls is None:
            self._tls = await asyncio.to_thread(_trusting, self._ca_file)
        deadline_s = asyncio.get_running_loop().time() + CONNECT_WITHIN_S
        try:
            addresses = await self._resolver.lookup(self._broker, CONNECT_WITHIN_S)
        except LinkError as error:
            problem = error.reason.partition(";")[0]
            raise LinkError(f"{problem}; check mqtt.host and the network") from None
        try:
            async with asyncio.timeout_at(deadline_s):
                opened = await aiohappyeyeballs.start_connection(
                    addresses, happy_eyeballs_delay=HEAD_START_S
                )
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return opened if self._tls is None else await self._secure(opened, self._tls)
        except TimeoutError:
            raise no_answer(str(self._broker), CONNECT_WITHIN_S) from None
        except ssl.SSLError as error:
            problem = explain_network(error, str(self._broker)).reason
            raise LinkRejected(problem, "check mqtt.host, mqtt.port and mqtt.ca_file") from None
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
    """

    def __init__(self, opened: socket.socket, broker: Endpoint, **options: Any) -> None:
        # It would wait by `asyncio.wait_for`, which loses a cancellation now and then before 3.12.
        super().__init__(broker.host, broker.port, timeout=math.inf, logger=_silent, **options)
        self._opened = opened
        self._is_taken = self._is_cut = False
        self._client._create_socket = self._hand_over  # type: ignore[method-assign]  # noqa: SLF001

    def _hand_over(self) -> socket.socket:
        """Thread: one of the loop's executor."""
        if self._is_cut:
            raise ConnectionAbortedError
        self._is_taken = True
        return self._opened

    async def keep(self, topic: str, payload: str) -> None:
        """Publish what is to be seen there from now on."""
        async with _at_most(ACKNOWLEDGE_WITHIN_S):
            await self.publish(topic, payload, AT_LEAST_ONCE, retain=True)

    async def listen(self, topics: Sequence[str]) -> list[str]:
        """Subscribe to topics; return those that the broker withholds from this user."""
        async with _at_most(ACKNOWLEDGE_WITHIN_S):
            answers: Sequence[Any] = await self.subscribe(
                [(topic, AT_LEAST_ONCE) for topic in topics]
            )
        codes = [getattr(answer, "value", answer) for answer in answers]
        return [topic for topic, code in zip(topics, codes, strict=False) if code >= REFUSED]

    async def say_goodbye(self, availability: str) -> None:
        """Tell that we are gone; where that fails, the will does."""
        try:
            async with _at_most(GOODBYE_WITHIN_S):
                await self.publish(availability, GONE, AT_LEAST_ONCE, retain=True)
        except aiomqtt.MqttError:
            self.cut()

    async def __aenter__(self) -> Self:
        async with _at_most(CONNECT_WITHIN_S):
            return await super().__aenter__()

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
        if self._client.socket() is not None:
            self._client.loop_read()  # lets it find out
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()  # it would be reported as never looked at


@asynccontextmanager
async def _at_most(within_s: float) -> AsyncGenerator[None, None]:
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError:
        raise aiomqtt.MqttError(f"no answer within {within_s:g} s") from None


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    """Return the context that trusts what the system trusts, and `ca_file`."""
    context = ssl.create_default_context()
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ValueError) as error:
        problem = "holds no certificate" if isinstance(error, ssl.SSLError) else "cannot be read"
        raise LinkRejected(f"mqtt.ca_file {ca_file} {problem}", "it must be a PEM file") from None
    return context


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
