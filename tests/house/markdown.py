"""Documents as their readers see them: code, links, headings and tables."""

import re
from typing import NamedTuple

from tests.house.repository import DOCUMENTS, read

FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        document: Where it stands.
        heads: The cells above it.
        cells: Its own.
    """

    document: str
    heads: tuple[str, ...]
    cells: tuple[str, ...]


def blocks(document, *languages):
    """Return the code of these languages, without its indentation."""
    return [
        re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)
        for indent, language, code in FENCED.findall(read(document))
        if language in languages
    ]


def prose(document):
    """Return a document without its blocks of code."""
    return FENCED.sub("", read(document))


def links(document):
    return LINK.findall(INLINE.sub("", prose(document)))


def anchor(heading):
    """Return what a link may name after #, as GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", LINK.sub("]", heading).lower()).replace(" ", "-")


def anchors(document):
    return {anchor(heading) for heading in HEADING.findall(prose(document))}


def cells(line):
    return tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1])


def rows(*heads, documents=DOCUMENTS):
    """Yield the rows of the tables whose first heads are these."""
    for document in documents:
        table = None
        for line in [*prose(document).splitlines(), ""]:
            if not line.lstrip().startswith("|"):
                table = None
            elif table is None:
                table = cells(line)
            elif table[: len(heads)] == heads and not re.fullmatch(r"[|\- ]+", line):
                yield Row(document, table, cells(line))


def named(*heads):
    """Return the names in the first cells of these tables, all of them as often as they stand there."""
    return [name for row in rows(*heads) for name in re.findall(r"`([^`]+)`", row.cells[0])]
