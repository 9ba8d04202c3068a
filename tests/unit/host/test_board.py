"""What a board tells of itself."""

import pytest

from voiced.host.board import is_throttled, temperature


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
