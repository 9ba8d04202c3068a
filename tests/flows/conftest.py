"""Every flow runs with every agent that can do what it is about.

`needs(...)` names what a flow is about beyond talking; `about(PROTOCOL)` marks one that tells how a
certain protocol behaves.
"""

import pytest

from tests.flows import house

CAN = {
    "assemblyai": {"resume", "tools", "captions", "turns", "session", "token", "burst"},
    "workbuddy": set(),
}
"""What an agent can do besides talking: resume a session, call tools, write down what is said, tell
whose turn it is, be set up by the client, be reached with a key alone or with a token, take sound
faster than real time."""


def pytest_generate_tests(metafunc):
    wanted = {name for mark in metafunc.definition.iter_markers("needs") for name in mark.args}
    named = {name for mark in metafunc.definition.iter_markers("about") for name in mark.args}
    able = [
        name
        for name, abilities in CAN.items()
        if wanted <= abilities and (not named or name in named)
    ]
    assert able, "no agent can do this"
    metafunc.parametrize("protocol", able, indirect=True)


@pytest.fixture(autouse=True)
def protocol(request):
    house.protocol = request.param
    return request.param
