"""Settings as YAML, for people. Secrets appear as the references they are."""

from collections.abc import Mapping
from typing import Any

import yaml

from voiced.config.schema import Settings
from voiced.config.secret import Secret, TextOrSecret
from voiced.lib.sections import Section, WholeSection, settings_in


def to_yaml(settings: Settings) -> str:
    """Return every setting in force, defaults included, as YAML."""
    return dump(_plain(settings))


def dump(value: Mapping[str, object]) -> str:
    """Return `value` as YAML in the order given, small collections on one line."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def assignment(name: str, value: object) -> str:
    """Return `name: value` on one line."""
    text = yaml.dump(
        {name: _plain(value)},
        Dumper=_OneLine,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
        default_flow_style=True,
    )
    return text.strip()[1:-1]


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return {
            each.key: _plain(found)
            for each in settings_in(type(value))
            if (found := getattr(value, each.key)) != each.default
            or not isinstance(value, WholeSection)
        }
    if isinstance(value, TextOrSecret):
        return value.plain()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


class _Dumper(yaml.SafeDumper):
    """Writes lists and references on one line and whole numbers without a fraction."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True


def _secret(dumper: _Dumper, secret: Secret) -> yaml.Node:
    return dumper.represent_mapping(_MAP, secret.plain(), flow_style=True)


def _mapping(dumper: _Dumper, value: dict[str, object]) -> yaml.Node:
    return dumper.represent_mapping(_MAP, value, flow_style=False)


def _list(dumper: _Dumper, value: list[object]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


def _float(dumper: _Dumper, value: float) -> yaml.Node:
    return dumper.represent_int(int(value)) if value.is_integer() else dumper.represent_float(value)


_MAP = "tag:yaml.org,2002:map"
_Dumper.add_representer(Secret, _secret)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(float, _float)


class _OneLine(_Dumper):
    """Writes everything on one line."""


_OneLine.add_representer(
    dict, lambda dumper, value: dumper.represent_mapping(_MAP, value, flow_style=True)
)
