"""Texts made from the schema: the reference, the commented default file, the JSON schema."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from voiced.config.dump import dump
from voiced.config.schema import Settings
from voiced.config.schema_fields import Setting, every_setting, settings_in
from voiced.config.types import BY_KEY, Section
from voiced.lib.permissions import Permissions, every_permission

WIDTH = 96

_STARTED_WITH = {"key", "session"}  # set to their examples in the installed file

_FILE_HEAD = """\
# Settings of voiced. Keys that are commented out are optional.
# A change counts as soon as it is saved; `voiced config check` finds mistakes. Reference: config/README.md\
"""

_README_HEAD = """\
# Settings

<!-- Made from the schema by scripts/generate. -->

One YAML file holds all settings of a device: the one given with `--config`, else
`$CONFIGURATION_DIRECTORY/voiced.yaml` (systemd sets it), else `/etc/voiced/voiced.yaml`.
`voiced.yaml` here is what is installed; `examples/` holds others to start from.

    voiced config check [FILE]    everything wrong with the file; exit code 78 if there is anything
                                  (--here: what this machine lacks, as a key or a file, counts too)
                                  (--own FILE: for a fleet file, over the devices' own file)
    voiced config show [FILE]     every setting in force, defaults included, secrets masked
                                  (--origin: and the file or the remote revision it came from)
    voiced config diff [FILE]     what the files would change if they were read now
    voiced config schema          JSON schema, for editors that complete and check YAML

Files in the folder `conf.d` beside it whose names end in `.yaml` are laid over it, in the order of their names, and what a
server sends (`remote`) over all of them. Sections are merged key by key; everything else, lists included, is replaced.

A file has at most 256 KiB, 2,000 keys and 10,000 values. Each fault is one line: `file:line: key: what is wrong; what to do`. Unknown keys are faults. Nothing
is converted silently: `"20"` is not a number, `yes` is not `true`, `017` and `1:30` are not numbers. Text
from the file is never repeated in a message, because it may be a secret in the wrong place.

## Secrets

The file never holds a secret, only where to find it:

| Reference | The secret is |
|---|---|
| `{credential: api-key}` | a systemd credential: `LoadCredential=api-key:/etc/voiced/api-key` in the service |
| `{file: /path/to/file}` | the only line of a file, in UTF-8: one word of ASCII for keys and tokens, any text for a password or a header; `chmod 600` it and give it to the user of the service |
| `{env: VOICED_KEY}` | an environment variable, named in capitals |

## Reference

*Counts* says when a changed value counts: `live` within a second of the change, even in the middle of a conversation;
`next-session` from the next conversation on; `restart` as soon as nobody talks, because its part (a sound card, a pin) is
opened anew. A device with `wake: {mode: always}` takes both in a quiet moment, with a new session. Files that cannot be
used change nothing: the settings from before stay, also over a restart, and the log and the light say so.

*Server* says whether a settings server (`remote`) may set it. Where it says *no*, only the files on the device may: with
it a server could take the key or the sound elsewhere, get into the device, or undo what the light and the person before
the device rely on. Where it names values, a server may set these and no others. A section that the device's own file lacks
is not a server's to add. `remote.allow` names exceptions, for single settings or whole sections, and
`voiced config check` says what each of them means.
"""


_SESSION_HEAD = """\

## The agent's own settings

`agent.session` holds what the agent itself understands; its protocol says what that is. A settings server may set these
keys of it, and no others:

| Protocol | Key | Server |
|---|---|---|\
"""


def readme(sessions: Mapping[str, Permissions]) -> str:
    """Return config/README.md.

    Args:
        sessions: What a settings server may set of `agent.session`, by the name of the protocol.
    """
    heads = ["Key", "Value", "Default", "Counts", "Server", "Meaning"]
    lines = [_README_HEAD, f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for path, setting in every_setting(Settings):
        cells = (
            f"`{'.'.join(path)}`",
            setting.expects,
            _shown_default(setting),
            setting.reload,
            "see below" if setting.remote is BY_KEY else setting.remote,
            setting.help,
        )
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    lines.append(_SESSION_HEAD)
    for protocol, permissions in sessions.items():
        for path, permission in every_permission(permissions):
            lines.append(f"| {protocol} | `{'.'.join(path)}` | {permission} |")
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
