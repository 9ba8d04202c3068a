"""Every error code and close code reaches the one who must react, and says nothing secret."""

import pytest

from tests.unit.agents.assemblyai_link import KEY, AgentLink, events, notices, settings
from voiced.agents.assemblyai.errors import ERRORS, AgentError
from voiced.agents.redaction import MAX_CHARS, safe
from voiced.core.events import SessionEnded, UpdateRefused
from voiced.errors import AgentBusy, LinkError, LinkRejected, ResumeRefused

GOES_ON, AS_BEFORE, ENDS = "goes on", "goes on as before", "ends"

# code: what it means while opening, resuming, and once ready
TABLE = {
    "unauthorized": (LinkRejected, LinkRejected, LinkRejected),
    "UNAUTHORIZED": (LinkRejected, LinkRejected, LinkRejected),
    "FORBIDDEN": (LinkRejected, LinkRejected, LinkRejected),
    "session_not_found": (LinkError, ResumeRefused, ResumeRefused),
    "session_forbidden": (LinkError, ResumeRefused, ResumeRefused),
    "session_expired": (LinkError, ResumeRefused, ENDS),
    "agent_not_found": (LinkRejected, LinkRejected, LinkRejected),
    "agent_id_not_first": (GOES_ON, GOES_ON, GOES_ON),
    "immutable_field": (GOES_ON, GOES_ON, GOES_ON),
    "invalid_value": (LinkRejected, ResumeRefused, AS_BEFORE),
    "invalid_config": (LinkRejected, ResumeRefused, AS_BEFORE),
    "invalid_webhook": (LinkRejected, ResumeRefused, AS_BEFORE),
    "invalid_format": (GOES_ON, GOES_ON, GOES_ON),
    "invalid_audio": (GOES_ON, GOES_ON, GOES_ON),
    "audio_rate_violation": (GOES_ON, GOES_ON, GOES_ON),
    "at_capacity": (AgentBusy, AgentBusy, AgentBusy),
    "concurrency_exceeded": (AgentBusy, AgentBusy, AgentBusy),
    "internal_error": (LinkError, ResumeRefused, LinkError),
    "server_error": (LinkError, ResumeRefused, GOES_ON),
    "agent_init_failed": (LinkError, ResumeRefused, LinkError),
    "agent_timeout": (LinkError, ResumeRefused, LinkError),
    "a_brand_new_code": (GOES_ON, GOES_ON, GOES_ON),
}
STAGES = ("opening", "resuming", "ready")


def link_at(stage, **changes):
    link = AgentLink(resume_key="sess_1" if stage == "resuming" else None, **changes)
    if stage == "ready":
        link.ready()
    return link


def outcome_of(raising):
    """What a call came to: the type of its error or of its only item."""
    try:
        return raising()
    except LinkError as exc:
        return exc


def test_the_table_names_every_code_of_the_daemon():
    assert {code.lower() for code in TABLE} - {"a_brand_new_code"} == set(ERRORS)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("code", TABLE)
def test_each_error_code_reaches_who_must_react(code, stage):
    expected = TABLE[code][STAGES.index(stage)]
    link = link_at(stage)
    fields = {"code": code, "message": "because", "param": "input.keyterms"}
    outcome = outcome_of(lambda: link.hear("session.error", **fields))
    if expected == ENDS:
        assert [type(item) for item in outcome] == [SessionEnded]
    elif expected in (GOES_ON, AS_BEFORE):
        assert [notice.severity for notice in notices(outcome)] == ["warning"]
        assert events(outcome) == ([UpdateRefused()] if expected == AS_BEFORE else [])
        assert code.lower() in outcome[0].text
        again = link.hear("session.error", **fields)
        assert [notice.severity for notice in notices(again)] == ["debug"]
    else:
        assert type(outcome) is expected
        assert f"{code.lower()} at input.keyterms: because" in outcome.reason
        assert outcome_of(lambda: link.codec.closed(1008, "")) is outcome
    assert link.codec.support()["last_error"].startswith(code.lower())


@pytest.mark.parametrize("code", ["FORBIDDEN", "agent_not_found", "invalid_value", "unauthorized"])
def test_what_only_the_owner_can_mend_comes_with_a_remedy(code):
    outcome = outcome_of(lambda: AgentLink().hear("session.error", code=code))
    assert "agent." in outcome.remedy


@pytest.mark.parametrize(
    ("code", "opening", "resuming", "ready"),
    [
        (1000, SessionEnded, SessionEnded, SessionEnded),
        (1001, LinkError, LinkError, LinkError),
        (1006, LinkError, LinkError, LinkError),
        (None, LinkError, LinkError, LinkError),
        (1012, LinkError, LinkError, LinkError),
        (1008, LinkRejected, LinkRejected, LinkRejected),
        (1011, LinkError, ResumeRefused, LinkError),
        (1013, AgentBusy, AgentBusy, AgentBusy),
        (1009, LinkError, LinkError, LinkError),
        (4999, LinkError, LinkError, LinkError),
    ],
)
def test_each_close_code_reaches_who_must_react(code, opening, resuming, ready):
    for stage, expected in zip(STAGES, (opening, resuming, ready), strict=True):
        outcome = outcome_of(lambda at=stage: link_at(at).codec.closed(code, "no reason"))
        assert type(outcome) is expected


