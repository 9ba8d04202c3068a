"""TLS: whom the link trusts, and what it says when it does not."""

import pytest

from tests.wire.peers import (
    agent,
    dialer,
    echo,
    heard,
    inet,
    refusal,
    resolver_of,
    sending,
    tcp_server,
)
from voiced.agents.codec import Dial
from voiced.devices.network.tls import tls_context
from voiced.errors import LinkError, LinkRejected

pytestmark = pytest.mark.real_time


async def test_messages_go_both_ways_over_tls(authority, serving):
    async with agent(echo, ssl=serving) as port:
        dial = Dial(f"wss://127.0.0.1:{port}/v1/ws")
        async with dialer(ca_file=authority.ca_file)(dial) as link:
            await link.send("text")
            assert await anext(link) == "text"


async def test_the_certificate_is_checked_against_the_dialled_name_not_the_address(
    authority, serving
):
    async with agent(sending("hello"), ssl=serving) as port:
        connecting = dialer(ca_file=authority.ca_file, resolver=resolver_of(inet(port)))
        async with connecting(Dial("wss://agent.test/v1/ws")) as link:
            assert await heard(link) == ["hello"]


async def test_an_unknown_authority_is_told(serving):
    async with agent(echo, ssl=serving) as port:
        assert await refusal(f"wss://127.0.0.1:{port}") == (
            LinkError,
            f"the certificate of 127.0.0.1:{port} is not signed by a known authority; "
            "if a proxy inspects TLS, configure its CA file",
        )


@pytest.mark.parametrize(
    ("name", "wrong", "sentence"),
    [
        (
            "future",
            {"dates": "-startdate 20400101000000Z -enddate 20410101000000Z"},
            "is not valid yet; is this device's clock right?",
        ),
        (
            "past",
            {"dates": "-startdate 20000101000000Z -enddate 20010101000000Z"},
            "has expired, or this device's clock is wrong",
        ),
        (
            "elsewhere",
            {"names": "DNS:elsewhere.test"},
            "belongs to another host name; does this network have a login page?",
        ),
    ],
)
async def test_a_wrong_certificate_is_told(authority, name, wrong, sentence):
    async with agent(echo, ssl=authority.serving(name, **wrong)) as port:
        resolver = resolver_of(inet(port))
        found = await refusal("wss://agent.test", ca_file=authority.ca_file, resolver=resolver)
        assert found == (LinkError, f"the certificate of agent.test:443 {sentence}")


async def test_a_certificate_for_another_address_is_told(authority):
    tls = authority.serving("address", names="DNS:elsewhere.test,IP:127.0.0.2")
    async with agent(echo, ssl=tls) as port:
        assert await refusal(f"wss://127.0.0.1:{port}", ca_file=authority.ca_file) == (
            LinkError,
            f"the certificate of 127.0.0.1:{port} belongs to another address; "
            "does this network have a login page?",
        )


async def test_a_port_without_tls_is_told():
    async def answer_in_clear(reader, writer):
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with tcp_server(answer_in_clear) as port:
        assert await refusal(f"wss://127.0.0.1:{port}") == (
            LinkError,
            f"127.0.0.1:{port} answers without TLS; does this network have a login page?",
        )


async def test_a_peer_that_hangs_up_on_tls_is_told():
    async def hang_up(reader, writer):
        await reader.read(10)

    async with tcp_server(hang_up) as port:
        kind, text = await refusal(f"wss://127.0.0.1:{port}")
        assert kind is LinkError
        assert text.startswith(f"127.0.0.1:{port} ")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("no certificate", "contains no certificate"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
async def test_an_unusable_ca_file_is_told(tmp_path, content, problem):
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    async with agent(echo) as port:
        assert await refusal(f"wss://127.0.0.1:{port}", ca_file=str(file)) == (
            LinkRejected,
            f"the CA file {file} {problem}; it must be a PEM file this service can read",
        )


def test_a_context_is_built_once_per_ca_file(authority):
    assert tls_context(authority.ca_file) is tls_context(authority.ca_file)
    assert tls_context(authority.ca_file) is not tls_context(None)
