"""Web services that the agent may ask: good ones, and those that one hopes not to meet."""

import asyncio
import json
import logging
import time

import pytest
from aiohttp import web

from tests.ports import free_port
from tests.unit.config.samples import examined
from tests.wire.peers import answering, inet, leaving_nothing, resolver_of, tcp_server
from voiced.assembly.factory import catalogue
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.resolver import Resolver
from voiced.errors import ToolError
from voiced.tools.declared.http import HttpTool

pytestmark = pytest.mark.real_time

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 3}},
    "required": ["city"],
}


def tool(url, *, resolver=None, ca_file=None, **more):
    declared = {"description": "d", "url": url, "timeout_s": 5, "parameters": CITY, **more}
    written = json.dumps({"agent": {"url": "ws://localhost"}, "http_tools": {"look_up": declared}})
    section = examined(written, catalogue()).draft.http_tools["look_up"]
    return HttpTool("look_up", section, LinkOptions(ca_file=ca_file), resolver or Resolver())


async def answer(made, city="Rome"):
    async with leaving_nothing():
        return await made.call({"city": city}, None)


async def refusal(made, city="Rome"):
    with pytest.raises(ToolError) as error:
        await answer(made, city)
    return str(error.value).removeprefix("The service behind look_up ")


def said(body, kind="application/json", status=200):
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return answering(head.encode() + body)


class Service:
    """A web service that notes what it is asked."""

    def __init__(self):
        self.asked = []

    async def __aenter__(self):
        application = web.Application()
        application.router.add_route("*", "/{rest:.*}", self._note)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _note(self, request):
        text = await request.text()
        self.asked.append((request.method, request.raw_path, dict(request.headers), text))
        return web.json_response(
            {"temperature": [20, 21], "path": request.path, "query": dict(request.query)}
        )


async def test_the_answer_is_what_the_pointer_leads_to():
    async with Service() as service:
        made = tool(
            f"http://127.0.0.1:{service.port}/a/{{city}}?d={{days}}", response="/temperature/1"
        )
        assert await answer(made) == 21
    [(method, path, headers, text)] = service.asked
    assert (method, path, text) == ("GET", "/a/Rome?d=3", "")
    assert "Authorization" not in headers


HOSTILE = [
    *("a/b", "a?b=c", "a#b", "a&b=c", "a;b", "a%2Fb", "%2e%2e%2f", "\r\nX-Evil: 1", "a b", "a+b"),
    *("é", "\u202e", "{days}", "{{days}}", "\x00", "'; drop table x; --", "https://evil.test/"),
    *("$(reboot)", '"}, "admin": true, {"', "@evil.test", ":1@evil.test", "\\\\evil", "~", "*"),
]


@pytest.mark.parametrize("city", HOSTILE, ids=ascii)
async def test_whatever_the_agent_sends_arrives_as_that_one_value_or_not_at_all(city):
    async with Service() as service:
        url = f"http://127.0.0.1:{service.port}/a/{{city}}/z?q={{city}}&r=1"
        made = tool(
            url, method="POST", json={"where": "{city}", "text": "in {city}!", "n": "{days}"}
        )
        try:
            got = await answer(made, city)
        except ToolError:
            assert service.asked == []
            return
    [(_, raw_path, headers, text)] = service.asked
    assert got["path"] == f"/a/{city}/z"
    assert raw_path.partition("?")[0].count("/") == 3
    assert got["query"] == {"q": city, "r": "1"}
    assert json.loads(text) == {"where": city, "text": f"in {city}!", "n": 3}
    assert "X-Evil" not in headers
    assert headers["Content-Type"] == "application/json"


