"""Hostile calls of tools that are declared in the settings (hostile_house.py)."""

from tests.hostile_tools import SECRET
from tests.wire.hostile_house import ABSENT, PROGRAMS, SERVICES
from tests.wire.hostile_rows import KIB, Hostile

ANYWHERE = {
    "a command": f"; rm -rf / # {SECRET}",
    "a substitution": f"$(reboot) {SECRET}",
    "backticks": f"`reboot` {SECRET}",
    "a pipe": f"| sh & {SECRET}",
    "two commands": f"x && reboot || {SECRET}",
    "a redirection": f"> /etc/passwd < /dev/zero {SECRET}",
    "a variable": f"$HOME ${{PATH}} $IFS {SECRET}",
    "wild cards": f"* ? [a-z] {{a,b}} ~ {SECRET}",
    "quotes": f"'\"\\'\\\" {SECRET}",
    "the end of JSON": f'"}}, "admin": true, "x": {{"{SECRET}',
    "places": "{word} {{word}} {thing} {n} {__class__} %s %(word)s",
    "a way up in disguise": f"%2e%2e%2f%2e%2e%2f{SECRET}",
    "a host": f"@evil.test {SECRET}",
    "another host": f"//evil.test/{SECRET}",
    "a whole address": f"http://evil.test/{SECRET}",
    "a query": f"?x=1&admin=1&{SECRET}",
    "a fragment": f"#{SECRET}",
    "terminal codes": f"\x1b[2J\x07\x7f {SECRET}",
    "text that turns around": f"\u202e\ufeff {SECRET}",
    "the longest text": "x" * 1000,
}
"""Each is data, wherever it stands."""

NOWHERE = {
    "too long": SECRET * 30,
    "far too long": SECRET * KIB,
    "a message full": "x" * 900 * KIB,
    "a number": 7,
    "true": True,
    "null": None,
    "a list": [SECRET],
    "an object": {"word": SECRET},
}
"""Each is refused, wherever it stands."""

FEW = {name: NOWHERE[name] for name in ("too long", "a list")}

UPWARDS = {
    "a way up": f"../../etc/{SECRET}",
    "a way up only": "..",
    "here": ".",
    "another way up": f"..\\{SECRET}",
}
OPTIONS = {"an option": f"--output={SECRET}", "a short option": "-rf", "a dash": "-"}
LINES = {
    "a line break": f"a\nreboot\n{SECRET}",
    "a header": f"x\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\r\n{SECRET}",
}
A_NUL = {"a NUL": f"a\0{SECRET}"}
NOTHING = {"nothing": ""}
MANY_SIGNS = {"a text that grows": "\u20ac" * 1000}


def _one_word(word, *, arrives=True):
    given = ([word],) if arrives else ()
    return Hostile("one_word", {"word": word}, "answer" if arrives else "apology", arrives=given)


def _components(word, *, arrives=True):
    given = ([f"--word={word}", f"a{word}z", "--", word],) if arrives else ()
    comes = "answer" if arrives else "apology"
    return Hostile("parts_of_words", {"word": word, "last": word}, comes, arrives=given)


def _place(word, *, arrives=True):
    request = _request(path=f"/a/{word}/z", n_parts=3, query={"fixed": "1"})
    given = (request,) if arrives else ()
    return Hostile("a_place", {"word": word}, "answer" if arrives else "apology", arrives=given)


def _post(word, *, arrives=True):
    body = {"text": f"in {word}!", "alone": word, "thing": [word, {"admin": True}], "admin": False}
    request = _request(method="POST", path="/post", query={"q": word, "r": "1"}, json=body)
    arguments = {"word": word, "thing": [word, {"admin": True}]}
    given = (request,) if arrives else ()
    return Hostile("a_post", arguments, "answer" if arrives else "apology", arrives=given)


def _request(**fields):
    usual = {"method": "GET", "n_parts": 1, "query": {}, "json": None, "strange": []}
    return usual | fields


def _rows(kind, make, data, refused):
    return {
        **{f"{kind}: {name}": make(it) for name, it in data.items()},
        **{f"{kind}: {name}": make(it, arrives=False) for name, it in refused.items()},
    }


WORDS = {
    **_rows(
        *("one word", _one_word, ANYWHERE | LINES | UPWARDS | NOTHING | MANY_SIGNS),
        NOWHERE | OPTIONS | A_NUL,
    ),
    **_rows(
        *(
            "parts of words",
            _components,
            ANYWHERE | LINES | UPWARDS | NOTHING | MANY_SIGNS | OPTIONS,
        ),
        FEW | A_NUL,
    ),
}
REQUESTS = {
    **_rows(
        *("path", _place, ANYWHERE | OPTIONS | A_NUL),
        FEW | LINES | UPWARDS | NOTHING | MANY_SIGNS,
    ),
    **_rows(
        *("query and JSON", _post, ANYWHERE | LINES | OPTIONS | A_NUL | UPWARDS | NOTHING),
        FEW | MANY_SIGNS,
    ),
}

NUMBERS = {
    "a number": Hostile("one_number", {"n": 7}, "answer", arrives=(["7", "n=7"],)),
    "a number below zero": Hostile("one_number", {"n": -7}),
    "a fraction": Hostile("one_number", {"n": 7.5}),
    "too much": Hostile("one_number", {"n": 10**30}),
    "text": Hostile("one_number", {"n": f"7; {SECRET}"}),
    "true": Hostile("one_number", {"n": True}),
    "a list": Hostile("one_number", {"n": [7]}),
}

KEYS = {
    f"{name}, {what}": Hostile(name, arguments)
    for name in ("one_word",)
    for what, arguments in {
        "missing": {},
        "of another name": {"Word": SECRET},
        "one too many": {"word": "x", "url": f"http://evil.test/{SECRET}"},
        "not for the agent": {"word": "x", "argv": ["/bin/sh", SECRET], "__class__": SECRET},
        "ten thousand": {"word": "x", **{f"{SECRET}{n}": n for n in range(10_000)}},
    }.items()
}

MESSAGES = {
    "half a character for a word": Hostile("one_word", {"word": "\ud800"}, "nothing", raw=True),
    "half a character in a path": Hostile("a_place", {"word": "\udfff"}, "nothing", raw=True),
    "a list": Hostile("one_word", [SECRET], raw=True),
    "text": Hostile("a_place", SECRET, raw=True),
}

DECLARED = {
    **WORDS,
    **REQUESTS,
    **{f"number, {name}": it for name, it in NUMBERS.items()},
    **{f"keys, {name}": it for name, it in KEYS.items()},
    **{f"message of a declared tool, {name}": it for name, it in MESSAGES.items()},
    **{f"program that {name}": Hostile(name, {}, comes) for name, comes in PROGRAMS.items()},
    **{f"program that {name}": Hostile(name, {}) for name in ABSENT},
    **{f"service that {name}": Hostile(name, {}, comes) for name, (_, comes) in SERVICES.items()},
}
