"""Answers of a web server with something odd in their heads, and what is to be said of each."""

LONG = b"a" * 9000
GOOD = b"revision: 5\nlog: {level: warning}\n"

LOCATIONS = {
    "": "without saying where",
    " ": "without saying where",
    "http://[::1": "not an address",
    "https://[::1": "not an address",
    "https://[portal/login": "not an address",
    "http://]": "not an address",
    "http://[::1]extra/": "not an address",
    "http://[not-an-address]/": "not an address",
    "http://host:port/": "not an address",
    "http://host:99999/": "not an address",
    "http://host:-1/": "not an address",
    "http://host:0/": "not an address",
    "http://": "redirects too often",
    "http:///x": "not an address|redirects too often",
    "//": "redirects too often",
    "///x": "redirects too often",
    "https:": "not an address",
    "http://ho st/": "not an address",
    "http://user:secret@127.0.0.1/": "not an address",
    "http://user@127.0.0.1/": "not an address",
    "http://\u0661/": "not an address",
    "/k\u00fcche.yaml": "not an address",
    "http://a\tb/": "not an address",
    "/" + "a" * 2050: "not an address",
    "#": "redirects too often",
    "?": "redirects too often",
    "http:": "redirects too often",
    "ftp://127.0.0.1/x": "not https",
    "file:///etc/passwd": "not https",
    "javascript:alert(1)": "not https",
    "data:text/plain,revision: 6": "not https",
    "unix:///run/voiced/control.sock": "not https",
    "wss://127.0.0.1/": "not https",
    "HTTP://other.test/": "not https",
    "http://other.test/": "not https",
    "http://..test/": "not an address",
    "http://-/": "not https",
    "http://%00/": "not an address|not https",
    "http://127.0.0.1:1/": "refused the connection",
    "http://2130706433/": "not https",
}
"""By what a `Location` says: a part of what is said of it; several where one is enough."""

KINDS = {
    "text/html": "",
    "TEXT/HTML; charset=utf-8": "",
    "application/xhtml+xml": "",
    "image/png": "",
    "Image/SVG+XML": "",
    "audio/mpeg": "",
    "video/mp4": "",
    "multipart/mixed; boundary=x": "",
    "image/\u202ereversed": "",
    "image/\x1b[2J": "",
    "image/" + "x" * 500: "",
    "": "",
    ";": "",
    "text/plain; charset=utf-16": "",
    "application/x-yaml": "",
    "application/json": "",
    "binary/octet-stream": "",
    "nonsense": "",
    "\u00e4\u00f6\u00fc": "",
}
"""By what a `Content-Type` says: nothing, for what the server calls it decides nothing."""

VALIDATORS = [
    *('"\u00e4"', '"\u202e"', '"\x1b[2J"', '"' + "x" * 2000 + '"', "a\tb", '"\u00ff\u00fe"'),
    *("Thu, 01 J\u00e4n 1970", "\u0661\u0662", "\u00a0"),
]
"""Values of `ETag` and `Last-Modified` that cannot be sent back."""

FINE_VALIDATORS = ["", " ", "W/", '"', "*", "not a date", "a" * 1024, '"a", "b"', "W/" * 99, "99"]

