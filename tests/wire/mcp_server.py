"""A real MCP server, made with the SDK: `python -m tests.wire.mcp_server [PORT [TOKEN]]`.

With a port it is at http://127.0.0.1:PORT/mcp, and wants TOKEN as a bearer if there is one; without
it speaks through its standard streams.
"""

import asyncio
import os
import sys
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

it = MCPServer("kitchen")


@it.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@it.tool()
def lamp(name: str) -> str:
    """Tell about a lamp."""
    if name != "ceiling":
        raise ToolError(f"there is no lamp called {name}")
    return '{"lamp": "on"}'


@it.tool()
async def slow(seconds: float) -> str:
    """Take a while; note when nobody waits any more."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        if "NOTES" in os.environ:
            with open(os.environ["NOTES"], "a") as file:  # noqa: PTH123, ASYNC230
                file.write("cancelled\n")
        raise
    return "done"


@it.tool()
def picture() -> Image:
    """Return something nobody can hear."""
    return Image(data=b"\x89PNG", format="png")


@it.tool()
def surroundings() -> dict[str, str]:
    """Return the environment."""
    return dict(os.environ)


@it.tool(structured_output=False)
def huge(n_bytes: int) -> str:
    """Return much."""
    return "x" * n_bytes


@it.tool()
def many(n_lists: int) -> dict[str, list[list[int]]]:
    """Return much that is empty."""
    return {"lists": [[]] * n_lists}


@it.tool()
def identity() -> int:
    """Return who this is."""
    return os.getpid()


@it.tool()
def along(ctx: Context) -> dict[str, Any]:
    """Return what was sent along."""
    return dict(ctx.request_context.meta or {})


@it.tool()
async def move(ctx: Context) -> str:
    """Go to another room: the prompt is another one then."""
    rooms.append("hall")
    await ctx.session.send_prompt_list_changed()
    return "moved"


rooms = ["kitchen"]


@it.prompt(name="Home")
def home(ctx: Context) -> str:
    """Tell the agent about the home."""
    return (
        f"The lamp hangs in the {rooms[-1]}. Sent along: {sorted(ctx.request_context.meta or {})}"
    )


@it.tool()
async def grow(ctx: Context) -> str:
    """Learn another thing."""
    it.add_tool(add, name="plus", description="Another name for it.")
    await ctx.session.send_tool_list_changed()
    return "grown"


def guarded(app, token):
    n_refused = 0

    async def guard(scope, receive, send):
        nonlocal n_refused
        if scope["type"] == "http" and scope["path"] == "/refused":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"%d" % n_refused})
        elif (
            scope["type"] == "http"
            and (b"authorization", b"Bearer " + token) not in scope["headers"]
        ):
            n_refused += 1
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b"who are you?"})
        else:
            await app(scope, receive, send)

    return guard


def main():
    if len(sys.argv) == 1:
        it.run()
        return
    app = it.streamable_http_app(json_response="json" in sys.argv[3:])
    if len(sys.argv) > 2:
        app = guarded(app, sys.argv[2].encode())
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")


if __name__ == "__main__":
    main()
