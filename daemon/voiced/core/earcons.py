"""The device's own sounds. Each value is the name of its sound file."""

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
    """A spoken message about a fault that a person can fix."""

    OFFLINE = "no-network"
    REJECTED = "agent-refuses"
    NO_MICROPHONE = "no-microphone"
    CONFIGURATION_ERROR = "configuration-error"
