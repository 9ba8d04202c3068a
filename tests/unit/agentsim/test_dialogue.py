import numpy as np
import pytest

from agentsim.dialogue import Turn, choose, instructed
from agentsim.errors import SetupError
from agentsim.intents import Intent, intent_of, number_of, spelled
from agentsim.prompts import DIRECTORY, Prompts, phrases, slug, spoken_words
from agentsim.scenario import SHIPPED, Scenario, load, read
from agentsim.sound import SPEECH_HZ
from agentsim.speaking import Espeak, voice_named
from agentsim.steps import Call, Repeat, Say, filled, speakable
from agentsim.tone import Tone
from agentsim.understanding import Scripted, understanding_named

BAD_SCENARIOS = [
    ([], "test: must be a mapping"),
    ({"turn": []}, "test: unknown key 'turn'; did you mean turns"),
    ({"greeting": 3}, "test: greeting: must be text"),
    ({"turns": {}}, "test: turns: must be a list"),
    ({"turns": [{}]}, r"test: turns\[0\]: needs `do`"),
    ({"turns": [{"do": ["dance"]}]}, r"turns\[0\].do\[0\]: must be one of say"),
    ({"turns": [{"do": [{"dance": 1}]}]}, r"turns\[0\].do\[0\]: 'dance' is not a step"),
    ({"turns": [{"do": [{"pause": "long"}]}]}, r"do\[0\].pause: must be a number of seconds"),
    (
        {"turns": [{"do": [{"fault": "dorp"}]}]},
        r"do\[0\].fault: fault 'dorp': no such switch; did you mean drop",
    ),
    ({"turns": [{"do": [{"call": {"name": "x", "argument": {}}}]}]}, "did you mean arguments"),
    (
        {"turns": [{"do": [{"call": {"name": "x", "arguments": []}}]}]},
        "arguments: must be a mapping",
    ),
    ({"turns": [{"do": [{"call": {}}]}]}, "name: must be text"),
    ({"turns": [{"when": {"turn": 0}, "do": []}]}, "when.turn: must be a whole number from 1"),
    ({"turns": [{"when": {"intent": "tea"}, "do": []}]}, "when.intent: must be one of time"),
    ({"turns": [{"when": {"text": "("}, "do": []}]}, "when.text: not a regular expression"),
    ({"timing": {"think": 1}}, "timing: unknown key 'think'; did you mean think_s"),
    ({"timing": {"think_s": -1}}, "timing.think_s: must be a number of seconds"),
    ({"agents": {"a": {"agent_id": "b"}}}, "agents.a: must be a session object"),
    ({"agents": []}, "agents: must map agent ids"),
    ({"faults": ["burst=x"]}, r"faults\[0\]: fault 'burst=x'"),
]


@pytest.mark.parametrize(("content", "problem"), BAD_SCENARIOS)
def test_a_bad_scenario_is_explained_with_its_key_path(content, problem):
    with pytest.raises(SetupError, match=problem):
        read(content, "test")


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_scenario_loads_by_its_name(path):
    assert load(path.stem).name == path.stem


def test_a_scenario_that_is_not_there_or_not_yaml_is_explained(tmp_path):
    with pytest.raises(SetupError, match=r"shipped ones: .*demo"):
        load("nowhere")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    with pytest.raises(SetupError, match="not YAML"):
        load(str(broken))


def test_the_first_rule_that_fits_answers():
    rules = [
        {"when": {"intent": "time"}, "do": [{"say": "by intent"}]},
        {"when": {"turn": 2}, "do": [{"say": "by turn"}]},
        {"when": {"text": "^hel+o"}, "do": ["repeat"]},
    ]
    scenario = read({"turns": rules}, "test")
    assert choose(Turn(2, "x", Intent("time")), scenario, ()) == (Say("by intent"),)
    assert choose(Turn(2, None, None), scenario, ()) == (Say("by turn"),)
    assert choose(Turn(1, "Hello you", None), scenario, ()) == (Repeat(),)
    assert choose(Turn(1, "you", None), scenario, ()) == (Say("You said:"), Repeat())


@pytest.mark.parametrize(
    ("text", "tools", "calls", "says"),
    [
        ("what time is it", ["get_time"], {"get_time": {}}, "It is"),
        ("what time is it", [], {}, "clock"),
        (
            "set the volume to forty five percent",
            ["set_volume"],
            {"set_volume": {"percent": 45}},
            "forty five percent",
        ),
        ("turn it up", ["set_volume"], {"set_volume": {"percent": 70}}, "seventy"),
        ("turn the volume down", ["set_volume"], {"set_volume": {"percent": 30}}, "thirty"),
        ("turn it down", [], {}, "cannot"),
        ("goodbye", ["end_conversation"], {"end_conversation": {}}, "Goodbye"),
        ("bye bye", [], {}, "Goodbye"),
        ("please tell me a joke", [], {}, "volume"),
        ("tell me a long story", [], {}, "Once upon a time"),
        ("wait stop", [], {}, "All right"),
        (
            "set a timer for twenty seconds",
            ["set_timer"],
            {"set_timer": {"seconds": 20}},
            "set for 20 seconds.",
        ),
        (
            "Set a pasta timer for 2 minutes!",
            ["set_timer"],
            {"set_timer": {"minutes": 2, "name": "pasta"}},
            "set for 2 minutes.",
        ),
        ("timer for one hour", ["set_timer"], {"set_timer": {"hours": 1}}, "set for 1 hour."),
        ("a timer for 120 minutes", ["set_timer"], {"set_timer": {"minutes": 120}}, "120 minutes"),
        ("timer for ten minutes", ["cancel_timer"], {}, "no timers"),
        ("please cancel the timer", ["cancel_timer"], {"cancel_timer": {}}, "cancelled"),
        ("stop my tea timer", ["cancel_timer"], {"cancel_timer": {"name": "tea"}}, "cancelled"),
        ("cancel the timer", ["set_timer"], {}, "no timers"),
    ],
)
def test_each_sentence_gets_its_answer(text, tools, calls, says):
    steps = choose(Turn(1, text, intent_of(text)), Scenario(), tools)
    made = {
        order.name: order.arguments
        for step in steps
        if isinstance(step, Call)
        for order in step.tools
    }
    assert made == calls
    assert says in " ".join(step.text for step in steps if isinstance(step, Say))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "timely",
        "what is your name",
        "the volume",
        "set the volume to maximum",
        "timer for a few hours",
    ],
)
def test_what_asks_for_nothing_has_no_intent(text):
    assert intent_of(text) is None


