"""What strangers send to web servers: requests of which one part is malformed. Raw, over any socket."""

import asyncio
import re
from contextlib import suppress
from functools import partial

from tests.wire.peers import abort, reset

ANSWER = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"

PATHS = {
    "no path": b"",
    "a path without a slash": b"x",
    "a path of bytes": b"/\xff\xfe",
    "a path with NUL": b"/\0",
    "another server's address": b"http://evil.test/",
    "an asterisk": b"*",
    "too long a path": b"/" + b"x" * 9000,
    "a long path": b"/" + b"x" * 8000,
    "a query of bytes": b"PATH?a=\xff&b=%ff",
    "a path upwards": b"/../PATH",
    "an address that is none": b"http://[::1/",
    "percent signs": b"/%%%",
}
VERSIONS = (b"", b"HTTP/9.9", b"HTTP/1.1x", b"HTTP/2.0", b"\xff")
HOSTS = (
    *("", " ", "[::1", "[::g]", "a b", "a:port", "HOST:", "a:99999999", "user@HOST", "HOST/x"),
    *("HOST, HOST", "HOST\r\nHost: HOST", "x" * 300, "\xff", "HOST\0"),
)
FOREIGN = ("evil.test", "127.0.0.1:1")
"""Of these only servers refuse that can be reached over a network."""

