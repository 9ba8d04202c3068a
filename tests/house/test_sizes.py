"""No file outgrows its reader. There is no list of exceptions."""

import pytest

from tests.house.repository import modules, place, scripts, text_files

LIMIT = 400
TEST_LIMIT = 500


def n_lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(
    ("paths", "limit"),
    [
        (modules("daemon", "scripts"), LIMIT),
        (modules("tests"), TEST_LIMIT),
        ([*scripts(), *(path for path in text_files() if path.suffix == ".sh")], LIMIT),
    ],
    ids=["modules", "test modules", "scripts"],
)
def test_every_file_is_short_enough_to_read_at_once(paths, limit):
    assert paths
    assert {place(path): n for path in paths if (n := n_lines(path)) > limit} == {}
