"""Turns, replies, sound and captions come out of messages in any order the agent chooses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.agents.assemblyai_link import AgentLink, b64, events, message, notices
from voiced.agents.codec import MOST_CAPTION_BYTES, Caption, ReplyAudio
from voiced.core.events import ReplyDone, ReplyStarted, SpeechStarted, SpeechStopped

MULAW = {"output": {"format": {"encoding": "audio/pcmu"}}}


def ready_link(**changes):
    link = AgentLink(**changes)
    link.ready()
    return link


def test_speech_of_the_user_starts_and_stops():
    link = ready_link()
    assert link.hear("input.speech.started") == [SpeechStarted()]
    assert link.hear("input.speech.stopped", timestamp="2026-01-01") == [SpeechStopped()]


def test_a_reply_starts_sounds_and_is_done():
    link = ready_link()
    assert link.hear("reply.started", reply_id="r1", item_id="m1") == [ReplyStarted("r1")]
    assert link.hear("reply.audio", reply_id="r1", data=b64(b"abcd")) == [ReplyAudio("r1", b"abcd")]
    assert link.hear("reply.done", reply_id="r1", status="completed") == [ReplyDone("r1")]


def test_audio_and_done_without_an_id_belong_to_the_current_reply():
    link = ready_link()
    link.hear("reply.started", reply_id="r1")
    assert link.hear("reply.audio", data=b64(b"ab")) == [ReplyAudio("r1", b"ab")]
    assert link.hear("reply.done") == [ReplyDone("r1")]
    assert link.hear("reply.audio", data=b64(b"ab")) == []
    assert link.hear("reply.done") == []


def test_replies_without_any_id_are_told_apart():
    link = ready_link()
    for reply_id in ("unnamed-1", "unnamed-2"):
        assert link.hear("reply.started") == [ReplyStarted(reply_id)]
        assert link.hear("reply.audio", data=b64(b"ab")) == [ReplyAudio(reply_id, b"ab")]
        assert link.hear("reply.done") == [ReplyDone(reply_id)]


def test_audio_of_an_unannounced_reply_announces_it():
    link = ready_link()
    assert link.hear("reply.audio", reply_id="r1", data=b64(b"ab")) == [
        ReplyStarted("r1"),
        ReplyAudio("r1", b"ab"),
    ]
    assert link.hear("reply.started", reply_id="r1") == []


@pytest.mark.parametrize("status", ["completed", "interrupted"])
def test_late_audio_of_a_reply_that_is_over_is_ignored(status):
    link = ready_link()
    link.hear("reply.started", reply_id="r1")
    link.hear("reply.done", reply_id="r1", status=status)
    assert link.hear("reply.audio", reply_id="r1", data=b64(b"ab")) == []
    assert link.hear("reply.started", reply_id="r1") == []
    assert link.hear("reply.started", reply_id="r2") == [ReplyStarted("r2")]
    assert link.hear("reply.audio", reply_id="r1", data=b64(b"ab")) == []


def test_only_reply_done_interrupts_in_either_order():
    final = {"reply_id": "r1", "text": "I was", "interrupted": True}
    done = {"reply_id": "r1", "status": "interrupted"}
    caption = Caption("agent", "I was", final=True, interrupted=True)
    for first in ("transcript.agent", "reply.done"):
        link = ready_link()
        link.hear("reply.started", reply_id="r1")
        order = [("transcript.agent", final), ("reply.done", done)]
        if first == "reply.done":
            order.reverse()
        items = [link.hear(kind, **fields) for kind, fields in order]
        expected = {"transcript.agent": [caption], "reply.done": [ReplyDone("r1", True)]}
        assert items == [expected[kind] for kind, _ in order]


def test_a_finished_reply_may_still_be_interrupted_but_only_once():
    link = ready_link()
    link.hear("reply.started", reply_id="r1")
    link.hear("reply.done", reply_id="r1")
    assert link.hear("reply.done", reply_id="r1") == []
    assert link.hear("reply.done", reply_id="r1", status="interrupted") == [ReplyDone("r1", True)]
    assert link.hear("reply.done", reply_id="r1", status="interrupted") == []
    assert link.hear("reply.done", reply_id="r1") == []


def test_a_reply_that_is_over_before_it_began_is_never_heard_of():
    link = ready_link()
    assert link.hear("reply.done", reply_id="r0") == []
    assert link.hear("reply.done", reply_id="r0", status="interrupted") == []
    assert link.hear("reply.audio", reply_id="r0", data=b64(b"ab")) == []


def test_an_old_reply_ending_late_leaves_the_current_one_alone():
    link = ready_link()
    link.hear("reply.started", reply_id="r1")
    link.hear("reply.started", reply_id="r2")
    assert link.hear("reply.done", reply_id="r1") == [ReplyDone("r1")]
    assert link.hear("reply.audio", data=b64(b"ab")) == [ReplyAudio("r2", b"ab")]


def test_only_the_newest_replies_are_remembered():
    link = ready_link()
    for number in range(200):
        link.hear("reply.done", reply_id=f"r{number}")
    assert link.hear("reply.audio", reply_id="r199", data=b64(b"ab")) == []
    assert link.hear("reply.audio", reply_id="r0", data=b64(b"ab"))[0] == ReplyStarted("r0")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.binary(max_size=9)), max_size=20))
def test_sound_of_each_reply_is_cut_at_whole_samples_and_loses_no_byte(chunks):
    link = ready_link()
    heard = {"a": b"", "b": b""}
    for reply_id, chunk in chunks:
        for item in link.hear("reply.audio", reply_id=reply_id, data=b64(chunk)):
            if isinstance(item, ReplyAudio):
                assert item.payload
                assert len(item.payload) % 2 == 0
                heard[item.reply_id] += item.payload
    for reply_id, pcm in heard.items():
        whole = b"".join(chunk for one, chunk in chunks if one == reply_id)
        assert pcm == whole[: len(whole) // 2 * 2]


def test_a_byte_is_a_whole_sample_of_mulaw():
    link = ready_link(session=MULAW)
    items = link.hear("reply.audio", reply_id="r1", data=b64(b"abc"))
    assert items[1] == ReplyAudio("r1", b"abc")


def test_bad_base64_is_said_once_counted_and_costs_only_itself():
    link = ready_link()
    link.hear("reply.started", reply_id="r1")
    for bad in ("%%%%", "YQ", "YWI=YWI=", "é", "YW I=", "YWI=\n"):
        assert events(link.hear("reply.audio", reply_id="r1", data=bad)) == []
    severities = [n.severity for n in notices(link.hear("reply.audio", data="%"))]
    assert severities == ["debug"]
    assert link.codec.support()["faults"] == "malformed reply.audio x7"
    assert link.codec.support()["culprit"] == "r1"
    assert link.hear("reply.audio", data=b64(b"ab")) == [ReplyAudio("r1", b"ab")]


def test_partial_user_text_replaces_what_came_before():
    link = ready_link()
    assert link.hear("transcript.user.delta", text="what") == [Caption("user", "what")]
    assert link.hear("transcript.user.delta", text="what time") == [Caption("user", "what time")]
    assert link.hear("transcript.user", text="What time?") == [
        Caption("user", "What time?", final=True)
    ]


def test_a_late_partial_does_not_undo_the_final_text():
    link = ready_link()
    link.hear("transcript.user", item_id="m1", text="What time?")
    assert link.hear("transcript.user.delta", item_id="m1", text="what") == []
    assert link.hear("transcript.user.delta", item_id="m2", text="and") == [Caption("user", "and")]


@pytest.mark.parametrize("ids", [{}, {"reply_id": "r1"}, {"reply_id": "r1", "item_id": "m1"}])
def test_agent_text_grows_piece_by_piece(ids):
    link = ready_link()
    pieces = [link.hear("transcript.agent.delta", delta=piece, **ids) for piece in ("It ", "is ")]
    assert pieces == [[Caption("agent", "It ")], [Caption("agent", "It is ")]]
    final = link.hear("transcript.agent", text="It is 3.", interrupted=False, **ids)
    assert final == [Caption("agent", "It is 3.", final=True)]
    late = link.hear("transcript.agent.delta", delta="noon", **ids)
    assert late == ([] if ids else [Caption("agent", "noon")])


def test_interleaved_replies_keep_their_own_text_and_old_ones_are_let_go():
    link = ready_link()
    for number in range(20):
        link.hear("transcript.agent.delta", reply_id=f"r{number}", delta="a")
    assert link.hear("transcript.agent.delta", reply_id="r19", delta="b") == [
        Caption("agent", "ab")
    ]
    assert link.hear("transcript.agent.delta", reply_id="r0", delta="b") == [Caption("agent", "b")]


def test_what_an_agent_says_without_end_is_shown_only_so_far():
    link = AgentLink()
    shown = [
        link.hear("transcript.agent.delta", reply_id="r", delta="x" * 1000) for _ in range(100)
    ]
    texts = [caption.text for [caption] in filter(None, shown)]
    assert len(texts) == MOST_CAPTION_BYTES // 1000 + 1
    assert len(texts[-1]) == MOST_CAPTION_BYTES
    [final] = link.hear("transcript.agent", reply_id="r", text="x" * 1_000_000)
    assert len(final.text) == MOST_CAPTION_BYTES


def test_a_failed_reply_is_noted_and_the_session_goes_on():
    link = ready_link(session={"system_prompt": "You are a very secret kitchen robot."})
    fields = {"code": "llm_failed", "retryable": True, "reply_id": "r1"}
    text = "model said: You are a very secret kitchen robot. twice"
    (notice,) = link.hear("reply.error", message=text, **fields)
    assert notice.severity == "warning"
    assert "llm_failed: model said: *** twice" in notice.text
    assert link.codec.support()["culprit"] == "r1"


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "nonsense",
        "[]",
        "7",
        "null",
        "{",
        '{"type":null}',
        '{"type":7}',
        '{"type":["reply.audio"]}',
        '{"no":"type"}',
        '{"type":"reply.audio","data":NaN}',
        '{"type":"reply.audio","data":"\\ud800"}',
        '{"type":"x","n":' + "9" * 5000 + "}",
        '{"type":"\ud800"}',
        "[" * 100_000,
        '{"type":' * 100_000,
        b"",
        b"\x00\xff" * 100,
        message("session.ended").encode(),
        message("reply.started", reply_id=7),
        message("reply.started", reply_id="x" * 100_000),
        message("reply.audio"),
        message("reply.audio", reply_id={}, data=""),
        message("reply.audio", data=None),
        message("reply.audio", data=["ab"]),
        message("reply.done", reply_id=["r1"]),
        message("transcript.user", text=None),
        message("transcript.user.delta", text=7),
        message("transcript.user.delta", text="a", item_id=7),
        message("transcript.agent"),
        message("transcript.agent.delta", delta={}),
        message("tool.call", name="get_time", arguments={}),
    ],
)
def test_a_malformed_message_is_one_notice_and_nothing_else(bad):
    (notice,) = ready_link().codec.receive(bad, 0.0)
    assert notice.severity == "warning"
    assert len(notice.text) < 100


@pytest.mark.parametrize(
    "odd",
    [
        message("martian.greeting", text="we come in peace"),
        message("x" * 100_000),
        message("session.updated", config=[]),
        message("session.updated", config={"tools": {}}),
        message("session.updated", config={"tools": [None, {"name": 7}]}),
    ],
)
def test_what_is_unknown_is_ignored_quietly(odd):
    items = ready_link().codec.receive(odd, 0.0)
    assert [item.severity for item in notices(items)] in ([], ["debug"])
    assert events(items) == []


def test_two_mebibytes_in_one_message_are_just_sound():
    pcm = bytes(2 * 1024 * 1024)
    (_, audio) = ready_link().hear("reply.audio", reply_id="r1", data=b64(pcm))
    assert audio == ReplyAudio("r1", pcm)


def test_unknown_fields_and_odd_timestamps_are_ignored():
    link = ready_link()
    odd = {"timestamp": [1], "new_field": {"a": 1}}
    assert link.hear("reply.started", reply_id="r1", **odd) == [ReplyStarted("r1")]
    assert link.hear("reply.done", reply_id="r1", status=7, **odd) == [ReplyDone("r1")]


@pytest.mark.parametrize(
    ("status", "interrupted"),
    [("completed", False), ("failed", False), ("interrupted", True), ("cancelled", True)],
)
def test_every_status_of_a_reply_ends_it(status, interrupted):
    link = AgentLink()
    link.ready()
    link.hear("reply.started", reply_id="r1")
    items = link.hear("reply.done", reply_id="r1", status=status)
    assert events(items) == [ReplyDone("r1", interrupted)]
    assert bool(notices(items)) == (status == "failed")
    assert link.hear("reply.done", reply_id="r1", status=status) == []
