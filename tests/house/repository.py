"""The repository as its own tests see it."""

import ast
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSED_OVER = {"__pycache__", "build", "dist"}
ROOMS_WITH_GUIDES = ("config", "daemon", "scripts", "systemd", "tests")
DOCUMENTS = (
    "README.md",
    *sorted(
        path.relative_to(ROOT).as_posix()
        for room in ROOMS_WITH_GUIDES
        for path in (ROOT / room).glob("*.md")
        if path.name != "PROMISES.md"
    ),
)
"""What tells people about voiced: the README and the guides beside what they are about."""


def text_files() -> Iterator[Path]:
    """Every file a person wrote: no caches, no environment, no sound."""
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [
            name
            for name in subfolders
            if (name == ".ci" or not name.startswith(".")) and name not in PASSED_OVER
        ]
        for name in names:
            path = Path(folder, name)
            if not name.startswith(".") and path.suffix not in {".json", ".png", ".wav"}:
                yield path


def modules(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def written_tests() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every test function, with the file it is in."""
    for path in modules("tests"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if is_function and node.name.startswith("test_"):
                yield path, node


def scripts() -> list[Path]:
    return sorted(
        path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix
    )


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def documents() -> str:
    """Return the text of all documents."""
    return "\n".join(read(name) for name in DOCUMENTS)


def folded(text: str) -> str:
    """Return text in one line, with one blank between words."""
    return " ".join(text.split())


def place(path: Path) -> str:
    return str(path.relative_to(ROOT))


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
