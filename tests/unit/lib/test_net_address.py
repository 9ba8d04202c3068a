"""What stays on this machine, by one rule for all who ask (net_address.py)."""

import pytest

from voiced.lib.net_address import canonical, is_loopback


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost",
        "127.0.0.1",
        "127.9.8.7",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
        "::1%lo",
    ],
)
def test_what_stays_on_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "10.0.0.1", "128.0.0.1", "::2", "::ffff:10.0.0.1", "localhost.evil.test", "127.0.0.1.evil.test", "0.0.0.0", "::", "127.0.0.256", "127.1"],  # noqa: S104 - nothing is bound
)  # fmt: skip
def test_what_may_leave_it(host):
    assert not is_loopback(host)


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ValueError, match="localhost"):
        canonical("localhost")
    assert str(canonical("::ffff:10.0.0.1")) == "10.0.0.1"
