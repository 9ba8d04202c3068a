"""From the settings of pins to what drives them. Nothing of GPIO is imported where no pin is set."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from voiced.config.load import as_sources, draft, draft_of
from voiced.config.schema import Settings
from voiced.core.gestures import Meaning
from voiced.devices.gpio.buttons_and_leds import ButtonWiring, GpioButton, GpioLight, LightWiring
from voiced.lib.environment import state_folder


def buttons(settings: Settings) -> list[GpioButton]:
    """Return every button the settings name."""
    return [GpioButton(wiring) for wiring in button_wirings(settings)]


def button_wirings(settings: Settings) -> Iterator[ButtonWiring]:
    """Yield every button's pin and what its gestures do."""
    main, more = settings.button, settings.buttons
    if main is not None:
        meaning = Meaning(
            press=main.press,
            hold=main.hold,
            double=main.double,
            hold_s=main.hold_s,
            held_to_talk=settings.wake.mode == "hold_to_talk",
        )
        yield ButtonWiring(main.pin, meaning, active_high=main.active == "high")
    if more is None:
        return
    for button, press, repeats in (
        (more.volume_up, "volume_up", True),
        (more.volume_down, "volume_down", True),
        (more.mute, "mute", False),
    ):
        if button is not None:
            meaning = Meaning(press=press, repeats=repeats)
            yield ButtonWiring(button.pin, meaning, active_high=button.active == "high")


def light(settings: Settings) -> GpioLight | None:
    """Return the light the settings name, if they do."""
    wiring = light_wiring(settings)
    return None if wiring is None else GpioLight(wiring)


def first_light(path: Path) -> GpioLight | None:
    """Return the light that the settings in `path` name, as far as they can be read. Never fails.

    If they cannot, the last good ones count. It takes little to import and to call: whoever has
    plugged in the power waits for a sign.
    """
    settings = draft(path) or _last_good(path)
    return None if settings is None else light(settings)


def _last_good(path: Path) -> Settings | None:
    from voiced.storage.settings_store import last_record  # only for files with mistakes

    kept = last_record(state_folder(), path.absolute()).local
    return draft_of(as_sources(kept)) if kept else None


def moving(lamp: GpioLight | None) -> AbstractContextManager[None]:
    """Return what keeps `lamp` moving while the calling thread is busy."""
    return nullcontext() if lamp is None else lamp.moving()


def light_wiring(settings: Settings) -> LightWiring | None:
    """Return the light's pins and kind, or None if there is no light."""
    led = settings.led
    if led is None:
        return None
    named = (led.pin,) if led.pin is not None else (led.red, led.green, led.blue)
    pins = [pin for pin in named if pin is not None]
    if not pins:
        return None  # a draft, in which they are wrong
    return LightWiring(pins, active_high=led.active == "high")
