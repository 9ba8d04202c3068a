"""A card's own volume controls, as cards have them."""

import asyncio
import threading

import pytest

from tests.unit.devices.sound.fake_mixer import Element, FakeMixers
from tests.whole import until
from voiced.devices.sound.mixer import Level, levels, loudness_db, playback_mixer, set_capture_gain

HW = "hw:CARD=Array"
LOUD = (0, 100, 5)


def mixer_of(library, wanted="auto"):
    return playback_mixer(HW, wanted, library)


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (["Headset", "PCM"], "auto", "PCM"),
        (["Mic", "Headphone"], "auto", "Headphone"),
        (["Mic", "Line In", "Sidetone"], "auto", None),
        (["Mic Boost", "Anker PowerConf S3"], "auto", "Anker PowerConf S3"),
        (["Lineout"], "auto", "Lineout"),
        (["PCM", "Zone 2"], "Zone 2", "Zone 2"),
        (["PCM"], "none", None),
        ([], "auto", None),
    ],
)
def test_the_control_is_the_one_named_the_usual_one_or_the_only_one(names, wanted, found):
    library = FakeMixers(*(Element(name, playback=LOUD) for name in names))
    mixer = mixer_of(library, wanted)
    assert (mixer and mixer._name) == found
    assert library.n_opened - library.closed == (found is not None)


@pytest.mark.parametrize("name", ["Mic", "Mic Boost", "Sidetone", "Line In", "LOOPBACK"])
def test_what_lets_an_input_be_heard_is_not_the_volume_even_if_it_is_named(name, caplog):
    element = Element(name, playback=LOUD, heard=False)
    library = FakeMixers(element, Element("PCM", playback=LOUD))
    assert mixer_of(library, name) is None
    assert (element.heard, element.playback, library.n_opened) == (False, [*LOUD], 0)
    assert f"the mixer control {name} plays an input" in caplog.text


def test_a_control_that_is_not_there_is_told_of_if_it_was_named(caplog):
    assert mixer_of(FakeMixers(Element("PCM", playback=LOUD)), "Zone 3") is None
    assert "has no mixer control Zone 3" in caplog.text


CARDS = {
    "bcm2835 Headphones": Element("PCM", playback=[-10239, 400, 400], db=(-102.39, 4.0)),
    "XVF3800": Element("PCM", playback=[0, 60, 60], db=(-60, 0)),
    "Realtek ALC4080": Element("PCM", playback=[0, 87, 60], db=(-65.25, 0)),
    "HiFiBerry": Element("Digital", playback=[0, 207, 207], db=(-103.5, 0)),
    "with 24 dB of gain": Element("Digital", playback=[0, 255, 207], db=(-103.5, 24)),
    "C-Media": Element("Speaker", playback=[0, 37, 37], db=(-37, 0)),
    "softvol of HDMI": Element("PCM", playback=[0, 255, 255], db=(-51, 0)),
    "a little below 0 dB": Element("PCM", playback=[0, 100, 100], db=(-60, -3)),
}


@pytest.mark.real_time
@pytest.mark.parametrize("card", CARDS)
async def test_per_cent_mean_loudness_wherever_the_card_says_its_decibels(card):
    element = CARDS[card]
    mixer = mixer_of(FakeMixers(element))
    last_db = 100.0
    for percent in (100, 85, 70, 50, 30, 10, 0):
        mixer.set_volume(percent)
        await until(lambda: not mixer._is_busy)
        assert element.playback_db <= last_db
        last_db = element.playback_db
        expected_db = max(loudness_db(percent), element.db[0])
        assert last_db == pytest.approx(expected_db, abs=3)
        if percent == 70:
            assert last_db == pytest.approx(-9.3, abs=1)
    assert element.playback[2] == element.playback[0]


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("db", "expected_db"),
    [((-128, -50), -59.3), ((0, 30), 20.7), ((-60, -30), -39.3)],
)
async def test_a_scale_that_does_not_reach_0_db_counts_from_its_top(db, expected_db):
    element = Element("PCM", playback=[0, 1000, 0], db=db)
    mixer_of(FakeMixers(element)).set_volume(70)
    await until(lambda: element.playback[2])
    assert element.playback_db == pytest.approx(expected_db, abs=0.1)


@pytest.mark.real_time
@pytest.mark.parametrize(
    "db", [None, (3, -3), (-9e7, 4e8), (0, 0.39), (0, 1), (-0.04, 0), (-11.9, 0), (4, 15)]
)
async def test_a_card_that_says_no_decibels_or_wrong_ones_is_set_to_a_share_of_its_range(db):
    element = Element("PCM", playback=[0, 200, 0], db=db)
    mixer = mixer_of(FakeMixers(element))
    for percent in (70, 30, 100, 0):
        mixer.set_volume(percent)
        await until(lambda: not mixer._is_busy)
        assert element.playback[2] == 2 * percent


@pytest.mark.real_time
async def test_a_short_scale_that_a_card_may_have_counts():
    element = Element("PCM", playback=[0, 20, 0], db=(-20, 0))
    mixer_of(FakeMixers(element)).set_volume(70)
    await until(lambda: element.playback[2])
    assert element.playback_db == -9


