"""Nothing that hangs on a thread may hold up the end of the process."""

import ast

import pytest

from tests.house.repository import modules, place

LOOKUPS = {
    *(
        "getaddrinfo",
        "gethostbyname",
        "gethostbyname_ex",
        "gethostbyaddr",
        "getnameinfo",
        "getfqdn",
    ),
    *("open_connection", "create_connection", "create_datagram_endpoint", "sock_connect"),
    *("ThreadedResolver", "AsyncResolver", "DefaultResolver"),
}
"""What looks up names by itself, on the thread that calls it or on one that the loop waits for."""

LOOPS = {"run", "Runner", "new_event_loop", "SelectorEventLoop"}
WAITED_FOR = {"ThreadPoolExecutor", "ProcessPoolExecutor"}

ALLOWED = {
    "daemon/voiced/devices/network/resolver.py": {
        "getaddrinfo"
    },  # its own thread, and numeric ones
    "daemon/voiced/doctor/network.py": {"open_connection"},  # to an address that was looked up
    "daemon/voiced/lib/event_loop.py": {"Runner", "new_event_loop", "ThreadPoolExecutor"},
    "daemon/voiced/tools/mcp/worker_thread.py": {"Runner"},  # of a loop by event_loop
}


def names_used(path):
    """Every attribute and name of a module that is called, inherited from or passed on."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in LOOKUPS | WAITED_FOR or (owner == "asyncio" and node.attr in LOOPS):
                yield node.attr
        elif isinstance(node, ast.Name) and node.id in LOOKUPS | WAITED_FOR:
            yield node.id


@pytest.mark.parametrize("path", modules("daemon/voiced"), ids=place)
def test_names_are_looked_up_and_loops_are_made_in_one_place(path):
    assert {*names_used(path)} == ALLOWED.get(place(path), set())


def test_what_is_forbidden_is_found(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import asyncio, socket\n"
        "found = asyncio.to_thread(socket.getaddrinfo, 'name', 1)\n"
        "class Pool(ThreadPoolExecutor): pass\n"
        "asyncio.run(main())\n"
    )
    assert {*names_used(wrong)} == {"getaddrinfo", "ThreadPoolExecutor", "run"}
