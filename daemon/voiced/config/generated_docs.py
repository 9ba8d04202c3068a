"""Texts made from the schema: the reference, the commented default file, the JSON schema."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from voiced.config.dump import dump
from voiced.config.schema import Settings
from voiced.config.secret import PREFIX, Secret, TextOrSecret
from voiced.config.types import BY_KEY
from voiced.lib.permissions import Permissions, every_permission
from voiced.lib.sections import Section, Setting, every_setting, settings_in

WIDTH = 96

_UNSET: tuple[object, ...] = (None, {}, msgspec.UNSET)

_STARTED_WITH = {"key", "session"}  # set to their examples in the installed file

_FILE_HEAD = """\
# Settings of voiced. Keys that are commented out are optional.
# A change counts as soon as it is saved; `voiced config check` finds mistakes. Reference: config/README.md\
"""

_README_HEAD = """\
# Settings

<!-- Made from the schema by scripts/generate. -->

How settings files work, and every setting. The guides beside this page explain them by topic: [agents](agents.md),
[sound](sound.md), [buttons and lights](buttons-and-lights.md), [tools](tools.md), [the page](page.md),
[MQTT and Home Assistant](mqtt.md), [metrics](monitoring.md), [many devices](fleet.md), [networks](network.md).

- [Files](#files)
- [Secrets](#secrets)
- [Reference](#reference)
- [The agent's own settings](#the-agents-own-settings)

## Files

One YAML file holds all settings of a device: the file given with `--config`, otherwise `$CONFIGURATION_DIRECTORY/voiced.yaml`
(systemd sets it), otherwise `/etc/voiced/voiced.yaml`. [voiced.yaml](voiced.yaml) here is the file that is installed; the folder
[examples](examples) has others to start from.

    voiced config check [FILE]    every mistake in the file; exit code 78 if there is one
                                  (--here: also what this machine lacks, like a key or a file)
                                  (--own FILE: for a fleet file, over the devices' own file)
    voiced config show [FILE]     every setting in force, with defaults, secrets masked
                                  (--origin: and the file or the revision it came from)
    voiced config diff [FILE]     what would change if the files were read now
    voiced config schema          JSON schema, for editors that complete and check YAML

Files in the folder `conf.d` beside it, with names that end in `.yaml`, override it, in the order of their names. What a server
sends (`remote`) overrides all of them. Sections are merged key by key; everything else, lists included, is replaced.

A file has at most 256 KiB, 2,000 keys and 10,000 values. Each mistake is one line: `file:line: key: what is wrong; what to do`.
Unknown keys are mistakes. Nothing is converted silently: `"20"` is not a number, `yes` is not `true`, `017` and `1:30` are not
numbers. Messages never repeat text from the file, because it may be a secret in the wrong place.

## Secrets

The file never holds a secret. It only says where to find it:

| Reference | The secret is |
|---|---|
| `{credential: api-key}` | a systemd credential: `LoadCredential=api-key:/etc/voiced/api-key` in the service |
| `{file: /path/to/file}` | the only line of a file, in UTF-8: one word of ASCII for keys and tokens, any text for a password or a header; `chmod 600` it and give it to the user of the service |
| `{env: VOICED_KEY}` | an environment variable, with a name in capitals |

## Reference

*Counts* says when a changed value takes effect. `live`: within a second of the change, even in the middle of a conversation.
`next-session`: from the next conversation on. `restart`: as soon as nobody talks, because its part (a sound card, a pin) is
opened again. A device with `wake: {mode: always}` adopts the last two in a quiet moment, with a new session. Files with
mistakes change nothing: the previous settings stay, even over a restart, and the log and the light say so.

*Server* says whether a settings server (`remote`) may set it. Where it says *no*, only the files on the device may: otherwise a
server could redirect the key or the sound, get into the device, or undo what people in front of the device rely on. Where it
names values, a server may set these and no others. A server cannot add a section that the device's own file lacks.
`remote.allow` makes exceptions, for single settings or whole sections, and `voiced config check` says what each of them allows.
"""


_SESSION_HEAD = """\

## The agent's own settings

`agent.session` holds the settings of the agent itself; its protocol defines them. A settings server may set these keys, and no
others:

| Protocol | Key | Server |
|---|---|---|\
"""


def readme(sessions: Mapping[str, Permissions]) -> str:
    """Return config/README.md.

    Args:
        sessions: What a settings server may set of `agent.session`, by the name of the protocol.
    """
    lines = [_README_HEAD, *_table("Key", "Value", "Default", "Counts", "Server", "Meaning")]
    for path, setting in every_setting(Settings):
        counts = setting.reload, "see below" if setting.remote is BY_KEY else setting.remote
        lines.append(_row(".".join(path), setting, *counts))
    for setting in settings_in(Settings):
        if setting.item is not None and setting.item.whole is not None:
            lines += _named_lines(setting.key, setting.item.whole)
    lines.append(_SESSION_HEAD)
    for protocol, permissions in sessions.items():
        for path, permission in every_permission(permissions):
            lines.append(f"| {protocol} | `{'.'.join(path)}` | {permission} |")
    return "\n".join(lines) + "\n"


def _named_lines(key: str, section: type[Section]) -> Iterator[str]:
    """Yield the lines about what each of several sections under `key` may hold."""
    yield f"\n### Each of `{key}`\n\n{section.__doc__}\n"
    yield from _table("Key", "Value", "Default", "Meaning")
    yield from (_row(setting.key, setting) for setting in settings_in(section))


def _table(*heads: str) -> tuple[str, str]:
    return f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"


def _row(name: str, setting: Setting, *more: object) -> str:
    cells = (f"`{name}`", setting.expects, _shown_default(setting), *more, setting.help)
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def commented_file() -> str:
    """Return config/voiced.yaml: every key with its help, optional ones commented out."""
    return "\n".join([_FILE_HEAD, *_section_lines(Settings, "", "")]) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a settings file; `x-reload` holds the reload class."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(Settings, schema_hook=_secret_schema),
    }


def _secret_schema(kind: type) -> dict[str, Any]:
    """Describe `Secret` and `TextOrSecret`, the types that msgspec does not know."""
    if kind is TextOrSecret:
        reference = _secret_schema(Secret)
        reference["properties"][PREFIX] = {"type": "string"}
        return {"anyOf": [{"type": "string"}, reference | {"maxProperties": 2}]}
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
    if setting.default in _UNSET:
        return "none"
    default = _assignment(setting.key, setting.default).partition(": ")[2]
    return f"`{' '.join(default.split())}`"  # a line break would end the row


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
            whole = setting.item.whole if setting.item is not None else None
            keys = f": {', '.join(whole.__struct_fields__)}" if whole is not None else ""
            yield from _comment(f"{setting.help} ({setting.expects}{keys})", indent)
            yield from _value_lines(setting, indent, mark)


def _value_lines(setting: Setting, indent: str, mark: str) -> Iterator[str]:
    is_set = setting.default not in _UNSET
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