REFUSED_HEADERS = (
    *("no colon", ": no name", "na me: x", "X: a\0b", "X: a\rb", "X: \xff", " folded: x"),
    *("Cookie: voiced=\xff", "Authorization: Bearer \xff", "Authorization: \xff\xfe"),
    *("Origin: \xff", "Content-Length: -1", "Content-Length: abc", "Content-Length: 1\xb2"),
    *("Content-Length: 5\r\nContent-Length: 6", "Content-Length: 99999999999999999999999"),
    *("Content-Length: " + "9" * 5000, "Transfer-Encoding: gzip", "Transfer-Encoding: \xff"),
    *("Transfer-Encoding: chunked\r\nContent-Length: 5", "X: " + "x" * 9000),
    *("\r\n".join(f"X{n}: x" for n in range(2000)), "Transfer-Encoding: xchunked"),
)
ODD_HEADERS = (
    *("Cookie: (=b; voiced", "Cookie: =; ;;;", "Cookie: \xff=\xfe", "Authorization:", "Expect: x"),
    *(
        "Authorization: Basic x",
        "Range: bytes=-1--5",
        "If-None-Match: *",
        "Accept: " + "*/*," * 999,
    ),
    *("X-Forwarded-For: rubbish", 'Forwarded: for="', "Via: 1.1 x", "Content-Encoding: gzip"),
    *("Content-Encoding: br", "Content-Type: \t", "Upgrade: h2c\r\nConnection: Upgrade"),
    *(UPGRADE + KEY + "\r\nSec-WebSocket-Protocol: a, b", UPGRADE + "Sec-WebSocket-Key: \xe9"),
    *(UPGRADE + "Sec-WebSocket-Key: short", UPGRADE, UPGRADE.replace("13", "99") + KEY),
    *(UPGRADE + KEY + "\r\nSec-WebSocket-Extensions: permessage-deflate; x=\x7f", UPGRADE + KEY),
    *("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + KEY, "Connection: " + "a," * 999),
)
BODIES = (
    b"Content-Length: 1\r\n\r\n\xff",
    b"Content-Length: 20000\r\n\r\n" + b"x" * 20000,
    b"Content-Length: 100000000\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n2\r\nxxxxx\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n2\r\n\xff\xfe\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n"
    + b"400\r\n"
    + b"x" * 1024
    + b"\r\n"
    + b"ffff\r\n"
    + b"x" * 65535
    + b"\r\n0\r\n\r\n",
)
RUBBISH = (
    b"\r\n\r\n",
    b"\0\0\0\0\r\n\r\n",
    b"\xff\xfe\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 200 + b"\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / \r\n\r\n",
    b"\x81\x05hello\r\n\r\n",
    b"x" * 20000,
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
)
ABORTED = (
    b"",
    b"POST PATH HTTP/1.1\r\nHo",
    b"METHOD PATH HTTP/1.1\r\nHost: HOST\r\n\r\n",
    b"METHOD PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length: 100\r\n\r\nhalf",
    b"METHOD PATH HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
    b"METHOD PATH HTTP/1.1\r\nHost: HOST\r\n" + (UPGRADE + KEY).encode() + b"\r\n\r\n",
)
MESSAGES = (
    *("[" * 60_000, '{"do":' * 9_000, '{"do":"volume","to":1e999}', '{"do":"volume","to":NaN}'),
    *('{"do":"volume","to":' + "9" * 5000 + "}", '{"do":"volume","to":-Infinity}'),
    *('{"do":"volume","to":15.5}', '{"do":"volume","to":true}', '{"do":"volume","to":"20"}'),
    *('{"do":"volume","to":' + "9" * 4000 + "}", '{"do":"\\ud800"}', '{"do":["talk"]}', ""),
    *('{"do":"settings"}', '{"do":"settings","changed":7}', '{"do":"settings","changed":{"a":1}}'),
    *('{"do":"settings","changed":{"prompt":"\\ud800"}}', '"do"', "null", "{}", "\0", "{" * 60_000),
    *('{"do":"settings","changed":{"\\udfff":"x"}}', '{"do":{"do":{}}}', '{"do":null}', "1e999"),
)
"""What a page may order that is no order; each is answered."""

FRAMES = (
    b"\x81\x02hi",
    b"\x81\x85mask\x00\x00\x00\x00\xff"[:6] + bytes([0xFF ^ b"mask"[0]] * 5),
    b"\x82\x81mask\x00",
    b"\x80\x81mask\x00",
    b"\xf1\x81mask\x00",
    b"\x83\x81mask\x00",
    b"\x89\xfe\x00\xffmask" + bytes(255),
    b"\x88\x81mask\x00",
    b"\x88\x82mask" + bytes([0x6D, 0x61]),
    b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xffmask",
    b"\x81\xff\x00\x00\x00\x00\x00\x01\x00\x01mask",
    b"\x81\xfe\x00\x01",
)
"""What is no text from a browser; each closes the connection, or waits for more."""


def _filled(text, method, path, host):
    raw = text if isinstance(text, bytes) else text.encode("latin-1")
    for word, value in ((b"METHOD", method), (b"PATH", path), (b"HOST", host)):
        raw = raw.replace(word, value.encode())
    return raw


def requests(method, path, host, *, is_foreign_refused):
    """Yield what a stranger sends, and whether it has to be refused with a 4xx."""

    filled = partial(_filled, method=method, path=path, host=host)
    for where in PATHS.values():
        yield filled(b"METHOD " + where + b" HTTP/1.1\r\nHost: HOST\r\n\r\n"), False
    for version in VERSIONS:
        yield filled(b"METHOD PATH " + version + b"\r\nHost: HOST\r\n\r\n"), version != b""
    yield filled("METHOD PATH HTTP/1.1\r\n\r\n"), True
    for named in (*HOSTS, *FOREIGN):
        must = named not in FOREIGN or is_foreign_refused
        yield filled(f"METHOD PATH HTTP/1.1\r\nHost: {named}\r\n\r\n"), must
    for header in (*REFUSED_HEADERS, *ODD_HEADERS):
        must = header in REFUSED_HEADERS
        yield filled(f"METHOD PATH HTTP/1.1\r\nHost: HOST\r\n{header}\r\n\r\n"), must
    for body in BODIES:
        yield filled(b"METHOD PATH HTTP/1.1\r\nHost: HOST\r\n" + body), True


def aborted(method, path, host):
    """Yield what a stranger sends before it breaks off."""
    for sent in ABORTED:
        yield _filled(sent, method, path, host)


async def answer(connect, sent):
    """Return the status of what is answered, 0 if the connection is closed without an answer."""
    reader, writer = await connect()
    try:
        writer.write(sent)
        writer.write_eof() if writer.can_write_eof() and b"Upgrade" in sent else None
        async with asyncio.timeout(20):
            said = await reader.read(64)
        found = ANSWER.match(said)
        return int(found[1]) if found else 0
    except ConnectionError:
        return 0
    finally:
        abort(writer)


async def break_off(connect, sent, *, resets):
    """Send and go, with a reset or without."""
    _, writer = await connect()
    with suppress(ConnectionError):
        writer.write(sent)
        await asyncio.sleep(0)
    if resets:
        reset(writer)
    else:
        abort(writer)
