"""Names say what a thing is, in the words the project agreed on."""

import ast
import re

import pytest

from tests.house.repository import modules, place, written_tests

EMPTY_WORDS = {"manager", "handler", "helper", "util", "data", "info", "base"}
IMPOSED = {
    "info",
    "get_info",
    "get_line_info",
    "_get_board_info",
    "_info",
    "JournalHandler",
    "tcp_info",
    "test_tcp_info",
    "data_received",
}  # alsaaudio, gpiod, gpiozero, logging, the kernel, asyncio


def words(name):
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return {word.lower().removesuffix("s") for word in spaced.split("_")}


def lasting_names(tree):
    """Names that other code calls; locals and parameters often mirror a foreign library."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


@pytest.mark.parametrize("path", modules("daemon", "tests"), ids=place)
def test_no_name_hides_behind_an_empty_word(path):
    names = {path.stem, *lasting_names(ast.parse(path.read_text(encoding="utf-8")))} - IMPOSED
    assert [name for name in sorted(names) if words(name) & EMPTY_WORDS] == []


def test_empty_words_are_found_within_names():
    assert words("LinkManager") & EMPTY_WORDS
    assert words("parse_data") & EMPTY_WORDS
    assert words("utils") & EMPTY_WORDS
    assert not words("database_url") & EMPTY_WORDS


def test_every_test_is_named_by_a_sentence():
    assert [node.name for _, node in written_tests() if len(node.name.split("_")) < 4] == []


def test_no_two_tests_of_a_module_share_a_name():
    seen = set()
    doubled = []
    for path, node in written_tests():
        key = (place(path), node.name)
        doubled += [key] if key in seen else []
        seen.add(key)
    assert doubled == []


def test_every_test_module_holds_a_test():
    holding = {path for path, _ in written_tests()}
    assert [
        place(path)
        for path in modules("tests")
        if path.stem.startswith("test_") and path not in holding
    ] == []
