"""Which tests a change asks for: python -m tests.changed [REVISION].

Prints what to give to pytest for what differs from REVISION (main by default; uncommitted and new files
count). A room is a package of `voiced` or `agentsim`, or a module beside them. A change to a room asks for

- the tests whose own imports name that room,
- the unit tests and walks of the rooms that import it,
- `tests/flows`, the whole daemon on a clock that jumps.

A changed test runs; a changed helper asks for every test behind which it stands; a changed `conftest.py`
for its folder. `tests/house` runs always: it is about every file.
"""

import ast
import functools
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("voiced", "agentsim")
ALWAYS = "tests/house"
APART = ("tests/home_assistant/", "tests/pi/", "tests/soak/")
"""What has a script of its own, or is run when it is named."""

NEAR = ("tests/unit/", "tests/walks/")
"""What also runs for a change in what its rooms import."""

FOLDERS = {"daemon/": "tests/flows", "daemon/voiced/api/page/": "tests/browser"}
"""Where a change asks for a whole suite."""
EVERYTHING = {"tests/conftest.py", "tests/stalls.py", "tests/worlds.py", "pyproject.toml"}
"""What every test stands on."""
SUITES: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "pytest"
]["ini_options"]["testpaths"]


def main(revision: str = "main") -> list[str]:
    """Return the paths to give to pytest, relative to the repository."""
    changed = changed_files(revision)
    return asked_for(changed) if changed else []


def asked_for(changed: set[str]) -> list[str]:
    """Return the paths to give to pytest if these files have changed."""
    imports = {path: imported(ROOT / path) for path in sources_of_tests()}
    rooms = {room_of(module_of(path)) for path in changed if is_source(path)}
    above = rooms_above(rooms)
    helpers = {module_of(path) for path in changed if path.startswith("tests/")}
    folders = {ALWAYS} | {
        suite for path in changed for place, suite in FOLDERS.items() if path.startswith(place)
    }
    folders |= {str(Path(path).parent) for path in changed if path.endswith("/conftest.py")}
    if changed & EVERYTHING:
        return SUITES

    def is_wanted(path: str, names: set[str]) -> bool:
        about = {room_of(name) for name in names if name.startswith(PACKAGES)}
        wanted = rooms | above if path.startswith(NEAR) else rooms
        return bool(path in changed or about & wanted or helpers & behind(names, imports))

    modules = {
        path
        for path, names in imports.items()
        if Path(path).name.startswith("test_") and is_wanted(path, names)
    }
    inside = tuple(f"{folder}/" for folder in folders)
    return sorted(folders | {path for path in modules if not path.startswith(inside)})


def changed_files(revision: str) -> set[str]:
    """Return every file that differs from where this branch left `revision`, and every new one."""
    base = git("merge-base", "HEAD", revision).strip()
    return {
        *git("diff", "--name-only", base).split("\n"),
        *git("ls-files", "--others", "--exclude-standard").split("\n"),
    } - {""}


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"voiced: git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def sources_of_tests() -> list[str]:
    """Return every Python file of the tests, but for those that stand apart."""
    paths = (path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py"))
    return [path for path in paths if not path.startswith(APART)]


def is_source(path: str) -> bool:
    return path.startswith("daemon/") and path.endswith(".py")


def module_of(path: str) -> str:
    """Return the dotted name of a file of ours."""
    words = Path(path.removeprefix("daemon/")).with_suffix("").parts
    return ".".join(words[:-1] if words[-1] == "__init__" else words)


def room_of(module: str) -> str:
    """Return the room that a module is in: its first two words."""
    return ".".join(module.split(".")[:2])


@functools.cache
def imported(path: Path) -> set[str]:
    """Return what a file imports, as dotted names; of `from a import b` both a and a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def behind(names: Iterable[str], imports: dict[str, set[str]]) -> set[str]:
    """Return the modules of the tests that stand behind these names, over other modules too."""
    by_module = {module_of(path): named for path, named in imports.items()}
    found: set[str] = set()
    waiting = [name for name in names if name in by_module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [each for each in by_module[name] if each in by_module]
    return found


@functools.cache
def graph_of_imports() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def rooms_above(rooms: set[str]) -> set[str]:
    """Return the rooms that import one of these."""
    graph = graph_of_imports()
    return {
        room_of(importer)
        for module in graph.modules
        if room_of(module) in rooms
        for importer in graph.find_modules_that_directly_import(module)
    }


if __name__ == "__main__":
    sys.stdout.write("".join(f"{path}\n" for path in main(*sys.argv[1:])))
