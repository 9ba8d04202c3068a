"""Speech by espeak-ng and by people, through the stand-in's ears and the real recogniser."""

from pathlib import Path

import numpy as np
import pytest

from agentsim.intents import intent_of
from agentsim.sound import HEARING_HZ, SPEECH_HZ, g711
from agentsim.sound.resample import resample
from agentsim.sound.wav import read_wav
from agentsim.speaking import Espeak
from agentsim.sphinx import Recogniser, Sphinx, distance

RECORDED = Path("/usr/share/sounds/alsa")


def through_pcm(speech):
    return resample(resample(speech, HEARING_HZ, SPEECH_HZ), SPEECH_HZ, HEARING_HZ)


def through_mu_law(speech):
    narrow = resample(speech, HEARING_HZ, 8_000)
    return resample(g711.decode_mu_law(g711.encode_mu_law(narrow)), 8_000, HEARING_HZ)


def spoken(text):
    return resample(Espeak().render(text), SPEECH_HZ, HEARING_HZ)


@pytest.fixture(scope="module")
def recogniser():
    return Recogniser()


SENTENCES = [
    "what is the time",
    "set the volume to fifty",
    "set the volume to twenty percent",
    "turn the volume up",
    "turn down the volume",
    "tell me a joke",
    "tell me a long story",
    "goodbye",
    "set a timer for twenty seconds",
    "set a pasta timer for two minutes",
    "timer for ten minutes",
    "cancel the timer",
]


@pytest.mark.parametrize("way", [through_pcm, through_mu_law])
@pytest.mark.parametrize("text", SENTENCES)
def test_a_spoken_sentence_is_understood(recogniser, way, text):
    assert recogniser.recognise(way(spoken(text)), check=True) == text


def test_the_time_is_understood_in_full_bandwidth(recogniser):
    heard = recogniser.recognise(through_pcm(spoken("what time is it")), check=True)
    assert heard == "what time is it"


@pytest.mark.parametrize(
    "text",
    ["the weather in london is nice today", "how are you", "one two three four", "open the door"],
)
def test_other_sentences_are_not_taken_for_one_of_the_grammar(recogniser, text):
    assert intent_of(recogniser.recognise(through_pcm(spoken(text)), check=True)) is None


def test_recorded_people_and_noise_are_hardly_ever_taken_for_a_sentence(recogniser):
    paths = sorted(RECORDED.glob("*.wav"))
    assert len(paths) == 9, "alsa-utils brings nine recordings"
    mistaken = []
    for path in paths:
        samples, rate_hz = read_wav(path.read_bytes())
        heard = recogniser.recognise(resample(samples, rate_hz, HEARING_HZ), check=True)
        mistaken += [path.stem] if intent_of(heard) else []
    assert len(mistaken) <= 2
    assert "Noise" not in mistaken


def test_the_recogniser_answers_from_a_process_of_its_own_until_closed():
    sphinx = Sphinx()
    speech = through_pcm(spoken("tell me a joke"))
    assert sphinx.understand(speech, 1) == "tell me a joke"
    assert sphinx.partly(speech[: len(speech) // 2], 1).startswith("tell")
    assert sphinx.understand(np.zeros(HEARING_HZ, np.int16), 2) is None
    sphinx.close()
    sphinx.close()


@pytest.mark.parametrize(
    ("expected", "heard", "edits"),
    [
        ("T EH L", "T EH L", 0),
        ("T EH L", "D EH L", 0.5),
        ("T EH L", "M EH L", 1),
        ("T EH L", "", 3),
    ],
)
def test_phones_alike_are_half_as_far_apart(expected, heard, edits):
    assert distance(expected.split(), heard.split()) * 3 == pytest.approx(edits)
