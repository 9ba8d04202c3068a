"""What a server may send by mistake or on purpose: each refused with its reason, the service undisturbed."""

import asyncio
import shutil

import pytest

from tests.unit.config.test_signature import Signer
from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.peers import tcp_server
from voiced.config.fleet import HIGHEST_REVISION
from voiced.storage.state_files import SETTINGS

pytestmark = pytest.mark.real_time

GOOD = "revision: 5\nlog: {level: warning}\n"
REMOTE = 'remote: {{url: "{server}/{{name}}.yaml", interval_s: 5, trial_s: 5MORE}}\n'


def page(status, body, *headers):
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body.encode()


BROKEN = {
    "empty": ("", "is empty"),
    "only a comment": ("# nothing here\n", "is empty"),
    "a list": ("- a\n- b\n", "expected keys and values"),
    "not closed": ("agent: {session: {system_prompt: x\n", "not valid YAML"),
    "tabs": ("agent:\n\turl: x\n", "not valid YAML"),
    "two documents": ("a: 1\n---\nb: 2\n", "a second document begins here"),
    "a bomb of aliases": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{c}: &{c} [{', '.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcde", "bcdef", strict=True)),
        "more than 10000 values",
    ),
    "a tag": ("agent: !!python/object:os.system {}\n", "tags (!) mean nothing here"),
    "twice the same key": ("log: {level: info}\nlog: {level: debug}\n", "already set on line 1"),
    "a control character": ("agent: {session: {system_prompt: 'a\x07b'}}\n", "control character"),
    "not text": (b"\xff\xfe\x00\x01", "not UTF-8"),
    "unknown key": ("volume: 11\n", "unknown key"),
    "unknown key deep inside": ("audio: {playback: {loudness: 11}}\n", "unknown key"),
    "wrong type": ("audio: {capture: {period_ms: long}}\n", "a whole number from 5 to 100"),
    "number as text": ("audio: {capture: {period_ms: '30'}}\n", "write it without quotes"),
    "out of range": ("audio: {playback: {volume: 101}}\n", "from 0 to 100"),
    "contradiction": ("network: {replay_s: 30, resume_window_s: 3}\n", "longer than network.resume_window_s"),
    "unknown tool": ("tools: [open_the_pod_bay_doors]\n", "unknown tool"),
    "bad agent setting": ("agent: {session: {turns: 7}}\n", "agent.session"),
    "an older revision": ("revision: 4\nlog: {level: debug}\n", "older than 5"),
    "no revision any more": ("log: {level: debug}\n", "has no revision"),
    "no number": ("revision: newest\n", "not a whole number"),
    "the same revision, changed": ("revision: 5\nlog: {level: debug}\n", "used before with different content"),
    "for somebody else": ("revision: 6\nfor: [hall, attic]\nlog: {level: debug}\n", "for: this device is not among"),
    "for nobody": ("revision: 6\nfor: []\nlog: {level: debug}\n", "for: not a list of device names"),
    "too many keys": ("".join(f"k{n}: 1\n" for n in range(2001)), "more than 2000 keys"),
    "half a character": ('agent: {session: {greeting: "\\ud83d"}}\n', "write the character itself"),
    "protected: the agent's address": ("revision: 6\nagent: {url: 'wss://evil.test/'}\n", "only the device's own"),
    "protected: the key": ("revision: 6\nagent: {key: {file: /etc/passwd}}\n", "only the device's own"),
    "protected: the server": ("revision: 6\nremote: {url: 'https://evil.test/'}\n", "only the device's own"),
    "protected: what is protected": ("revision: 6\nremote: {allow: [agent.url]}\n", "only the device's own"),
    "protected: the proxy": ("revision: 6\nnetwork: {proxy: 'http://evil.test:1'}\n", "only the device's own"),
    "protected: authorities": ("revision: 6\nnetwork: {ca_file: /tmp/ca}\n", "only the device's own"),
    "protected: listening": ("revision: 6\nkiosk: {listen: '0.0.0.0:80'}\n", "only the device's own"),
    "protected: the light": ("revision: 6\nled: {pin: 5}\n", "only the device's own"),
    "protected: a webhook": ("revision: 6\nagent: {session: {webhook: {url: 'https://evil.test/', events: []}}}\n", "only the device's own"),
    "protected: always": ("revision: 6\nwake: {mode: always}\n", "anything but `button`"),
    "protected by taking away": ("revision: 6\nagent: null\n", "only the device's own"),
    "for another device": ("revision: 6\ndevice: {name: hall}\n", "meant for another device"),
    "a fleet without us": ("revision: 6\ndevices: {hall: {}}\n", "not among them"),
    "too big": ("# " + "x" * 300_000, "longer than 262144 bytes"),
    "a page in HTML": ("<!doctype html><title>Log in</title>", "sent a web page"),
    "an error page": (page("200 OK", "sorry, not today", "Content-Type: text/html"), "sent a web page"),
    "a page that is YAML": (page("200 OK", "sorry: 1", "Content-Type: text/html"), "unknown key"),
    "not found": (page("404 Not Found", ""), "answered 404"),
    "server error": (page("503 Service Unavailable", "later"), "answered 503"),
    "sent to http": (page("302 Found", "", "Location: ftp://127.0.0.1/x"), "not https"),
    "sent in circles": (page("302 Found", "", "Location: /kitchen.yaml"), "redirects too often"),
    "broken off": (page("200 OK", "log: {").replace(b": 6", b": 600"), "cut its answer off"),
    "no HTTP": (b"HTTP/9.9 banana\r\n\r\n", "does not speak proper HTTP"),
}  # fmt: skip


async def refused(it, content, reason):
    """Send `content` and wait until it is refused for `reason`; nothing else may change."""
    settings, good = it.settings, it.record.good
    it.server.put(content)
    report = await it.following.remote.ask()
    assert reason in report.error, report.error
    assert "evil" not in report.error
    assert it.settings is settings
    assert (it.record.trial, it.record.good, it.record.failed) == (None, good, ())


async def test_everything_broken_is_refused_with_its_reason_in_one_conversation(tmp_path, caplog):
    async with kiosk(tmp_path, REMOTE.replace("MORE", "")) as it:
        it.server.put(GOOD)
        async with it.running():
            await until(lambda: it.record.good is not None, within_s=15)
            await it.converse()
            shown = len(it.led.shown)
            for content, reason in BROKEN.values():
                await refused(it, content, reason)
            assert it.led.shown[shown:] == []
            it.server.put("revision: 6\nlog: {level: error}\n")
            assert (await it.following.remote.ask()).error == ""
            await until(lambda: it.settings.log.level == "error")
    assert "evil" not in caplog.text


@pytest.mark.long
async def test_a_server_that_never_finishes_is_given_up(tmp_path, unused_port):
    async with kiosk(tmp_path) as it:

        async def drip(_reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            while True:
                writer.write(b"#")
                await asyncio.sleep(0.5)

        async with tcp_server(drip) as port:
            it.write(f"remote: {{{{url: 'http://127.0.0.1:{port}/x', interval_s: 5}}}}\n")
            async with it.running():
                report = await asyncio.wait_for(it.following.remote.ask(), 50)
                assert "did not answer within 30 s" in report.error


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("keys") / "a")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("keys") / "b")


