"""What differs between two sets of settings, and what of it may count when."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from voiced.config.schema import Settings
from voiced.lib.sections import Reload, Section, every_setting, settings_in

AnySection = TypeVar("AnySection", bound=Section)

_IN_ORDER: tuple[Reload, ...] = ("live", "next-session", "restart")


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs.

    Attributes:
        path: Its keys.
        reload: When the new value counts.
        old: The value before; None if its section is not there.
        new: The value after; None if its section is not there.
    """

    path: tuple[str, ...]
    reload: Reload
    old: object
    new: object


def changes(old: Settings, new: Settings) -> list[Change]:
    """Return every setting that differs, in the order of the schema."""
    return [
        Change(path, setting.reload, before, after)
        for path, setting in every_setting(Settings)
        if setting.reload is not None
        and (before := _value(old, path)) != (after := _value(new, path))
    ]


def mixed(old: AnySection, new: AnySection, counting: Collection[Reload]) -> AnySection:
    """Return `old` with those values of `new` whose reload classes are `counting`.

    A section that is in only one of the two counts as a whole, with the class that waits longest.
    """
    taken: dict[str, Any] = {}
    for setting in settings_in(type(new)):
        before, after = getattr(old, setting.key), getattr(new, setting.key)
        if setting.section is None:
            taken[setting.key] = after if setting.reload in counting else before
        elif before is not None and after is not None:
            taken[setting.key] = mixed(before, after, counting)
        else:
            classes = {each.reload for _, each in every_setting(setting.section)}
            taken[setting.key] = after if classes <= {*counting} else before
    return msgspec.structs.replace(old, **taken)


def _value(section: Any, path: tuple[str, ...]) -> object:
    for key in path:
        section = getattr(section, key, None)
    return section


def summary(found: Collection[Change]) -> Iterator[str]:
    """Yield the names of what differs, by reload class, without values."""
    for reload in _IN_ORDER:
        names = [".".join(each.path) for each in found if each.reload == reload]
        if names:
            yield f"{reload}: {', '.join(names)}"
