"""New settings on trial (trial.py)."""

import pytest

from voiced.reload.trial import Health, Trial, Verdict, health_without, ill_parts

WELL = Health()
ILL = {
    "the agent refuses": Health(accepted=False),
    "the microphone": Health(hears=False),
    "the speaker": Health(speaks=False),
    "the control socket": Health(answers=False),
    "the agent cannot": Health(reached=False),
}


def verdicts(trial, *seen):
    return [trial.judge(at_s, health).value for at_s, health in seen]


def test_what_works_for_the_whole_time_is_kept():
    trial = Trial(100, 120, WELL)
    assert verdicts(trial, (100, WELL), (219.9, WELL), (220, WELL)) == ["wait", "wait", "keep"]


def test_a_refusal_by_the_agent_ends_it_at_once():
    trial = Trial(0, 120, WELL)
    assert trial.judge(1, Health(accepted=False)) is Verdict.TAKE_BACK
    assert "refuses" in trial.reason


@pytest.mark.parametrize(
    "ill", ["the microphone", "the speaker", "the control socket", "the agent cannot"]
)
def test_what_does_not_come_back_in_time_ends_it(ill):
    trial = Trial(0, 120, WELL)
    assert verdicts(trial, (1, ILL[ill]), (20.9, ILL[ill])) == ["wait", "wait"]
    assert trial.judge(21, ILL[ill]) is Verdict.TAKE_BACK
    assert trial.reason.startswith(ill)


def test_newer_settings_have_their_own_time_but_what_was_ill_before_has_not():
    trial = Trial(0, 120, WELL)
    assert trial.judge(100, WELL) is Verdict.WAIT
    trial.go_on(110)
    assert verdicts(trial, (120, WELL), (229, WELL), (230, WELL)) == ["wait", "wait", "keep"]
    for n in range(4):
        trial.go_on(300 + 5 * n)
        assert trial.judge(300 + 5 * n, Health(hears=False)) is Verdict.WAIT
    trial.go_on(320)
    assert trial.judge(320, Health(hears=False)) is Verdict.TAKE_BACK


def test_a_card_that_is_opened_anew_may_take_its_time():
    trial = Trial(0, 30, WELL)
    ill = Health(hears=False, speaks=False)
    assert verdicts(trial, (0, ill), (9, ill), (9.5, WELL), (15, ill), (24, ill), (25, ill)) == [
        *["wait"] * 5,
        "take back",
    ]


def test_a_person_who_gave_up_on_an_agent_out_of_reach_counts():
    trial = Trial(0, 120, WELL)
    assert verdicts(trial, (1, Health(reached=False)), (5, WELL)) == ["wait", "wait"]
    assert trial.judge(21, WELL) is Verdict.TAKE_BACK
    trial = Trial(0, 120, WELL)
    there = Health(reached=True)
    seen = (1, Health(reached=False)), (5, there), (21, WELL), (120, WELL)
    assert verdicts(trial, *seen) == ["wait", "wait", "wait", "keep"]


def test_whoever_is_ill_at_the_end_has_failed():
    trial = Trial(0, 120, WELL)
    assert verdicts(trial, (119, WELL), (120, Health(speaks=False))) == ["wait", "take back"]


@pytest.mark.parametrize("ill", ILL)
def test_what_was_ill_before_may_stay_so(ill):
    trial = Trial(0, 10, ILL[ill])
    assert verdicts(trial, (0, ILL[ill]), (9, ILL[ill]), (10, ILL[ill])) == ["wait", "wait", "keep"]
    assert Trial(0, 10, ILL[ill]).judge(10, WELL) is Verdict.KEEP


@pytest.mark.parametrize("health", [WELL, *ILL.values(), Health(hears=False, answers=False)])
def test_what_is_ill_can_be_written_down_and_read_again(health):
    assert health_without(ill_parts(health)) == health
    assert health_without([*ill_parts(health), "a part of a later version"]) == health
