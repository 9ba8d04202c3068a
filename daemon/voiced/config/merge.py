"""Settings files laid over each other: the device's own, its drop-ins, what a server sends."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from voiced.config.yaml_document import Document, KeyPath, Place
from voiced.errors import Problem


def lay(documents: Sequence[Document]) -> Document:
    """Return `documents` as one, the later laid over the earlier.

    Sections merge key by key; every other value replaces the one below it, lists as a whole. What stands in
    the result is found where it came from.
    """
    value: object = {}
    places: dict[KeyPath, Place] = {(): Place(0, 1, documents[0].place(()).name)}
    problems: list[Problem] = []
    for layer, document in enumerate(documents):
        problems += [replace(p, where=p.where or document.where(p.path)) for p in document.problems]
        if document.value is not None:
            value = _lay(value, document, document.value, (), layer, places)
    return Document(value, places, tuple(problems))


def below(document: Document, paths: Sequence[KeyPath]) -> list[Document]:
    """Return the parts of `document` at `paths`, which must be there, each as a document of its own."""
    places: dict[KeyPath, dict[KeyPath, Place]] = {path: {} for path in paths}
    lengths = {len(path) for path in paths}
    for at, place in document.places.items():
        for n in lengths:
            if at[:n] in places:
                places[at[:n]][at[n:]] = place
    found = []
    for path in paths:
        value: Any = document.value
        for key in path:
            value = value[key]
        found.append(Document(value, places[path]))
    return found


def without(document: Document, keys: Sequence[str]) -> Document:
    """Return `document` without some of its outermost keys."""
    value = document.value
    if isinstance(value, Mapping):
        value = {key: item for key, item in value.items() if key not in keys}
    return replace(document, value=value)


def _lay(
    low: object,
    document: Document,
    high: object,
    path: KeyPath,
    layer: int,
    places: dict[KeyPath, Place],
) -> object:
    """Lay `high`, which stands at `path` in `document`, over `low`; note where things stand."""
    if path in document.places:
        places[path] = replace(document.places[path], layer=layer)
    if isinstance(high, Mapping):
        kept = dict(low) if isinstance(low, Mapping) else {}
        for key, item in high.items():
            kept[key] = _lay(kept.get(key), document, item, (*path, key), layer, places)
        return kept
    if isinstance(high, list):
        return [
            _lay(None, document, item, (*path, i), layer, places) for i, item in enumerate(high)
        ]
    return high
