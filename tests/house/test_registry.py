"""Every name a settings file may use leads to a class."""

from importlib import import_module

import pytest

from tests.house.repository import ROOT, modules
from voiced.errors import ConfigError
from voiced.lib import registry


def is_table(value):
    return (
        isinstance(value, dict)
        and value != {}
        and all(isinstance(target, str) and ":" in target for target in value.values())
    )


def tables():
    rooms = ROOT / "daemon"
    for path in modules("daemon/voiced"):
        if path.name != "__init__.py" or path.parent.name == "voiced":
            continue
        module = import_module(".".join(path.parent.relative_to(rooms).parts))
        for title, value in vars(module).items():
            if title.isupper() and is_table(value):
                yield from ((module.__name__, title, name) for name in value)


@pytest.mark.parametrize(("module", "title", "name"), list(tables()))
def test_a_registered_name_resolves_to_a_class(module, title, name):
    table = getattr(import_module(module), title)
    assert isinstance(registry.load(table, name, "here"), type)


def test_the_agents_and_tools_are_registered():
    assert {"assemblyai", "get_time", "set_volume", "end_conversation"} <= {
        name for _, _, name in tables()
    }


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        registry.load({"b": "x:B", "a": "x:A"}, "c", "agent.protocol")
    assert str(caught.value) == "agent.protocol: unknown name 'c'; choose one of a, b"
