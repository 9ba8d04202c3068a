"""What a settings server may send, and what it could do if the device's own file allowed it more. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from voiced.config.schema import Settings
from voiced.config.types import BY_KEY
from voiced.config.yaml_document import Document, KeyPath
from voiced.errors import Problem
from voiced.lib.permissions import (
    Permission,
    Permissions,
    every_permission,
    never_sent,
    overstepped,
    owner,
)
from voiced.lib.printable import hidden
from voiced.lib.sections import Section, settings_in, suggestion

_NAME: KeyPath = ("device", "name")
_OWN_FILE = "set it in the device's own file"

_WHOLE = owner("switch this part on")
"""The permission of a section that is not there unless somebody writes it."""


def permissions_of(session: Permissions, device: Settings | None = None) -> Permissions:
    """Return what a server may set of all settings.

    Args:
        session: What it may set of `agent.session`.
        device: The device's own settings: a section that it lacks is one thing, and not a server's to add.
            None: whatever the device has.
    """
    return _permissions_in(Settings, session, device, whole=device is None)


def _permissions_in(
    kind: type[Section], session: Permissions, here: object, *, whole: bool
) -> Permissions:
    found: dict[str, Permission | Permissions] = {}
    for setting in settings_in(kind):
        own = getattr(here, setting.key, None)
        if setting.section is not None and (whole or own is not None):
            found[setting.key] = _permissions_in(setting.section, session, own, whole=whole)
        elif setting.section is not None or setting.remote is None:
            found[setting.key] = _WHOLE
        else:
            by_key = setting.remote is BY_KEY
            found[setting.key] = session if by_key else setting.remote.in_place_of(own)
    return found


def names_in(permissions: Permissions) -> set[str]:
    """Return the names of all settings, sections, and keys of `agent.session`."""
    paths = [path for path, _ in every_permission(permissions)] + [("agent", "session")]
    return {".".join(path[: i + 1]) for path in paths for i in range(len(path))}


def forbidden(overlay: Document, allow: Sequence[str], permissions: Permissions) -> list[Problem]:
    """Return what `overlay` sets though only the device's own file may.

    Args:
        overlay: What the server wants.
        allow: Names of settings that it may change all the same; a section's stands for all in it.
        permissions: What it may set without that.
    """
    found = [
        _refusal(path, permission, permissions)
        for path, permission in overstepped(overlay.value, permissions)
        if path not in ((), _NAME) and (permission or _is_of_session(path)) and not _in(path, allow)
    ]
    return found + [
        Problem(path, "no server may set it to this", _OWN_FILE)
        for path in never_sent(overlay.value, permissions)
    ]


def meanings(allow: Sequence[str], permissions: Permissions) -> Iterator[str]:
    """Yield a sentence for each name in `allow`: what a server can do because it stands there.

    Args:
        allow: Names of settings and sections.
        permissions: What a server may set without that.
    """
    for name in allow:
        powers = dict.fromkeys(
            each.power
            for path, each in every_permission(permissions)
            if each.power and _in(path, [name])
        )
        if not powers:
            yield f"{name}: a server may set this without it."
        else:
            yield f"{name}: a server can {'; '.join(powers)}."


def _is_of_session(path: KeyPath) -> bool:
    """Tell whether it depends on the agent what may stand there; elsewhere an unknown key is a fault anyway."""
    return path[:2] == ("agent", "session")


def _refusal(path: KeyPath, permission: Permission | None, permissions: Permissions) -> Problem:
    name = ".".join(map(str, path))
    problem = "only the device's own file may set this"
    if permission is None:
        section: Permission | Permissions | None = permissions
        for key in path[:-1]:
            section = section.get(str(key)) if isinstance(section, Mapping) else None
        beside = [*section] if isinstance(section, Mapping) else []
        key = str(path[-1])
        if (found := hidden(key)) is not None:
            return Problem(path, *found)
        return Problem(path, f"unknown key: {problem}", suggestion(key, beside))
    hint = f"there, `remote.allow: [{name}]` allows it"
    if not permission.local:
        problem += f" to anything but {permission}"
    return Problem(path, problem, hint)


def _in(path: KeyPath, allow: Sequence[str]) -> bool:
    names = [".".join(map(str, path[: i + 1])) for i in range(len(path))]
    return any(name in allow for name in names)
