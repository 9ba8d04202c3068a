"""Which requests are honest, and who sends them."""

import contextlib
import functools
import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.api import local_addresses
from voiced.api.access import AccessPolicy, RefusedError, for_anybody, group_of
from voiced.api.admission import Rank
from voiced.api.forwarded import MalformedError, visitor_behind
from voiced.lib.net_address import canonical

PORT = 8080
HERE = "127.0.0.1"
PROXY = ipaddress.ip_network("127.0.0.0/8")
DIRECT = AccessPolicy(PORT, (), "sesame")
NAMED = AccessPolicy(PORT, ("kiosk.example.org",), "sesame")
BEHIND = AccessPolicy(PORT, ("kiosk.example.org",), "sesame", (PROXY,))
ELSEWHERE = AccessPolicy(
    PORT, ("kiosk.example.org",), "sesame", (ipaddress.ip_network("10.0.0.0/24"),)
)


def asks(access, peer=HERE, host=f"127.0.0.1:{PORT}", **more):
    headers = [("host", host), *((name.replace("_", "-"), value) for name, value in more.items())]
    return access.visitor(peer, headers)


def refused(access, peer=HERE, host=f"127.0.0.1:{PORT}", **more):
    with pytest.raises(RefusedError) as found:
        asks(access, peer, host, **more)
    return int(found.value.status)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:8080", "[::1]:8080"])
@pytest.mark.parametrize("peer", [HERE, "::1", "::ffff:127.0.0.1", "127.0.0.7"])
def test_a_direct_connection_from_this_device_is_this_device(peer, host):
    assert asks(DIRECT, peer, host).is_device
    assert asks(ELSEWHERE, peer, host).is_device
    assert asks(DIRECT, peer, host).rank is Rank.OWN


@pytest.mark.parametrize(
    "sign",
    [
        *("forwarded", "via", "x_forwarded_for", "x_forwarded_host", "x_forwarded_proto"),
        *("x_real_ip", "x_forwarded_anything", "cf_connecting_ip", "x_client_ip", "x_forwarded"),
        *("forwarded_for", "x_forwarder_for", "client_ip", "true_client_ip", "fastly_client_ip"),
        *(
            "x_originating_ip",
            "x_remote_ip",
            "x_remote_addr",
            "x_cluster_client_ip",
            "x_proxyuser_ip",
        ),
        *("x_envoy_external_address", "x_original_forwarded_for", "x_original_host", "cdn_loop"),
        *("x_azure_clientip", "fly_client_ip", "tailscale_user_login", "wl_proxy_client_ip"),
    ],
)
@pytest.mark.parametrize("value", ["127.0.0.1", "", "for=127.0.0.1", "rubbish"])
def test_what_was_forwarded_is_never_this_device(sign, value):
    assert not asks(DIRECT, **{sign: value}).may_enter
    assert asks(DIRECT, **{sign: value, "cookie": "voiced=sesame"}).may_enter


@pytest.mark.parametrize(
    "name",
    [
        *("user_agent", "accept", "accept_language", "sec_fetch_site", "sec_ch_ua_platform", "dnt"),
        *("connection", "upgrade", "pragma", "priority", "te", "x_requested_with", "referer"),
        *("x_prometheus_scrape_timeout_seconds", "if_none_match", "range", "purpose"),
    ],
)
def test_what_browsers_and_prometheus_send_by_themselves_is_no_sign_of_a_proxy(name):
    assert asks(DIRECT, **{name: "x"}).is_device


def test_names_or_a_foreign_host_or_a_foreign_peer_are_not_this_device():
    own = AccessPolicy(PORT, (), "sesame", is_own=lambda name: name == "kitchen.local")
    assert not asks(own, host="kitchen.local:8080").is_device
    assert not asks(NAMED).is_device
    assert not asks(NAMED, host="kiosk.example.org").is_device
    assert not asks(BEHIND).is_device
    assert not asks(DIRECT, "192.0.2.1").is_device
    assert not asks(DIRECT, "fe80::1%eth0").is_device


