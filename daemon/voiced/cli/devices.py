"""`voiced devices`: the sound cards, and how to name them in the settings."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from voiced.cli.printing import say, say_json
from voiced.devices.sound.alsa_pcm import alsa_library
from voiced.devices.sound.cards import Card, list_cards, settings_name
from voiced.devices.sound.opening import Tried, try_cards
from voiced.devices.sound.quirks import best_card, profile_of
from voiced.devices.sound.streams import Fitness, Stream
from voiced.errors import DeviceError
from voiced.lib.printable import shown

_PLUG_IN = "Plug in a USB microphone array."

_NO_CARD = """\
No sound card is connected.
Plug in a USB microphone array and run `voiced devices` again. Without one, `voiced demo` holds a
conversation through WAV files, and `wav:PATH` can be set as a device in the configuration."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print the cards as JSON")


def run(args: argparse.Namespace) -> int:
    """List the sound cards; return the exit code."""
    cards = list_cards()
    if args.json:
        # `capture` and `playback` are the streams used by default.
        sides = [{"capture": card.capture, "playback": card.playback} for card in cards]
        say_json(
            [
                asdict(card) | {side: stream and asdict(stream) for side, stream in used.items()}
                for card, used in zip(cards, sides, strict=True)
            ],
            indent=2,
        )
    else:
        say(*describe(cards, _try() if cards else None).split("\n"))
    return 0


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of trying the cards.

    Attributes:
        capture: Result for the microphone.
        playback: Result for the speaker.
        note: A remark for the user.
    """

    capture: Tried
    playback: Tried
    note: str = ""


def describe(cards: list[Card], trial: Trial | None = None) -> str:
    """Return the cards as a table for people, and how to configure the best: those of `trial`, if any."""
    if not cards:
        return _NO_CARD
    head = ("CARD", "USB ID", "CAPTURE", "PLAYBACK", "NAME")
    rows = [head] + [
        (
            card.id,
            settings_name(card, cards) if card.usb_id else "-",
            _sides(card.captures),
            _sides(card.playbacks),
            shown(card.name),
        )
        for card in cards
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*table, "", *_advice(cards, trial or _by_merit(cards))])


def _try() -> Trial:
    """Open the best cards, so that only usable ones are recommended."""
    try:
        alsa = alsa_library()
    except DeviceError as error:
        return replace(_by_merit(list_cards()), note=f"Nothing was tried: {error.problem}.")
    listens = try_cards(alsa, "capture")
    return Trial(listens, try_cards(alsa, "playback", listens.card))


def _by_merit(cards: list[Card]) -> Trial:
    # Echo cancellation works only if one device does both, so the microphone's own speaker comes first.
    listens, speaks = best_card(cards, "capture"), best_card(cards, "playback")
    if listens and listens.playback and listens.playback.fitness is not Fitness.NONE:
        speaks = listens
    return Trial(Tried(listens), Tried(speaks))


def _sides(streams: Sequence[Stream]) -> str:
    if len(streams) > 1:
        return "; ".join(f"DEV={stream.device}: {_side(stream)}" for stream in streams)
    return _side(streams[0]) if streams else "-"


def _side(stream: Stream) -> str:
    offers = [
        f"{f.channels} ch {f.encoding} {'/'.join(map(str, f.rates_hz))} Hz" for f in stream.formats
    ]
    return ", ".join(dict.fromkeys(offers)) or "yes"


def _advice(cards: list[Card], trial: Trial) -> list[str]:
    listens, speaks = trial.capture.card, trial.playback.card
    lines = []
    if listens or speaks:
        lines = ["In the configuration:", "  audio:"]
    if listens:
        channel = profile_of(listens.usb_id).channel
        device = settings_name(listens, cards)
        text = f'    capture:  {{device: "{device}", channel: {channel}}}'
        lines.append(text + _busy(trial.capture))
    if speaks:
        text = f'    playback: {{device: "{settings_name(speaks, cards)}"}}'
        lines.append(text + _busy(trial.playback))
    for side, tried in (("microphone", trial.capture), ("speaker", trial.playback)):
        lines += [f"  {card} as {side}: {problem}" for card, problem in tried.refusals]
    if listens is None:
        fit = " that can be used" if any(card.capture for card in cards) else ""
        lines += ["", f"None of these cards has a microphone{fit}. {_PLUG_IN}"]
    if trial.note:
        lines += ["", trial.note]
    return lines


def _busy(tried: Tried) -> str:
    return "  # in use now, so it was not tried" if tried.is_busy else ""
