"""`scripts/install --from`: nothing comes from elsewhere unsaid."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.repository import ROOT

LOCKS = ROOT / "scripts" / "locks"
NAMES = re.findall(r"^(\S+)==", (LOCKS / "device.txt").read_text(encoding="utf-8"), re.MULTILINE)
SHELL = """\
source scripts/lib/device.sh; source scripts/lib/locked.sh; source scripts/lib/version.sh
settings=$1 from=$2 locks=$3
say_where_from
"""


def said(folder, source):
    """Return the exit code and what the installer says of where packages come from."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", SHELL, "-", folder, source, LOCKS],
        cwd=ROOT,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wanted():
    """What the lock names for this Python, as wheels spell it."""
    shell = 'source scripts/lib/locked.sh; pins_for "$1" "$2" "$3"'
    version = ".".join(map(str, sys.version_info[:2]))
    done = subprocess.run(
        ["bash", "-c", shell, "-", version, sys.executable, LOCKS / "device.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = re.findall(r"^(\S+)==", done.stdout, re.MULTILINE)
    assert set(names) <= set(NAMES)
    return [name.replace("-", "_") for name in names]


def listed(folder, names):
    (folder / "locked.txt").write_text("".join(f"{name}==1 --hash=sha256:0\n" for name in names))
    return folder


def test_a_whole_folder_is_taken_without_a_word(tmp_path, wanted):
    assert said(tmp_path, listed(tmp_path, wanted)) == (0, "")


def test_a_folder_that_lacks_any_package_is_refused_with_its_name(tmp_path, wanted, measured):
    for missing in wanted:
        folder = listed(tmp_path, [name for name in wanted if name != missing])
        code, words = said(tmp_path, folder)
        assert code == 1
        assert f"has no wheel of {missing.replace('_', '-').replace('.', '-').lower()}," in words
    measured(f"folders of wheels without one of {len(wanted)} packages")


def test_a_wheel_says_that_its_libraries_come_from_the_index(tmp_path):
    wheel = tmp_path / "voiced-1-py3-none-any.whl"
    wheel.touch()
    code, words = said(tmp_path, wheel)
    assert code == 0
    assert "they come from the package index, by the hashes of the lock in it" in words


def test_a_client_for_mcp_servers_that_a_folder_lacks_is_told_of_with_the_reason(tmp_path, wanted):
    (tmp_path / "voiced.yaml").write_text("mcp:\n  home: {url: http://127.0.0.1/mcp}\n")
    code, words = said(tmp_path, listed(tmp_path, wanted))
    assert code == 0
    assert "the settings name MCP servers, and" in words
    assert "it comes from the package index, by the lock" in words
