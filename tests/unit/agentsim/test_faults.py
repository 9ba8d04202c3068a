import asyncio
import json

import pytest

from agentsim.errors import SetupError
from agentsim.faults import SWITCHES, Faults, parse
from tests.unit.agentsim.paired import paired


@pytest.mark.parametrize(
    ("written", "value", "place", "delay_s", "left"),
    [
        ("drop", None, "reply", 0, 1),
        ("drop@ready+250", None, "ready", 0.25, 1),
        ("drop@audio*3", None, "audio", 0, 3),
        ("error=at_capacity*2", "at_capacity", "update", 0, 2),
        ("close=1008@reply", 1008, "reply", 0, 1),
        ("burst", 4.0, None, 0, None),
        ("burst=2.5*1", 2.5, None, 0, 1),
        ("done-first", None, None, 0, None),
    ],
)
def test_a_fault_reads_as_written(written, value, place, delay_s, left):
    fault = parse(written)
    assert (fault.value, fault.place, fault.delay_s, fault.left) == (value, place, delay_s, left)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", "must look like"),
        ("Drop!", "must look like"),
        ("jiter", "did you mean jitter?"),
        ("burst@reply", "takes no @PLACE"),
        ("drop@lunch", "no such place"),
        ("drop=3", "takes no value"),
        ("burst=lots", "must be a number"),
        ("upgrade-status", "needs =VALUE"),
    ],
)
def test_a_bad_fault_is_explained(written, problem):
    with pytest.raises(SetupError, match=problem):
        parse(written)


def test_faults_are_used_up_and_can_be_taken_back():
    faults = Faults(["drop@reply*2", "jitter"])
    assert [len(faults.take("reply")) for _ in range(3)] == [1, 1, 0]
    assert "jitter" in faults
    assert faults.get("jitter").number == 200
    faults.remove("jitter")
    assert "jitter" not in faults
    assert faults.get("jitter") is None


SHAPES = [
    ("unknown-field", lambda c: all("x_unknown" in each for each in c.events)),
    ("iso-timestamps", lambda c: all(isinstance(each["timestamp"], str) for each in c.events)),
    ("no-status", lambda c: "status" not in c.last("reply.done")),
    ("no-reply-id", lambda c: not any("reply_id" in each for each in c.events)),
    ("string-arguments", lambda c: c.last("tool.call")["arguments"] == '{"percent": 5}'),
    ("old-arguments", lambda c: c.last("tool.call").get("args") == {"percent": 5}),
    ("null-fields", lambda c: c.last("transcript.user")["item_id"] is None),
    ("seed-shape", lambda c: c.last("session.ready").keys() == {"type", "timestamp", "session_id"}),
]


@pytest.mark.parametrize(("fault", "holds"), SHAPES)
async def test_a_shape_fault_changes_every_event_it_is_about(fault, holds):
    rule = {"do": [{"say": "Hm."}, {"call": {"name": "set", "arguments": {"percent": 5}}}]}
    for faults, expected in (((fault,), True), ((), False)):
        async with paired(scenario={"turns": [rule]}, faults=faults) as client:
            client.session.hear("go")
            await asyncio.sleep(3)
            assert holds(client) is expected


async def test_codes_can_be_upper_case():
    async with paired(False, faults=["upper-case-codes", "error=unauthorized@connect"]) as client:
        await client.finished.wait()
        assert client.events[0]["code"] == "UNAUTHORIZED"
        assert client.connection.close_code == 1008


DEEDS = [
    ("unknown-type", lambda m: json.loads(m)["type"] == "agent.mood"),
    ("binary", lambda m: isinstance(m, bytes)),
    ("malformed-json", lambda m: m.startswith("{") and not m.endswith("}")),
    ("huge", lambda m: len(m) > 2 << 20),
    ("huge=0.5", lambda m: 1 << 19 < len(m) < 1 << 20),
    ("bad-base64@ready", lambda m: json.loads(m)["data"] == "not base64!"),
    ("stray-audio", lambda m: json.loads(m)["reply_id"] == "resp_stray"),
]


@pytest.mark.parametrize(("fault", "holds"), DEEDS)
async def test_a_deed_is_done_once_after_ready_and_the_session_lives_on(fault, holds):
    async with paired(faults=[fault]) as client:
        assert len(client.raw) == 3
        assert holds(client.raw[-1])
        client.session.say("Hello.")
        await asyncio.sleep(2)
        assert client.kinds()[-1] == "reply.done"


@pytest.mark.parametrize(
    ("fault", "close_code", "last"),
    [
        ("drop@reply+400", None, "reply.audio"),
        ("close=1011@reply", 1011, "reply.started"),
        ("error=internal_error@reply", 1011, "session.error"),
        ("ended@reply", 1000, "session.ended"),
        ("drop@ready", None, "session.updated"),
    ],
)
async def test_a_connection_can_end_in_every_way(fault, close_code, last):
    async with paired(faults=[fault], ready=False) as client:
        await asyncio.sleep(1)
        if client.session.connection:
            client.session.say("a " * 50)
        await client.finished.wait()
        assert client.connection.close_code == close_code
        assert client.events[-1]["type"] in {last, "session.ready"}


