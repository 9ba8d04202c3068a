"""What a board tells of itself."""

import pytest

from voiced.host.board import is_throttled, temperature, wifi_dbm


@pytest.mark.parametrize(
    ("text", "degrees"), [("48312\n", 48.312), ("-1000", -1.0), ("", None), ("hot", None)]
)
def test_the_temperature_is_read_in_degrees(tmp_path, text, degrees):
    (tmp_path / "temp").write_text(text)
    assert temperature(tmp_path / "temp") == degrees
    assert temperature(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("text", "held_back"),
    [("0\n", False), ("50000", False), ("50005\n", True), ("8", True), ("", None), ("x", None)],
)
def test_only_what_holds_it_back_now_counts(tmp_path, text, held_back):
    (tmp_path / "throttled").write_text(text)
    assert is_throttled(tmp_path / "throttled") is held_back
    assert is_throttled(tmp_path / "absent") is None


WIRELESS = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
"""


@pytest.mark.parametrize(
    ("text", "dbm"),
    [
        (
            WIRELESS
            + " wlan0: 0000   58.  -52.  -256        0      0      0      0      0        0\n",
            -52,
        ),
        (WIRELESS + " wlan0: 0000   58.  -52.4  -256\n wlan1: 0000 1. -80. 0\n", -52),
        (WIRELESS + " wlan0: 0000    0     0     0        0\n", None),
        (WIRELESS + " wlan0: 0000 0 0 0\n wlan1: 0000 5 -256 0\n wlan2: 0000 9 -40. 0\n", -40),
        (WIRELESS + " wlan0: 0000 58. -1e400 0\n", None),
        (WIRELESS + " wlan0: 0000 58. nan 0\n", None),
        (WIRELESS, None),
        (WIRELESS + " wlan0: 0000\n", None),
        (WIRELESS + " wlan0: 0000 58. strong\n", None),
        ("", None),
    ],
)
def test_the_signal_of_the_wifi_is_read_in_dbm(tmp_path, text, dbm):
    (tmp_path / "wireless").write_text(text)
    assert wifi_dbm(tmp_path / "wireless") == dbm
    assert wifi_dbm(tmp_path / "absent") is None
