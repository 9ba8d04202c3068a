"""Brokers that want to know by a certificate who comes (devices/network/mqtt_socket.py, devices/network/tls.py)."""

import aiomqtt
import pytest

from tests.wire.broker import broker
from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.mqtt_socket import Client, Opener
from voiced.devices.network.tls import Identity, tls_context
from voiced.errors import LinkError, LinkRejected

pytestmark = pytest.mark.real_time


@pytest.fixture
def strict(tmp_path, unused_port, authority, serving):
    """Settings of a broker that wants a certificate of this authority."""
    authority.serving("broker")
    authority.serving("client", names="DNS:kitchen.test")
    lines = [
        f"cafile {authority.ca_file}",
        "require_certificate true",
        "use_identity_as_username true",
    ]
    return {"authority": authority, "certificate": "broker", "lines": lines}


async def greeted(port, ca_file, identity):
    there = Endpoint("mqtts", "127.0.0.1", port)
    opened = await Opener(there, ca_file, identity=identity).open()
    client = Client(opened, there, identifier="x")
    try:
        async with client:
            return True
    finally:
        client.cut()


async def test_a_broker_is_shown_the_certificate(tmp_path, unused_port, authority, strict):
    identity = Identity(str(authority.folder / "client.pem"), str(authority.folder / "client.key"))
    async with broker(tmp_path, unused_port, **strict):
        assert await greeted(unused_port, authority.ca_file, identity)
        with pytest.raises((LinkError, aiomqtt.MqttError)):
            await greeted(unused_port, authority.ca_file, None)


def test_a_context_with_a_certificate_is_another_and_follows_its_files(authority, strict):
    folder = authority.folder
    identity = Identity(str(folder / "client.pem"), str(folder / "client.key"))
    first = tls_context(authority.ca_file, identity)
    assert tls_context(authority.ca_file, identity) is first
    assert tls_context(authority.ca_file) is not first
    (folder / "client.pem").write_bytes((folder / "client.pem").read_bytes() + b"\n")
    assert tls_context(authority.ca_file, identity) is not first


@pytest.mark.parametrize(
    ("certificate", "key", "problem"),
    [
        ("client.pem", "none.key", "cannot be read"),
        ("client.pem", "broker.key", "do not fit"),
        ("client.key", "client.key", "do not fit"),
        ("client.pem", "locked.key", "do not fit"),
    ],
)
def test_what_cannot_be_shown_is_told(authority, strict, certificate, key, problem):
    folder = authority.folder
    command = "rsa -aes256 -passout pass:hunter2 -in client.key -out locked.key"
    authority._openssl(command)
    with pytest.raises(
        LinkRejected, match=f"the certificate {folder / certificate} and its key {problem}"
    ):
        tls_context(authority.ca_file, Identity(str(folder / certificate), str(folder / key)))
