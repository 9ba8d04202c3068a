"""Settings asked of a server (remote.py): when, how, and what is made of its answers."""

import asyncio
import gzip
import random
import tracemalloc
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from voiced.agents.codec import HttpAnswer
from voiced.config.history import Record, Sent
from voiced.config.schema_services import RemoteSection
from voiced.config.yaml_document import MAX_BYTES
from voiced.errors import ConfigError, LinkError
from voiced.reload.remote import RemoteSettings
from voiced.reload.remote_answer import signature_url, unpacked
from voiced.runtime.guard import Guard

URL = "https://config.test/kitchen.yaml"
SETTINGS = b"revision: 1\nlog: {level: debug}\n"
INTERVAL_S = 300


class Server:
    """Answers, and notes at what time it was asked for what."""

    def __init__(self):
        self.answers = {URL: HttpAnswer(200, SETTINGS, {"etag": '"1"', "last-modified": "now"})}
        self.calls = []

    async def __call__(self, call):
        self.calls.append((asyncio.get_running_loop().time(), call))
        await asyncio.sleep(0.1)
        answer = self.answers[call.url]
        if isinstance(answer, Exception):
            raise answer
        if call.headers.get("If-None-Match") == answer.headers.get("etag", "none"):
            return HttpAnswer(304)
        return answer

    def times(self):
        return [at_s for at_s, _ in self.calls]


class Device:
    """Takes settings, and refuses them if told to."""

    device_name = "kitchen"

    def __init__(self, **section):
        self.remote = RemoteSection(**{"url": URL, **section})
        self.record = Record()
        self.taken = []
        self.refuses = ""

    async def take(self, received):
        if self.refuses:
            raise ConfigError("remote", self.refuses)
        self.taken.append(received.sent)


@asynccontextmanager
async def asking(device, server, serial=None):
    it = RemoteSettings(device, lambda _: server, lambda: serial, random.Random(3).uniform)
    running = asyncio.create_task(it.run())
    try:
        yield it
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_it_asks_soon_after_the_start_and_then_in_time():
    device, server = Device(), Server()
    async with asking(device, server):
        await asyncio.sleep(20 * INTERVAL_S)
    times = server.times()
    assert times[0] < 5
    waits = [b - a for a, b in pairwise(times)]
    assert 0.8 * INTERVAL_S <= min(waits) < 0.9 * INTERVAL_S
    assert 1.1 * INTERVAL_S < max(waits) <= 1.2 * INTERVAL_S + 0.2
    assert [each.text for each in device.taken] == [SETTINGS.decode()]
    assert device.taken[0].revision == 1


async def test_a_device_that_has_settings_waits_for_its_turn():
    device, server = Device(), Server()
    device.record = Record(good=Sent("revision: 0\n", 0))
    async with asking(device, server):
        await asyncio.sleep(INTERVAL_S)
    assert server.times()[0] > 5


async def test_what_has_not_changed_is_not_sent_again():
    device, server = Device(), Server()
    async with asking(device, server):
        await asyncio.sleep(2 * INTERVAL_S)
        first, second = (call.headers for _, call in server.calls[:2])
        assert "If-None-Match" not in first
        assert (second["If-None-Match"], second["If-Modified-Since"]) == ('"1"', "now")
        assert len(device.taken) == 1
        server.answers[URL] = HttpAnswer(200, b"revision: 2\n", {"etag": '"2"'})
        await asyncio.sleep(2 * INTERVAL_S)
    assert device.taken[-1].revision == 2


async def test_whoever_asks_while_an_answer_is_on_its_way_gets_a_newer_one():
    device, server = Device(), Server()
    async with asking(device, server) as it:
        while not server.calls:
            await asyncio.sleep(0.01)
        asked = asyncio.create_task(it.ask())
        await asyncio.sleep(0.11)  # the first answer has been given by now
        server.answers[URL] = HttpAnswer(404)
        assert "404" in (await asked).error
        assert len(server.calls) == 2


async def test_a_server_that_is_down_is_tried_again_soon_and_then_seldom(caplog):
    device, server = Device(), Server()
    server.answers[URL] = LinkError("there is no route to config.test; is the network up?")
    async with asking(device, server) as it:
        await asyncio.sleep(10 * INTERVAL_S)
        assert "no route" in it.report.error
        assert it.report.usable_at is None
        server.answers = Server().answers
        await asyncio.sleep(2 * INTERVAL_S)
        assert it.report.error == ""
        assert it.report.usable_at is not None
    waits = [b - a for a, b in pairwise(server.times())]
    assert waits[0] <= 5.2
    assert waits[1] <= 10.2
    aloud = [line for line in caplog.records if line.levelname == "WARNING"]
    assert len(aloud) == 1
    assert "no route" in aloud[0].message
    assert len(device.taken) == 1


BOMB = gzip.compress(b"# " * 10**7)

