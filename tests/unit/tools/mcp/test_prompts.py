"""What an MCP server wants the agent to know is foreign, too (tools/mcp/prompts.py)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.tools.mcp.prompts import (
    LATE,
    MOST_CHARS,
    ForeignPrompt,
    prompt_names,
    prompt_text,
    with_prompt,
)
from voiced.tools.mcp.sanitize import MOST_EXAMPLES, Offer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "content", "text", "type", "prompts", "name"]), inner
        )
    ),
    max_leaves=10,
)


def said(*texts, **more):
    return [
        {"role": "assistant", "content": {"type": "text", "text": each, **more}} for each in texts
    ]


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (said("There is a lamp."), "There is a lamp."),
        (said("A lamp. ", "\nA door."), "A lamp.\n\nA door."),
        ([{"role": "user", "content": said("One.", "Two.")[0]["content"]}], "One."),
        (
            [{"content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]}],
            "One.\nTwo.",
        ),
        (said("A lamp.", type="image"), ""),
        (
            [{"content": {"type": "resource", "resource": {"uri": "x:y", "text": "A lamp."}}}],
            "A lamp.",
        ),
        ([{"content": {"type": "resource", "resource": {"uri": "x:y", "blob": "QQ=="}}}], ""),
        (said("A\x00 \x1b[31mlamp\u202e.\n\tBy the door."), "A   [31mlamp .\n\tBy the door."),
        (said(7), ""),
        (said(""), ""),
        ([7, {"content": 7}, {}, *said("A lamp.")], "A lamp."),
        ("A lamp.", ""),
        (None, ""),
    ],
)
def test_the_text_of_a_prompt_is_what_its_messages_say(messages, text):
    assert prompt_text({"messages": messages}) == text


@given(st.dictionaries(st.sampled_from(["messages", "prompts"]), JSON))
def test_whatever_a_server_answers_becomes_a_text_and_names(found):
    assert isinstance(prompt_text(found), str)
    assert all(isinstance(name, str) for name in prompt_names(found))


@pytest.mark.parametrize("line", ["There is a lamp.\n", "x" * 5000])
def test_a_long_prompt_ends_with_a_whole_line_and_says_so(line):
    text = prompt_text({"messages": said(line * 2000)})
    kept, _, note = text.rpartition("\n")
    assert note == "(cut: there is more than fits here)"
    assert MOST_CHARS - 100 < len(text) <= MOST_CHARS
    assert (line * 2000).startswith(kept)
    assert "\n" not in line or kept.endswith("lamp.")


def test_a_prompt_that_is_there_goes_with_the_tools():
    offer = with_prompt(Offer({}), "Home", ForeignPrompt("A lamp."))
    assert (offer.prompt, offer.missing, offer.complaints) == ("A lamp.", (), ())


@pytest.mark.parametrize(
    ("listed", "has"),
    [([], "none"), ([{"name": "Assist"}, {"name": "b\nad"}, {"name": 7}, 7], "Assist, b ad")],
)
def test_a_prompt_that_is_not_there_is_told_with_those_that_are(listed, has):
    names = prompt_names({"prompts": listed})
    offer = with_prompt(Offer({}, ["old"], ["a"]), "Home", ForeignPrompt(names=names))
    assert offer.prompt == ""
    assert offer.missing == ["a", "Home"]
    assert offer.complaints == [
        "old",
        f"`prompt` names one that it does not have: Home; it has {has}",
    ]
    offer = with_prompt(Offer({}), True, ForeignPrompt(names=names))
    assert offer.missing == ["prompt"]
    assert offer.complaints == [f"`prompt: true` takes the only one there is; it has {has}"]


def test_a_prompt_that_does_not_come_is_told():
    offer = with_prompt(Offer({}, ["old"], ["a"]), "Home", ForeignPrompt(fault=LATE))
    assert offer.complaints == ["old", LATE]
    assert (offer.prompt, offer.missing) == (None, ["a", "Home"])
    unknown = with_prompt(Offer({}), "Home", ForeignPrompt())
    assert (unknown.prompt, unknown.complaints, unknown.missing) == (None, (), ())
    assert with_prompt(Offer({}), None, ForeignPrompt("A lamp.")).prompt == ""


def test_a_server_of_a_thousand_prompts_is_told_briefly():
    names = prompt_names({"prompts": [{"name": "n" * 9000}] * 1000})
    [complaint] = with_prompt(Offer({}), "Home", ForeignPrompt(names=names)).complaints
    assert complaint.endswith(f" and {1000 - MOST_EXAMPLES} more")
    assert len(complaint) < MOST_EXAMPLES * 210
