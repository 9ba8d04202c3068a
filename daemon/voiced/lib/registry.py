"""Turn a name in the settings into the class that implements it.

Values are import strings so that listing a driver does not import it: a laptop
without ALSA can still read every table.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from voiced.errors import ConfigError


def load(table: Mapping[str, str], name: str, where: str) -> Any:
    """Return the object `table` names.

    Args:
        table: Name to `module:attribute`.
        name: The configured name.
        where: The setting that holds the name, for the error.

    Raises:
        ConfigError: If `name` is not in `table`.
    """
    if name not in table:
        known = ", ".join(sorted(table))
        raise ConfigError(where, f"unknown name {name!r}", f"choose one of {known}")
    module, _, attribute = table[name].partition(":")
    return getattr(import_module(module), attribute)
