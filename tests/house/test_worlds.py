"""Each worker has a world of its own: what one binds, keeps or sets, another does not meet."""

import os
import socket

import pytest

from tests.house.repository import ROOT
from tests.worlds import cores_of, dealt, n_workers

pytest_plugins = ["pytester"]

CONFTEST = f"""\
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.conftest import pytest_sessionstart
"""
# Workers meet at a folder, so that each holds what it has while the other one looks.
TESTS = """\
import os, pathlib, socket, time

def meet(what, there):
    (there / f"{{what}}-{{os.environ['PYTEST_XDIST_WORKER']}}").touch()
    while len(list(there.glob(f"{{what}}-*"))) < 2:
        time.sleep(0.01)

def in_its_world():
    there = pathlib.Path({there!r})
    keep = pathlib.Path(os.environ["XDG_STATE_HOME"], "kept")
    assert not keep.exists()
    with socket.create_server(("127.0.0.1", {port})):
        meet("bound", there)
    keep.touch()
    cores = os.sched_getaffinity(0)
    assert len(cores) == 1
    (there / f"core-{{os.environ['PYTEST_XDIST_WORKER']}}").write_text(str(cores))
    meet("kept", there)

def test_one(): in_its_world()
def test_two(): in_its_world()
"""


def test_two_workers_do_not_meet(pytester, tmp_path):
    assert os.geteuid() == 0, "network namespaces need root: run scripts/test with sudo"
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS.format(there=str(tmp_path), port=18_471))
    result = pytester.runpytest_subprocess("-n2", "--dist", "load", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)
    cores = {path.read_text() for path in tmp_path.glob("core-*")}
    assert len(cores) == min(2, len(os.sched_getaffinity(0)))


@pytest.mark.parametrize(
    ("worker", "of", "cores"),
    [(0, 12, {0}), (1, 12, {3}), (2, 12, {7}), (3, 12, {0}), (10, 12, {3}), (0, 1, {0, 3, 7})],
)
def test_workers_take_turns_at_the_cores(worker, of, cores):
    assert cores_of(worker, of, {0, 3, 7}) == cores


@pytest.mark.parametrize(
    ("paths", "workers"),
    [
        (["tests/unit", "tests/house/test_sizes.py"], 2),
        (["tests/unit", "tests/wire"], 4),
        (["tests/wire", "tests/devices"], 4),
        (["tests/devices"], 1),
        (["tests/wire/test_link.py::test_x"], 1),
    ],
)
def test_what_waits_has_more_workers_than_what_reckons(paths, workers):
    assert n_workers(paths, 2) == workers


@pytest.mark.parametrize("n_long", [0, 1, 5, 8])
@pytest.mark.parametrize("n_rest", [0, 3, 41])
@pytest.mark.parametrize("n_workers", [1, 2, 4])
def test_no_test_is_lost_or_doubled_when_they_are_dealt(n_long, n_rest, n_workers):
    long, rest = [f"long {n}" for n in range(n_long)], [f"rest {n}" for n in range(n_rest)]
    assert sorted(dealt(long, rest, n_workers)) == sorted(long + rest)


def test_each_stretch_begins_with_its_share_of_the_long_ones():
    assert dealt([1, 2, 3], [10, 11, 12, 13], 2) == [1, 3, 10, 11, 2, 12, 13]


def test_a_world_has_a_name_server_that_knows_no_name():
    with pytest.raises(socket.gaierror) as failure:
        socket.getaddrinfo("no-such-host.invalid", 80)
    assert failure.value.errno == socket.EAI_NONAME