def test_every_number_up_to_100_is_understood_as_it_is_spelled():
    assert [number_of(spelled(number)) for number in range(101)] == list(range(101))
    assert [number_of(str(number)) for number in range(101)] == list(range(101))
    assert number_of("percent") is None


@pytest.mark.parametrize(
    ("value", "spoken"),
    [
        ("2026-05-06T14:05:00+02:00", "fourteen oh five"),
        ("2026-05-06T09:00:00", "nine o'clock"),
        (42, "forty two"),
        ("half past two", "half past two"),
        (None, "unknown"),
    ],
)
def test_results_are_spoken_as_one_would_say_them(value, spoken):
    assert speakable(value) == spoken


def test_templates_take_fields_of_results_and_fall_back_on_the_only_one():
    known = {"get_time": {"now": "noon"}, "plain": "text"}
    assert filled("{get_time.time}, {plain}, {missing.x}", known) == "noon, text, unknown"


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        ("", "Yes?"),
        ("Greet the user.", "Greet the user."),
        ("Say “Dinner is ready”.", "Dinner is ready"),
        ('Say "The timer is over" now.', "The timer is over"),
        ("The timer for 20 seconds is over. Tell the user so.", "Your timer is over."),
        ("The timer “pasta” is over. Tell the user so.", "Your timer is over: pasta."),
        ("The alarm “swim” rings. Tell the user so.", "Your alarm is ringing: swim."),
    ],
)
def test_instructions_are_followed_as_far_as_the_stand_in_can(instructions, said):
    assert instructed(instructions) == said


def test_a_script_reveals_its_words_as_time_passes():
    script = Scripted(["what time is it"])
    assert script.partly(np.zeros(16_000, np.int16), 1) == "what time is"
    assert script.understand(np.zeros(1, np.int16), 1) == "what time is it"
    assert script.understand(np.zeros(1, np.int16), 2) is None


def test_a_tone_lasts_as_long_as_its_text():
    assert len(Tone().render("a" * 10)) == 0.6 * SPEECH_HZ


def test_espeak_speaks_text_that_looks_like_an_option():
    spoken = Espeak().render("--version; rm -rf $HOME")
    assert 1 < len(spoken) / SPEECH_HZ < 10
    assert spoken.std() > 500
    assert not np.array_equal(spoken, Tone().render("--version; rm -rf $HOME"))


def test_every_phrase_has_its_recording_and_all_fit_in_650_kb():
    assert {path.stem for path in DIRECTORY.glob("*.wav")} == {slug(phrase) for phrase in phrases()}
    assert sum(path.stat().st_size for path in DIRECTORY.glob("*.wav")) < 650_000


def test_recorded_phrases_are_put_together_and_other_words_are_tones():
    prompts = Prompts()
    parts = [prompts.render(text) for text in ("It is", "ten", "forty two")]
    assert np.array_equal(prompts.render("It is 10:42."), np.concatenate(parts))
    assert np.array_equal(prompts.render("xylophone"), Tone().render("xylophone"))
    assert len(prompts.render("")) == 0


TIMERS = ("pasta timer for one hour", "timer for 5 seconds", "timer for 9 minutes", "stop timer")


def test_what_the_agent_says_of_itself_is_recorded():
    scenario = Scenario()
    own = [scenario.phrases.error, scenario.phrases.timeout, scenario.phrases.repeat]
    own.append(load("demo").greeting)
    for text in (
        "what time is it",
        "turn it up",
        "tell me a joke",
        "a story",
        "bye",
        "stop",
        *TIMERS,
    ):
        for tools in ((), ("set_timer", "cancel_timer")):
            steps = choose(Turn(1, text, intent_of(text)), scenario, tools)
            own += [step.text for step in steps if isinstance(step, Say)]
    own += [instructed(f"The {thing} “pasta” is over. Say so.") for thing in ("timer", "alarm")]
    recorded = {tuple(spoken_words(phrase)) for phrase in phrases()}
    for text in own:
        words = spoken_words(text)
        while words:
            known = [n for n in range(1, len(words) + 1) if tuple(words[:n]) in recorded]
            assert known, f"{words[0]!r} of {text!r} is not recorded"
            words = words[known[-1] :]


@pytest.mark.parametrize(
    ("name", "kind"), [("tone", "Tone"), ("prompts", "Prompts"), ("espeak", "Espeak")]
)
def test_voices_are_chosen_by_name(name, kind):
    assert type(voice_named(name)).__name__ == kind


def test_understanding_none_understands_nothing():
    assert understanding_named("none").understand(np.zeros(1, np.int16), 1) is None
