import asyncio

import pytest

from agentsim.assemblyai.credentials import Credentials
from agentsim.assemblyai.settings import Settings
from tests.unit.agentsim.paired import paired

KEY = {"Authorization": "Bearer k1"}


def bearer(client, key, query=""):
    return client.join(
        client.service.dial(f"ws://host/v1/ws{query}", {"Authorization": f"Bearer {key}"})
    )


async def resumed(client, session_id, key="test-key"):
    again = bearer(client, key)
    again.send("session.resume", session_id=session_id)
    await asyncio.sleep(1)
    return again


async def test_a_dropped_session_can_be_resumed_within_its_grace():
    async with paired({"greeting": "Hi.", "system_prompt": "Be brief."}) as client:
        await asyncio.sleep(2)
        client.session.drop()
        await asyncio.sleep(29)
        session = client.service.sessions[0]
        again = await resumed(client, session.id)
        assert again.kinds() == ["session.ready"]
        ready = again.events[0]
        assert ready["session_id"] == session.id
        assert ready["config"]["system_prompt"] == "Be brief."
        assert ready["resume_token"] != client.last("session.ready")["resume_token"]
        await asyncio.sleep(60)
        assert not session.ended
        assert again.kinds() == ["session.ready"]


async def test_a_second_drop_has_a_grace_of_its_own():
    async with paired() as client:
        session = client.session
        for _ in range(3):
            session.drop()
            await asyncio.sleep(20)
            again = await resumed(client, session.id)
            assert again.kinds() == ["session.ready"]


@pytest.mark.parametrize(("waits_s", "kind"), [(29.9, "session.ready"), (30.1, "session.error")])
async def test_a_resume_around_the_end_of_the_grace_is_decided_by_its_arrival(waits_s, kind):
    async with paired() as client:
        session_id = client.session.id
        client.session.drop()
        await asyncio.sleep(waits_s)
        again = await resumed(client, session_id)
        assert again.kinds() == [kind]


async def test_a_session_in_use_is_taken_over_by_whoever_resumes_it():
    async with paired(faults=["half-open@ready"]) as client:
        again = await resumed(client, client.session.id)
        assert again.kinds() == ["session.ready"]
        assert client.connection.closed
        assert client.connection.close_code is None
        await asyncio.sleep(40)
        assert client.service.sessions[0].connection is again.connection


@pytest.mark.parametrize(
    ("prepare", "key", "code"),
    [
        ("nothing", "test-key", "session_not_found"),
        ("end", "test-key", "session_not_found"),
        ("expire", "test-key", "session_expired"),
        ("drop", "other-key", "session_forbidden"),
    ],
)
async def test_every_refused_resume_is_fatal_and_says_why(prepare, key, code):
    async with paired() as client:
        session_id = "sess_nowhere" if prepare == "nothing" else client.session.id
        if prepare == "end":
            client.send("session.end")
        if prepare in {"drop", "expire"}:
            client.session.drop()
            await asyncio.sleep(31 if prepare == "expire" else 1)
        again = await resumed(client, session_id, key)
        assert again.events[-1]["code"] == code
        assert again.connection.close_code == 1008


@pytest.mark.parametrize("code", ["session_not_found", "session_forbidden", "session_expired"])
async def test_a_resume_can_be_refused_by_a_fault(code):
    async with paired(faults=[f"resume={code}"]) as client:
        client.session.drop()
        again = await resumed(client, client.service.sessions[0].id)
        assert again.events[-1]["code"] == code


async def test_a_resume_drops_the_reply_and_the_tool_calls_in_flight():
    async with paired() as client:
        session = client.session
        session.call("anything")
        await asyncio.sleep(1)
        call_id = client.last("tool.call")["call_id"]
        session.drop()
        again = await resumed(client, session.id)
        again.send("tool.result", call_id=call_id, result="late")
        await asyncio.sleep(5)
        assert again.kinds() == ["session.ready"]


async def test_the_resume_token_is_a_credential_until_the_next_ready():
    async with paired(keys=["good"]) as client:
        first = client.last("session.ready")["resume_token"]
        client.session.drop()
        again = await resumed(client, client.service.sessions[0].id, first)
        assert again.kinds() == ["session.ready"]
        assert bearer(client, first).connection.close_code == 1008


async def test_a_close_without_session_end_starts_the_grace_and_violates_the_documents():
    async with paired(mode="strict") as client:
        client.connection.lost(1000)
        assert client.service.events.find("grace")
        assert client.service.events.find("violation", rule="closed-without-session-end")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer "}, {"Authorization": "k1"}, {"authorization": "Bearer k2"}],
)
async def test_a_bad_credential_is_told_after_the_upgrade_and_closed_1008(headers):
    async with paired(False, keys=["k1"]) as client:
        refused = client.join(client.service.dial("ws://host/v1/ws", headers))
        await refused.finished.wait()
        assert [each["code"] for each in refused.events] == ["unauthorized"]
        assert refused.connection.close_code == 1008


