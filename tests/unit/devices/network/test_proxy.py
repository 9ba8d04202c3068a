"""Which proxy leads where (proxy.py), and what a proxy's refusal means (diagnosis.py)."""

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voiced.devices.network.diagnosis import explain_proxy_status
from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.proxy import choose_proxy, is_excepted, is_in_house
from voiced.errors import LinkRejected

PROXY = "http://proxy.test:3128"
VARIABLES = ("http", "https", "wss", "socks", "all", "no")
SCHEMES = ("ws", "wss", "http", "https", "mqtt", "mqtts")


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """Nothing in the environment but what a test puts there."""
    for name in VARIABLES:
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)


@pytest.mark.parametrize(
    ("scheme", "environment", "chosen"),
    [
        ("wss", {}, None),
        ("wss", {"https_proxy": "http://a:1"}, "http://a:1"),
        ("wss", {"HTTPS_PROXY": "http://a:1"}, "http://a:1"),
        ("wss", {"http_proxy": "http://a:1"}, None),
        ("wss", {"https_proxy": "http://a:1", "wss_proxy": "http://b:2"}, "http://b:2"),
        ("wss", {"https_proxy": "http://a:1", "socks_proxy": "http://c:3"}, "socks5h://c:3"),
        ("wss", {"all_proxy": "socks5h://d:4"}, "socks5h://d:4"),
        ("wss", {"ALL_PROXY": "http://d:4"}, "http://d:4"),
        ("wss", {"all_proxy": "http://d:4", "https_proxy": "http://a:1"}, "http://a:1"),
        ("wss", {"https_proxy": "a:1"}, "http://a:1"),
        ("https", {"all_proxy": "http://d:4"}, "http://d:4"),
        ("https", {"wss_proxy": "http://b:2"}, "http://b:2"),
        ("https", {"wss_proxy": "http://b:2", "https_proxy": "http://a:1"}, "http://a:1"),
        ("http", {"http_proxy": "http://a:1", "all_proxy": "http://d:4"}, "http://a:1"),
        ("http", {"all_proxy": "http://d:4"}, "http://d:4"),
        ("http", {"https_proxy": "http://a:1"}, None),
        ("mqtts", {"https_proxy": "http://a:1"}, "http://a:1"),
        ("mqtt", {"all_proxy": "http://d:4"}, "http://d:4"),
        ("mqtt", {"http_proxy": "http://a:1"}, None),
    ],
)
def test_the_environment_chooses_the_proxy(monkeypatch, scheme, environment, chosen):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    endpoint = Endpoint(scheme, "agent.test", 443)
    assert choose_proxy("auto", endpoint) == chosen
    assert choose_proxy("none", endpoint) is None


DIRECT = [
    *("localhost", "127.0.0.1", "127.8.8.8", "::1"),
    *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.9.9", "192.168.178.1"),
    *("169.254.3.4", "fe80::1", "fe80::1%eth0", "fd00::17", "fc12::1", "::ffff:192.168.1.1"),
    *("homeassistant.local", "HomeAssistant.Local", "broker.local.", "a.b.local", "me.localhost"),
]
PROXIED = [
    *("agent.test", "local", "local.test", "notlocal", "mylocal.example", "broker"),
    *("9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.169.0.1", "169.253.1.1"),
    *("8.8.8.8", "2001:db8::1", "fe00::1", "::ffff:8.8.8.8"),
]


@pytest.mark.parametrize("setting", ["auto", PROXY])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_in_the_house_is_reached_directly_and_all_else_by_the_proxy(
    monkeypatch, setting, scheme
):
    monkeypatch.setenv("all_proxy", PROXY)
    chosen = {host: choose_proxy(setting, Endpoint(scheme, host, 443)) for host in DIRECT + PROXIED}
    assert chosen == dict.fromkeys(DIRECT) | dict.fromkeys(PROXIED, PROXY)


@given(st.ip_addresses(v=4))
@example(ipaddress.ip_address("10.0.0.0"))
def test_an_address_of_the_house_is_one_that_no_router_outside_carries(address):
    house = any(
        address in ipaddress.ip_network(each)
        for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
    )
    assert is_in_house(str(address)) == house
    assert not (house and address.is_global)


@pytest.mark.parametrize(
    ("exceptions", "yes", "no"),
    [
        ("", [], ["agent.test", "8.8.8.8"]),
        ("*", ["agent.test", "8.8.8.8", "2001:db8::1"], []),
        (
            "agent.test",
            ["agent.test", "AGENT.test", "a.agent.test", "agent.test."],
            ["xagent.test"],
        ),
        (".agent.test", ["a.agent.test", "agent.test"], ["agent.test.example"]),
        ("*.agent.test", ["a.agent.test"], ["b.test"]),
        ("other.test,agent.test", ["agent.test", "other.test"], ["third.test"]),
        ("other.test agent.test;third.test|x", ["agent.test", "third.test", "x"], ["y"]),
        (" , ,", [], ["agent.test"]),
        ("agent.test:443", ["agent.test"], []),
        ("agent.test:8443", [], ["agent.test"]),
        ("*:443", ["agent.test"], []),
        ("8.8.8.8", ["8.8.8.8", "::ffff:8.8.8.8"], ["8.8.8.9", "18.8.8.8"]),
        ("8.8.0.0/16", ["8.8.8.8", "8.8.0.0"], ["8.9.0.0", "agent.test"]),
        ("8.8.8.8/16:443", ["8.8.1.1"], []),
        ("2001:db8::/32", ["2001:db8::1"], ["2001:db9::1", "8.8.8.8"]),
        ("[2001:db8::1]", ["2001:db8::1"], ["2001:db8::2"]),
        ("[2001:db8::1]:443", ["2001:db8::1"], []),
        ("[2001:db8::1]:80", [], ["2001:db8::1"]),
        ("<local>", ["broker", "BROKER"], ["broker.test", "8.8.8.8", "2001:db8::1"]),
        ("8.8", [], ["8.8.8.8"]),
    ],
)
def test_exceptions_name_hosts_addresses_and_networks(monkeypatch, exceptions, yes, no):
    monkeypatch.setenv("no_proxy", exceptions)
    for hosts, proxy in ((yes, None), (no, PROXY)):
        found = {host: choose_proxy(PROXY, Endpoint("wss", host, 443)) for host in hosts}
        assert found == dict.fromkeys(hosts, proxy)


@given(st.text(), st.text())
def test_no_list_of_exceptions_is_stumbled_over(host, exceptions):
    assert is_excepted(Endpoint("wss", host, 443), exceptions) in (True, False)


@pytest.mark.parametrize(
    ("offers", "wanted"),
    [
        ([], "a user name and password"),
        (['Basic realm="x"'], "a user name and password"),
        (["NTLM"], "NTLM"),
        (["NTLM TlRMTVNTUAAC"], "NTLM"),
        (["Negotiate", "NTLM"], "NTLM or Kerberos"),
        (["Negotiate, NTLM"], "NTLM or Kerberos"),
        (["Kerberos"], "Kerberos"),
        (['Digest realm="x", nonce="Basic"'], "Digest"),
        (["NTLM", "basic realm=x"], "a user name and password"),
        (["NTLM, Basic realm=x"], "a user name and password"),
    ],
)
def test_a_proxy_that_wants_more_than_a_password_is_told_by_what_it_wants(offers, wanted):
    error = explain_proxy_status(407, offers)
    assert isinstance(error, LinkRejected)
    assert str(error).startswith(f"the proxy wants {wanted} (")
