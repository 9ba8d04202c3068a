"""Files laid over each other (merge.py): what counts, and where it came from."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.config.merge import below, lay, without
from voiced.config.yaml_document import Document, Place, parse


def documents(*texts):
    return [parse(text.encode(), f"{i}.yaml") for i, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (["a: {b: 1, c: 2}", "a: {c: 3}"], {"a": {"b": 1, "c": 3}}),
        (["a: [1, 2]", "a: [3]"], {"a": [3]}),
        (["a: {b: 1}", "a: 7"], {"a": 7}),
        (["a: 7", "a: {b: 1}"], {"a": {"b": 1}}),
        (["a: {b: 1}", "a: null"], {"a": None}),
        (["a: 1", ""], {"a": 1}),
        (["a: 1", "# nothing", "b: 2"], {"a": 1, "b": 2}),
        (["a: 1", "[x]"], ["x"]),
        ([""], {}),
    ],
)
def test_the_later_file_counts_section_by_section(texts, value):
    assert lay(documents(*texts)).value == value


def test_everything_is_found_where_it_came_from():
    both = lay(documents("a:\n  b: 1\n  c: 2\nd: [1]\n", "# x\na: {c: 3}\nd:\n  - 5\n"))
    assert [str(both.place(path)) for path in [("a", "b"), ("a", "c"), ("d", 0)]] == [
        "0.yaml:2",
        "1.yaml:2",
        "1.yaml:4",
    ]
    assert both.where(("a", "c")) == "1.yaml:2: a.c"
    assert both.place(("a", "absent")).name == "1.yaml"


def test_faults_of_a_file_keep_their_place_when_another_is_laid_over_it():
    both = lay(documents("a: 1\na: 2\n", "a: 3\n"))
    (problem,) = both.problems
    assert both.error(problem).where == "0.yaml:2: a"


def test_a_part_of_a_file_keeps_its_lines():
    (document,) = documents("devices:\n  kitchen:\n    agent:\n      session: {}\n")
    (part,) = below(document, [("devices", "kitchen")])
    assert part.value == {"agent": {"session": {}}}
    assert part.where(("agent", "session")) == "0.yaml:4: agent.session"


def test_many_parts_of_a_file_are_found_in_one_go():
    class Places(dict):
        n_walks = 0

        def items(self):
            self.n_walks += 1
            return super().items()

    (document,) = documents("".join(f"g{n}: {{log: {{level: info}}}}\n" for n in range(500)))
    places = Places(document.places)
    parts = below(replace(document, places=places), [(f"g{n}",) for n in range(500)])
    assert [part.where(("log",)) for part in parts] == [f"0.yaml:{n + 1}: log" for n in range(500)]
    assert places.n_walks == 1


def test_keys_that_are_not_settings_are_left_out():
    (document,) = documents("revision: 1\nlog: {level: debug}\n")
    assert without(document, ["revision"]).value == {"log": {"level": "debug"}}
    assert without(parse(b"7", "x"), ["revision"]).value == 7


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
mappings = st.dictionaries(st.sampled_from("abc"), plain, max_size=3)


def inside(item):
    if isinstance(item, dict):
        return item.items()
    return enumerate(item) if isinstance(item, list) else ()


def paths(item, path=()):
    yield path, item
    for key, inner in inside(item):
        yield from paths(inner, (*path, key))


def as_document(value, name):
    places = {path: Place(0, line, name) for line, (path, _) in enumerate(paths(value))}
    return Document(value, places)


@given(st.lists(mappings, min_size=1, max_size=4))
def test_every_value_stands_where_it_is_said_to_stand(values):
    files = [as_document(value, i) for i, value in enumerate(values)]
    whole = lay(files)
    for path, item in paths(whole.value):
        place = whole.places[path]
        there = dict(paths(values[place.name]))
        assert path in there or path == ()
        if not isinstance(item, dict):
            assert there[path] == item
    for path, item in paths(values[-1]):
        assert isinstance(item, dict) or dict(paths(whole.value))[path] == item
