"""What a server sends: settings for one device, or for a fleet of them. Pure.

An overlay is a settings file in which everything may be missing. A fleet file holds one for all devices
(`defaults`), for groups of them (`groups`) and for each (`devices`, with the names of its `groups`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voiced.config.document import Document, KeyPath
from voiced.config.fields import every_setting, settings_in, suggestion
from voiced.config.kinds import Section
from voiced.config.layers import below, lay, without
from voiced.config.schema import Settings
from voiced.errors import ConfigError, Problem

REVISION = "revision"
HIGHEST_REVISION = 2**53

_FLEET_KEYS = {"defaults", "groups", "devices"}
_NAME: KeyPath = ("device", "name")


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a server wants changed on one device.

    Attributes:
        document: The settings, as far as they are given.
        revision: The serial number of what was sent, if it has one.
        problems: What is wrong with it, `document` aside.
    """

    document: Document
    revision: int | None
    problems: tuple[Problem, ...]


def is_fleet(document: Document) -> bool:
    """Tell whether `document` is about many devices."""
    return isinstance(document.value, Mapping) and not _FLEET_KEYS.isdisjoint(document.value)


def device_names(document: Document) -> list[str]:
    """Return the devices that a fleet file names."""
    devices = document.value.get("devices") if isinstance(document.value, Mapping) else None
    return [*devices] if isinstance(devices, Mapping) else []


def overlay_for(document: Document, name: str) -> Overlay:
    """Return what `document` says about the device called `name`."""
    if document.value is None:
        problem = Problem((), "is empty", "write settings, or `revision: 1` for none")
        return Overlay(document, None, (_placed(document, problem),))
    if not isinstance(document.value, Mapping):
        problem = Problem((), "expected keys and values", "is it the right file?")
        return Overlay(document, None, (_placed(document, problem),))
    revision, problems = _revision(document.value.get(REVISION))
    if not is_fleet(document):
        own = without(document, [REVISION])
    else:
        parts, faults = _parts(document, name)
        problems += faults
        own = lay([Document({}, {(): document.place(())}), *parts])
    problems += _other_device(own, name)
    return Overlay(own, revision, tuple(_placed(document, p) for p in problems))


def mistakes(document: Document, overlay: Overlay, allow: Sequence[str]) -> list[ConfigError]:
    """Return why `overlay` may not be used, the values of its settings aside.

    Args:
        document: What the server sent.
        overlay: What it wants changed on one device.
        allow: Names of settings that it may change though only the device's own file should.
    """
    found = [document.error(each) for each in (*document.problems, *overlay.problems)]
    return found + [overlay.document.error(each) for each in forbidden(overlay.document, allow)]


def forbidden(overlay: Document, allow: Sequence[str]) -> list[Problem]:
    """Return what `overlay` sets though only the device's own file may.

    Args:
        overlay: What the server wants.
        allow: Names of settings that it may change all the same; a section's stands for all in it.
    """
    touched = [
        _refusal(path) for path in _touched(overlay.value, Settings, ()) if not _in(path, allow)
    ]
    return touched + [
        Problem(path, "no server may set it to this", "write it into the device's own file")
        for path in _never(overlay.value, Settings, ())
    ]


def _refusal(path: KeyPath) -> Problem:
    name = ".".join(map(str, path))
    return Problem(
        path,
        "only the device's own file may set this",
        f"there, `remote.allow: [{name}]` allows it",
    )


def _touched(value: object, kind: type[Section], path: KeyPath) -> Iterator[KeyPath]:
    """Yield the paths of local settings that `value` sets or, as a whole section, unsets."""
    for setting in settings_in(kind):
        here = (*path, setting.key)
        if not isinstance(value, Mapping) or setting.key not in value or here == _NAME:
            continue
        item = value[setting.key]
        if setting.section is None:
            if setting.local:
                yield here
        elif isinstance(item, Mapping):
            yield from _touched(item, setting.section, here)
        elif any(each.local for _, each in every_setting(setting.section)):
            yield here


def _never(value: object, kind: type[Section], path: KeyPath) -> Iterator[KeyPath]:
    """Yield the paths of what `value` sets to something that no server may send."""
    for setting in settings_in(kind):
        item = value.get(setting.key) if isinstance(value, Mapping) else None
        here = (*path, setting.key)
        if setting.section is not None:
            yield from _never(item, setting.section, here)
        elif setting.never_sent and isinstance(item, str) and re.search(setting.never_sent, item):
            yield here


def _in(path: KeyPath, allow: Sequence[str]) -> bool:
    names = [".".join(map(str, path[: i + 1])) for i in range(len(path))]
    return any(name in allow for name in names)


def _placed(document: Document, problem: Problem) -> Problem:
    where = problem.where or document.where(problem.path)
    return Problem(problem.path, problem.problem, problem.hint, where)


def _revision(found: object) -> tuple[int | None, list[Problem]]:
    if found is None:
        return None, []
    if type(found) is int and 0 <= found <= HIGHEST_REVISION:
        return found, []
    return None, [Problem((REVISION,), "not a whole number from 0 on", "count it up by one")]


def _other_device(own: Document, name: str) -> list[Problem]:
    device = own.value.get("device") if isinstance(own.value, Mapping) else None
    if isinstance(device, Mapping) and device.get("name", name) != name:
        return [Problem(_NAME, "meant for another device", "check the address and the name")]
    return []


def _parts(document: Document, name: str) -> tuple[list[Document], list[Problem]]:
    """Return what a fleet file says about one device, the most particular last."""
    whole: Any = document.value
    problems = list(_misshapen(whole))
    if problems:
        return [], problems
    devices, groups = whole.get("devices"), whole.get("groups") or {}
    if devices is not None and name not in devices:
        hint = f"add {name}, or correct its name"
        return [], [Problem(("devices",), "this device is not among them", hint)]
    own = (devices or {}).get(name) or {}
    paths: list[KeyPath] = [("defaults",)] if whole.get("defaults") else []
    for i, group in enumerate(own.get("groups") or []):
        if groups.get(group) is not None:
            paths.append(("groups", group))
        elif group not in groups:
            at: KeyPath = ("devices", name, "groups", i)
            problems.append(Problem(at, "there is no such group", "add it under `groups`"))
    if own:
        paths.append(("devices", name))
    return [without(below(document, path), ["groups"]) for path in paths], problems


def _misshapen(whole: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what keeps a fleet file from being read at all."""
    known = {*_FLEET_KEYS, REVISION, "version"}
    hint = "write `key: value` lines"
    for key, item in whole.items():
        if key not in known:
            yield Problem((key,), "unknown key in a fleet file", suggestion(key, sorted(known)))
        elif key in _FLEET_KEYS and not isinstance(item or {}, Mapping):
            yield Problem((key,), "expected keys and values", hint)
        elif key in {"groups", "devices"}:
            for name, entry in (item or {}).items():
                members = (entry or {}).get("groups") if isinstance(entry, Mapping) else None
                if not isinstance(entry or {}, Mapping):
                    yield Problem((key, name), "expected keys and values", hint)
                elif members is not None and not _are_names(members):
                    yield Problem((key, name, "groups"), "not a list of names", "write [a, b]")


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
