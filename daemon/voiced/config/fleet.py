"""What a server sends: settings for one device, or for a fleet of them. Pure.

An overlay is a settings file in which everything may be missing. A fleet file holds one for all devices
(`defaults`), for groups of them (`groups`) and for each (`devices`, with the names of its `groups`). Either
may say whom it is `for`: a signed file must not be passed off on another device.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voiced.config.merge import below, lay, without
from voiced.config.sending import forbidden
from voiced.config.yaml_document import Document, KeyPath
from voiced.errors import ConfigError, Problem
from voiced.lib.permissions import Permissions
from voiced.lib.printable import hidden
from voiced.lib.sections import suggestion

REVISION = "revision"
FOR = "for"
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


def is_sent(document: Document) -> bool:
    """Tell whether `document` is for a server to send: a device's own file holds no such keys."""
    known = {*_FLEET_KEYS, REVISION, FOR}
    return isinstance(document.value, Mapping) and not known.isdisjoint(document.value)


def device_names(document: Document) -> list[str]:
    """Return the devices that `document`, which a server sends, names."""
    if not isinstance(document.value, Mapping):
        return []
    devices, device = document.value.get("devices"), document.value.get("device")
    if isinstance(devices, Mapping):
        return [*devices]
    own = device.get("name") if isinstance(device, Mapping) else None
    return _names(document.value.get(FOR)) or _names(own) or []


def overlay_for(document: Document, name: str) -> Overlay:
    """Return what `document` says about the device called `name`."""
    if document.value is None:
        problem = Problem((), "is empty", "write settings, or only `revision: 1`")
        return Overlay(document, None, (_placed(document, problem),))
    if not isinstance(document.value, Mapping):
        problem = Problem((), "expected keys and values", "is it the right file?")
        return Overlay(document, None, (_placed(document, problem),))
    revision, problems = _revision(document.value.get(REVISION))
    if FOR in document.value:
        problems += _others(document.value[FOR], name)
    if not is_fleet(document):
        own = without(document, [REVISION, FOR])
    else:
        parts, faults = _parts(document, name)
        problems += faults
        own = lay([Document({}, {(): document.place(())}), *parts])
    problems += _other_device(own, name)
    return Overlay(own, revision, tuple(_placed(document, p) for p in problems))


def mistakes(
    document: Document, overlay: Overlay, allow: Sequence[str], permissions: Permissions
) -> list[ConfigError]:
    """Return why `overlay` may not be used, the values of its settings aside.

    Args:
        document: What the server sent.
        overlay: What it wants changed on one device.
        allow: Names of settings that it may change though only the device's own file should.
        permissions: What it may change without that.
    """
    found = document.errors([*document.problems, *overlay.problems])
    return found + overlay.document.errors(forbidden(overlay.document, allow, permissions))


def _placed(document: Document, problem: Problem) -> Problem:
    where = problem.where or document.where(problem.path)
    return Problem(problem.path, problem.problem, problem.hint, where)


def _revision(found: object) -> tuple[int | None, list[Problem]]:
    if found is None:
        return None, []
    if type(found) is int and 0 <= found <= HIGHEST_REVISION:
        return found, []
    problem = f"not a whole number from 0 to {HIGHEST_REVISION}"
    return None, [Problem((REVISION,), problem, "increase it by one")]


def _others(meant: object, name: str) -> list[Problem]:
    names = _names(meant)
    if names is None:
        return [Problem((FOR,), "not a list of device names", "write [kitchen, hall]")]
    if name not in names:
        hint = f"add {name}, or correct its name" if name else "this device has no name"
        return [Problem((FOR,), "this device is not among them", hint)]
    return []


def _names(meant: object) -> list[str] | None:
    names = [meant] if isinstance(meant, str) else meant
    return names if isinstance(names, list) and names and _are_names(names) else None


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
    listed = set()
    for i, group in enumerate(own.get("groups") or []):
        at: KeyPath = ("devices", name, "groups", i)
        if group in listed:
            problems.append(Problem(at, "listed twice", "remove one of them"))
        elif groups.get(group) is not None:
            paths.append(("groups", group))
        elif group not in groups:
            problems.append(Problem(at, "there is no such group", "add it under `groups`"))
        listed.add(group)
    if own:
        paths.append(("devices", name))
    return [without(part, ["groups"]) for part in below(document, paths)], problems


def _misshapen(whole: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what keeps a fleet file from being read at all."""
    known = {*_FLEET_KEYS, REVISION, FOR, "version"}
    hint = "write `key: value` lines"
    for key, item in whole.items():
        if key not in known:
            unknown = "unknown key in a fleet file", suggestion(key, sorted(known))
            yield Problem((key,), *(hidden(key) or unknown))
        elif key in _FLEET_KEYS and not isinstance(item, Mapping | None):
            yield Problem((key,), "expected keys and values", hint)
        elif key in {"groups", "devices"} and item is not None:
            for name, entry in item.items():
                members = entry.get("groups") if isinstance(entry, Mapping) else None
                if not isinstance(entry, Mapping | None):
                    yield Problem((key, name), "expected keys and values", hint)
                elif members is not None and not _are_names(members):
                    yield Problem((key, name, "groups"), "not a list of names", "write [a, b]")


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
