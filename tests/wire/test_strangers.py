"""Every route of every server of ours, and whatever strangers send there: a 4xx or a close, and no line in the log."""

import asyncio
import gc
import logging
import ssl
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.ports import free_port
from tests.whole import until
from tests.wire import strangers
from tests.wire.afar import kiosk
from tests.wire.peers import abort
from voiced.api.access import AccessPolicy
from voiced.api.captions import Subtitles
from voiced.api.certificate import Certificate
from voiced.api.health import Monitor
from voiced.api.http_server import Address
from voiced.api.kiosk import Kiosk, Permits
from voiced.api.metrics import Metrics, Reading

pytestmark = pytest.mark.real_time

NAMES = ("page.test",)
TOKEN = "sesame"
COOKIE = {"Cookie": f"voiced={TOKEN}"}
AT_A_TIME = 6


class Server:
    """One of ours: where it is, and what can be asked there."""

    def __init__(self, routes, host, connect, *, is_foreign_refused=True):
        self.routes, self.host, self.connect = [*routes], host, connect
        self.is_foreign_refused = is_foreign_refused


async def listening(port):
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            await asyncio.sleep(0.01)
        else:
            abort(writer)
            return


@asynccontextmanager
async def servers(folder, authority):
    """Run a daemon and its three servers; the page and the figures let in who shows the token only."""
    authority.serving("page")
    certificate = Certificate(authority.folder / "page.pem", authority.folder / "page.key", "k.c")
    async with kiosk(folder) as it, it.running():
        refusals = it.following.services.refusals
        control, ports = it.following.control, [free_port() for _ in range(3)]

        def page(port, certificate=None):
            return Kiosk(
                Address("127.0.0.1", port, "kiosk.listen", certificate),
                AccessPolicy(port, NAMES, TOKEN),
                control,
                Subtitles(it.runtime.playout.heard_ms),
                Permits(lambda _: True, it.following.services.overrides),
                refusals,
            )

        figures = Monitor(
            Address("127.0.0.1", ports[1], "metrics.listen"),
            AccessPolicy(ports[1], NAMES, TOKEN),
            control,
            Metrics(lambda: Reading(refused=refusals.counts)),
            refusals,
        )
        plain, secret = page(ports[0]), page(ports[2], certificate)
        running = [asyncio.create_task(each.run()) for each in (plain, figures, secret)]
        control = it.folder / "control.sock"
        trusting = ssl.create_default_context(cafile=authority.ca_file)

        def to(port, **options):
            return lambda: asyncio.open_connection("127.0.0.1", port, **options)

        for port in ports:
            await listening(port)
        asked = next(each for each in it.following.background if hasattr(each, "routes"))
        yield (
            it,
            refusals,
            {
                "page": Server(plain.routes, f"127.0.0.1:{ports[0]}", to(ports[0])),
                "figures": Server(figures.routes, f"127.0.0.1:{ports[1]}", to(ports[1])),
                "control": Server(
                    asked.routes,
                    "localhost",
                    lambda: asyncio.open_unix_connection(control),
                    is_foreign_refused=False,
                ),
                "page over TLS": Server(
                    secret.routes,
                    f"127.0.0.1:{ports[2]}",
                    to(ports[2], ssl=trusting, server_hostname="localhost"),
                ),
            },
        )
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture
def journal(caplog):
    """What the journal would get meanwhile, but for what a stand-in agent in this process says."""
    caplog.set_level(logging.INFO)
    begin = len(caplog.records)

    def lines():
        gc.collect()  # asyncio complains of what is forgotten
        return [each for each in caplog.records[begin:] if not each.name.startswith("websockets")]

    return lines


def cases(name, server):
    """Yield what strangers send to every route: whole, and whether it must be refused; and broken off."""
    routes = ["GET /live", "POST /enter"] if name == "page over TLS" else server.routes
    for n_route, route in enumerate(routes):
        method, path = route.split()
        is_foreign = server.is_foreign_refused
        for as_method, step in ((method, 1), (("PUT", "HEAD", "x", "OPTIONS")[n_route % 4], 3)):
            every = strangers.requests(as_method, path, server.host, is_foreign_refused=is_foreign)
            for sent, must in [*every][n_route % step :: step]:
                if must or name != "control":  # what is well-formed there is obeyed
                    yield sent, must
        for sent in strangers.aborted(method, path, server.host):
            if name != "control" or not sent.endswith(b"\r\n\r\n"):
                yield sent, None
    for rubbish in strangers.RUBBISH:  # last, and so sent first: some of it is waited for
        yield rubbish, False


