"""The sounds of the device itself. Their values name the files they are kept in."""

from enum import Enum


class Earcon(Enum):
    """A short local sound with a meaning."""

    WAKE = "wake"
    END = "end"
    MUTED = "muted"
    UNMUTED = "unmuted"
    OFFLINE = "offline"
    ONLINE = "online"
    ERROR = "error"
    VOLUME = "volume"
    ALARM = "alarm"


class Prompt(Enum):
    """A spoken cause: a fault that a person can do something about."""

    OFFLINE = "no-network"
    REJECTED = "agent-refuses"
    NO_MICROPHONE = "no-microphone"
    CONFIGURATION_ERROR = "configuration-error"