async def test_a_secret_travels_in_its_header_and_nowhere_else(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    key = tmp_path / "key"
    key.write_text("sekrit1\n")
    async with Service() as service:
        headers = {"Authorization": {"prefix": "Bearer ", "file": str(key)}, "Accept": "text/plain"}
        made = tool(f"http://127.0.0.1:{service.port}/{{city}}", headers=headers)
        found = await answer(made)
        key.write_text("sekrit2\n")
        await answer(made)
    sent = [headers["Authorization"] for _, _, headers, _ in service.asked]
    assert sent == ["Bearer sekrit1", "Bearer sekrit2"]
    assert service.asked[0][2]["Accept"] == "text/plain"
    assert "sekrit" not in f"{found}{made.spec}{caplog.text}"


async def test_a_secret_that_is_not_there_is_a_sentence_and_nobody_is_asked(tmp_path):
    async with Service() as service:
        headers = {"X-Key": {"file": str(tmp_path / "none")}}
        made = tool(f"http://127.0.0.1:{service.port}/", headers=headers)
        assert await refusal(made) == "wants a key that this device does not have."
    assert service.asked == []


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        (b'{"a": [1, null]}', "application/json", {"a": [1, None]}),
        (b'{"a": 1}', "text/plain", {"a": 1}),
        (b"\xef\xbb\xbf[1]", "application/json; charset=utf-8", [1]),
        (b"sunny, 20 degrees\n", "text/plain", "sunny, 20 degrees"),
        (b"", "text/plain", {"ok": True}),
        (b"NaN", "text/plain", "NaN"),
        (b"NaN", "application/json", None),
        (b'{"a": NaN, "b": [-Infinity, 1e999], "c": 1}', "application/json", {"a": None, "b": [None, None], "c": 1}),
        (b'{"a": NaN}', "text/plain", {"a": None}),
        ("20 °C".encode("latin-1"), "text/plain; charset=ISO-8859-1", "20 °C"),
        (b"20 \x80", "text/plain; charset=latin1", "20 €"),
        ('{"a": "Zürich"}'.encode("latin-1"), 'application/json; Charset="iso-8859-1"', {"a": "Zürich"}),
        ("Zürich".encode(), "text/plain; charset=iso-8859-1", "Zürich"),
        ("Łódź".encode("iso-8859-2"), "text/plain; charset=iso-8859-2", "Łódź"),
        ("20 °C".encode("utf-16"), "text/plain; charset=utf-16", "20 °C"),
        ("天気".encode("shift_jis"), "text/plain;charset=Shift_JIS", "天気"),
    ],
    ids=ascii,
)  # fmt: skip
async def test_json_is_understood_and_text_is_passed_on(body, kind, value):
    async with said(body, kind) as port:
        assert await answer(tool(f"http://127.0.0.1:{port}/")) == value


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (b'{"a": ', "application/json", "sent a broken answer."),
        (b'{"a": nan}', "application/json", "sent a broken answer."),
        (b"[" * 60_000, "application/json", "sent a broken answer."),
        (b"<html>log in</html>", "application/json", "sent a broken answer."),
        (b"\x89PNG\r\n\x1a\n\xff", "image/png", "answered with something that is not text."),
        (b"a\x07b", "text/plain", "answered with something that is not text."),
        (b"\x1f\x8b\x08\x00", "text/plain", "answered with something that is not text."),
        *(
            (b"20 \xb0", f"text/plain; charset={name}", "answered with something that is not text.")
            for name in ("utf-8", "us-asci", "punycode", "rot13", "zip", "unicode_escape", "x" * 99)
        ),
        (b"\x00", "text/plain; charset=utf-16", "answered with something that is not text."),
        (b"x" * 65_537, "text/plain", "sent more than can be read out."),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_an_answer_that_cannot_be_used_is_told_of_in_a_sentence(body, kind, sentence):
    async with said(body, kind) as port:
        assert await refusal(tool(f"http://127.0.0.1:{port}/")) == sentence


async def test_an_answer_without_what_was_asked_for_is_told_of_in_a_sentence():
    for body in (b'{"a": 1}', b"[]", b"7", b"text"):
        async with said(body, "text/plain") as port:
            made = tool(f"http://127.0.0.1:{port}/", response="/current/temp")
            assert await refusal(made) == "did not return what was asked for."


@pytest.mark.parametrize("status", [401, 403, 407, 500, 503])
async def test_an_error_that_is_not_the_agents_is_told_by_its_number_alone(status):
    async with said(b"sekrit", "text/plain", status) as port:
        assert (
            await refusal(tool(f"http://127.0.0.1:{port}/"))
            == f"answered with an error ({status})."
        )


WHY = b'{"detail": [{"loc": ["query", "days"],\n "msg": "Input should be at most 16"}]}'


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (422, WHY, "application/json", f": {' '.join(WHY.decode().split())}"),
        (400, b"Unknown city.\r\n", "text/plain", ": Unknown city."),
        (404, "Kein Ort für \u202e\x1b[2J".encode(), "text/plain", ": Kein Ort für [2J"),
        (409, "schon belegt: Küche".encode("latin-1"), "text/plain; charset=latin1", ": schon belegt: Küche"),
        (429, b"x" * 5000, "text/plain", f": {'x' * 299}…"),
        (422, b"<html><body>No</body></html>", "text/html", ""),
        (422, b"<?xml version='1.0'?>", "text/plain", ""),
        (422, b"", "text/plain", ""),
        (422, b"\x89PNG\xff", "image/png", ""),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
