"""Sections of settings, and the description of each key in its type."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import inf
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import msgspec

from voiced.errors import Guess
from voiced.lib.permissions import Permission, Permissions

Reload = Literal["live", "next-session", "restart"]
"""When a changed value takes effect; see `voiced.config.types`."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that belong together."""


class WholeSection(Section, frozen=True, kw_only=True):
    """Settings that take effect together, as the value of one setting."""


def expect(text: str, **limits: Any) -> msgspec.Meta:
    """Describe what a value must be, in words and by limits."""
    return msgspec.Meta(extra={"expect": text}, **limits)


def prose(least: int | None = None, most: int | None = None) -> msgspec.Meta:
    """Describe text that may have several lines and surrounding blanks, by its length."""
    return msgspec.Meta(extra={"is_prose": True}, min_length=least, max_length=most)


def about(text: str) -> msgspec.Meta:
    """Describe a key of a `WholeSection`."""
    return msgspec.Meta(description=text)


def remote(permission: Permission) -> msgspec.Meta:
    """Describe whether a settings server may set a key."""
    return msgspec.Meta(extra={"remote": permission})


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a section, or any item of a list or mapping.

    Attributes:
        key: Its name.
        kind: Its type with limits, as msgspec takes it.
        bare: Its type without limits and None.
        section: The section that is its value, or None if it is a single value.
        whole: The `WholeSection` that its value is.
        required: Whether it has no default.
        default: Its default.
        expects: What a value must be, in words.
        help: What it is for.
        reload: When a changed value takes effect; None for a section.
        remote: Whether a settings server may set it; None for a section.
        example: A value to show in place of an empty default, or None.
        item: What the items of a list or mapping must be; None if they may be anything.
        names: What the keys of a mapping must be.
        least: The least length of text, list or mapping.
        most: The greatest.
        is_prose: Text in it may have several lines and surrounding blanks.
    """

    key: str
    kind: Any
    bare: Any
    section: type[Section] | None
    whole: type[WholeSection] | None
    required: bool
    default: object
    expects: str
    help: str
    reload: Reload | None
    remote: Permission | None
    example: object
    item: "Setting | None"
    names: "Setting | None"
    least: int
    most: float
    is_prose: bool


@cache
def settings_in(section: type[Section]) -> tuple[Setting, ...]:
    """Return the keys of `section` in the order of the schema."""
    return tuple(
        setting_of(field.type, field.name, required=field.required, default=_default(field))
        for field in msgspec.structs.fields(section)
    )


@cache
def places_of(section: type[Section]) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Return the paths below `section` of every single value, by the value's name."""
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for path, _ in every_setting(section):
        found[path[-1]] = (*found.get(path[-1], ()), path)
    return found


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


def permissions_in(section: type[Section]) -> Permissions:
    """Return the permissions of a section, in which every key has one or is a `WholeSection`."""
    return {
        each.key: each.remote or permissions_in(cast("type[Section]", each.whole))
        for each in settings_in(section)
    }


def suggestion(word: str, known: Iterable[str]) -> Guess:
    """Return a guess at what `word` was meant to be, or the choices."""
    return Guess(word, tuple(known))


def setting_of(
    kind: Any, key: str = "", *, required: bool = True, default: object = None
) -> Setting:
    """Return the description of a key, or of any item, from its type."""
    bare, meta = _unwrap(kind)
    extra: dict[str, Any] = {}
    for layer in meta:
        extra |= layer.extra or {}
    names, item = _inside(bare)
    is_whole = _is_a(WholeSection, bare)
    return Setting(
        key=key,
        kind=kind,
        bare=bare,
        section=bare if _is_a(Section, bare) and not is_whole else None,
        whole=bare if is_whole else None,
        required=required,
        default=default,
        expects=extra.get("expect") or _describe(bare, meta),
        help=next((layer.description for layer in meta if layer.description), ""),
        reload=extra.get("reload"),
        remote=extra.get("remote"),
        example=extra.get("example"),
        item=item,
        names=names,
        least=_limit(meta, "min_length", 0),
        most=_limit(meta, "max_length", inf),
        # A mapping of anything may contain a prompt.
        is_prose="is_prose" in extra or bare is Any or (item is None and _is_mapping(bare)),
    )


def _inside(bare: Any) -> tuple[Setting | None, Setting | None]:
    """Return what the keys and the items of a list or mapping must be."""
    if get_origin(bare) is tuple:
        return None, setting_of(get_args(bare)[0])
    if not _is_mapping(bare) or Any in get_args(bare):
        return None, None
    names, item = map(setting_of, get_args(bare))
    return names, item


def _is_mapping(bare: Any) -> bool:
    return get_origin(bare) is Mapping


def _is_a(base: type[Section], bare: Any) -> bool:
    return isinstance(bare, type) and issubclass(bare, base)


def _unwrap(kind: Any) -> tuple[Any, list[msgspec.Meta]]:
    meta: list[msgspec.Meta] = []
    while True:
        if get_origin(kind) is Annotated:
            meta += kind.__metadata__
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, UnionType):
            kind = get_args(kind)[0]  # the other members are None, or described in words
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
    if bare is int or bare is float:
        kind = "a whole number" if bare is int else "a number"
        return kind + _span("from", _limit(meta, "ge"), _limit(meta, "le"))
    words = {str: ("text", " characters"), tuple: ("a list", " items")}
    kind, unit = words.get(get_origin(bare) or bare, ("keys and values", ""))
    span = _span("of", _limit(meta, "min_length"), _limit(meta, "max_length"))
    return kind + (span + unit if span else "")


def _span(word: str, least: float | None, most: float | None) -> str:
    if least is None:
        return "" if most is None else f" of at most {most}"
    return f" of at least {least}" if most is None else f" {word} {least} to {most}"


def _limit(meta: Iterable[msgspec.Meta], name: str, otherwise: Any = None) -> Any:
    found = (getattr(layer, name) for layer in meta)
    return next((each for each in found if each is not None), otherwise)
