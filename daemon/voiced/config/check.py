"""Hold a document against the schema."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import UNSET, UnsetType

from voiced.config.schema import Settings
from voiced.config.schema_controls import LedSection
from voiced.config.secret import PREFIX, Secret, TextOrSecret, read_reference
from voiced.config.yaml_document import Document, KeyPath
from voiced.errors import Guess, Problem
from voiced.lib.section_check import Checker, hidden_in
from voiced.lib.sections import Section, Setting, WholeSection, expect, places_of, prose, setting_of

_TEXT = setting_of(
    Annotated[str, prose(most=4000), expect("text of at most 4000 characters, or a reference")]
)


def check(document: Document) -> tuple[Settings | None, list[Problem]]:
    """Return the settings `document` holds and what is wrong with it.

    A faulty value leaves its default in place, so that the rest can be judged; a faulty tool or server is left out.
    None means that not even that could be done.
    """
    checker = _SettingsChecker(document)
    value = {} if document.value is None else document.value
    settings = checker.section(Settings, value, ())
    return None if settings is UNSET else settings, checker.problems


_GONE: dict[tuple[type[Section], str], str] = {
    (LedSection, "dims"): "remove it: a light no longer fades, it is on or off"
}
"""Keys that there were once, and what to write instead."""


class _SettingsChecker(Checker):
    """Knows references to secrets, and where else a key may belong."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.problems += document.problems
        self._document = document

    def single(self, setting: Setting, value: object, path: KeyPath) -> object:
        if setting.bare is TextOrSecret:
            return self._text_or_secret(value, path)
        if setting.bare is Secret and value is not None:
            return self._secret(value, path)
        return super().single(setting, value, path)

    def meant(self, key: str, kind: type[Section]) -> str | Guess:
        if (gone := _GONE.get((kind, key))) is not None:
            return gone
        places = () if issubclass(kind, WholeSection) else places_of(Settings).get(key, ())
        if len(places) == 1:
            return f"did you mean {'.'.join(places[0])}?"
        return super().meant(key, kind)

    def _secret(self, value: object, path: KeyPath) -> Secret | UnsetType:
        found = read_reference(value, self._document.where(path))
        if isinstance(found, Secret):
            return found
        self.add(path, *(hidden_in(value) or found))
        return UNSET

    def _text_or_secret(self, value: object, path: KeyPath) -> TextOrSecret | UnsetType:
        if not isinstance(value, Mapping):
            text = self.single(_TEXT, value, path)
            return TextOrSecret(text) if isinstance(text, str) else UNSET
        text = self.single(_TEXT, value.get(PREFIX, ""), (*path, PREFIX))
        secret = self._secret({key: value[key] for key in value if key != PREFIX}, path)
        if isinstance(text, str) and isinstance(secret, Secret):
            return TextOrSecret(text, secret)
        return UNSET
