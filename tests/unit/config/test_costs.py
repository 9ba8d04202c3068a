"""What a settings file costs to read and to check: bounded by its size, whatever it holds.

Work is counted in calls of functions, which are the same on every machine.
"""

import cProfile
import json
from contextlib import suppress
from itertools import pairwise

import pytest

from voiced.assembly.factory import catalogue
from voiced.config.load import Source, examine_sources
from voiced.config.resolve import receive, with_sent
from voiced.config.yaml_document import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_KEYS,
    MAX_VALUES,
    MOST_GUESSES,
    parse,
)
from voiced.errors import ConfigError

LOCAL = """\
version: 1
device: {name: kitchen}
agent: {url: "ws://127.0.0.1:1/"}
remote: {url: "https://config.test/x", allow: [http_tools, command_tools, mcp, tools, agent]}
"""
MOST_CALLS = 700_000
MOST_CALLS_EACH = 350
"""For a key or a value more; the first one costs what all settings of the schema cost."""

SIZES = (250, 1000, 1900)


def mapping(n, entry, indent=""):
    return "".join(f"{indent}{entry.format(i=i)}\n" for i in range(n))


def listed(n, entry):
    return "[" + ", ".join(entry.format(i=i) for i in range(n)) + "]"


SHAPES = {
    "unknown keys": lambda n: mapping(n, "key{i}: 1"),
    "keys like the first": lambda n: mapping(n, "versio{i}: 1"),
    "keys like those elsewhere": lambda n: mapping(n, "volum{i}: 1"),
    "unknown keys in a section": lambda n: "audio:\n" + mapping(n, "playbac{i}: {{}}", "  "),
    "unknown keys of a session": lambda n: (
        "agent:\n  session:\n" + mapping(n, "greetin{i}: 1", "    ")
    ),
    "unknown keys deep in a session": lambda n: (
        "agent: {session: {output: {\n" + mapping(n, "voic{i}: 1,", "  ") + "}}}\n"
    ),
    "unknown keys of a fleet": lambda n: "defaults: {}\n" + mapping(n, "device{i}: 1"),
    "groups": lambda n: (
        f"groups:\n{mapping(n // 2, 'g{i}: {{log: {{level: info}}}}', '  ')}"
        f"devices: {{kitchen: {{groups: {listed(n // 2, 'g{i}')}}}}}\n"
        if n <= 1000
        else f"groups:\n{mapping(n, 'g{i}: ', '  ')}devices: {{kitchen: {{groups: {listed(n, 'g{i}')}}}}}\n"
    ),
    "groups that are not there": lambda n: (
        f"devices: {{kitchen: {{groups: {listed(n, 'g{i}')}}}}}\n"
    ),
    "the same group": lambda n: (
        f"groups: {{g: {{log: {{}}}}}}\ndevices: {{kitchen: {{groups: {listed(n, 'g')}}}}}\n"
    ),
    "devices": lambda n: "devices:\n  kitchen: {}\n" + mapping(n, "d{i}: {{}}", "  "),
    "whom it is for": lambda n: f"for: {listed(n, 'd{i}')}\n",
    "unknown tools": lambda n: f"tools: {listed(n, 'get_tim{i}')}\n",
    "the same tool": lambda n: f"tools: {listed(n, 'get_time')}\n",
    "unknown tools beside unknown keys": lambda n: (
        f"tools: {listed(n, 't{i}')}\n" + mapping(n, "key{i}: 1")
    ),
    "declared tools": lambda n: "http_tools:\n" + mapping(n, "t{i}: {{}}", "  "),
    "programs": lambda n: "command_tools:\n" + mapping(n, "t{i}: 7", "  "),
    "servers of tools": lambda n: "mcp:\n" + mapping(n, "s{i}: 7", "  "),
    "keys twice": lambda n: "log: {level: info}\n" * (n // 2),
    "what only the device may say": lambda n: f"remote: {{allow: {listed(n, 'a.b{i}')}}}\n",
    "long keys": lambda n: mapping(n, "k" * 90 + "{i}: 1"),
    "long words": lambda n: f"log: {{level: {'debug' * n}}}\n",
    "long text": lambda n: f"agent: {{session: {{system_prompt: '{'word ' * n * 20}x'}}}}\n",
    "anchors": lambda n: mapping(n, "key{i}: &a{i} 1"),
    "aliases": lambda n: "a: &a 1\n" + mapping(n, "key{i}: *a"),
    "items": lambda n: f"agent: {{session: {{x: {listed(n, '{i}')}}}}}\n",
    "wrong items": lambda n: f"tools: {listed(n, '{i}')}\n",
    "comments": lambda n: "# word\n" * n + "revision: 1\n",
}


class Work:
    """Counts calls of functions, those written in C among them."""

    def __init__(self):
        self.calls = self.guesses = 0
        self._profile = cProfile.Profile()  # only to count: it does that in C

    def __enter__(self):
        self._profile.enable()
        return self

    def __exit__(self, *_):
        self._profile.disable()
        for each in self._profile.getstats():
            self.calls += each.callcount
            if getattr(each.code, "co_name", "") == "get_close_matches":
                self.guesses += each.callcount


def own_files():
    return examine_sources([Source("voiced.yaml", LOCAL.encode())], catalogue()).usable()


@pytest.fixture(scope="module")
def local():
    return own_files()


def check_as_a_device_does(text, local):
    with_sent(local, receive(text.encode(), 0.0).document, catalogue())


def work(text, local):
    with Work() as found, suppress(ConfigError):
        check_as_a_device_does(text, local)
    return found


def test_whatever_a_server_sends_it_costs_by_its_length(local, measured):
    most, costs = 0, {}
    check_as_a_device_does("revision: 1\n", local)  # what is made once is made
    for name, shape in SHAPES.items():
        found = [work(shape(n), local) for n in SIZES]
        most = max(most, *(each.calls for each in found))
        each_more = [
            (b.calls - a.calls) / (m - n)
            for (a, n), (b, m) in pairwise(zip(found, SIZES, strict=True))
        ]
        costs[name] = max(each_more)
        assert max(each.guesses for each in found) <= MOST_GUESSES, name
    dear = {name: round(cost) for name, cost in costs.items() if cost > MOST_CALLS_EACH}
    measured(
        f"{len(SHAPES) * len(SIZES)} shapes and sizes of a file from a server tried: "
        f"{most} calls at most, {max(costs.values()):.0f} for a key more"
    )
    assert (dear, most < MOST_CALLS) == ({}, True)


def test_the_devices_own_files_cost_as_little(measured):
    most = 0
    for name, shape in SHAPES.items():
        for n in SIZES:
            with Work() as found:
                sources = [
                    Source("voiced.yaml", LOCAL.encode()),
                    Source("1.yaml", shape(n).encode()),
                ]
                examine_sources(sources, catalogue())
            most = max(most, found.calls)
            assert found.guesses <= MOST_GUESSES, name
    measured(f"{len(SHAPES) * len(SIZES)} shapes and sizes of drop-ins tried: {most} calls at most")
    assert most < MOST_CALLS


def bomb(levels, each):
    names = [chr(ord("a") + i) for i in range(levels)]
    lines = [f"{names[0]}: &{names[0]} [{', '.join('x' * each)}]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * each)}]" for a, b in pairwise(names)]
    return "\n".join(lines)


TOO_MUCH = {
    "bytes": ("#" * (MAX_BYTES + 1), "larger than 256 KiB"),
    "keys": (mapping(MAX_KEYS + 1, "k{i}: 1"), f"x:{MAX_KEYS + 1}: more than {MAX_KEYS} keys"),
    "keys in one line": (
        "{" + "a: {b: 1}, " * (MAX_KEYS // 2 + 1) + "}",
        f"more than {MAX_KEYS} keys",
    ),
    "the same key": ("a: 1\n" * (MAX_KEYS + 1), f"more than {MAX_KEYS} keys"),
    "keys in a list": ("a:\n" + "- b: 1\n" * MAX_KEYS, f"more than {MAX_KEYS} keys"),
    "keys by aliases": (
        "a: &a {" + ", ".join(f"k{i}: 1" for i in range(900)) + "}\nb: [*a, *a]\n",
        f"x:2: more than {MAX_KEYS} keys",
    ),
    "values": (f"a: {listed(MAX_VALUES, '{i}')}\n", f"more than {MAX_VALUES} values"),
    "values by aliases": (bomb(9, 9), f"more than {MAX_VALUES} values"),
    "depth of lists": ("a: " + "[" * 100_000, f"nested more than {MAX_DEPTH} deep"),
    "depth of keys": ("{a: " * 60_000, f"nested more than {MAX_DEPTH} deep"),
    "depth of lines": (
        "".join(" " * i + "a:\n" for i in range(700)),
        f"nested more than {MAX_DEPTH} deep",
    ),
    "depth of items": ("- " * 120_000, f"nested more than {MAX_DEPTH} deep"),
}


def test_more_than_a_file_may_hold_is_refused_before_it_is_read(measured):
    for name, (text, told) in TOO_MUCH.items():
        with Work() as found, pytest.raises(ConfigError) as caught:
            parse(text.encode(), "x")
        assert told in str(caught.value), name
        assert found.calls < 25 * MAX_VALUES, name
    measured(f"{len(TOO_MUCH)} files with too much in them tried")


def test_as_many_keys_as_there_may_be_are_read():
    assert len(parse(mapping(MAX_KEYS, "k{i}: 1").encode(), "x").value) == MAX_KEYS
    assert (
        len(parse(f"a: {listed(MAX_VALUES - 2, '{i}')}".encode(), "x").value["a"]) == MAX_VALUES - 2
    )


def test_a_fleet_of_nine_hundred_devices_fits_into_one_file(local):
    text = (
        "revision: 1\ngroups: {loud: {log: {level: info}}}\ndevices:\n  kitchen: {groups: [loud]}\n"
    )
    check_as_a_device_does(text + mapping(900, "device-{i}: {{groups: [loud]}}", "  "), local)


def test_the_first_problems_say_what_was_meant_and_the_others_that_they_are_there(local):
    text = "".join(f"{word}: 1\n" for word in ("devise", "agnt", "audi", "wak", "buton"))
    found = examine_sources(
        [Source("a", LOCAL.encode()), Source("b", text.encode())], catalogue()
    ).problems
    assert [bool(each.hint) for each in found] == [True] * MOST_GUESSES + [False] * 2
    assert {each.problem for each in found} == {"unknown key"}


@pytest.mark.parametrize("text", ["a\U0001f600 b", "\U0001f600", "\\\U0001f600", "x\\ud83d\\ude00"])
def test_text_as_json_writes_it_is_read_as_it_was_meant(text):
    content = json.dumps({"agent": {"greeting": text}, text: 1}).encode()
    assert parse(content, "x").value == {"agent": {"greeting": text}, text: 1}
