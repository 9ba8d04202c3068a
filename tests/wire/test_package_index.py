"""What the installer takes from a package index, and what not: real pip, a little index."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wire.package_index import PackageIndex, make_wheel, pin

ROOT = Path(__file__).resolve().parents[2]
INSTALLER = f"""\
set -euo pipefail
for name in device locked version; do source {ROOT}/scripts/lib/$name.sh; done
opt=$PWD/opt versions=$PWD/opt/versions scratch=$PWD/opt/scratch settings=$PWD/etc from=$PWD/$1
[[ ! -d $from ]] || check_folder
make_version one
"""


@pytest.fixture
def shelf(tmp_path):
    """A folder with the wheels of an index, and beside it a wheel of voiced with the lock of them."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    builds = make_wheel(folder, "builds_it", "1.0", {"builds_it.py": ""})
    hat = make_wheel(folder, "little_hat", "1.0", {"little_hat.py": "WORN = True\n"})
    make_wheel(folder, "little_hat", "2.0", {"little_hat.py": "WORN = False\n"})
    locks = "voiced-9.9.data/data/share/voiced/locks"
    files = {"voiced/__init__.py": "", f"{locks}/build.txt": pin(builds)}
    make_wheel(tmp_path, "voiced", "9.9", {**files, f"{locks}/device.txt": pin(hat)})
    return folder


@pytest.fixture
def index(shelf):
    with PackageIndex(shelf) as it:
        yield it


@pytest.fixture
def install(tmp_path, index):
    def run(source="voiced-9.9-py3-none-any.whl"):
        return subprocess.run(
            ["bash", "-c", INSTALLER, "install", source],
            cwd=tmp_path,
            env={
                **{name: value for name, value in os.environ.items() if name[:4] != "PIP_"},
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_INDEX_URL": index.url(),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def packed(tmp_path):
    """A folder of wheels as scripts/package makes it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for wheel in (tmp_path / "shelf" / "little_hat-1.0-py3-none-any.whl", *tmp_path.glob("*.whl")):
        (folder / wheel.name).write_bytes(wheel.read_bytes())
    shell = f"source {ROOT}/scripts/lib/locked.sh; list_folder {folder}"
    subprocess.run(["bash", "-c", shell], check=True)
    return folder


def installed(tmp_path):
    return sorted(path.name for path in tmp_path.glob("opt/versions/one/lib/*/site-packages/*.py"))


def test_what_the_lock_names_is_installed_and_what_builds_it_is_not(install, tmp_path, index):
    ran = install()
    assert (ran.returncode, ran.stderr) == (0, "")
    assert installed(tmp_path) == ["little_hat.py"]
    assert sorted(set(index.asked)) == [
        "builds_it-1.0-py3-none-any.whl",
        "little_hat-1.0-py3-none-any.whl",
    ]
    assert [path.name for path in (tmp_path / "opt").iterdir()] == ["versions"]


@pytest.mark.parametrize("project", ["little_hat", "builds_it"])
def test_an_index_with_another_wheel_is_refused_in_one_sentence(install, tmp_path, index, project):
    index.change(project)
    ran = install()
    assert ran.returncode == 1
    assert ran.stderr == (
        f"voiced: refused: the package index gave another {project} 1.0 than the lock names "
        "(device.txt of voiced-9.9-py3-none-any.whl); nothing was changed\n"
    )
    assert not (tmp_path / "opt").exists()


def test_a_lock_without_hashes_installs_nothing(install, tmp_path, index):
    locks = "voiced-9.8.data/data/share/voiced/locks"
    files = {f"{locks}/build.txt": "builds_it==1.0\n", f"{locks}/device.txt": "little_hat==1.0\n"}
    ran = install(make_wheel(tmp_path, "voiced", "9.8", files).name)
    assert ran.returncode == 1
    assert "Hashes are required in --require-hashes mode" in ran.stderr
    assert not (tmp_path / "opt").exists()


def test_a_folder_is_installed_without_an_index(install, tmp_path, index):
    packed(tmp_path)
    ran = install("folder")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert installed(tmp_path) == ["little_hat.py"]
    assert index.asked == []


def test_a_folder_that_is_not_as_its_list_says_is_refused(install, tmp_path):
    folder = packed(tmp_path)
    hat = folder / "little_hat-1.0-py3-none-any.whl"
    good, listed = hat.read_bytes(), (folder / "locked.txt").read_text()

    def refusal():
        ran = install("folder")
        assert ran.returncode == 1
        assert not (tmp_path / "opt").exists()
        return ran.stderr.replace(f"{folder}", "FOLDER")

    hat.write_bytes(good + b"more")
    other = "in FOLDER is not what locked.txt names; make the folder again with scripts/package\n"
    assert refusal() == f"voiced: refused: {hat.name} {other}"
    hat.unlink()
    assert refusal() == f"voiced: refused: little_hat==1.0 {other}"
    hat.write_bytes(good)
    (folder / "locked.txt").unlink()
    assert refusal() == (
        "voiced: refused: FOLDER has no locked.txt that names its wheels and their hashes; "
        "make the folder with scripts/package\n"
    )
    (folder / "locked.txt").write_text(listed)
    assert install("folder").returncode == 0


def test_a_wheel_without_a_lock_is_refused(install, tmp_path):
    make_wheel(tmp_path, "voiced", "1.0", {"voiced/__init__.py": ""})
    ran = install("voiced-1.0-py3-none-any.whl")
    assert ran.returncode == 1
    assert "carries no lock; make it again with scripts/package" in ran.stderr
    assert not (tmp_path / "opt").exists()
