"""What the schema says about each setting, for checking and for people."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import msgspec

from voiced.errors import Guess
from voiced.lib.permissions import Permission

Reload = Literal["live", "next-session", "restart"]
"""When a changed value counts; see `voiced.config.types`."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that belong together."""


def expect(text: str, **limits: Any) -> msgspec.Meta:
    """Describe what a value must be, in words, with the limits that make it so."""
    return msgspec.Meta(extra={"expect": text}, **limits)


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a section.

    Attributes:
        key: Its name.
        kind: Its type with limits, as msgspec takes it.
        bare: Its type without limits and without None.
        section: The section it holds, or None if it is a single value.
        required: It has no default.
        default: What it is when nobody sets it.
        expects: What a value must be, in words.
        help: What it is for.
        reload: When a changed value counts; None for a section.
        remote: Whether a settings server may set it; None for a section.
        example: A value to show where the default shows nothing, or None.
    """

    key: str
    kind: Any
    bare: Any
    section: type[Section] | None
    required: bool
    default: object
    expects: str
    help: str
    reload: Reload | None
    remote: Permission | None
    example: object


@cache
def settings_in(section: type[Section]) -> tuple[Setting, ...]:
    """Return the keys of `section` in the order of the schema."""
    return tuple(_settings_in(section))


@cache
def places_of(section: type[Section]) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Return where below `section` a single value of each name has its place."""
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for path, _ in every_setting(section):
        found[path[-1]] = (*found.get(path[-1], ()), path)
    return found


def _settings_in(section: type[Section]) -> Iterator[Setting]:
    for field in msgspec.structs.fields(section):
        bare, meta = _unwrap(field.type)
        extra: dict[str, Any] = {}
        for layer in meta:
            extra |= layer.extra or {}
        nested = cast("type[Section]", bare) if _is_section(bare) else None
        yield Setting(
            key=field.name,
            kind=field.type,
            bare=bare,
            section=nested,
            required=field.required,
            default=_default(field),
            expects=extra.get("expect") or _describe(bare, meta),
            help=next((layer.description for layer in meta if layer.description), ""),
            reload=extra.get("reload"),
            remote=extra.get("remote"),
            example=extra.get("example"),
        )


def every_setting(
    section: type[Section], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Setting]]:
    """Yield path and description of every single value below `section`."""
    for setting in settings_in(section):
        here = (*path, setting.key)
        if setting.section is None:
            yield here, setting
        else:
            yield from every_setting(setting.section, here)


def suggestion(word: str, known: Iterable[str]) -> Guess:
    """Return what `word` was probably meant to be, or what there is to choose from."""
    return Guess(word, tuple(known))


def _is_section(bare: Any) -> bool:
    return isinstance(bare, type) and issubclass(bare, Section)


def _unwrap(kind: Any) -> tuple[Any, list[msgspec.Meta]]:
    meta: list[msgspec.Meta] = []
    while True:
        if get_origin(kind) is Annotated:
            meta += kind.__metadata__
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, UnionType):
            kind = get_args(kind)[0]  # the other one is None
        else:
            return kind, meta


def _default(field: msgspec.structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.default is msgspec.NODEFAULT else field.default


def _describe(bare: Any, meta: Iterable[msgspec.Meta]) -> str:
    if get_origin(bare) is Literal:
        choices = [str(choice) for choice in get_args(bare)]
        return choices[0] if len(choices) == 1 else "one of " + ", ".join(choices)
    if bare is bool:
        return "true or false"
    words: Mapping[Any, str] = {int: "a whole number", float: "a number"}
    limits = next((layer for layer in meta if layer.ge is not None), None)
    span = f" from {limits.ge} to {limits.le}" if limits else ""
    return words.get(bare, "settings of its own") + span