@pytest.mark.parametrize("headers", [{}, KEY, {"Authorization": "Bearer k2"}])
@pytest.mark.parametrize(
    ("token", "code"), [("k1", None), ("k2", "unauthorized"), ("bad", "forbidden")]
)
async def test_the_key_itself_is_taken_where_a_token_goes(token, code, headers):
    async with paired(False, keys=["k1"], forbidden_keys=["bad"]) as client:
        for _ in range(2):  # a key is not used up
            guest = client.join(client.service.dial(f"ws://host/v1/ws?token={token}", headers))
            guest.send("session.update", session={})
            await asyncio.sleep(1)
            assert [each["code"] for each in guest.find("session.error")] == [code][: bool(code)]
            assert bool(guest.find("session.ready")) is (code is None)


async def test_without_a_list_of_keys_an_old_token_is_no_key():
    async with paired(False) as client:
        guest = client.join(client.service.dial("ws://host/v1/ws?token=anything", {}))
        await guest.finished.wait()
        assert guest.last("session.error")["code"] == "unauthorized"


@pytest.mark.parametrize("keys", [[], ["k1"]])
async def test_a_key_that_is_not_allowed_is_told_so_and_gets_no_token(keys):
    async with paired(False, keys=keys, forbidden_keys=["bad"]) as client:
        refused = bearer(client, "bad")
        await refused.finished.wait()
        assert [each["code"] for each in refused.events] == ["forbidden"]
        assert refused.connection.close_code == 1008
        headers = {"Authorization": "Bearer bad"}
        status, _ = client.service.answer("GET", f"{TOKEN}?expires_in_seconds=60", headers)
        assert status == 403


@pytest.mark.parametrize(
    ("mode", "no_audio", "too_late"),
    [
        ("live", "invalid_audio", "session_expired"),
        ("strict", "invalid_format", "session_not_found"),
    ],
)
async def test_the_documents_and_the_service_name_two_errors_differently(mode, no_audio, too_late):
    async with paired(mode=mode) as client:
        client.send("input.audio")
        client.send("input.audio", audio=7)
        await asyncio.sleep(1)
        codes = [each["code"] for each in client.find("session.error")]
        assert codes == [no_audio, "invalid_audio"]
        session_id = client.session.id
        client.session.drop()
        await asyncio.sleep(31)
        again = await resumed(client, session_id)
        assert again.last("session.error")["code"] == too_late
        assert again.connection.close_code == 1008


TOKEN = "https://host/v1/token"


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("?expires_in_seconds=60", KEY, 200),
        ("?expires_in_seconds=600&max_session_duration_seconds=60", KEY, 200),
        ("", KEY, 422),
        ("?expires_in_seconds=0", KEY, 422),
        ("?expires_in_seconds=601", KEY, 422),
        ("?expires_in_seconds=x", KEY, 422),
        ("?expires_in_seconds=60&max_session_duration_seconds=59", KEY, 422),
        ("?expires_in_seconds=60", {"Authorization": "Bearer k2"}, 404),
        ("?expires_in_seconds=60", {}, 404),
    ],
)
async def test_the_token_endpoint_answers_as_the_service_does(query, headers, status):
    async with paired(False, keys=["k1"]) as client:
        answered, body = client.service.answer("GET", TOKEN + query, headers)
        assert answered == status
        if status == 200:
            assert len(body["token"]) > 2000
        else:
            assert "detail" in body


async def test_a_token_opens_connections_until_it_expires():
    async with paired(False, keys=["k1"]) as client:
        _, body = client.service.answer("GET", f"{TOKEN}?expires_in_seconds=60", KEY)
        url = f"ws://host/v1/ws?token={body['token']}"
        assert not client.service.dial(url, {}).closed
        assert not client.service.dial(url, {}).closed
        client.service.settings.faults.add("single-use-tokens")
        assert client.service.dial(url, {}).close_code == 1008
        client.service.settings.faults.remove("single-use-tokens")
        await asyncio.sleep(60)
        assert client.service.dial(url, {}).close_code == 1008


async def test_a_token_limits_how_long_a_session_lasts():
    async with paired(False) as client:
        query = "?expires_in_seconds=9&max_session_duration_seconds=60"
        _, body = client.service.answer("GET", TOKEN + query, KEY)
        joined = client.join(client.service.dial(f"ws://h/v1/ws?token={body['token']}", {}))
        joined.send("session.update", session={})
        await asyncio.sleep(61)
        assert joined.kinds()[-1] == "session.ended"


def test_rotated_tokens_of_other_sessions_stay_good():
    credentials = Credentials(Settings(keys=["k"]), lambda: 0.0)
    first, second = credentials.rotate("a", "k"), credentials.rotate("b", "k")
    credentials.rotate("a", "k")
    assert credentials.admit(f"Bearer {first}", None) is None
    assert credentials.admit(f"Bearer {second}", None).owner == "k"


