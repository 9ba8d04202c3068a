"""What the kernel knows of a connection."""

import contextlib
import socket

import pytest

from voiced.devices.network.tcp_info import look_at


@pytest.fixture
def pair():
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as ours,
    ):
        theirs, _ = listening.accept()
        with theirs:
            yield ours, theirs


def test_what_was_received_is_acknowledged(pair):
    ours, theirs = pair
    before = look_at(ours).acknowledged_bytes
    ours.sendall(b"x" * 1000)
    theirs.recv(1000)
    after = look_at(ours)
    assert after.acknowledged_bytes - before == 1000
    assert (after.queued_bytes, after.n_unacknowledged) == (0, 0)
    assert after.since_ack_s < 1
    assert 0 < after.rtt_s < 1


def test_what_the_peer_has_no_room_for_is_queued(pair):
    ours, _ = pair
    ours.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += ours.send(b"x" * 65_536)
    seen = look_at(ours)
    assert 0 < seen.queued_bytes < sent
    assert seen.acknowledged_bytes + seen.queued_bytes == pytest.approx(sent, abs=1)


def test_what_the_peer_sends_is_noticed(pair):
    ours, theirs = pair
    theirs.sendall(b"x")
    ours.recv(1)
    assert look_at(ours).since_data_s < 1


def test_a_closed_socket_cannot_be_looked_at(pair):
    ours, _ = pair
    ours.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        look_at(ours)


def test_only_tcp_can_be_looked_at():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        pytest.raises(OSError, match=r"supported|available"),
    ):
        look_at(datagrams)