@pytest.mark.parametrize(
    ("more", "is_known"),
    [
        ({}, False),
        ({"cookie": "voiced=sesame"}, True),
        ({"cookie": "a=b; voiced=sesame; c=d"}, True),
        ({"cookie": "\udcff=b; voiced=sesame"}, True),
        ({"cookie": "voiced=simsim"}, False),
        ({"cookie": "voiced=sesam\u00e9"}, False),
        ({"authorization": "Bearer sesame"}, True),
        ({"authorization": "Basic sesame"}, False),
        ({"authorization": "Bearer"}, False),
    ],
)
def test_the_token_is_known_wherever_it_is_shown(more, is_known):
    for access in (DIRECT, NAMED, BEHIND):
        found = asks(access, "192.0.2.1", **more)
        assert found.is_known is is_known
        assert found.rank is (Rank.MEMBER if is_known else Rank.STRANGER)
        assert not asks(AccessPolicy(PORT), "192.0.2.1", **more).may_enter


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            " ",
            "[::1",
            "[::g]:8080",
            "::1",
            "a b",
            "a:port",
            "a:",
            "a:123456",
            "user@localhost",
        ),
        *("\udcff", "localhost/", "localhost:8080:8080", "[127.0.0.1]", "é", "a\x00"),
    ],
)
def test_a_malformed_host_is_refused(host):
    for access in (DIRECT, BEHIND):
        assert refused(access, host=host) == 400
    with pytest.raises(RefusedError):
        for_anybody([("host", host)])


def test_not_exactly_one_host_is_refused():
    for headers in ([], [("host", "localhost"), ("host", "localhost")]):
        with pytest.raises(RefusedError):
            DIRECT.visitor(HERE, headers)
        with pytest.raises(RefusedError):
            for_anybody(headers)


def test_whom_a_request_may_name():
    assert refused(DIRECT, host="evil.test") == 421
    assert refused(DIRECT, host="127.0.0.1:81") == 421
    assert asks(NAMED, host="KIOSK.example.org.:8443")
    assert refused(NAMED, host="kiosk.example.org.evil.test") == 421
    assert asks(BEHIND, host="localhost:18080")


@pytest.mark.parametrize(
    ("origin", "host", "more", "doormen"),
    [
        ("http://127.0.0.1:8080", f"127.0.0.1:{PORT}", {}, {DIRECT, NAMED, BEHIND}),
        ("https://kiosk.example.org", "kiosk.example.org", {}, {NAMED, BEHIND}),
        ("https://kiosk.example.org", f"127.0.0.1:{PORT}", {}, {BEHIND}),
        ("https://k.test", f"127.0.0.1:{PORT}", {"x_forwarded_host": "k.test"}, {BEHIND}),
        ("https://k.test", f"127.0.0.1:{PORT}", {"forwarded": "host=k.test"}, {BEHIND}),
        ("https://evil.test", f"127.0.0.1:{PORT}", {}, set()),
        ("null", f"127.0.0.1:{PORT}", {}, set()),
        ("http://[::1", f"127.0.0.1:{PORT}", {}, set()),
        ("file://127.0.0.1:8080", f"127.0.0.1:{PORT}", {}, set()),
    ],
)
def test_only_our_own_page_may_ask(origin, host, more, doormen):
    for access in (DIRECT, NAMED, BEHIND):
        if access in doormen:
            asks(access, host=host, origin=origin, **more)
        else:
            assert refused(access, host=host, origin=origin, **more) in (403, 421)