def test_a_policy_close_tells_the_harmless_error_before_it():
    link = link_at("ready")
    link.hear("session.error", code="invalid_value", param="input.keyterms")
    outcome = outcome_of(lambda: link.codec.closed(1008, "policy"))
    assert type(outcome) is LinkRejected
    assert outcome.reason == (
        "the agent closed the link (1008, policy) after invalid_value at input.keyterms"
    )


def test_a_vanished_connection_is_said_without_a_code():
    outcome = outcome_of(lambda: link_at("ready").codec.closed(None, ""))
    assert outcome.reason == "the connection was lost"
    outcome = outcome_of(lambda: link_at("ready").codec.closed(None, "no carrier"))
    assert outcome.reason == "the connection was lost: no carrier"


@pytest.mark.parametrize("code", [None, 7, "", [], {}])
def test_an_error_without_a_usable_code_is_noted(code):
    (notice,) = link_at("ready").hear("session.error", code=code, message=7, param=[])
    assert notice.text == "the agent reported an error without a code"


def test_an_error_says_what_is_known_of_it():
    assert str(AgentError("x", "m", "p")) == "x at p: m"
    assert str(AgentError("x")) == "x"


# --- what may be shown ---

PROMPT = "You are Hal.\nNever tell anybody about the pod bay doors."
SECRETS = {
    "system_prompt": PROMPT,
    "greeting": "Good morning, Dave.",
    "input": {"transcription_prompt": "Names: Bowman, Poole, Floyd"},
    "webhook": {"url": "https://x", "events": [], "secret": "whsec_0123456789"},
}


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        "Bearer " + KEY,
        PROMPT,
        PROMPT[:30],
        "pod bay doors.",
        "Good morning, Dave.",
        "Names: Bowman, Poole",
        "whsec_0123456789",
        "resume-token-abcdef",
    ],
)
def test_secrets_are_masked_wherever_the_agent_quotes_them(secret):
    link = AgentLink(session=SECRETS)
    link.ready(resume_token="resume-token-abcdef")
    fields = {"code": f"odd {secret}", "message": f"got <{secret}>", "param": secret}
    items = link.hear("session.error", **fields)
    items += link.hear("reply.error", reply_id="r1", **fields)
    outcome = outcome_of(lambda: link.codec.closed(1008, secret))
    shown = " ".join([*(item.text for item in items), str(outcome), str(link.codec.support())])
    bare = secret.removeprefix("Bearer ")
    for start in range(len(bare) - 12):
        assert bare[start : start + 13].lower() not in shown.lower()
    assert "***" in shown


@pytest.mark.parametrize("prompt", [PROMPT, "Speak only of the weather in Reykjavik."])
def test_prompts_of_now_and_before_are_masked(prompt):
    link = link_at("ready", session={"system_prompt": PROMPT})
    link.codec.update(settings({"system_prompt": "Speak only of the weather in Reykjavik."}))
    (notice,) = link.hear("session.error", code="odd", message=prompt)
    assert notice.text == "the agent reported odd: ***"


def test_a_short_secret_is_masked_whole():
    assert safe("got abcd, abc", ["abcd", "abc", ""]) == "got ***, abc"


def test_text_from_the_agent_is_one_short_printable_line():
    text = safe("a\nb\x1b[31m\u202ec\x00" + "d" * 500, [])
    assert text.isprintable()
    assert text.startswith("a b [31m c d")
    assert len(text) == MAX_CHARS
    assert safe("é" * MAX_CHARS, []) == "é" * MAX_CHARS


@pytest.mark.parametrize("odd", [None, 7, [], {}, b"x"])
def test_what_is_no_text_is_shown_as_nothing(odd):
    assert safe(odd, [KEY]) == ""


@pytest.mark.parametrize("close", [1008, 1011])
def test_a_server_error_in_a_running_session_ends_it_only_if_the_socket_is_closed(close):
    link = link_at("ready")
    link.hear("session.error", code="server_error", message="try again")
    assert events(link.hear("input.speech.started"))
    ending = outcome_of(lambda: link.codec.closed(close, ""))
    assert type(ending) is LinkError
    again = link.agent.codec("sess_1")
    assert type(outcome_of(lambda: again.closed(1011, ""))) is ResumeRefused


@pytest.mark.parametrize("code", TABLE)
@pytest.mark.parametrize("stage", STAGES)
def test_an_error_means_the_same_under_its_older_name(code, stage):
    found = []
    for kind in ("session.error", "error"):
        link = link_at(stage)
        result = outcome_of(lambda link=link, kind=kind: link.hear(kind, code=code))
        found.append((type(result), str(result)))
    assert found[0] == found[1]


def test_an_agent_that_complains_of_too_much_sound_gets_it_in_real_time_and_for_good():
    link = link_at("ready")
    assert link.codec.uplink_speed == 2.0
    link.hear("session.error", code="audio_rate_violation")
    assert link.codec.uplink_speed == 1.0
    assert link.agent.codec("sess_1").uplink_speed == 1.0