async def test_the_other_rest_calls_list_what_there_is():
    agents = {"agent_1": {"greeting": "Hi."}}
    async with paired(scenario={"agents": agents, "voices": ["anna"]}) as client:
        answer = client.service.answer
        mine = {"Authorization": "Bearer test-key"}
        assert answer("GET", "https://h/v1/voices", mine) == (200, {"voices": [{"name": "anna"}]})
        assert answer("GET", "https://h/v1/agents", mine) == (200, {"agents": [{"id": "agent_1"}]})
        sessions = answer("GET", "https://h/v1/sessions", mine)[1]["sessions"]
        assert [each["status"] for each in sessions] == ["active"]
        assert answer("GET", "https://h/v1/sessions", KEY)[1] == {"sessions": []}
        assert answer("GET", "https://h/v1/nothing", mine)[0] == 404
        assert answer("POST", "https://h/v1/token", mine)[0] == 405
        assert answer("GET", "https://h/v1/voices", {})[0] == 404


async def test_too_many_sessions_are_refused():
    async with paired(max_sessions=1) as client:
        other = client.join()
        other.send("session.update", session={})
        await asyncio.sleep(1)
        assert other.events[-1]["code"] == "concurrency_exceeded"
        assert other.connection.close_code == 1008


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\x00", "invalid_format"),
        ("{", "invalid_format"),
        ("[]", "invalid_format"),
        ('{"type": 3}', "invalid_format"),
        ('{"type": "agent.dance"}', "invalid_format"),
        ('{"type": "session.resume", "session_id": "x"}', "invalid_format"),
        ('{"type": "input.audio", "audio": "?"}', "invalid_audio"),
        ('{"type": "input.audio", "audio": "AAAA"}', "invalid_audio"),
        ('{"type": "input.audio"}', "invalid_format"),
        ('{"type": "tool.result", "call_id": "x", "result": {}}', "invalid_format"),
        ('{"type": "reply.create", "instructions": 3}', "invalid_format"),
        ('{"type": "conversation.message", "role": "agent", "content": "x"}', "invalid_format"),
        ('{"type": "conversation.message", "role": "user"}', "invalid_format"),
    ],
)
async def test_a_bad_message_is_answered_and_not_fatal(message, code):
    async with paired(mode="strict") as client:
        client.connection.receive(message)
        await asyncio.sleep(0.1)
        assert client.events[-1]["code"] == code
        assert not client.connection.closed
        assert client.service.violations >= 1


@pytest.mark.parametrize(
    ("kind", "fields", "rule"),
    [
        ("input.audio", {"audio": "AAA="}, "audio-before-ready"),
        ("reply.create", {}, "before-ready:reply.create"),
    ],
)
async def test_strict_mode_counts_what_comes_before_ready(kind, fields, rule):
    async with paired(False, mode="strict") as client:
        client.send(kind, **fields)
        assert client.service.events.find("violation", rule=rule)


@pytest.mark.parametrize(
    ("kind", "fields", "rule"),
    [
        ("input.audio", {"audio": "AAA=", "x": 1}, "extra-key:input.audio.x"),
        ("input.audio", {"audio": "A" * 16_000}, "chunk-above-200-ms"),
        ("session.update", {"session": {"input": {"gain": 1}}}, "extra-key:session.input.gain"),
        ("reply.cancel", {"reply_id": "x"}, "reply.cancel"),
        ("tool.result", {"call_id": "x", "result": ""}, "result-outside-the-gate"),
    ],
)
async def test_strict_mode_counts_what_no_document_allows(kind, fields, rule):
    async with paired(mode="strict") as client:
        client.send(kind, **fields)
        assert client.service.events.find("violation", rule=rule)


async def test_live_mode_counts_nothing():
    async with paired() as client:
        client.send("reply.cancel", reply_id="x")
        client.connection.lost()
        assert client.service.violations == 0


async def test_sound_far_ahead_of_real_time_is_dropped_and_said_once_a_second():
    async with paired(keep_heard=True) as client:
        for _ in range(120):
            client.hear(b"\x00\x00" * 2400)
        await asyncio.sleep(0.1)
        assert [each["code"] for each in client.find("session.error")] == ["audio_rate_violation"]
        assert 10 <= client.session.hearing.uplink.audio_s <= 10.7
        assert client.service.events.find("first_audio")[0]["audio_s"] == 0.1


async def test_ending_before_there_is_a_session_closes_1000():
    async with paired(False) as client:
        client.send("session.end")
        await client.finished.wait()
        assert client.kinds() == ["session.ended"]
        assert client.connection.close_code == 1000


async def test_what_was_not_yet_sent_is_lost_with_a_dropped_connection():
    async with paired() as client:
        client.send("session.update", session={"system_prompt": "x"})
        client.session.drop()
        await client.finished.wait()
        assert client.kinds() == ["session.updated", "session.ready"]