LINES = {
    b"X: " + LONG: "a line of its answer is too long",
    LONG + b": x": "a line of its answer is too long|malformed",
    b"\r\n".join(b"X-%d: x" % n for n in range(300)): "too many headers",
    b"ETag: a\rb": "malformed",
    b"ETag: a\0b": "malformed",
    b"ETag: a\x1b[2Jb": "",
    b"ETag": "malformed",
    b"ETag : a": "malformed",
    b": a": "malformed",
    b"\xff\xfe: a": "malformed",
    b"Content-Length: -1": "not a length",
    b"Content-Length: 1e3": "not a length",
    b"Content-Length: 5\r\nContent-Length: 6": "not a length",
    b"Content-Length: " + b"9" * 30: "not a length",
    b"Content-Length: 300000": "cut its answer off|longer than",
    b"Content-Length: 5000": "cut its answer off",
    b"Transfer-Encoding: chunked": "not in proper chunks|cut its answer off|malformed|proper HTTP",
    b"Content-Encoding: gzip": "compressed (gzip)",
    b"Content-Encoding: br": "compressed (br)",
    b"Content-Encoding: \xff": "compressed, which",
    b"Content-Encoding: identity": "",
    b"ETag: a\r\n b": "",
    b"ETag: a\r\nETag: b": "",
    b"Location: http://[::1": "",
    b"Set-Cookie: \xff=\xfe; expires=never; domain=[": "",
    b"Set-Cookie: a[]=b;;;; max-age=x": "",
    b"Link: <http://[::1>; rel=next": "",
    b"Content-Disposition: attachment; filename*=x'y'%zz": "",
    b"Date: yesterday": "",
    b"Expires: -1": "",
    b"Retry-After: soon": "",
    b"Strict-Transport-Security: \xff": "",
    b"WWW-Authenticate: Digest": "",
    b"Connection: upgrade\r\nUpgrade: websocket": "",
    b"Connection: \xff": "",
    b"Keep-Alive: timeout=-1": "",
    b"Trailer: \xff": "",
}
"""By lines in the head of an answer with settings: a part of what is said of it; nothing if it is used."""

STATUSES = {
    **dict.fromkeys((b"HTTP/1.1 203 X", b"HTTP/1.1 206 X", b"HTTP/1.1 300 X"), "answered"),
    **dict.fromkeys((b"HTTP/1.1 400 X", b"HTTP/1.1 418 \xff", b"HTTP/1.1 599"), "answered"),
    **dict.fromkeys((b"HTTP/1.1 401 X", b"HTTP/1.1 429 X", b"HTTP/1.1 999 X"), "answered"),
    b"HTTP/1.1 204 X": "answered 204",
    b"HTTP/1.1 304 X": "nothing has changed (304)",
    b"HTTP/1.1 305 X": "answered 305",
    b"HTTP/1.1 000 X": "proper HTTP|answered",
    b"HTTP/1.1 20 X": "proper HTTP|answered",
    b"HTTP/1.1 2000 X": "proper HTTP|answered",
    b"HTTP/1.1 abc X": "proper HTTP",
    b"HTTP/1.1 -200 X": "proper HTTP",
    b"HTTP/9.9 200 X": "proper HTTP",
    b"HTTP/1.1": "proper HTTP",
    b"ICY 200 OK": "proper HTTP",
    b"\xff\xfe\x00": "proper HTTP",
}
"""By the first line of an answer."""


def heads():
    """Yield a name, a head and what is to be said, for every answer with settings."""
    first = b"HTTP/1.1 200 OK"
    for kind, told in KINDS.items():
        yield f"type {kind}", b"%s\r\nContent-Type: %s" % (first, kind.encode()), told
    for name in (b"ETag", b"Last-Modified"):
        for value in (*VALIDATORS, *FINE_VALIDATORS):
            yield f"{name} {value}", b"%s\r\n%s: %s" % (first, name, value.encode()), ""
    for lines, told in LINES.items():
        yield f"{lines[:60]!r}", first + b"\r\n" + lines, told
    for status, told in STATUSES.items():
        yield f"{status!r}", status, told
    for status in (301, 302, 303, 307, 308):
        for location, told in LOCATIONS.items():
            head = b"HTTP/1.1 %d X\r\nLocation: %s" % (status, location.encode())
            yield f"{status} {location}"[:80], head, told
        yield f"{status} without", b"HTTP/1.1 %d X" % status, "without saying where"


def whole(head, body=GOOD):
    """Return an answer with `head`, and with a length unless that says one."""
    if head.split()[1:2] in ([b"204"], [b"304"]):
        body = b""
    elif b"Content-Length" not in head and b"Transfer-Encoding" not in head:
        head += b"\r\nContent-Length: %d" % len(body)
    return head + b"\r\n\r\n" + body