async def test_with_a_public_key_only_what_its_owner_signed_counts(tmp_path, signer, stranger):
    more = f", public_key: {signer.public_key}"
    async with kiosk(tmp_path, REMOTE.replace("MORE", more)) as it, it.running():
        old = b"revision: 3\nlog: {level: debug}\n"
        replayed = signer.sign(old, "-t", "revision:3")

        async def told(content, signature):
            it.server.put(content)
            it.server.files.pop("/kitchen.yaml.minisig", None)
            if signature is not None:
                it.server.put(signature, "kitchen.yaml.minisig")
            return (await it.following.remote.ask()).error

        def sign(content, revision):
            return signer.sign(content, "-t", f"revision:{revision}")

        good = GOOD.encode()
        assert "has no signature" in await told(good, None)
        assert "not a minisign signature" in await told(good, b"signed, me")
        assert "not signed with the key" in await told(good, stranger.sign(good))
        assert "not signed with the key" in await told(good + b"#", signer.sign(good))
        assert "does not name a revision" in await told(good, signer.sign(good))
        assert "is for revision 6, not 5" in await told(good, sign(good, 6))
        plain = b"log: {level: debug}\n"
        assert "signed settings need a revision" in await told(plain, sign(plain, 5))
        hall = b"revision: 5\nfor: hall\nlog: {level: debug}\n"
        assert "this device is not among them" in await told(hall, sign(hall, 5))
        assert it.record.sent is None
        assert await told(good, sign(good, 5)) == ""
        await until(lambda: it.record.good is not None, within_s=10)
        assert "older than 5" in await told(old, replayed)
        other = GOOD.replace("warning", "error").encode()
        assert "with different content" in await told(other, sign(other, 5))
        assert await told(good, sign(good, 5)) == ""
        assert it.settings.log.level == "warning"


