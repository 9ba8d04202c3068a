"""Which settings a settings server may set. Without a permission it may not."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Union

Path = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a settings server may set one setting.

    Attributes:
        power: What any value would let it do: words that follow "a server can". Empty: it may set any.
        harmless: Values that it may set in spite of `power`.
        at_least: The lowest number that it may set in spite of `power`.
        at_most: The highest such number.
        never: A pattern of values it may not send even if `remote.allow` names the setting.
        kept: If the device's own value is one of these, no value is harmless.
    """

    power: str = ""
    harmless: tuple[str | bool, ...] = ()
    at_least: float | None = None
    at_most: float | None = None
    never: str | None = None
    kept: tuple[str, ...] = ()

    def in_place_of(self, own: object) -> "Permission":
        """Return the permission on a device whose own value is `own`."""
        return replace(self, harmless=()) if own in self.kept else self

    @property
    def local(self) -> bool:
        """Only the device's own file may set it, whatever the value."""
        return bool(self.power) and not self.harmless and not self._has_limit

    def covers(self, value: object) -> bool:
        """Tell whether a server may set it to `value`."""
        if not self.power:
            return True
        if self._has_limit and isinstance(value, int | float):
            low = -inf if self.at_least is None else self.at_least
            high = inf if self.at_most is None else self.at_most
            return not isinstance(value, bool) and low <= value <= high
        # By type as well, because `True == 1`.
        return any(type(value) is type(each) and value == each for each in self.harmless)

    def __str__(self) -> str:
        """Return the permission in a word or two, for a table."""
        if not self.power:
            return "yes"
        if self.at_least is not None:
            high = " or more" if self.at_most is None else f" to {self.at_most:g}"
            return f"{self.at_least:g}{high}"
        if self.at_most is not None:
            return f"up to {self.at_most:g}"
        words = [str(each).lower() if isinstance(each, bool) else each for each in self.harmless]
        return " or ".join(f"`{each}`" for each in words) if words else "no"

    @property
    def _has_limit(self) -> bool:
        return self.at_least is not None or self.at_most is not None


Permissions = Mapping[str, Union[Permission, "Permissions"]]
"""The permissions of a section, by key."""

SERVER = Permission()
"""A server may set it."""

SOFTEST_SENT = 10
"""The lowest volume, in per cent, that a server may set."""


def server(never: str) -> Permission:
    """Return the permission to set every value that does not match `never`."""
    return Permission(never=never)


def owner(
    power: str,
    *,
    harmless: tuple[str | bool, ...] = (),
    at_least: float | None = None,
    at_most: float | None = None,
    kept: tuple[str, ...] = (),
) -> Permission:
    """Return the permission of a setting that belongs in the device's own file; arguments as `Permission`."""
    return Permission(power, harmless, at_least, at_most, kept=kept)


def every_permission(
    permissions: Permissions, path: Path = ()
) -> Iterator[tuple[Path, Permission]]:
    """Yield the path and permission of every single key."""
    for key, found in permissions.items():
        if isinstance(found, Permission):
            yield (*path, key), found
        else:
            yield from every_permission(found, (*path, key))


def overstepped(
    value: object, permissions: Permissions, path: Path = ()
) -> Iterator[tuple[Path, Permission | None]]:
    """Yield what a server sets without permission in the section at `path`: path and permission (None: unknown key)."""
    if not isinstance(value, Mapping):  # it replaces the whole section
        powers = [each.power for _, each in every_permission(permissions) if each.power]
        if powers:
            yield path, owner(powers[0])
        return
    for key, item in value.items():
        found = permissions.get(key)
        here = (*path, key)
        if isinstance(found, Mapping):
            yield from overstepped(item, found, here)
        elif found is None or not found.covers(item):
            yield here, found


def never_sent(value: object, permissions: Permissions, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of values that a server may never send, whatever `remote.allow` says; see `overstepped`."""
    for key, item in value.items() if isinstance(value, Mapping) else ():
        found, here = permissions.get(key), (*path, key)
        if isinstance(found, Mapping):
            yield from never_sent(item, found, here)
        elif found is not None and found.never is not None and isinstance(item, str):
            yield from [here] if re.search(found.never, item) else []