async def test_why_a_service_refuses_reaches_the_agent(status, body, kind, reason):
    async with said(body, kind, status) as port:
        told = await refusal(tool(f"http://127.0.0.1:{port}/"))
    assert told == f"answered with an error ({status}){reason}."


async def test_a_service_that_repeats_its_key_does_not_tell_it_to_the_agent(tmp_path):
    key = tmp_path / "key"
    key.write_text("sekrit-0123456789\n")
    headers = {"X-Key": {"prefix": "Token ", "file": str(key)}, "X-Plain": "kitchen"}
    async with said(
        b"no such zone for Token sekrit-0123456789 in kitchen", "text/plain", 422
    ) as port:
        told = await refusal(tool(f"http://127.0.0.1:{port}/", headers=headers))
    assert told == "answered with an error (422): no such zone for Token *** in kitchen."


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status):
    async with Service() as elsewhere:
        to = f"http://127.0.0.1:{elsewhere.port}/"
        head = f"HTTP/1.1 {status} X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
        async with answering(head) as port:
            assert await refusal(tool(f"http://127.0.0.1:{port}/")) == f"has moved ({status})."
    assert elsewhere.asked == []


async def silent(reader, writer):
    await reader.read()


async def dripping(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


async def endless(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        await writer.drain()


async def babbling(reader, writer):
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await writer.drain()


async def cutting(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    await writer.drain()


@pytest.mark.parametrize(
    ("talk", "sentence"),
    [
        (silent, "did not answer in time."),
        (dripping, "did not answer in time."),
        (endless, "sent more than can be read out."),
        (babbling, "cannot be reached."),
        (cutting, "cannot be reached."),
    ],
)
async def test_a_service_that_misbehaves_costs_its_time_and_no_more(talk, sentence):
    began = time.monotonic()
    async with tcp_server(talk) as port:
        made = tool(f"http://127.0.0.1:{port}/{{city}}", timeout_s=1)
        assert await refusal(made) == sentence
    assert time.monotonic() - began < 4


async def test_a_service_that_is_not_there_is_told_of_without_its_address(caplog):
    caplog.set_level(logging.DEBUG, "voiced")
    port = free_port()
    assert (
        await refusal(tool(f"http://127.0.0.1:{port}/{{city}}?k=v"), "Atlantis")
        == "cannot be reached."
    )
    lines = [each.getMessage() for each in caplog.records if each.name.startswith("voiced")]
    assert lines == [
        f"tool look_up: 127.0.0.1:{port} refused the connection; nothing listens there"
    ]


async def test_a_call_that_is_cancelled_leaves_no_socket_behind():
    async with tcp_server(silent) as port, leaving_nothing():
        task = asyncio.ensure_future(tool(f"http://127.0.0.1:{port}/").call({"city": "a"}, None))
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def test_a_stranger_with_the_right_name_is_not_asked(authority, serving):
    requests = []

    async def talk(reader, writer):
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n42")
        await writer.drain()

    async with tcp_server(talk, ssl=serving) as port:
        url, names = f"https://agent.test:{port}/{{city}}", resolver_of(inet(port))
        assert await refusal(tool(url, resolver=names)) == "cannot be reached."
        assert requests == []
        assert await answer(tool(url, resolver=names, ca_file=str(authority.ca_file))) == 42


async def test_what_the_agent_is_told_holds_no_address_and_no_header():
    made = tool(
        "https://h.test/x/{city}",
        headers={"X-Key": {"file": "/etc/key"}},
        say_while_waiting="One moment.",
        timeout_s=10,
    )
    spec = made.spec
    assert spec.description == 'd Before you call it, say: "One moment."'
    assert (spec.name, spec.timeout_s, spec.execution_mode) == ("look_up", 13, "interactive")
    assert spec.parameters["properties"] == CITY["properties"]
    assert "h.test" not in str(spec)
    assert "key" not in str(spec).lower()
    assert tool("https://h.test/", execution_mode="hold").spec.execution_mode == "hold"
