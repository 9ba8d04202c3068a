"""From a contact that opens and closes to what a person meant by it."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voiced.core.events import (
    EndRequested,
    Hushed,
    MuteToggled,
    TalkHeld,
    TalkPressed,
    VolumeStepped,
    Woken,
)
from voiced.core.gestures import DOUBLE_S, GESTURES, REPEAT_AFTER_S, STEADY_S, Button, Meaning

TALK, MUTE, END = TalkPressed(), MuteToggled(), EndRequested()
BOTH = Meaning(press="talk", hold="mute", hold_s=1.5)
ALL = Meaning(press="talk", hold="mute", double="end", hold_s=1.5)


def play(meaning, edges, until_s=20.0, start_down=False):
    """Return (time, event) pairs for edges (time, is_down)."""
    button, heard = Button(meaning), []
    button.start(start_down)

    def advance(now_s):
        while (due_s := button.due_s()) is not None and due_s <= now_s:
            heard.extend((round(due_s, 3), event) for event in button.advance(due_s))

    for at_s, is_down in edges:
        advance(at_s)
        button.level(is_down, at_s)
    advance(until_s)
    return heard


def presses(*spans):
    return [edge for begin, end in spans for edge in ((begin, True), (end, False))]


def events(*arguments, **options):
    return [event for _, event in play(*arguments, **options)]


@pytest.mark.parametrize(
    ("meaning", "spans", "expected"),
    [
        (BOTH, [(1, 1.2)], [(1.21, TALK)]),
        (BOTH, [(1, 1.2), (1.4, 1.5)], [(1.21, TALK), (1.51, TALK)]),
        (BOTH, [(1, 4)], [(2.5, MUTE)]),
        (BOTH, [(1, 4), (5, 5.1)], [(2.5, MUTE), (5.11, TALK)]),
        (Meaning(), [(1, 4)], [(1.01, TALK)]),
        (Meaning(press="none", hold="mute"), [(1, 1.1), (2, 4)], [(3.5, MUTE)]),
        (ALL, [(1, 1.1)], [(1.46, TALK)]),
        (ALL, [(1, 1.1), (1.3, 1.4)], [(1.31, END)]),
        (ALL, [(1, 1.1), (1.3, 5)], [(1.31, END)]),
        (ALL, [(1, 1.1), (1.6, 1.7)], [(1.46, TALK), (2.06, TALK)]),
        (ALL, [(1, 1.1), (1.2, 1.3), (1.4, 1.5)], [(1.21, END), (1.86, TALK)]),
        (ALL, [(1, 4)], [(2.5, MUTE)]),
        (Meaning(press="hush"), [(1, 1.1)], [(1.01, Hushed())]),
    ],
)
def test_a_gesture_means_one_thing(meaning, spans, expected):
    assert play(meaning, presses(*spans)) == expected


def test_a_press_with_nothing_else_to_mean_counts_the_moment_it_begins():
    [(at_s, _)] = play(Meaning(), presses((1.0, 9.0)))
    assert at_s - 1.0 <= 0.03


def test_a_button_that_repeats_goes_on_while_it_is_held():
    louder = Meaning(press="volume_up", repeats=True)
    heard = play(louder, presses((1.0, 2.0)))
    assert {event for _, event in heard} == {VolumeStepped(5)}
    assert [at_s for at_s, _ in heard] == [1.01, 1.51, 1.71, 1.91]
    assert len(play(louder, presses((1.0, 1.0 + REPEAT_AFTER_S / 2)))) == 1


def test_hold_to_talk_talks_as_long_as_it_is_held():
    heard = play(Meaning(held_to_talk=True), presses((1.0, 3.0)))
    assert heard == [
        (1.01, TalkHeld(True)),
        (1.01, Woken("button", interrupts=True)),
        (3.01, TalkHeld(False)),
    ]


@pytest.mark.parametrize("meaning", [BOTH, ALL, Meaning(), Meaning(held_to_talk=True)])
def test_a_button_that_is_down_from_the_start_means_nothing_until_it_was_let_go(meaning):
    let_go = [(9.01, TalkHeld(False))] if meaning.held_to_talk else []
    assert play(meaning, [(9.0, False)], start_down=True) == let_go
    assert play(meaning, [(9.0, False), *presses((10.0, 10.2))], start_down=True) != []


@pytest.mark.parametrize("meaning", [BOTH, ALL, Meaning(), Meaning(held_to_talk=True)])
def test_a_spark_is_no_press(meaning):
    assert play(meaning, presses((1.0, 1.0 + STEADY_S / 2))) == []


@pytest.mark.parametrize("meaning", [BOTH, ALL, Meaning(), Meaning(held_to_talk=True)])
@pytest.mark.parametrize("spans", [[(1.0, 1.3)], [(1.0, 3.0)], [(1.0, 1.2), (1.4, 1.6)]])
def test_a_contact_that_bounces_says_the_same_as_one_that_does_not(meaning, spans):
    bouncing = []
    for at_s, is_down in presses(*spans):
        bouncing += [(at_s + n * 0.001, is_down == (n % 2 == 0)) for n in range(5)]
    assert events(meaning, bouncing) == events(meaning, presses(*spans))


WORDS = st.sampled_from(sorted(GESTURES))
TIMINGS = st.lists(st.floats(0.02, 3.0), min_size=2, max_size=16)
MEANINGS = st.builds(
    Meaning, press=WORDS, hold=WORDS, double=WORDS, hold_s=st.sampled_from([0.3, 1.5])
)


def meant(meaning, spans):
    """Read gestures off a whole list of presses at once: a second opinion."""
    found, i = [], 0
    while i < len(spans):
        begin, end = spans[i]
        is_hold = meaning.hold != "none" and end - begin >= meaning.hold_s
        follows = i + 1 < len(spans) and spans[i + 1][0] - end < DOUBLE_S
        i += 1
        if meaning.hold == meaning.double == "none":
            found.append(meaning.press)
        elif is_hold:
            found.append(meaning.hold)
        elif meaning.double != "none" and follows:
            found.append(meaning.double)
            i += 1
        else:
            found.append(meaning.press)
    return [GESTURES[word] for word in found if GESTURES[word] is not None]


@given(MEANINGS, TIMINGS)
@example(Meaning(double="mute", hold="none"), [1.0, 0.2, 0.1, 0.2, 2.0, 0.2])
def test_any_rhythm_is_read_as_a_list_of_gestures(meaning, durations):
    durations = durations[: len(durations) // 2 * 2]
    near = (DOUBLE_S, meaning.hold_s)
    if any(abs(duration - edge) < 2 * STEADY_S for duration in durations for edge in near):
        return  # a race that either may win
    times = list(itertools.accumulate(durations))
    spans = [(times[i], times[i + 1]) for i in range(0, len(times), 2)]
    assert events(meaning, presses(*spans), until_s=200.0) == meant(meaning, spans)


@given(MEANINGS, st.lists(st.tuples(st.floats(0.0001, 1.0), st.booleans()), max_size=60))
def test_no_rhythm_of_edges_leaves_a_button_stuck(meaning, steps):
    edges, at_s = [], 0.0
    for wait_s, is_down in steps:
        at_s += wait_s
        edges.append((at_s, is_down))
    idle = [(at_s + 10.0, False)]
    quiet = events(meaning, edges + idle, until_s=at_s + 20)
    again = events(meaning, edges + idle + presses((at_s + 15, at_s + 15.2)), until_s=at_s + 20)
    word = GESTURES[meaning.press]
    assert again == quiet + ([] if word is None else [word])


def test_a_button_that_goes_away_while_it_is_held_to_talk_lets_go():
    button = Button(Meaning(held_to_talk=True))
    button.start(False)
    assert button.end() == []
    button.level(True, 1.0)
    assert button.advance(1.02)[0] == TalkHeld(True)
    assert button.end() == [TalkHeld(False)]
    assert button.end() == []


@pytest.mark.parametrize("was", [Meaning(), Meaning(held_to_talk=True)])
def test_a_button_that_is_taken_over_while_it_is_down_lets_go_when_it_comes_up(was):
    before, button = Button(was), Button(Meaning(held_to_talk=True))
    before.start(False)
    before.level(True, 1.0)
    before.advance(1.02)
    button.start(True)
    button.level(False, 3.0)
    assert button.advance(3.02) == [TalkHeld(False)]
