"""One link to an AssemblyAI agent as the tests see it: what was sent, what it came to."""

import json
from base64 import b64encode

from voiced.agents.assemblyai import AssemblyAi
from voiced.agents.codec import AgentSettings, Notice, Send

URL = "wss://agents.example.com/v1/ws"
KEY = "key-0123456789abcdef"


def settings(session=None, **changes):
    return AgentSettings(**{"url": URL, "key": KEY, "session": session or {}, **changes})


def message(kind, **fields):
    return json.dumps({"type": kind, **fields})


def b64(payload):
    return b64encode(payload).decode()


class AgentLink:
    """A codec and a clock; `hear` is what the agent says, in the order of the test."""

    def __init__(self, agent=None, resume_key=None, **changes):
        self.agent = agent or AssemblyAi(settings(**changes))
        self.codec = self.agent.codec(resume_key)
        self.now_s = 100.0

    def hear(self, kind, **fields):
        return self.codec.receive(message(kind, **fields), self.now_s)

    def ready(self, session_id="sess_1", **fields):
        return self.hear("session.ready", session_id=session_id, **fields)

    def result(self, call_id, result='"ok"', is_error=False):
        return self.codec.return_tool(call_id, result, is_error=is_error, now_s=self.now_s)

    def dial(self):
        """Dial without any HTTP call."""
        try:
            next(self.codec.plan_dial(0.0))
        except StopIteration as done:
            return done.value
        raise AssertionError("an HTTP call was planned")


def events(items):
    return [item for item in items if not isinstance(item, Notice | Send)]


def notices(items):
    return [item for item in items if isinstance(item, Notice)]


def sent(items):
    """What a codec wants sent, decoded; takes items or messages."""
    messages = [item.message if isinstance(item, Send) else item for item in items]
    return [json.loads(one) for one in messages if isinstance(one, str)]
