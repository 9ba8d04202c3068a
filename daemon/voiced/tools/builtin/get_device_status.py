"""The tool that reports the state of the device."""

import time
from collections.abc import Mapping
from typing import Any

from voiced import __version__
from voiced.agents.codec import ToolSpec
from voiced.core.state import Conversation
from voiced.errors import SoundFault
from voiced.host.board import is_throttled, temperature
from voiced.ports import Controls

FINE = "fine"


class GetDeviceStatus:
    """Report the state of sound, network, settings and board. None of it is secret."""

    spec = ToolSpec(
        name="get_device_status",
        description=(
            "Tell how this device is doing: volume, microphone, speaker, connection, settings, how "
            "long it has been running, its software version, how hot it is. Use it when the user "
            "asks about the device or complains about it."
        ),
        timeout_s=10,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        now = controls.conversation
        hot = temperature()
        return {
            "volume_percent": controls.volume,
            "microphone": "muted" if now.muted else _condition(now.microphone),
            "speaker": _condition(now.speaker),
            "can_be_interrupted_by_voice": not now.half_duplex,
            "connection": "lost recently, and back now" if now.failures else FINE,
            "settings": _settings(now),
            "up_for_minutes": int(time.monotonic() / 60),
            "version": __version__,
            "temperature_celsius": None if hot is None else round(hot),
            "slowed_down_by_heat_or_weak_power": is_throttled(),
        }


def _condition(fault: SoundFault | None) -> str:
    return FINE if fault is None else fault.value


def _settings(now: Conversation) -> str:
    if now.misconfigured:
        return "were changed to something unusable; the previous ones are in force"
    if now.update_refused:
        return "were changed to something the agent refuses; the previous ones are in force"
    return FINE
