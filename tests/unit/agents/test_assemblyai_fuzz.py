"""Whatever the agent sends, a link ends only by a LinkError and keeps its promises."""

import copy
import json
from collections import Counter
from random import Random

import pytest

from tests.unit.agents.assemblyai_link import KEY, AgentLink, b64, settings
from voiced.agents.assemblyai import AssemblyAi
from voiced.agents.codec import Caption, Notice, ReplyAudio, Send, ToolSpec
from voiced.core.events import (
    AgentReady,
    ReplyDone,
    ReplyStarted,
    SessionEnded,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    UpdateRefused,
)
from voiced.errors import LinkError

MESSAGES = 100_000
PROMPT = "You are the very secret robot of this kitchen."
SESSION = {"system_prompt": PROMPT, "output": {"voice": "ivy", "volume": 40}}
TOOLS = [ToolSpec("get_time", "Tell the time.", timeout_s=10)]
CONFIG = {
    "input": {"format": {"encoding": "audio/pcm", "sample_rate": 24_000}},
    "output": {"format": {"encoding": "audio/pcm"}, "volume": 40},
    "tools": [{"name": "get_time", "timeout_seconds": 10, "http": None}, {"name": "w", "http": {}}],
}

FATAL = {"invalid_value", "UNAUTHORIZED", "internal_error"}
SAID = [
    {"type": "session.updated", "config": CONFIG},
    {"type": "session.updated"},
    {"type": "session.ready", "session_id": "sess_1", "resume_token": "rt-0123456789abcdef"},
    {
        "type": "session.ready",
        "session_id": "sess_1",
        "config": CONFIG,
        "expires_at": 1_790_000_000,
    },
    {"type": "session.ended", "session_duration_seconds": 2.5, "audio_duration_seconds": None},
    {"type": "session.error", "code": "invalid_audio", "message": KEY, "param": None},
    {"type": "session.error", "code": "invalid_value", "message": PROMPT, "param": "output.voice"},
    {"type": "session.error", "code": "UNAUTHORIZED", "message": "bad key " + KEY},
    {"type": "session.error", "code": "internal_error", "message": "oops"},
    {"type": "input.speech.started", "timestamp": 1_790_000_000.25},
    {"type": "input.speech.stopped", "timestamp": "2026-09-01T10:00:00Z"},
    {"type": "transcript.user.delta", "item_id": "msg_1", "text": "what"},
    {"type": "transcript.user", "item_id": "msg_1", "text": "What time is it?"},
    {"type": "transcript.user", "text": "😀"},
    {"type": "reply.started", "reply_id": "resp_1", "item_id": "msg_2"},
    {"type": "reply.started", "reply_id": "resp_2"},
    {"type": "reply.audio", "reply_id": "resp_1", "data": b64(bytes(480))},
    {"type": "reply.audio", "reply_id": "resp_2", "data": b64(b"odd")},
    {"type": "reply.audio", "data": b64(bytes(7))},
    {"type": "transcript.agent.delta", "reply_id": "resp_1", "delta": "It ", "start_ms": 0},
    {"type": "transcript.agent", "reply_id": "resp_1", "text": "It is 3.", "interrupted": False},
    {"type": "transcript.agent", "reply_id": "resp_2", "text": "It", "interrupted": True},
    {"type": "reply.done", "reply_id": "resp_1", "status": "completed"},
    {"type": "reply.done", "reply_id": "resp_2", "status": "interrupted"},
    {"type": "reply.done"},
    {"type": "reply.error", "reply_id": "resp_1", "code": "x", "message": "m", "retryable": True},
    {"type": "tool.call", "call_id": "call_1", "name": "get_time", "arguments": {"zone": "UTC"}},
    {"type": "tool.call", "call_id": "call_2", "name": "get_time", "arguments": '{"zone": "UTC"}'},
    {"type": "tool.call", "call_id": "call_3", "name": "w", "args": {}},
    {"type": "martian.greeting", "text": "we come in peace"},
]
SAID_TEXTS = [json.dumps(said) for said in SAID]  # read again, they are copies, and quickly
WEIGHTS = [1 if said.get("code") in FATAL else 20 for said in SAID]
ODD_VALUES = [
    *(None, True, False, 0, -1, 2**70, 10**400, 1e308, 0.1, "", " ", "x" * 3000, "\x00\x1b[2J"),
    *("\ud800", "😀", [], {}, [[]], {"a": {"b": [1, None]}}, ["resp_1"], "%%%=", "interrupted"),
    *("resp_1", "call_1", "sess_2", "output.voice", "invalid_value", "at_capacity", "audio/pcmu"),
    *(PROMPT, KEY, [KEY] * 3, {"name": 7, "http": 7}, [{"name": "get_time", "http": {}}]),
]
ODD_TEXTS = ["NaN", "1e999", "[" * 2000, "{" * 50, '"\\ud800"', "\\u0000", "\ufeff", '"', "}", ","]
REPLIES_WORDS = "".join(sorted({char for said in SAID for char in json.dumps(said)}))
FACTS = (
    AgentReady,
    SessionEnded,
    SpeechStarted,
    SpeechStopped,
    ReplyStarted,
    ReplyDone,
    UpdateRefused,
)