REFUSED = {
    "not found": (HttpAnswer(404), "answered 404"),
    "broken": (HttpAnswer(500), "answered 500"),
    "a page": (
        HttpAnswer(200, b"Please log in", {"content-type": "text/html; charset=utf-8"}),
        "sent a web page",
    ),
    "a page in disguise": (HttpAnswer(200, b"\n <!doctype html>"), "sent a web page"),
    "to http": (HttpAnswer(302, headers={"location": "http://config.test/x"}), "not https"),
    "to a file": (HttpAnswer(302, headers={"location": "file:///etc/passwd"}), "not https"),
    "in a circle": (HttpAnswer(307, headers={"location": URL}), "redirects too often"),
    "nowhere": (HttpAnswer(308), "redirects without saying where to"),
    "not modified, though nothing is known": (HttpAnswer(304), "nothing has changed (304)"),
    "a picture": (
        HttpAnswer(200, b"\x89PNG", {"content-type": "image/png"}),
        "sent image/png, not",
    ),
    "an archive": (
        HttpAnswer(200, b"PK\xff", {"content-type": "application/zip"}),
        "not UTF-8 text (the server calls it application/zip)",
    ),
    **{
        f"compressed: {what}": (HttpAnswer(200, body, {"content-encoding": how}), reason)
        for what, how, body, reason in (
            ("but it is not", "gzip", b"a: 1", "compressed (gzip), but not whole"),
            ("cut off", "gzip", gzip.compress(SETTINGS)[:-4], "compressed (gzip), but not whole"),
            ("damaged", "gzip", gzip.compress(SETTINGS)[:12] + b"\0" * 30, "but not whole"),
            (
                "with something behind",
                "gzip",
                gzip.compress(SETTINGS) + b"# more",
                "or with more behind",
            ),
            ("a second one cut off", "gzip", (gzip.compress(SETTINGS) * 2)[:-4], "but not whole"),
            ("without end in parts", "gzip", gzip.compress(b"# " * 10**5) * 2, "larger than 256"),
            ("in many parts", "gzip", gzip.compress(b"") * 10_000, "in more than 64 parts"),
            ("without end", "x-gzip", BOMB, "larger than 256 KiB once"),
            ("by another", "br", b"a: 1", "compressed (br), which was not asked for"),
            ("twice", "gzip, gzip", b"a: 1", "compressed, which was not asked for"),
            ("a page", "gzip", gzip.compress(b"<html>"), "sent a web page"),
        )
    },
    "no text": (HttpAnswer(200, b"\xff\xfe\x00"), "not UTF-8"),
    "no YAML": (HttpAnswer(200, b"a: [1"), "not valid YAML"),
    "too large": (LinkError("the answer is longer than 262144 bytes"), "longer than"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_settings_file_is_refused_with_the_reason(name, caplog):
    answer, reason = REFUSED[name]
    device, server = Device(), Server()
    server.answers[URL] = answer
    async with asking(device, server) as it:
        await asyncio.sleep(5 * INTERVAL_S)
        assert reason in it.report.error
        assert reason in caplog.text
    assert device.taken == []


USED = {
    "called a page": {"content-type": "text/html; charset=utf-8"},
    "called XHTML": {"content-type": "application/xhtml+xml"},
    "called a picture": {"content-type": "image/png"},
    "called an archive": {"content-type": "application/zip"},
    "called nothing": {},
}


@pytest.mark.parametrize("how", ["", "identity", "gzip", "X-GZip"])
@pytest.mark.parametrize("name", USED)
async def test_what_is_a_settings_file_is_read_whatever_the_server_calls_it(name, how, caplog):
    device, server = Device(), Server()
    body = gzip.compress(SETTINGS) if "gzip" in how.lower() else SETTINGS
    server.answers[URL] = HttpAnswer(200, body, {**USED[name], "content-encoding": how})
    async with asking(device, server) as it:
        await asyncio.sleep(2 * INTERVAL_S)
        assert it.report.error == ""
    assert {each.text for each in device.taken} == {SETTINGS.decode()}
    assert not caplog.text


@pytest.mark.parametrize("padding", [b"", bytes(512)])
@pytest.mark.parametrize("cuts", [(0,), (0, 9), (0, 0, 9, 20)])
def test_what_was_compressed_in_parts_is_read_whole(cuts, padding):
    ends = (*cuts[1:], len(SETTINGS))
    body = b"".join(gzip.compress(SETTINGS[a:b]) for a, b in zip(cuts, ends, strict=True)) + padding
    assert unpacked(HttpAnswer(200, body, {"content-encoding": "gzip"})).body == SETTINGS


def test_what_is_unpacked_is_bounded_before_there_is_memory_for_it():
    tracemalloc.start()
    with pytest.raises(ConfigError):
        unpacked(HttpAnswer(200, BOMB, {"content-encoding": "gzip"}))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 4 * MAX_BYTES


async def test_where_the_server_sends_us_is_followed():
    device, server = Device(), Server()
    server.answers["https://other.test/a"] = server.answers[URL]
    server.answers[URL] = HttpAnswer(301, headers={"location": "https://other.test/a"})
    async with asking(device, server):
        await asyncio.sleep(10)
    assert len(device.taken) == 1


async def test_what_the_device_refuses_is_reported_and_not_fetched_again():
    device, server = Device(), Server()
    device.refuses = "unknown key"
    async with asking(device, server) as it:
        await asyncio.sleep(3 * INTERVAL_S)
        assert it.report.error == "remote: unknown key"
    assert all("If-None-Match" in call.headers for _, call in server.calls[1:])


async def test_what_was_refused_for_now_is_offered_again_without_being_fetched():
    device, server = Device(), Server()
    device.refuses = "the disk cannot be written"
    async with asking(device, server):
        await asyncio.sleep(3 * INTERVAL_S)
        device.refuses = ""
        await asyncio.sleep(4 * INTERVAL_S)
    assert [each.text for each in device.taken] == [SETTINGS.decode()]
    assert all("If-None-Match" in call.headers for _, call in server.calls[1:])


async def test_a_header_that_cannot_be_sent_back_is_told_of_once_and_done_without(caplog):
    device, server = Device(), Server()
    server.answers[URL] = HttpAnswer(200, SETTINGS, {"etag": '"\udce4"', "last-modified": "now"})
    async with asking(device, server) as it:
        await asyncio.sleep(5 * INTERVAL_S)
        assert it.report.error == ""
    headers = [call.headers for _, call in server.calls[1:]]
    assert {(each.get("If-None-Match"), each["If-Modified-Since"]) for each in headers} == {
        (None, "now")
    }
    aloud = [line for line in caplog.records if line.levelname == "WARNING"]
    assert ["Etag" in line.message for line in aloud] == [True]


@pytest.mark.parametrize(
    ("url", "serial", "asked"),
    [
        ("https://c.test/{name}.yaml", None, "https://c.test/kitchen.yaml"),
        ("https://c.test/{serial}?n={name}", "10 00/1", "https://c.test/10%2000%2F1?n=kitchen"),
    ],
)
async def test_the_address_tells_which_device_asks(url, serial, asked):
    device, server = Device(url=url), Server()
    server.answers[asked] = server.answers[URL]
    async with asking(device, server, serial):
        await asyncio.sleep(10)
    assert server.calls[0][1].url == asked


async def test_a_device_without_a_serial_number_says_so():
    async with asking(Device(url="https://c.test/{serial}"), Server()) as it:
        await asyncio.sleep(10)
        assert "has no serial number" in it.report.error


@pytest.mark.parametrize("status", [404, 403, 500])
async def test_a_signature_that_is_asked_for_must_be_there(status):
    device, server = Device(public_key="RWQ"), Server()
    server.answers[URL + ".minisig"] = HttpAnswer(status)
    async with asking(device, server) as it:
        await asyncio.sleep(2 * INTERVAL_S)
        assert f"has no signature: the server answered {status}" in it.report.error
    assert device.taken == []
    # It may have been put there a moment later than the settings.
    assert all("If-None-Match" not in call.headers for _, call in server.calls)


def test_the_signature_is_beside_the_settings():
    assert signature_url("https://a.test/x.yaml?token=1") == "https://a.test/x.yaml.minisig?token=1"


async def test_asked_to_it_asks_at_once():
    device, server = Device(), Server()
    async with asking(device, server) as it:
        await asyncio.sleep(10)
        before = len(server.calls)
        report = await it.ask()
        assert len(server.calls) == before + 1
        assert report.error == ""
        device.remote = None
        it.follow()
        await asyncio.sleep(1)
        assert "no server is set" in (await it.ask()).error


async def test_another_address_counts_at_once():
    device, server = Device(), Server()
    other = "https://other.test/x"
    server.answers[other] = HttpAnswer(200, b"revision: 9\n")
    async with asking(device, server) as it:
        await asyncio.sleep(10)
        it.follow()
        await asyncio.sleep(1)
        assert len(server.calls) == 1
        device.remote = RemoteSection(url=other)
        it.follow()
        await asyncio.sleep(6)
        assert device.taken[-1].revision == 9


async def test_a_device_without_a_server_asks_nobody_until_there_is_one():
    device, server = Device(), Server()
    there, device.remote = device.remote, None
    async with asking(device, server) as it:
        await asyncio.sleep(INTERVAL_S)
        assert server.calls == []
        device.remote = there
        it.follow()
        await asyncio.sleep(6)
        assert len(device.taken) == 1


async def test_who_asks_is_answered_even_if_asking_breaks_and_again_once_it_does_not():
    device, server = Device(), Server()
    works, server.answers[URL] = server.answers[URL], ValueError("a mistake of ours")
    it = RemoteSettings(device, lambda _: server, lambda: None, random.Random(3).uniform)
    running = asyncio.create_task(Guard().run("remote settings", it.run))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(60):
        for _ in range(3):
            assert (await it.ask()).error == "remote: the request failed"
        server.answers[URL] = works
        assert (await it.ask()).error == ""
    assert [sent.revision for sent in device.taken] == [1]
    running.cancel()
