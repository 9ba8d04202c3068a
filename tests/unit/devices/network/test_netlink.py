"""What the kernel says of links and routes, and how it is asked."""

import errno
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.devices.network import netlink
from voiced.devices.network.netlink import Address, Interface, Refusal, Route

UP, RUNNING, LOWER_UP, LOOPBACK = 0x1, 0x40, 0x10000, 0x8


def message(kind, body):
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


def attribute(kind, value):
    padding = bytes(-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + value + padding


def link(kind=16, index=3, flags=UP | RUNNING | LOWER_UP, name=b"wlan0\0"):
    return message(kind, struct.pack("=BxHiII", 0, 1, index, flags, 0) + attribute(3, name))


def route(kind=24, prefix=0, table=254, flags=0, route_type=1, leaves=3):
    body = struct.pack("=8BI", 2, prefix, 0, 0, table, 3, 0, route_type, flags)
    return message(kind, body + attribute(4, struct.pack("=i", leaves)))


FACTS = [
    (link(), Interface(3, "wlan0", UP | RUNNING | LOWER_UP)),
    (link(kind=17), Interface(3, "wlan0", UP | RUNNING | LOWER_UP, is_there=False)),
    (route(), Route(3, 0, is_default=True)),
    (route(kind=25), Route(3, 0, is_default=True, is_there=False)),
    (route(prefix=24), Route(3, 0, is_default=False)),
    (route(table=255), Route(3, 0, is_default=False)),
    (route(route_type=6), Route(3, 0, is_default=False)),
    (route(flags=0x10), Route(3, 0x10, is_default=True)),
    (message(20, struct.pack("=4Bi", 2, 24, 0, 0, 7)), Address(7)),
    (message(21, struct.pack("=4Bi", 2, 24, 0, 0, 7)), Address(7, is_there=False)),
    (message(2, struct.pack("=i", -errno.ENETUNREACH)), Refusal(errno.ENETUNREACH)),
    (message(3, struct.pack("=i", 0)), Refusal(0)),
]


@pytest.mark.parametrize(("datagram", "fact"), FACTS)
def test_each_kind_of_message_is_understood(datagram, fact):
    assert list(netlink.facts(datagram)) == [fact]


def test_a_datagram_may_hold_many_messages_and_unknown_ones():
    datagrams, facts = zip(*FACTS, strict=True)
    unknown = message(99, b"????")
    assert list(netlink.facts(unknown.join(datagrams))) == list(facts)


@given(st.binary(max_size=200))
def test_rubbish_is_no_reason_to_stop(rubbish):
    list(netlink.facts(rubbish))


@given(st.sampled_from(FACTS), st.data())
def test_a_message_that_was_cut_short_is_no_reason_to_stop(example, data):
    datagram = example[0]
    cut = data.draw(st.integers(0, len(datagram)))
    list(netlink.facts(datagram[:cut]))
    list(netlink.facts(struct.pack("=I", cut) + datagram[4:cut]))


@pytest.mark.parametrize(
    ("flags", "carries"),
    [(UP | LOWER_UP, True), (UP, False), (LOWER_UP, False), (UP | RUNNING, False), (0, False)],
)
def test_an_interface_carries_when_it_is_switched_on_and_has_a_carrier(flags, carries):
    assert Interface(3, "eth0", flags).carries is carries
    assert not Interface(3, "eth0", flags, is_there=False).carries


def test_the_kernel_understands_the_questions():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(1)
        kernel.bind((0, 0))

        def ask(question):
            kernel.send(question)
            return next(netlink.facts(kernel.recv(65_536)))

        for peer, local in (("127.0.0.1", "127.0.0.1"), ("127.0.0.1", None)):
            way = ask(netlink.ask_for_route(peer, local))
            assert isinstance(way, Route)
            interface = ask(netlink.ask_for_interface(way.interface))
            assert (interface.name, interface.is_loopback) == ("lo", True)
        assert isinstance(ask(netlink.ask_for_route("240.0.0.1", "192.0.2.77")), Refusal)
        assert isinstance(ask(netlink.ask_for_interface(99_999)), Refusal)
