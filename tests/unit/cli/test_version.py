"""`voiced --version`."""

import subprocess

import pytest

from voiced import __version__
from voiced.cli import main, version
from voiced.cli.version import version_line


def git(folder, *words):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "Begin")
    return tmp_path


def test_in_a_checkout_the_commit_is_told(checkout):
    commit = git(checkout, "rev-parse", "HEAD")[:12]
    assert version_line(checkout) == f"voiced {__version__} ({commit})"


def test_in_a_further_worktree_it_is_the_commit_of_that_one(checkout):
    git(checkout, "worktree", "add", "-q", "--detach", "further")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "Go on")
    commit = git(checkout / "further", "rev-parse", "HEAD")[:12]
    assert version_line(checkout / "further") == f"voiced {__version__} ({commit})"


def test_elsewhere_git_is_not_started(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    assert version_line(tmp_path) == f"voiced {__version__}"


def test_a_checkout_within_another_repository_is_not_taken_for_it(checkout):
    (checkout / "voiced").mkdir()
    assert version_line(checkout / "voiced") == f"voiced {__version__}"


@pytest.mark.parametrize("found", ["no repository", "no commit", "no git"])
def test_whatever_git_does_the_version_is_told(tmp_path, monkeypatch, found):
    if found == "no repository":
        (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    else:
        git(tmp_path, "init", "-q")
    if found == "no git":
        monkeypatch.setenv("PATH", str(tmp_path))
    assert version_line(tmp_path) == f"voiced {__version__}"


def test_it_is_printed_and_nothing_else_happens(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == version_line(version.ROOT) + "\n"
