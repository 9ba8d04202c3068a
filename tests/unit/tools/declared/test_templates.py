"""What an agent sends is filled into templates, and never read as anything but text."""

import json
import re
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voiced.errors import ToolError
from voiced.lib.json_pointer import POINTER, at
from voiced.tools.declared.command import filled_argv
from voiced.tools.declared.template import fill, fill_value, placeholders
from voiced.tools.declared.url_template import filled_address

HOSTILE = [
    *("{other}", "{{name}}", '"; rm -rf /', "$(reboot)", "`reboot`", "a&b=c", "a?b#c", "../../etc"),
    *(
        "//evil.example",
        "@evil.example",
        "evil:1@x",
        "%2e%2e",
        "%00",
        "\r\nX-Evil: 1",
        "a\\b",
        "é ü",
    ),
    *(
        "https://evil.example/",
        "'; drop table x; --",
        "\u202e",
        "\U0001f4a3",
        " ",
        "+",
        ";",
        "|",
        "*",
    ),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def hostile(test):
    for text in HOSTILE:
        test = example(text)(test)
    return given(st.text())(test)


@hostile
def test_a_filled_text_is_the_template_with_the_argument_as_it_is(text):
    filled = fill("a {name} b {{name}} c", {"name": text, "other": "WRONG"})
    assert filled == f"a {text} b {{name}} c"


@given(JSON)
def test_a_value_that_is_nothing_but_a_placeholder_keeps_the_arguments_type(value):
    body = {"whole": "{x}", "list": ["{x}", 1, None], "text": "no place"}
    filled = fill_value(body, {"x": value})
    assert filled == {"whole": value, "list": [value, 1, None], "text": "no place"}


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (1, "1"), (1.5, "1.5"), (True, "true"), (10**20, str(10**20))]
)
def test_within_text_an_argument_reads_as_in_json(value, text):
    assert fill_value(["<{x}>"], {"x": value}) == [f"<{text}>"]


@hostile
def test_no_argument_changes_the_shape_of_a_json_body(text):
    filled = fill_value({"query": 'say "{x}"', "limit": 1}, {"x": text})
    assert json.loads(json.dumps(filled)) == {"query": f'say "{text}"', "limit": 1}


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{a}{b-c}", ["a", "b-c"]),
        ("{{a}} {} {1} { a } {a.b} {a", []),
        ({"k": ["{a}", {"{no}": "{b}"}], "n": 1}, ["a", "b"]),
    ],
)
def test_only_names_in_single_braces_are_placeholders(template, names):
    assert list(placeholders(template)) == names


@hostile
def test_no_argument_leads_an_address_elsewhere(text):
    try:
        url = filled_address("https://h.example/a/{x}/b?q={x}&z=1", {"x": text})
    except ToolError:
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "h.example", "")
    assert [unquote(part) for part in parts.path.split("/")] == ["", "a", text, "b"]
    assert parse_qsl(parts.query, keep_blank_values=True) == [("q", text), ("z", "1")]


@pytest.mark.parametrize(
    "value", ["", ".", "..", "a/../b", "..\\x", "../..", "a" * 9000, "\ud800"], ids=ascii
)
def test_what_would_climb_or_vanish_in_a_path_is_refused(value):
    with pytest.raises(ToolError) as refusal:
        filled_address("https://h.example/a/{x}/b", {"x": value})
    assert value[:50] not in str(refusal.value) or len(value) < 3


def test_in_a_query_an_empty_argument_and_dots_are_harmless():
    filled = filled_address("https://h.example/a?q={x}&r={y}", {"x": "", "y": "../.."})
    assert filled == "https://h.example/a?q=&r=..%2F.."


@hostile
def test_an_argument_is_one_item_of_the_list_whatever_it_holds(text):
    try:
        argv = filled_argv(("/bin/x", "{x}", "--name={x}", "--", "{x}"), {"x": text})
    except ToolError:
        assert "\0" in text or text.startswith("-")
        return
    assert argv == ["/bin/x", text, f"--name={text}", "--", text]


@pytest.mark.parametrize(
    ("template", "allowed"),
    [("{x}", False), ("{x}.txt", False), ("-{x}", True), ("--o={x}", True), ("./{x}", True)],
)
@pytest.mark.parametrize("value", ["-rf", "--output=/etc/x", -5])
def test_no_argument_becomes_an_option_of_its_own(template, allowed, value):
    if allowed:
        assert len(filled_argv(("/bin/x", template), {"x": value})) == 2
        return
    with pytest.raises(ToolError):
        filled_argv(("/bin/x", template), {"x": value})
    assert len(filled_argv(("/bin/x", "--", template), {"x": value})) == 3


def test_an_argument_with_a_nul_is_refused_before_anything_is_started():
    with pytest.raises(ToolError, match="contain something that no program can be given"):
        filled_argv(("/bin/x", "{x}"), {"x": "a\0b"})


def test_an_argument_cannot_itself_end_the_options():
    with pytest.raises(ToolError):
        filled_argv(("/bin/x", "{a}", "{b}"), {"a": "--", "b": "-rf"})


RFC_6901 = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, " ": 7, "0": "zero"}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC_6901),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/m~0n", 8),
        ("/ ", 7),
        ("/0", "zero"),
    ],
)
def test_a_pointer_leads_where_rfc_6901_says(pointer, value):
    assert re.fullmatch(POINTER, pointer)
    assert at(RFC_6901, pointer) == value


@pytest.mark.parametrize("pointer", ["/no", "/foo/2", "/foo/-1", "/foo/-", "/foo/01", "/a~1b/x"])
def test_a_pointer_to_what_is_not_there_is_an_error(pointer):
    with pytest.raises(LookupError):
        at(RFC_6901, pointer)


@pytest.mark.parametrize("text", ["foo", "foo/bar", "/~", "/~2", "$.foo"])
def test_what_is_no_pointer_is_known_as_such(text):
    assert not re.fullmatch(POINTER, text)


@given(st.lists(st.text(min_size=1), max_size=5))
@example(["~1", "/~0"])
def test_a_pointer_finds_every_key_there_can_be(keys):
    value = "found"
    for key in reversed(keys):
        value = {key: value}
    pointer = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
    assert re.fullmatch(POINTER, pointer)
    assert at(value, pointer) == "found"