async def test_when_the_power_goes_in_a_trial_nothing_older_is_taken_after_it(tmp_path):
    async with kiosk(tmp_path, REMOTE.replace("MORE", "")) as it:
        state, cut = tmp_path / "state", tmp_path / "as-it-was"
        async with it.running():
            it.server.put(GOOD)
            assert (await it.following.remote.ask()).error == ""
            assert it.record.trial.revision == 5
            shutil.copytree(state, cut)
        shutil.rmtree(state)
        cut.rename(state)
        async with it.running():
            assert it.settings.log.level == "warning"
            for text, reason in (
                ("revision: 4\nlog: {level: debug}\n", "older than 5"),
                ("revision: 5\nlog: {level: debug}\n", "with different content"),
                ("log: {level: debug}\n", "has no revision"),
            ):
                it.server.put(text)
                assert reason in (await it.following.remote.ask()).error
            it.server.put(GOOD)
            assert (await it.following.remote.ask()).error == ""
            assert it.record.trial.revision == 5
            await asyncio.sleep(0.2)  # it asks itself how it is


def without_the_file(it, _signer):
    (it.folder / "state" / SETTINGS.name).unlink()
    return REMOTE.replace("MORE", "")


def with_a_key(_it, signer):
    return REMOTE.replace("MORE", f", public_key: {signer.public_key}")


@pytest.mark.parametrize("forget", [without_the_file, with_a_key])
async def test_the_owner_can_have_it_forget_which_revisions_were_taken(tmp_path, signer, forget):
    highest, owners = f"revision: {HIGHEST_REVISION}\nlog: {{level: debug}}\n", "revision: 1\n"
    async with kiosk(tmp_path, REMOTE.replace("MORE", "")) as it:
        async with it.running():
            it.server.put(highest)
            assert (await it.following.remote.ask()).error == ""
            it.server.put(owners)
            assert "older than" in (await it.following.remote.ask()).error
            await asyncio.sleep(0.2)  # it asks itself how it is
        it.server.put(signer.sign(owners.encode(), "-t", "revision:1"), "kitchen.yaml.minisig")
        it.write(forget(it, signer))
        async with it.running():
            assert (await it.following.remote.ask()).error == ""
            assert (it.record.highest, it.record.trial.revision) == (1, 1)
            await until(lambda: it.settings.log.level == "info")
            await asyncio.sleep(0.2)  # it asks itself how it is


def test_the_list_is_as_long_as_was_asked_for():
    assert len(BROKEN) + 5 >= 30
