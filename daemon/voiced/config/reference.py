"""Texts made from the schema: the reference, the commented default file, the JSON schema."""

import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec

from voiced.config.fields import Setting, every_setting, settings_in
from voiced.config.schema import Section, Settings
from voiced.config.show import dump

WIDTH = 96

_STARTED_WITH = {"key", "session"}  # set to their examples in the installed file

_FILE_HEAD = """\
# Settings of voiced. Keys that are commented out are optional.
# After a change: `voiced config check`, then restart the daemon. Reference: config/README.md\
"""

_README_HEAD = """\
# Settings

<!-- Made from the schema by scripts/generate. -->

One YAML file holds all settings of a device: the one given with `--config`, else
`$CONFIGURATION_DIRECTORY/voiced.yaml` (systemd sets it), else `/etc/voiced/voiced.yaml`.
`voiced.yaml` here is what is installed; `examples/` holds others to start from.

    voiced config check [FILE]    everything wrong with the file; exit code 78 if there is anything
    voiced config show [FILE]     every setting in force, defaults included, secrets masked
    voiced config schema          JSON schema, for editors that complete and check YAML

Each fault is one line: `file:line: key: what is wrong; what to do`. Unknown keys are faults. Nothing
is converted silently: `"20"` is not a number, `yes` is not `true`, `017` and `1:30` are not numbers. Text
from the file is never repeated in a message, because it may be a secret in the wrong place.

## Secrets

The file never holds a secret, only where to find it:

| Reference | The secret is |
|---|---|
| `{credential: api-key}` | a systemd credential: `LoadCredential=api-key:/etc/voiced/api-key` in the service |
| `{file: /path/to/file}` | the only line of a file; `chmod 600` it and give it to the user of the service |
| `{env: VOICED_KEY}` | an environment variable, named in capitals |

## Reference

*Counts* says when a changed value counts once the daemon is told: `live` at once, `next-session` from the
next conversation on, `restart` when the daemon starts again. This version reads the file at start only.
"""


def readme() -> str:
    """Return config/README.md."""
    lines = [_README_HEAD, "| Key | Value | Default | Counts | Meaning |", "|---|---|---|---|---|"]
    for path, setting in every_setting(Settings):
        cells = (
            f"`{'.'.join(path)}`",
            setting.expects,
            _shown_default(setting),
            setting.reload,
            setting.help,
        )
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def commented_file() -> str:
    """Return config/voiced.yaml: every key with its help, optional ones commented out."""
    return "\n".join([_FILE_HEAD, *_section_lines(Settings, "", "")]) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a settings file; `x-reload` holds the reload class."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(Settings, schema_hook=_secret_schema),
    }


def _secret_schema(_kind: type) -> dict[str, Any]:
    """Describe `Secret`, the only type that msgspec does not know."""
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("credential", "file", "env")},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }


def _shown_default(setting: Setting) -> str:
    if setting.required:
        return "required"
    if setting.default is None or setting.default == {}:
        return "none"
    return f"`{_assignment(setting.key, setting.default).partition(': ')[2]}`"


def _section_lines(section: type[Section], indent: str, mark: str) -> Iterator[str]:
    """Yield the lines of a section.

    Args:
        section: What to write down.
        indent: Blanks before its keys.
        mark: `#` if the whole section is commented out.
    """
    for setting in settings_in(section):
        if setting.section is not None:
            inner = mark or ("#" if setting.default is None else "")
            yield ""
            yield from _comment(setting.section.__doc__ or "", indent)
            yield f"{inner}{indent}{setting.key}:"
            yield from _section_lines(setting.section, indent + "  ", inner)
        else:
            if section is Settings:
                yield ""
            yield from _comment(f"{setting.help} ({setting.expects})", indent)
            yield from _value_lines(setting, indent, mark)


def _value_lines(setting: Setting, indent: str, mark: str) -> Iterator[str]:
    is_set = setting.default not in (None, {})
    if not is_set and setting.key not in _STARTED_WITH:
        mark = "#"
    for line in _assignment(
        setting.key, setting.default if is_set else setting.example
    ).splitlines():
        yield f"{mark}{indent}{line}"


def _assignment(key: str, value: object) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return dump({key: plain}).rstrip("\n")


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
