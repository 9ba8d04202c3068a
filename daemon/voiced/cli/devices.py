"""`voiced devices`: the sound cards, and what to write into the configuration."""

import argparse
import json
from dataclasses import asdict

from voiced.devices.cards import Card, Stream, list_cards

_NO_CARD = """\
No sound card is connected.
Plug in a USB microphone array and run `voiced devices` again. Without one, `voiced demo` holds a
conversation through WAV files, and `wav:PATH` can be set as a device in the configuration."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--json", action="store_true", help="print the cards as JSON")


def run(args: argparse.Namespace) -> int:
    """List the sound cards; return the exit code."""
    cards = list_cards()
    if args.json:
        print(json.dumps([asdict(card) for card in cards], indent=2))
    else:
        print(describe(cards))
    return 0


def describe(cards: list[Card]) -> str:
    """Return the cards as a table for people, and how to configure the best of them."""
    if not cards:
        return _NO_CARD
    head = ("CARD", "USB ID", "CAPTURE", "PLAYBACK", "NAME")
    rows = [head] + [
        (card.id, card.usb_id or "-", _side(card.capture), _side(card.playback), card.name)
        for card in cards
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*table, "", *_advice(cards)])


def _side(stream: Stream | None) -> str:
    if stream is None:
        return "-"
    offers = [
        f"{f.channels} ch {f.encoding} {'/'.join(map(str, f.rates_hz))} Hz" for f in stream.formats
    ]
    return ", ".join(dict.fromkeys(offers)) or "yes"


def _advice(cards: list[Card]) -> list[str]:
    # Echo cancelling only works if one device does both, so such a card comes first.
    def rank(card: Card) -> tuple[bool, bool]:
        return (card.capture is None or card.playback is None, card.usb_id is None)

    ranked = sorted(cards, key=rank)
    listens = next((card for card in ranked if card.capture), None)
    speaks = next((card for card in ranked if card.playback), None)
    lines = ["In the configuration:", "  audio:"]
    if listens:
        lines.append(f'    capture:  {{device: "{_configured_name(listens, cards)}", channel: 0}}')
    if speaks:
        lines.append(f'    playback: {{device: "{_configured_name(speaks, cards)}"}}')
    if listens is None:
        lines += ["", "None of these cards has a microphone. Plug in a USB microphone array."]
    return lines


def _configured_name(card: Card, cards: list[Card]) -> str:
    """Prefer the USB id, which never changes, unless two cards share it."""
    same = [other for other in cards if other.usb_id == card.usb_id]
    return card.usb_id if card.usb_id and len(same) == 1 else card.id
