"""What settings are made of: kinds of values, and when a changed one counts.

The reload class says when a changed value counts:

* live          -- at once
* next-session  -- when the next conversation begins
* restart       -- when the part it belongs to starts again, which waits until nobody talks
"""

from typing import Annotated, Literal

import msgspec

from voiced.config.secret import Secret
from voiced.lib.permissions import Permission, owner
from voiced.lib.sections import Reload, expect


def _setting(reload: Reload, text: str, remote: Permission, example: object) -> msgspec.Meta:
    return msgspec.Meta(
        description=text,
        extra={"reload": reload, "example": example, "remote": remote},
        extra_json_schema={"x-reload": reload} | ({"x-local": True} if remote.local else {}),
    )


def live(text: str, remote: Permission, example: object = None) -> msgspec.Meta:
    """Describe a setting that counts at once.

    Args:
        text: One line of help.
        remote: Whether a settings server may set it: `SERVER`, or `owner` if with it a server could
            send the key or the sound elsewhere, get into the device, or undo what the light and the
            person before the device rely on.
        example: A value to show where the default shows nothing.
    """
    return _setting("live", text, remote, example)


def next_session(text: str, remote: Permission, example: object = None) -> msgspec.Meta:
    """Describe a setting that counts from the next conversation on; see `live`."""
    return _setting("next-session", text, remote, example)


def restart(text: str, remote: Permission, example: object = None) -> msgspec.Meta:
    """Describe a setting that counts when its part starts again; see `live`."""
    return _setting("restart", text, remote, example)


BY_KEY = owner("set every key of the agent's session")
"""The permission of a setting whose keys each have one of their own."""

Name = Annotated[
    str,
    expect(
        "a name of letters, digits, dots, dashes",
        pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=63,
    ),
]
# alsa-lib takes any other text for a definition, and a definition may start programs or write files.
_PCM = r"(hw|plughw|sysdefault):(CARD=)?[A-Za-z0-9_-]+(,(DEV=)?[0-9]+)?"
_USB = r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}(:[A-Za-z0-9._-]+|@[0-9]+-[0-9]+([.][0-9]+)*)?"
FILE = r"\Awav:"
SOUND_DEVICE = rf"\A([A-Za-z0-9._-]+|{_USB}|{_PCM}|wav:[^\x00-\x1f\x7f-\x9f]+)\Z"
SoundDevice = Annotated[
    str,
    expect(
        "a sound device as `voiced devices` names it",
        pattern=SOUND_DEVICE,
        max_length=255,
    ),
]
AbsolutePath = Annotated[str, expect("an absolute path", pattern="^/", max_length=1023)]
AgentUrl = Annotated[
    str,
    expect(
        "a wss:// or https:// address", pattern=r"^(wss?|https?)://[^\s/]+\S*$", max_length=1023
    ),
]
HttpUrl = Annotated[
    str, expect("an https:// address", pattern=r"^https?://[^\s/]+\S*$", max_length=1023)
]
Proxy = Annotated[
    str,
    expect(
        "auto, none or an http:// or socks5:// address",
        pattern=r"^(auto|none|(https?|socks5h?)://[^\s/]+\S*)$",
        max_length=1023,
    ),
]
Listen = Annotated[
    str,
    expect(
        "an address and port like 127.0.0.1:8080", pattern=r"^[^\s/]+:[0-9]{1,5}$", max_length=255
    ),
]
HostName = Annotated[
    str,
    expect(
        "the name or address of a host",
        pattern=r"^[A-Za-z0-9:]([A-Za-z0-9.:_-]*[A-Za-z0-9])?$",
        max_length=253,
    ),
]
Network = Annotated[
    str,
    expect(
        "an address, or a network like 192.168.1.0/24",
        pattern=r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$",
        max_length=43,
    ),
]
Topic = Annotated[
    str,
    expect(
        "the beginning of a topic", pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", max_length=127
    ),
]
PublicKey = Annotated[
    str, expect("a minisign public key", pattern="^[A-Za-z0-9+/=]+$", max_length=255)
]
SettingName = Annotated[
    str,
    expect(
        "the name of a setting like agent.url", pattern="^[a-z_]+([.][a-z_]+)*$", max_length=255
    ),
]
Reference = Annotated[
    Secret, expect("a reference: {credential: NAME}, {file: PATH} or {env: NAME}")
]
Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]
Gesture = Literal["talk", "mute", "end", "hush", "volume_up", "volume_down", "none"]
Level = Literal["high", "low"]
MixerControl = Annotated[
    str, expect("auto, none or the name of a mixer control", min_length=1, max_length=63)
]
