"""How quickly a finger is obeyed and a light follows, in real time, on pins in memory."""

import asyncio
import time

import pytest

from tests.devices.rig import percentile
from tests.flows import house as flows
from voiced.core.gestures import Meaning
from voiced.core.state import Phase
from voiced.devices.gpio.buttons_and_leds import ButtonWiring, GpioButton, GpioLight, LightWiring

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("pins")]

TRIALS = 40
ACTION_MS = 30
LIGHT_MS = 50


class TimedLight(GpioLight):
    """Notes when the lamp was first set after the status changed."""

    shown_s = 0.0

    def show(self, status):
        super().show(status)
        self.shown_s = time.monotonic()


@pytest.mark.parametrize(
    ("meaning", "counts_at"),
    [(Meaning(), "press"), (Meaning(hold="mute"), "release")],
    ids=["press alone", "press beside hold"],
)
async def test_a_press_is_obeyed_and_shown_at_once(pins, measured, monkeypatch, meaning, counts_at):
    monkeypatch.setattr(flows, "protocol", "assemblyai")
    lamp = TimedLight(LightWiring([25]))
    button = GpioButton(ButtonWiring(17, meaning))
    action_ms, light_ms = [], []
    async with flows.house(buttons=[button], lamps=[lamp]) as it:
        for _ in range(TRIALS):
            asleep = it.phase is Phase.ASLEEP
            pins.pin(17).drive_low()
            began_s = time.monotonic()
            if counts_at == "release":
                await asyncio.sleep(0.05)
                pins.pin(17).drive_high()
                began_s = time.monotonic()
            async with asyncio.timeout(2):
                while (it.phase is Phase.ASLEEP) is asleep:
                    await asyncio.sleep(0.0005)
            action_ms.append((time.monotonic() - began_s) * 1000)
            light_ms.append((lamp.shown_s - began_s) * 1000)
            pins.pin(17).drive_high()
            await asyncio.sleep(0.2)
    measured(
        f"{counts_at} -> action p50 {percentile(action_ms, 50):.1f}, max {max(action_ms):.1f} ms; "
        f"-> light max {max(light_ms):.1f} ms ({TRIALS} presses)"
    )
    assert percentile(action_ms, 95) <= ACTION_MS
    assert percentile(light_ms, 95) <= LIGHT_MS
