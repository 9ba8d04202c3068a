"""The program that brings tokens is run as every other program of the owner's."""

import json
import logging
import sys

import pytest

from tests.wire.programs import program_service
from voiced.agents.codec import HttpAnswer, HttpCall, ProgramCall
from voiced.errors import LinkError
from voiced.tools.declared.program_client import VARIABLE
from voiced.tools.declared.token_program import DialCalls

pytestmark = pytest.mark.real_time


async def http(call):
    return HttpAnswer(204, call.url.encode())


async def asked(*argv):
    return await DialCalls(http)(ProgramCall(tuple(map(str, argv))))


def printing(text, code=0):
    return sys.executable, "-c", f"import sys; print({text!r}); sys.exit({code})"


async def test_what_goes_over_the_network_goes_there():
    assert await DialCalls(http)(HttpCall("GET", "https://x.test/")) == HttpAnswer(
        204, b"https://x.test/"
    )


@pytest.mark.parametrize(
    ("printed", "body"), [("abc", b"abc"), ('{"token": "abc"}', b'{"token": "abc"}'), ("5", b"5")]
)
async def test_what_the_program_prints_is_the_answer_and_is_not_logged(printed, body, caplog):
    caplog.set_level(logging.DEBUG)
    assert await asked(*printing(printed)) == HttpAnswer(200, body)
    assert "abc" not in caplog.text


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (printing("sekrit", 3), "no token: The program behind agent.token failed with exit code 3"),
        (["/nonexistent/x"], "no token: The program behind agent.token cannot be started"),
        (printing("x" * 70_000), "no token: The program behind agent.token said more than"),
        (
            printing('"sekrit' + chr(92) + 'ud800"'),
            "no token: the program behind agent.token printed half a character",
        ),
    ],
    ids=["fails", "absent", "endless", "a lone surrogate"],
)
async def test_a_program_that_brings_none_is_told_of_clearly(argv, said):
    with pytest.raises(LinkError) as caught:
        await asked(*argv)
    assert type(caught.value) is LinkError
    assert str(caught.value).startswith(said)
    assert "sekrit" not in str(caught.value)


async def test_where_the_daemon_may_start_no_program_the_service_runs_what_its_own_file_says(
    tmp_path, monkeypatch
):
    sign = tmp_path / "sign"
    text = json.dumps({"agent": {"token": {"command": printing("mine")}}})
    async with program_service(tmp_path, text) as it:
        monkeypatch.setenv(VARIABLE, str(it.socket))
        assert await asked("/usr/bin/touch", sign) == HttpAnswer(200, b"mine")
        for other in ({}, {"token": {"url": "https://x.test"}}, {"token": {"command": ["x"]}}):
            it.file.write_text(json.dumps({"agent": other}))
            with pytest.raises(LinkError, match=r"declares agent\.token\.command$"):
                await asked("/usr/bin/touch", sign)
        it.file.write_text("version: [")
        with pytest.raises(LinkError, match="No settings file"):
            await asked("/usr/bin/touch", sign)
    with pytest.raises(LinkError, match=r"agent\.token cannot be started$"):
        await asked("/usr/bin/touch", sign)
    assert not sign.exists()
