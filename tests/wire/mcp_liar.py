"""An MCP server that does everything wrong, one thing at a time: `python mcp_liar.py LIE`."""

import json
import os
import signal
import subprocess
import sys
import time

SCHEMA = {"type": "object", "properties": {}}
LISTS = {
    "bad-schema": [
        {"name": "array", "inputSchema": {"type": "array"}},
        {"name": "no-schema", "inputSchema": {"type": "object", "properties": 7}},
        {"name": "large", "inputSchema": {**SCHEMA, "title": "x" * 20_000}},
        {"name": "good", "inputSchema": SCHEMA},
    ],
    "many": [{"name": f"tool {i}", "inputSchema": SCHEMA} for i in range(3000)],
    "talkative": [{"name": "n" * 500, "description": "d" * 500_000, "inputSchema": SCHEMA}],
}


ASKED = []
"""How often a prompt was asked for."""


def say(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(lie, request):
    method, number = request["method"], request["id"]
    if lie == "mute" or (lie == "deaf" and method == "tools/list"):
        return
    if method == "initialize":
        about = {
            "protocolVersion": request["params"]["protocolVersion"],
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "liar", "version": "1"},
        }
        say(id=number, result={"other": True} if lie == "other-shape" else about)
    elif method == "tools/list":
        tools = LISTS.get(lie, [{"name": "good", "inputSchema": SCHEMA}])
        again = {"nextCursor": "again"} if lie == "endless" else {}
        say(id=number, result={"tools": tools, **again})
    elif method.startswith("prompts/") and lie in {"fickle", "restless", "no-prompt"}:
        answer_about_prompts(lie, request)
    elif lie == "huge":
        say(id=number, result={"content": [{"type": "text", "text": "x" * 10_000_000}]})
    elif lie == "not-json":
        say(id=number, result={"content": 7})
    elif lie == "unknown-id":
        say(id=number + 1000, result={"content": []})
    else:
        say(id=number, result={"content": [{"type": "text", "text": "fine"}]})


def answer_about_prompts(lie, request):
    method, number = request["method"], request["id"]
    if method == "prompts/list":
        say(id=number, result={"prompts": [{"name": "Home"}]})
        return
    ASKED.append(method)
    text = "There is a lamp." if lie == "fickle" else f"It is {time.monotonic()}."
    message = {"role": "user", "content": {"type": "text", "text": text}}
    if lie == "restless" or (lie == "fickle" and len(ASKED) % 3 == 1):
        say(id=number, result={"messages": [message]})
    elif lie == "fickle" and len(ASKED) % 3 == 2:
        say(id=number, error={"code": -32603, "message": "Not now."})
    if lie == "restless":
        say(method="notifications/prompts/list_changed")


HEAVY = """
import mmap, sys, time
memory = mmap.mmap(-1, 1 << 26)
memory.madvise(mmap.MADV_NOHUGEPAGE)
for at in range(0, len(memory), mmap.PAGESIZE):
    memory[at] = 1
print("here", flush=True)
time.sleep(600)
"""
"""A killed process gives its memory back before it is gone: that takes some 10 ms here, more where
others are before it, and must take less than it is waited for."""


def child_of(lie):
    if lie == "heavy":  # it does not have our output, either
        child = subprocess.Popen([sys.executable, "-c", HEAVY], stdout=subprocess.PIPE)
        child.stdout.readline()
        return child
    idle = [sys.executable, "-c", "import time; time.sleep(600)"]
    return subprocess.Popen(idle, start_new_session=lie in {"leaving", "parting"})


STUBBORN = ("stubborn", "heavy", "leaving")
PARENTS = (*STUBBORN, "parting")


def main():
    lie = sys.argv[1]
    if lie in STUBBORN:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if lie in PARENTS:
        child = child_of(lie)
        with open(sys.argv[2], "w") as file:  # noqa: PTH123
            file.write(f"{os.getpid()} {child.pid}")
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            answer(lie, message)
        while lie == "asking" and message["method"] == "tools/list":
            say(id="x" * 3000, method="ping")
        if lie == "flood" and message["method"] == "tools/list":
            changed = json.dumps({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            while True:
                sys.stdout.write(f"{changed}\n" * 1000 + "y" * 3_000_000 + "\n")
                sys.stdout.flush()
    while lie in STUBBORN:
        time.sleep(600)


if __name__ == "__main__":
    main()