@pytest.mark.real_time
async def test_all_controls_of_one_name_are_set_and_one_that_refuses_ends_nothing(caplog):
    elements = [
        Element("PCM", 0, playback=LOUD, refuses=True),
        Element("PCM", 1, capture=LOUD),
        Element("PCM", 4, playback=LOUD),
    ]
    mixer = mixer_of(FakeMixers(*elements))
    for percent in (60, 70):
        mixer.set_volume(percent)
        await until(lambda percent=percent: elements[2].playback[2] == percent)
    assert elements[1].capture[2] == 5
    assert caplog.text.count("cannot be set: No such device") == 1


def test_a_playback_switch_that_is_off_is_switched_on_and_told_of(caplog):
    elements = [
        Element("PCM", 0, playback=LOUD, heard=True),
        Element("PCM", 1, playback=LOUD, heard=False),
        Element("Master", heard=False, refuses=True),
        Element("Mic", playback=LOUD, heard=False),
    ]
    assert mixer_of(FakeMixers(*elements))
    assert [element.heard for element in elements] == [True, True, False, False]
    assert "the playback switch of PCM was off; it is switched on" in caplog.text
    assert "the playback switch of Master was off; it stays off: No such device" in caplog.text
    elements[1].heard = False
    assert mixer_of(FakeMixers(*elements), "none") is None
    assert elements[1].heard is False


def test_every_capture_volume_is_set_and_switched_on_and_one_that_refuses_ends_nothing(caplog):
    elements = [
        Element("PCM", 0, playback=LOUD),
        Element("PCM", 1, capture=(0, 60, 10), records=False),
        Element("Headset", 1, capture=(0, 60, 10), refuses=True),
        Element("Mic", 0, capture=(0, 16, 2)),
        Element("Mic", 1, capture=(0, 16, 2), records=False),
    ]
    library = FakeMixers(*elements)
    assert set_capture_gain(HW, 100, library) == 3
    assert [element.capture[2] for element in elements[1:]] == [60, 10, 16, 16]
    assert (elements[1].records, elements[4].records) == (True, True)
    assert elements[0].playback[2] == 5
    assert "the capture volume Headset cannot be set: No such device" in caplog.text
    assert library.n_opened == library.closed == 5


def test_how_the_controls_stand_is_told_without_touching_them():
    elements = [
        Element("PCM", playback=(0, 10, 4), heard=False),
        Element("Mic", 0, playback=LOUD, capture=(0, 10, 3), records=True),
        Element("Mic", 1, records=False),
        Element("Auto Gain Control", heard=None),
    ]
    library = FakeMixers(*elements)
    assert levels(HW, "playback", library) == [Level("PCM", 40, True)]
    assert levels(HW, "capture", library) == [Level("Mic,0", 30, False), Level("Mic,1", None, True)]
    assert (library.n_set, library.n_opened) == (0, library.closed)


@pytest.mark.real_time
async def test_of_many_volumes_wanted_at_once_only_the_last_is_set_and_nobody_waits():
    element = Element("PCM", playback=LOUD)
    library = FakeMixers(element)
    library.slow.clear()
    mixer = mixer_of(library)
    for percent in range(50):
        mixer.set_volume(percent)
        await asyncio.sleep(0)
    library.slow.set()
    await until(lambda: element.playback[2] == 49)
    assert library.n_set <= 3


@pytest.mark.real_time
def test_a_volume_that_is_wanted_while_the_last_one_is_done_is_not_lost():
    element = Element("PCM", playback=LOUD)
    mixer = mixer_of(FakeMixers(element))
    entered, go_on, once = threading.Event(), threading.Event(), []
    look = mixer._next_wanted

    def look_slowly():
        percent = look()
        if percent is None and not once:
            once.append(True)
            entered.set()
            go_on.wait(5)
        return percent

    mixer._next_wanted = look_slowly
    mixer.set_volume(20)
    assert entered.wait(5)  # nothing is wanted any more, and the thread has not ended
    mixer.set_volume(80)
    go_on.set()
    for _ in range(500):
        if element.playback[2] == 80:
            break
        threading.Event().wait(0.01)
    assert element.playback[2] == 80


@pytest.mark.real_time
async def test_a_mixer_that_fails_is_told_of_once_and_works_again_when_it_can(caplog):
    element = Element("PCM", playback=LOUD, refuses=True)
    mixer = mixer_of(FakeMixers(element))
    for percent in (1, 2, 3):
        mixer.set_volume(percent)
        await until(lambda: not mixer._is_busy)
    assert caplog.text.count("cannot be set: No such device") == 1
    element.refuses = False
    mixer.set_volume(4)
    await until(lambda: element.playback[2] == 4)


@pytest.mark.real_time
async def test_a_closed_control_is_let_go_of_once_it_is_not_in_use_and_asked_no_more():
    element = Element("PCM", playback=LOUD)
    library = FakeMixers(element)
    mixer = mixer_of(library)
    library.slow.clear()
    mixer.set_volume(10)
    await asyncio.sleep(0.05)
    mixer.set_volume(20)
    mixer.close()
    mixer.close()
    mixer.set_volume(30)
    await asyncio.sleep(0.05)
    assert library.closed == 0
    library.slow.set()
    await until(lambda: library.closed)
    assert (library.closed, element.playback[2]) == (1, 10)
