"""What may be dialled, and which proxy leads there (endpoint.py, proxy.py, failures.py)."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.devices.network.diagnosis import explain_network, explain_upgrade
from voiced.devices.network.endpoint import Endpoint, check_headers, endpoint_of
from voiced.devices.network.proxy import at_address, proxy_endpoint
from voiced.errors import LinkError, LinkRejected


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("wss://Agent.Test/v1/ws?token=t", Endpoint("wss", "agent.test", 443)),
        ("wss://agent.test:8443", Endpoint("wss", "agent.test", 8443)),
        ("https://me:secret@agent.test/v1/token", Endpoint("https", "agent.test", 443)),
        ("wss://[2001:db8::1]/", Endpoint("wss", "2001:db8::1", 443)),
        ("wss://bücher.test/", Endpoint("wss", "xn--bcher-kva.test", 443)),
        ("ws://localhost/", Endpoint("ws", "localhost", 80)),
        ("ws://127.0.0.9:9/", Endpoint("ws", "127.0.0.9", 9)),
        ("http://[::1]:9/", Endpoint("http", "::1", 9)),
    ],
)
def test_a_url_leads_to_its_host_and_port(url, endpoint):
    assert endpoint_of(url) == endpoint


@pytest.mark.parametrize("scheme", ["ws", "http"])
@pytest.mark.parametrize("host", ["agent.test", "192.168.1.7", "localhost.test", "[2001:db8::1]"])
def test_nothing_is_sent_in_clear_to_another_machine(scheme, host):
    with pytest.raises(LinkRejected, match="in clear"):
        endpoint_of(f"{scheme}://{host}/")


@given(st.text() | st.text().map("wss://{}".format))
def test_any_text_is_an_endpoint_or_refused_without_being_repeated(url):
    told = ""
    try:
        endpoint = endpoint_of(url)
        assert endpoint.host
        assert endpoint.host.isascii()
    except LinkRejected as error:
        told = str(error)
    assert told in {
        "",
        "the agent's address is not a usable URL; it must look like wss://host/path",
    }


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX: y", "\ufeffkey", "a\x00"])
def test_a_header_that_http_cannot_carry_is_refused_without_being_repeated(value):
    with pytest.raises(LinkRejected) as failure:
        check_headers({"Authorization": value})
    assert value not in str(failure.value)


def test_an_ordinary_header_passes():
    check_headers({"Authorization": "Bearer abc-123_~+/=", "X-Empty": "", "X-Name": "Küche 2"})


@pytest.mark.parametrize(
    ("proxy", "endpoint"),
    [
        ("http://proxy.test", Endpoint("http", "proxy.test", 80)),
        ("https://proxy.test", Endpoint("https", "proxy.test", 443)),
        ("http://me:secret@proxy.test:3128/", Endpoint("http", "proxy.test", 3128)),
    ],
)
def test_a_proxy_listens_where_its_url_says(proxy, endpoint):
    assert proxy_endpoint(proxy) == endpoint


@pytest.mark.parametrize(
    ("proxy", "address", "pinned"),
    [
        ("http://proxy.test", "10.0.0.1", "http://10.0.0.1:80"),
        ("http://me:p%40ss@proxy.test:3128", "10.0.0.1", "http://me:p%40ss@10.0.0.1:3128"),
        ("https://proxy.test/", "2001:db8::1", "https://[2001:db8::1]:443"),
    ],
)
def test_a_proxy_at_an_address_keeps_everything_but_its_name(proxy, address, pinned):
    assert at_address(proxy, address) == pinned


def test_a_socks_proxy_without_its_library_is_told():
    error = explain_upgrade(ImportError("python_socks"), "agent.test:443")
    assert isinstance(error, LinkRejected)
    assert str(error) == "a SOCKS proxy needs python-socks; install voiced[socks]"


def test_an_unknown_certificate_problem_is_told_in_openssls_words():
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code, error.verify_message = 23, "certificate revoked"
    assert str(explain_network(error, "agent.test:443")) == (
        "the certificate of agent.test:443 cannot be trusted: certificate revoked"
    )


@given(st.integers(1, 133))
def test_every_system_error_has_a_sentence_that_names_the_peer(number):
    error = explain_network(OSError(number, "secret"), "agent.test:443")
    assert isinstance(error, LinkError)
    assert "agent.test:443" in str(error)
    assert "secret" not in str(error)