def mutated(random):
    """One server message, changed in structure, in text, or not at all."""
    said = json.loads(*random.choices(SAID_TEXTS, WEIGHTS))
    for _ in range(random.choice((0, 1, 1, 2))):
        holder = said
        key = random.choice(list(holder))
        while isinstance(holder[key], dict) and holder[key] and random.random() < 0.7:
            holder = holder[key]
            key = random.choice(list(holder))
        if random.random() < 0.2:
            del holder[key]
            if not said:
                break
        else:
            holder[random.choice((key, key, "text", "reply_id"))] = copy.deepcopy(
                random.choice(ODD_VALUES)
            )
    text = json.dumps(said, ensure_ascii=random.random() < 0.5)
    for name in ("resp_", "call_", "msg_"):
        text = text.replace(f"{name}1", f"{name}{random.randrange(40)}")
    for _ in range(random.choice((0, 0, 0, 0, 0, 1, 2))):
        start = random.randrange(len(text) + 1)
        end = min(len(text), start + random.choice((0, 1, 1, 5, 40)))
        odd = random.choice((*ODD_TEXTS, random.choice(REPLIES_WORDS), "", text[start:end] * 2))
        text = text[:start] + odd + text[end:]
    if random.random() < 0.02:
        return text.encode("utf-8", "surrogatepass")
    return text


class PromiseKeeper:
    """One link under fuzz, and what it must never do."""

    def __init__(self, agent, resume_key):
        self.link = AgentLink(agent, resume_key)
        self.link.codec.greet()
        self.replies: Counter[str] = Counter()
        self.interrupted: set[str] = set()
        self.open_calls: list[str] = []
        self.answered: Counter[str] = Counter()
        self.session_ids: list[str | None] = []

    def take(self, items):
        for item in items:
            match item:
                case ReplyAudio(reply_id, payload):
                    assert payload
                    assert self.replies[reply_id] == 1
                    assert reply_id not in self.interrupted
                    assert self.link.codec.downlink.rate_hz == 8_000 or len(payload) % 2 == 0
                case ReplyStarted(reply_id):
                    self.replies[reply_id] += 1
                    assert self.replies[reply_id] == 1
                case ReplyDone(reply_id, interrupted):
                    assert self.replies[reply_id] == 1
                    assert reply_id not in self.interrupted
                    if interrupted:
                        self.interrupted.add(reply_id)
                case ToolCalled(call_id):
                    self.open_calls.append(call_id)
                case Caption(speaker, text):
                    text.encode()
                    assert speaker in {"user", "agent"}
                case Notice(_, text):
                    assert text.isprintable()
                    assert KEY not in text
                    assert "very secret robot" not in text
                case Send(message):
                    body = json.loads(message)
                    assert body["type"] in {"tool.result", "session.update"}
                    if body["type"] == "tool.result":
                        self.answered[body["call_id"]] += 1
                        assert self.answered[body["call_id"]] == 1
                case AgentReady(session_id):
                    self.session_ids.append(session_id)
                    assert len(self.session_ids) == 1
                case _:
                    assert isinstance(item, FACTS)

    def poke(self, random):
        """Do now and then what the runtime does."""
        link, choice = self.link, random.random()
        link.now_s += random.choice((0.0, 0.01, 0.5))
        if self.open_calls and choice < 0.2:
            self.take(link.result(self.open_calls.pop(), '"ok"'))
        elif choice < 0.05:
            changed = settings({**SESSION, "system_prompt": PROMPT * random.randrange(3)})
            assert all(json.loads(one) for one in link.codec.update(changed))
        due_s = link.codec.due_s()
        if due_s is not None and due_s <= link.now_s:
            self.take(link.codec.advance(link.now_s))
            assert link.codec.due_s() != due_s

    def end(self, ending, random):
        """Close the link that `ending` ended; unless the session was over, it says the same."""
        try:
            again = self.link.codec.closed(random.choice((1008, 1011, None)), "gone")
        except LinkError as exc:
            again = exc
        assert again is ending or isinstance(again, SessionEnded)
        for said in (str(ending), str(self.link.codec.support())):
            assert KEY not in said
            assert "very secret robot" not in said


@pytest.mark.uncovered
def test_no_message_breaks_a_link_or_its_promises():
    random = Random(20260901)
    agent = AssemblyAi(settings(SESSION, tools=TOOLS))
    keeper = PromiseKeeper(agent, None)
    endings: Counter[str] = Counter()
    for _ in range(MESSAGES):
        message = mutated(random)
        try:
            keeper.take(keeper.link.codec.receive(message, keeper.link.now_s))
            keeper.poke(random)
        except LinkError as exc:
            endings[type(exc).__name__] += 1
            keeper.end(exc, random)
        else:
            if random.random() < 0.99:
                continue
        agent.update(settings(SESSION, tools=TOOLS))
        keeper = PromiseKeeper(agent, random.choice((None, "sess_1")))
    assert set(endings) == {"LinkError", "LinkRejected", "Redial", "ResumeRefused", "AgentBusy"}
