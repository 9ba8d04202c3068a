"""The settings of what a person at the device touches, sees and hears of it; see `schema`."""

from typing import Annotated

import msgspec

from voiced.config.types import AbsolutePath, Gesture, Level, Pin, restart
from voiced.lib.permissions import owner
from voiced.lib.sections import Section


class ButtonSection(Section, frozen=True, kw_only=True):
    """The talk button."""

    pin: Annotated[Pin, restart("GPIO number (BCM).", owner("have the button do nothing"), 17)]
    press: Annotated[Gesture, restart("What a press does.", owner("change what a press does"))] = (
        "talk"
    )
    hold: Annotated[
        Gesture,
        restart(
            "What holding the button does.",
            owner("take away mute where holding the button does that"),
        ),
    ] = "mute"
    hold_s: Annotated[
        Annotated[float, msgspec.Meta(ge=0.3, le=10)],
        restart(
            "How long a press must last to count as holding.",
            owner("have the button do nothing unless it is held for ten seconds"),
        ),
    ] = 1.5
    double: Annotated[
        Gesture,
        restart(
            "What a double press does. A single press then takes effect 0.35 s later.",
            owner("change what a double press does"),
        ),
    ] = "none"
    active: Annotated[
        Level,
        restart(
            "The pin's level while the button is pressed; low for a button to ground.",
            owner("have the button work the wrong way round"),
        ),
    ] = "low"


class VolumeUpSection(Section, frozen=True, kw_only=True):
    """A button that turns the volume up."""

    pin: Annotated[Pin, restart("GPIO number (BCM).", owner("have the button do nothing"), 5)]
    active: Annotated[
        Level, restart("Like button.active.", owner("have the button work the wrong way round"))
    ] = "low"


class VolumeDownSection(Section, frozen=True, kw_only=True):
    """A button that turns the volume down."""

    pin: Annotated[Pin, restart("GPIO number (BCM).", owner("have the button do nothing"), 6)]
    active: Annotated[
        Level, restart("Like button.active.", owner("have the button work the wrong way round"))
    ] = "low"


class MuteSection(Section, frozen=True, kw_only=True):
    """A button that switches the microphone off and on."""

    pin: Annotated[
        Pin, restart("GPIO number (BCM).", owner("have the button that mutes do nothing"), 13)
    ]
    active: Annotated[
        Level,
        restart(
            "Like button.active.", owner("have the button that mutes work the wrong way round")
        ),
    ] = "low"


class ButtonsSection(Section, frozen=True, kw_only=True):
    """More buttons, each for one thing."""

    volume_up: VolumeUpSection | None = None
    volume_down: VolumeDownSection | None = None
    mute: MuteSection | None = None


class LedSection(Section, frozen=True, kw_only=True):
    """The light: one pin, or one pin for each colour."""

    pin: Annotated[
        Pin | None,
        restart(
            "GPIO number (BCM) of a light of one colour.",
            owner("keep the light dark while the device listens"),
            25,
        ),
    ] = None
    red: Annotated[
        Pin | None,
        restart(
            "GPIO number (BCM) of the red light.",
            owner("have the light show the wrong colour, or none"),
            16,
        ),
    ] = None
    green: Annotated[
        Pin | None,
        restart(
            "GPIO number (BCM) of the green light.",
            owner("have the light show the wrong colour, or none"),
            20,
        ),
    ] = None
    blue: Annotated[
        Pin | None,
        restart(
            "GPIO number (BCM) of the blue light.",
            owner("have the light show the wrong colour, or none"),
            21,
        ),
    ] = None
    active: Annotated[
        Level,
        restart(
            "The pin's level while the light is on.",
            owner("have the light be dark when it should be lit"),
        ),
    ] = "high"


class SoundsSection(Section, frozen=True, kw_only=True):
    """The sounds of the device itself."""

    earcons: Annotated[
        bool,
        restart(
            "Short sounds: awake, asleep, muted, offline and so on; alarms ring anyway.",
            owner(
                "silence the sounds that tell when the device listens or is muted", harmless=(True,)
            ),
        ),
    ] = True
    causes: Annotated[
        bool,
        restart(
            "Say what is wrong when a person can fix it.",
            owner("silence what the device says when it needs somebody", harmless=(True,)),
        ),
    ] = True
    directory: Annotated[
        AbsolutePath | None,
        restart(
            "A folder whose WAV files replace the sounds of the same names.",
            owner("have the WAV files of any folder played in place of the device's own sounds"),
            "/etc/voiced/sounds",
        ),
    ] = None
