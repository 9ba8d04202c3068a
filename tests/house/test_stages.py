"""Stages that run beside each other: blocks in order, the first failure last, nothing left running."""

import os
import subprocess
import time

import pytest

from tests.house.repository import ROOT

HEAD = f"""\
set -euo pipefail
source {ROOT}/scripts/lib/stages.sh
says() {{ echo "$1 begins"; sleep "$2"; echo "$1 ends"; }}
fails() {{ echo "about to fail"; false; echo "never said"; }}
"""


def ran(text):
    """Run a script that begins stages; return its exit code and the lines it printed."""
    done = subprocess.run(
        ["bash", "-c", HEAD + text],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, [line for line in done.stdout.splitlines() if line]


def test_blocks_are_whole_and_in_order_though_the_last_ends_first():
    code, lines = ran("begin one says one 0.6; begin two says two 0.1; finish; times")
    assert code == 0
    assert [line for line in lines if not line.startswith("==")][:4] == [
        "one begins",
        "one ends",
        "two begins",
        "two ends",
    ]
    assert [line.split()[1] for line in lines if line.startswith("==")] == ["one", "two"]
    assert [line.split()[-1] for line in lines[-2:]] == ["one", "two"]


def test_stages_run_beside_each_other(tmp_path):
    meet = f"cd {tmp_path}; touch $1; for _ in {{1..400}}; do [[ -e $2 ]] && exit; sleep 0.1; done; exit 1"
    code, _ = ran(f"meet() {{ {meet}; }}; begin one meet a b; begin two meet b a; finish")
    assert code == 0


def test_a_stage_can_wait_for_another():
    code, lines = ran("begin one says one 0.2; finish one; begin two says two 0; finish")
    assert code == 0
    assert [line for line in lines if "begins" in line] == ["one begins", "two begins"]


@pytest.mark.parametrize("others", ["says other 30", "bash -c 'trap : INT; sleep 30; sleep 30'"])
def test_the_first_failure_stops_the_others_and_comes_last(others):
    began_s = time.monotonic()
    code, lines = ran(f"begin done says done 0; begin other {others}; begin bad fails; finish")
    assert code == 1
    assert time.monotonic() - began_s < 25
    assert lines[-1] == "about to fail"
    assert lines[-2].startswith("== bad (FAILED")
    assert "never said" not in lines
    assert any(line.startswith("== other (stopped") for line in lines)


def test_nothing_is_left_of_a_stage_that_was_stopped(tmp_path):
    note = tmp_path / "pid"
    code, _ = ran(
        f"begin child bash -c 'sleep 60 & echo $! >{note}; wait'\n"
        f"until [[ -s {note} ]]; do sleep 0.05; done\n"
        "begin bad fails; finish"
    )
    assert code == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_what_runs_at_leisure_gives_way_to_everything_else():
    code, lines = ran("begin it at_leisure bash -c 'chrt --pid $$'; finish")
    assert code == 0
    assert any(line.endswith("SCHED_IDLE") for line in lines)
