"""What the documents promise names its proof: tests/PROMISES.md against them, and against the tests."""

import ast
import functools
import re
from collections import Counter
from typing import NamedTuple

import pytest

from tests.house.repository import DOCUMENTS, ROOT, folded, read

PROMISES = "tests/PROMISES.md"
ASIDE = ("Not proven", "No promises")
"""These sections have a reason beside each quotation."""

SETTINGS = "config/README.md"
TABLE_OF_SETTINGS = "| Key | Value |"
"""From here on that page is made from the schema, and tests/house/test_config_files.py looks at it."""

PROMISE_WORDS = re.compile(
    r"\b(?:never|always|nothing|nobody|none|nowhere|no more than|at most|within|cannot|not even|only)\b",
    re.IGNORECASE,
)
CODE = re.compile(r"```.*?```|`[^`]*`")
"""What commands say, and names of settings: in folded text."""

TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
SCRIPT = re.compile(r"`(scripts/[\w./-]+)`")


class Row(NamedTuple):
    """One line of a table.

    Attributes:
        section: The heading above it.
        quote: What is quoted.
        beside: The proofs, or the reason why it is no promise.
    """

    section: str
    quote: str
    beside: str

    @property
    def proofs(self):
        return [name for name in re.split(r"<br>|\s", self.beside) if name]


def by_section(text):
    """Return every section by its heading; what comes before the first one has an empty heading."""
    begin, *parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
    return {"": begin, **dict(zip(parts[::2], parts[1::2], strict=True))}


@functools.cache
def pages():
    """Return what may be quoted, folded: the sections of the documents, each by its file and its heading."""
    return {
        f"{name}: {heading}" if heading else name: folded(text)
        for name in DOCUMENTS
        for heading, text in by_section(written(name)).items()
    }


def written(name):
    """Return what people have written of a document."""
    return read(name).partition(TABLE_OF_SETTINGS)[0] if name == SETTINGS else read(name)


@functools.cache
def rows():
    found = []
    for section, text in by_section(read(PROMISES)).items():
        _head, _rule, *lines = [line for line in text.splitlines() if line[:1] == "|"] or ["", ""]
        for line in lines:
            _, quote, beside, _ = re.split(r"(?<!\\)\|", line)
            found.append(Row(section, quote.strip().replace("\\|", "|"), beside.strip()))
    return found


PROMISED = [row for row in rows() if row.section not in ASIDE]
ASIDES = [row for row in rows() if row.section in ASIDE]


@functools.cache
def functions_of(path):
    tree = ast.parse(read(path))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def exists(proof):
    if (found := TEST.fullmatch(proof)) is not None:
        path, test = found.groups()
        return (ROOT / path).is_file() and test in functions_of(path)
    found = SCRIPT.fullmatch(proof)
    return found is not None and (ROOT / found[1]).is_file()


def unquoted(page, quotes):
    """Yield the words around every promise word of a page that no quotation holds."""
    spans = [found.span() for quote in quotes for found in re.finditer(re.escape(quote), page)]
    for word in PROMISE_WORDS.finditer(CODE.sub(lambda code: "~" * len(code[0]), page)):
        if not any(begin <= word.start() and word.end() <= end for begin, end in spans):
            yield page[max(0, word.start() - 60) : word.end() + 60]


def test_every_promise_is_quoted_as_it_stands_under_its_heading():
    assert [row for row in PROMISED if row.quote not in pages().get(row.section, "")] == []


def test_what_is_not_proven_or_no_promise_stands_somewhere_and_has_a_reason():
    everything = "\n".join(pages().values())
    assert [row for row in ASIDES if row.quote not in everything or len(row.beside) < 10] == []


def test_nothing_is_quoted_twice():
    quotes = Counter((row.section, row.quote) for row in rows())
    assert [quote for quote, times in quotes.items() if times > 1] == []


def test_every_promise_names_tests_that_exist(measured):
    assert [row.quote for row in PROMISED if not row.proofs] == []
    proofs = [(row.quote, proof) for row in PROMISED for proof in row.proofs]
    assert [(quote, proof) for quote, proof in proofs if not exists(proof)] == []
    measured(f"{len(PROMISED)} promises name {len({proof for _, proof in proofs})} proofs")


@pytest.mark.parametrize("section", pages())
def test_every_word_that_promises_something_is_quoted(section):
    """As a promise with its proof, or as none with the reason."""
    quotes = [row.quote for row in rows() if row.section in (section, *ASIDE)]
    assert list(unquoted(pages()[section], quotes)) == []


def test_a_word_of_promise_is_found_outside_of_code_and_quotations_only():
    page = folded("It never\nsleeps. `never` It always talks, at\nmost.\n```\nalways\n```\n")
    assert len(list(unquoted(page, []))) == 3
    assert list(unquoted(page, ["It never sleeps", "always talks, at most"])) == []
    assert len(list(unquoted(page, ["It never", "always talks"]))) == 1


def test_a_proof_that_is_not_there_is_found():
    assert exists("`tests/house/test_promises.py::test_a_proof_that_is_not_there_is_found`")
    assert exists("`scripts/bench`")
    absent = ("tests/house/test_promises.py::test_none", "tests/none.py::test_x", "scripts/none")
    assert not any(exists(proof) for proof in ("test_x", *(f"`{name}`" for name in absent)))
