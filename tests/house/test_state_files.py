"""What outlives the process goes through the store, which knows what to do when the disk fails."""

import ast
import re

import pytest

from tests.house.repository import ROOT

SOURCES = sorted((ROOT / "daemon" / "voiced").rglob("*.py"))
ELSEWHERE = {
    "cli/__init__.py": "sends what is printed too late to /dev/null",
    "devices/sound/hid.py": "switches a lamp of a device",
    "devices/sound/usb_commands.py": "talks to a device",
    "doctor/machine.py": "tries whether the disk can be written",
    "devices/sound/wav.py": "records, where a WAV file stands in for a speaker",
    "storage/atomic_file.py": "is how the store writes",
    "storage/state_store.py": "is the store",
    "tools/declared/process_group.py": "tells the kernel which process may die first",
}
"""What else writes to a file, and why that is no state."""

WRITERS = {"write_text", "write_bytes", "NamedTemporaryFile", "mkstemp", "replace_file"}
MODE = re.compile("[rbt+]*[wax+][rbt+]*")


def writes(tree):
    """Yield the lines on which something may be written to a file."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr="O_WRONLY" | "O_RDWR"):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
                modes = {each.value for each in node.args if isinstance(each, ast.Constant)}
                if name in WRITERS or (
                    name == "open" and any(map(MODE.fullmatch, map(str, modes)))
                ):
                    yield node.lineno


def test_nothing_but_the_store_writes_files():
    found = {
        str(path.relative_to(ROOT / "daemon" / "voiced")): lines
        for path in SOURCES
        if (lines := [*writes(ast.parse(path.read_text(encoding="utf-8")))])
    }
    assert found.keys() == ELSEWHERE.keys(), {name: found[name] for name in found}


@pytest.mark.parametrize(
    "code",
    [
        'path.write_text("")',
        'path.open("wb")',
        'open(path, "a")',
        "os.open(path, os.O_WRONLY | os.O_CREAT)",
        "replace_file(path, content, mode)",
    ],
)
def test_whatever_writes_is_found(code):
    assert [*writes(ast.parse(code))] == [1]