@pytest.mark.parametrize(
    ("code", "close_code"),
    [
        ("at_capacity", 1008),
        ("concurrency_exceeded", 1008),
        ("FORBIDDEN", 1008),
        ("server_error", 1011),
        ("agent_init_failed", 1011),
        ("internal_error", 1011),
    ],
)
async def test_the_first_update_can_be_refused_and_the_next_accepted(code, close_code):
    async with paired(faults=[f"error={code}"]) as client:
        assert client.events[-1]["code"] == code
        assert client.connection.close_code == close_code
        other = client.join()
        other.send("session.update", session={})
        await asyncio.sleep(1)
        assert other.kinds()[-1] == "session.ready"


async def test_an_agent_that_never_gets_ready_says_so_after_ten_seconds():
    async with paired(faults=["never-ready"]) as client:
        await client.finished.wait()
        assert client.events[-1]["code"] == "agent_timeout"
        assert client.times[-1] == 10


async def test_ready_can_be_late():
    async with paired(faults=["late-ready=1.5"]) as client:
        await asyncio.sleep(2)
        assert client.time_of("session.ready") == pytest.approx(1.95)


async def test_a_half_open_connection_neither_reads_nor_writes():
    async with paired(faults=["half-open@reply+200"]) as client:
        client.session.say("a " * 50)
        await asyncio.sleep(1)
        n_events = len(client.events)
        client.send("session.end")
        await asyncio.sleep(20)
        assert client.connection.frozen
        assert not client.connection.closed
        assert len(client.events) == n_events
        assert client.connection.close_code is None


async def test_a_burst_is_sent_faster_but_counts_as_sounding_in_real_time():
    async with paired(faults=["burst=4"]) as client:
        client.session.say("a" * 20)
        await asyncio.sleep(3)
        sent = [
            at
            for at, each in zip(client.times, client.events, strict=True)
            if each["type"] == "reply.audio"
        ]
        assert sent[-1] - sent[0] == pytest.approx(1.49 / 4, abs=0.005)
        assert client.time_of("reply.done") - sent[0] == pytest.approx(1.5)


async def test_jitter_delays_but_keeps_the_order_and_the_sound():
    clean, rough = [], []
    for faults, kept in (((), clean), (("jitter=200",), rough)):
        async with paired(faults=faults) as client:
            client.session.say("a" * 20)
            await asyncio.sleep(3)
            kept.append(client.audio)
            kept.append(
                [
                    at
                    for at, each in zip(client.times, client.events, strict=True)
                    if each["type"] == "reply.audio"
                ]
            )
    assert clean[0] == rough[0]
    late_s = [at - (rough[1][0] + 0.01 * i) for i, at in enumerate(rough[1])]
    assert max(late_s) > 0.02
    assert len(clean[1]) == len(rough[1])


@pytest.mark.parametrize(
    ("fault", "holds"),
    [
        ("chunk-bytes=4800", lambda sizes: set(sizes[:-1]) == {4800}),
        ("odd-sizes", lambda sizes: len(set(sizes)) > 5 and not any(size % 2 for size in sizes)),
        ("odd-bytes", lambda sizes: any(size % 2 for size in sizes)),
    ],
)
async def test_chunks_can_have_any_size(fault, holds):
    import base64

    async with paired(faults=[fault]) as client:
        client.session.say("a" * 40)
        await asyncio.sleep(4)
        assert holds([len(base64.b64decode(each["data"])) for each in client.find("reply.audio")])
        assert len(client.audio) == round((0.3 + 40 * 0.06) * 48_000)


async def test_an_interrupted_reply_can_go_on_sounding():
    for faults, late_s in (((), 0), (("late-audio=300",), 0.3)):
        async with paired(faults=faults) as client:
            client.session.say("a " * 50)
            await asyncio.sleep(1)
            client.session.interrupt()
            await asyncio.sleep(2)
            after = client.times[-1] - client.time_of("reply.done")
            assert after == pytest.approx(late_s, abs=0.011)


async def test_the_barge_in_triple_comes_in_either_order():
    for faults, order in (
        ((), ["transcript.agent", "reply.done"]),
        (("done-first",), ["reply.done", "transcript.agent"]),
    ):
        async with paired(faults=faults) as client:
            client.session.say("a " * 50)
            await asyncio.sleep(1)
            client.session.hear("stop")
            await asyncio.sleep(0.01)
            assert [kind for kind in client.kinds() if kind in order] == order


async def test_a_reply_can_fail_and_the_session_lives_on():
    async with paired(faults=["reply-error=llm_error@reply+500"]) as client:
        client.session.say("a " * 50)
        await asyncio.sleep(2)
        assert client.kinds()[-2:] == ["reply.error", "reply.done"]
        error = client.last("reply.error")
        assert (error["code"], error["retryable"]) == ("llm_error", True)
        client.session.say("Hello.")
        await asyncio.sleep(2)
        assert len(client.find("reply.done")) == 2


async def test_an_http_tool_is_listed_called_and_not_to_be_answered():
    async with paired(faults=["http-tool-call"]) as client:
        client.session.say("Hello.")
        await asyncio.sleep(2)
        call = client.last("tool.call")
        listed = {each["name"]: each for each in client.last("session.ready")["config"]["tools"]}
        assert listed[call["name"]]["http"] is not None
        client.send("tool.result", call_id=call["call_id"], result="{}")
        assert client.service.events.find("http_tool_answered")


async def test_session_end_can_go_unanswered():
    async with paired(faults=["ignore-end"]) as client:
        client.send("session.end")
        await asyncio.sleep(10)
        assert not client.connection.closed


def test_every_switch_says_what_it_does():
    assert all(switch.sentence for switch in SWITCHES.values())
