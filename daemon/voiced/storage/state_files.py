"""All files of the state folder. Add new ones here: the tests iterate over this list."""

from dataclasses import dataclass

KIB = 1024


@dataclass(frozen=True, slots=True)
class FileSpec:
    """One file.

    Attributes:
        name: Its name in the state folder.
        holds: A description of its content, for the log.
        most_bytes: Its largest size; larger ones are not ours.
        empty: Its content while there is nothing to keep.
        wait_s: How long changes are collected before they are written: an SD card wears out.
    """

    name: str
    holds: str
    most_bytes: int
    empty: bytes = b""
    wait_s: float = 0.0


SETTINGS = FileSpec("settings.json", "the last good settings", 4096 * KIB)
VOLUME = FileSpec("state.json", "volume and mute", 4 * KIB, wait_s=0.5)
ALARMS = FileSpec("alarms.json", "timers and alarms", 256 * KIB, b"[]\n")
BY_HAND = FileSpec("by-hand.yaml", "what people set at the page", 64 * KIB, b"{}\n")
KIOSK_TOKEN = FileSpec("kiosk.token", "the page's token", KIB)
BROKER = FileSpec(
    "broker.json", "the topics of this device's messages that a broker keeps", 128 * KIB, b"{}\n"
)

ALL_FILES = (SETTINGS, VOLUME, ALARMS, BY_HAND, KIOSK_TOKEN, BROKER)