async def tried(server, sent, must, n):
    """Send; return what is wrong with the answer, if something is."""
    if must is None:
        await strangers.break_off(server.connect, sent, resets=n % 2 == 0)
        return None
    status = await strangers.answer(server.connect, sent)
    fits = status == 0 or 400 <= status < 500 or (not must and status < 500)
    return None if fits else (sent[:120], status)


async def test_nothing_that_strangers_send_is_served_or_logged(
    tmp_path, authority, journal, measured
):
    async with servers(tmp_path, authority) as (_, refusals, found):
        loop = asyncio.get_running_loop()
        began_s, wrong = loop.time(), []
        every = {name: [*enumerate(cases(name, server))] for name, server in found.items()}
        n_tried = {name: len(waiting) for name, waiting in every.items()}

        async def work(name):
            while every[name]:
                n, (sent, must) = every[name].pop()
                if (problem := await tried(found[name], sent, must, n)) is not None:
                    wrong.append((name, *problem))

        async with asyncio.TaskGroup() as group:
            for name in [*found] * AT_A_TIME:
                group.create_task(work(name))
        lines = [each.getMessage() for each in journal()]
        assert wrong == []
        assert len(lines) <= 1 + (loop.time() - began_s) // 60, lines
        assert all(line.startswith("requests refused: ") for line in lines)
        assert {server for server, _ in refusals.counts} == {"kiosk", "metrics", "control"}
        assert not [each for each in refusals.counts if each[1] == "500"]
        each = ", ".join(f"{name} {n}" for name, n in n_tried.items())
        measured(
            f"malformed requests of strangers: {sum(n_tried.values())} ({each}), of which "
            f"{refusals.counts.total()} counted, {len(lines)} lines in the log"
        )


async def test_no_message_of_a_page_ends_it_or_is_logged(tmp_path, authority, journal, measured):
    async with servers(tmp_path, authority) as (it, _, found):
        url = f"http://{found['page'].host}"
        async with aiohttp.ClientSession(url, headers=COOKIE) as browser:
            for message in strangers.MESSAGES:
                async with browser.ws_connect("/live") as line:
                    await line.send_str(message)
                    kinds = set()
                    while "problem" not in kinds:
                        kinds.add((await line.receive_json())["type"])
                    await line.send_json({"do": "volume", "to": 30})
        assert it.runtime.volume == 30
        for sent in strangers.FRAMES:
            for server in (found["page"], found["page over TLS"]):
                reader, writer = await server.connect()
                writer.write(
                    f"GET /live HTTP/1.1\r\nHost: {server.host}\r\nCookie: voiced={TOKEN}\r\n"
                    f"{strangers.UPGRADE}{strangers.KEY}\r\n\r\n".encode()
                )
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
                writer.write(sent)
                if sent != strangers.FRAMES[-1]:  # the last one waits for more
                    async with asyncio.timeout(20):
                        while await reader.read(1000):
                            pass
                abort(writer)
        assert [
            each.getMessage() for each in journal() if "unmasked" not in each.getMessage()
        ] == []
        measured(
            f"messages and frames that are no order: "
            f"{len(strangers.MESSAGES)} and {2 * len(strangers.FRAMES)}"
        )


async def test_with_every_place_taken_the_token_and_the_control_socket_still_open(
    tmp_path, authority
):
    async with servers(tmp_path, authority) as (_, refusals, found):
        page = found["page"]
        waiting = [await page.connect() for _ in range(100)]
        body = f"POST /enter HTTP/1.1\r\nHost: {page.host}\r\nContent-Length: 10\r\n\r\n"
        for _, writer in waiting:
            writer.write(body.encode())
        await until(lambda: refusals.counts["kiosk", "crowded"] >= 100 - 64)
        async with aiohttp.ClientSession(f"http://{page.host}", headers=COOKIE) as browser:
            assert (await browser.get("/")).status == 200
            async with browser.ws_connect("/live") as line:
                assert (await line.receive_json())["type"] == "sight"
        for _, writer in waiting:
            abort(writer)
        control, counts, watching = found["control"], refusals.counts, []
        for _ in range(40):
            watching.append(await control.connect())
            watching[-1][1].write(b"GET /events HTTP/1.1\r\nHost: h\r\n\r\n")
            await asyncio.sleep(0.005)  # asyncio takes a full queue for a connection
        # Who was refused may have to make way as well, before the connection is closed.
        await until(lambda: sum(counts["control", why] for why in ("503", "crowded")) >= 40 - 16)
        assert (
            await strangers.answer(control.connect, b"GET /status HTTP/1.1\r\nHost: h\r\n\r\n")
            == 200
        )
        for _, writer in watching:
            abort(writer)