@pytest.mark.parametrize(
    ("more", "group"),
    [
        ({}, HERE),
        ({"x_forwarded_for": "192.0.2.1"}, "192.0.2.1"),
        ({"x_forwarded_for": "10.9.9.9, 192.0.2.1"}, "192.0.2.1"),
        ({"x_forwarded_for": "192.0.2.1, 127.0.0.3"}, "192.0.2.1"),
        ({"x_forwarded_for": "192.0.2.1:4711"}, "192.0.2.1"),
        ({"x_forwarded_for": "::ffff:192.0.2.1"}, "192.0.2.1"),
        ({"x_forwarded_for": "2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"),
        ({"x_forwarded_for": "[2001:db8:1:2::9]:99"}, "2001:db8:1:2::/64"),
        ({"x_forwarded_for": "unknown"}, HERE),
        ({"x_forwarded_for": "127.0.0.1"}, HERE),
        ({"forwarded": "for=192.0.2.1;proto=https;by=_x"}, "192.0.2.1"),
        ({"forwarded": 'For="[2001:db8:1:2::9]:99", for=127.0.0.9'}, "2001:db8:1:2::/64"),
        ({"forwarded": "for=_hidden"}, HERE),
        ({"forwarded": "proto=https"}, HERE),
        ({"forwarded": "for=192.0.2.1", "x_forwarded_for": "192.0.2.1"}, "192.0.2.1"),
        ({"x_real_ip": "192.0.2.9"}, HERE),
    ],
)
def test_whom_a_trusted_proxy_speaks_for_is_the_visitor(more, group):
    assert asks(BEHIND, **more).group == group
    assert not asks(BEHIND, **more).may_enter
    assert asks(NAMED, **more).group == HERE


@pytest.mark.parametrize(
    "more",
    [
        {"x_forwarded_for": "rubbish"},
        {"x_forwarded_for": "192.0.2.1.5"},
        {"x_forwarded_for": "1, " * 500},
        {"forwarded": "for=rubbish"},
        {"forwarded": 'for="' * 300},
        {"forwarded": "for=192.0.2.1", "x_forwarded_for": "192.0.2.2"},
    ],
)
def test_what_a_proxy_says_that_makes_no_sense_is_refused(more):
    assert refused(BEHIND, **more) == 400
    assert asks(NAMED, **more).group == HERE


@given(st.text(max_size=200), st.sampled_from(["forwarded", "x-forwarded-for"]))
def test_any_text_is_a_visitor_or_is_refused(text, name):
    with contextlib.suppress(MalformedError):
        visitor_behind([(name, text)], lambda address: address.is_loopback)


def test_a_proxy_tells_whether_it_is_reached_over_tls():
    assert asks(BEHIND, x_forwarded_proto="https").is_secure
    assert asks(BEHIND, forwarded="for=192.0.2.1;proto=HTTPS").is_secure
    assert not asks(BEHIND, x_forwarded_proto="https, http").is_secure
    assert not asks(NAMED, x_forwarded_proto="https").is_secure


@pytest.mark.parametrize("name", ["x-anything", "authorization", "origin", "user-agent"])
def test_bytes_that_are_no_text_are_refused(name):
    with pytest.raises(RefusedError) as found:
        DIRECT.visitor(HERE, [("host", "localhost"), (name, "a\udcff")])
    assert found.value.status == 400
    assert refused(DIRECT, cookie="voiced=\udcff") == 400


def test_neighbours_in_ipv6_count_as_one():
    assert group_of("2001:db8::1") == group_of("2001:db8::2:3%eth0") != group_of("2001:db8:0:1::1")
    assert group_of("::ffff:192.0.2.1") == group_of("192.0.2.1") != group_of("192.0.2.2")
    assert group_of("rubbish") == ""
    assert str(canonical("fe80::1%eth0")) == "fe80::1"


def test_own_names_are_looked_up_when_asked(tmp_path):
    name = socket.gethostname().partition(".")[0].lower()
    is_own = functools.partial(local_addresses.is_own, resolver=tmp_path / "resolv.conf")
    full = f"{name}.fritz.box"
    assert is_own(name)
    assert is_own(f"{name}.local")
    assert not is_own(full)
    (tmp_path / "resolv.conf").write_bytes(
        b"# \xff\nsearch Fritz.box. other.test\nnameserver 192.0.2.1\nsearch\n"
    )
    assert is_own(full)
    assert is_own(f"{name}.other.test")
    for foreign in ("fritz.box", f"{name}.evil.test", f"x{full}", f"{name}.", "", "1.2.3", "[x]"):
        assert not is_own(foreign)


def test_addresses_of_own_interfaces_are_known_and_no_others():
    assert local_addresses.is_own("127.0.0.1")
    assert local_addresses.is_own("[::1]")
    foreign = ("192.0.2.1", "0.0.0.0", "[::]", "[2001:db8::1]", "224.0.0.1", "[ff02::1]")  # noqa: S104 - not to listen at
    for address in foreign:
        assert not local_addresses.is_own(address)
