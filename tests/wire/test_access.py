"""Who a visitor of the page is: the device's own screen, who has the link, and who comes through a proxy."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from itertools import product

import aiohttp
import pytest

from tests.whole import until
from tests.wire.peers import abort
from tests.wire.screen import Live, screen
from tests.wire.test_device_control import voiced
from tests.wire.tls_proxy import web_proxy

pytestmark = pytest.mark.real_time

NAME = "kiosk.example.org"
PAGE = "kiosk: {{{{listen: '127.0.0.1:{port}'%s}}}}\n"
NAMED = PAGE % f", names: [{NAME}]"
TRUSTING = PAGE % f", names: [{NAME}], trusted_proxy: [127.0.0.2]"
FORWARDED = "X-Forwarded-For: {visitor}"


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))


def token(folder):
    return (folder / "state" / "kiosk.token").read_text().strip()


async def closed_with(url, **headers):
    """Return why the page shows nothing: a WebSocket's code or an HTTP status; None if it does."""
    async with aiohttp.ClientSession(headers=headers) as browser:
        try:
            async with browser.ws_connect(f"{url}/live") as line:
                message = await line.receive()
                return None if message.type is aiohttp.WSMsgType.TEXT else line.close_code
        except aiohttp.WSServerHandshakeError as error:
            return error.status


@asynccontextmanager
async def daemon(folder, monkeypatch, page):
    async with screen(folder, monkeypatch, page) as (it, _):
        yield it


@pytest.mark.parametrize("page", [NAMED, TRUSTING])
@pytest.mark.parametrize("header", [FORWARDED, "Forwarded: for={visitor};proto=https", None])
async def test_who_comes_through_a_proxy_on_this_device_needs_the_link(
    tmp_path, monkeypatch, page, header
):
    """As `kiosk_client.py` of the cases: whatever Host and Origin the proxy lets through."""
    async with (
        daemon(tmp_path, monkeypatch, page) as it,
        web_proxy(it.port, *([header] if header else []), address="127.0.0.2") as proxy,
    ):
        url = f"http://127.0.0.1:{proxy.port}"
        hosts = (NAME, f"{NAME}:8443", f"127.0.0.1:{it.port}")
        for host, origin in product(hosts, (None, f"https://{hosts[0]}", f"https://{hosts[1]}")):
            asked = {"Host": host} | ({} if origin is None else {"Origin": origin})
            shut = await closed_with(url, **asked)
            opened = await closed_with(url, **asked, Cookie=f"voiced={token(tmp_path)}")
            fits = origin is None or origin == f"https://{host}" or page == TRUSTING
            assert (shut, opened) == ((1008, None) if fits else (403, 403)), asked


async def test_captions_of_this_device_are_for_its_own_screen_only(tmp_path, monkeypatch):
    async with (
        daemon(tmp_path, monkeypatch, TRUSTING) as it,
        web_proxy(it.port, FORWARDED, address="127.0.0.2") as proxy,
        aiohttp.ClientSession(headers={"Cookie": f"voiced={token(tmp_path)}"}) as browser,
        browser.ws_connect(f"http://127.0.0.1:{proxy.port}/live", headers={"Host": NAME}) as line,
        aiohttp.ClientSession() as at_home,
        at_home.ws_connect(f"{it.here}/live") as own_line,
    ):
        seen, own = Live(line), Live(own_line)
        await it.converse()
        it.agent.service.sessions[-1].say("the weather is fine today")
        await until(lambda: own.captions and own.captions[-1]["final"])
        await seen.status("listening")
        assert seen.captions == []


async def test_wrong_tokens_of_one_visitor_do_not_lock_out_another(tmp_path, monkeypatch):
    async with (
        daemon(tmp_path, monkeypatch, TRUSTING) as it,
        web_proxy(it.port, FORWARDED, address="127.0.0.2") as proxy,
        aiohttp.ClientSession(headers={"Host": NAME}) as browser,
    ):

        async def enter(visitor, text):
            proxy.visitor = visitor
            return (await browser.post(f"http://127.0.0.1:{proxy.port}/enter", data=text)).status

        for neighbours in (("192.0.2.1",), ("2001:db8::1", "2001:db8::2", "2001:db8::3")):
            for n in range(7):
                status = await enter(neighbours[n % len(neighbours)], f"guess {n}")
                assert status == (403 if n < 5 else 429)
            assert await enter(neighbours[0], token(tmp_path)) == 429
        for other in ("192.0.2.2", "2001:db8:0:1::1"):
            assert await enter(other, token(tmp_path)) == 204


async def test_without_names_a_forwarded_request_is_not_this_device(tmp_path, monkeypatch):
    async with daemon(tmp_path, monkeypatch, PAGE % "") as it:
        assert await closed_with(it.here) is None
        for header in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "Via", "X-Real-IP"):
            assert await closed_with(it.here, **{header: "127.0.0.1"}) == 1008
        assert not (tmp_path / "state" / "kiosk.token").exists()


async def test_links_lead_through_the_proxy(tmp_path, monkeypatch, capsys):
    async with daemon(tmp_path, monkeypatch, TRUSTING):
        assert await voiced("kiosk", "--no-qr") == 0
        assert capsys.readouterr().out == f"https://{NAME}/#{token(tmp_path)}\n"


async def test_the_page_brings_its_own_certificate_and_a_new_one_counts_at_once(
    tmp_path, monkeypatch, authority, capsys
):
    files = {name: authority.folder / f"{name}.pem" for name in ("first", "second")}
    for name in files:
        authority.serving(name)
    page = (
        PAGE % f", names: [localhost], certificate: {tmp_path}/page.pem, key: {tmp_path}/page.key"
    )

    def put(name):
        for kind in ("key", "pem"):
            content = (authority.folder / f"{name}.{kind}").read_bytes()
            (tmp_path / f"page.{kind}").write_bytes(content)

    put("first")
    async with daemon(tmp_path, monkeypatch, page) as it:
        url = f"https://localhost:{it.port}"
        assert await voiced("kiosk", "--no-qr") == 0
        assert f"{url}/#{token(tmp_path)}" in capsys.readouterr().out
        for name in ("first", "second"):
            put(name)
            trusting = ssl.create_default_context(cafile=authority.ca_file)
            connector = aiohttp.TCPConnector(ssl=trusting)
            async with aiohttp.ClientSession(url, connector=connector) as browser:
                answer = await browser.post("/enter", data=token(tmp_path))
                assert answer.status == 204
                assert "; Secure" in answer.headers["Set-Cookie"]
            shown = ssl.PEM_cert_to_DER_cert(files[name].read_text())
            assert await peer_certificate(it.port, trusting) == shown


async def peer_certificate(port, trusting):
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trusting, server_hostname="localhost"
    )
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    abort(writer)
    return found
