"""Fabricated sound cards: /proc/asound as the kernel would write it, and PCMs of alsa-lib that take just that.

A side of a card is written as what it offers: `S16_LE 2 16000/48000`, several of them with semicolons between.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).with_name("card.c")

# As alsa-lib's own vc4-hdmi.conf: plain samples are packed into the frames that such a card takes.
_HDMI = """\
pcm.system_{card} {{
  type plug
  slave.pcm {{ type iec958 slave {{ pcm "of_{card}_0p" format IEC958_SUBFRAME_LE }} }}
}}
"""
_BY_NAME = """\
pcm.!{kind} {{
  @args [ CARD DEV SUBDEV ]
  @args.CARD {{ type string }}
  @args.DEV {{ type integer default 0 }}
  @args.SUBDEV {{ type integer default -1 }}
  type {type}
  slave.pcm {{ @func concat strings [ "{prefix}_" $CARD {device} ] }}
}}
"""


@dataclass(frozen=True)
class Side:
    """One direction of one device: what it offers and how it is to be opened."""

    offers: str
    opened: str = ""
    by_plughw: str = ""

    @property
    def native(self):
        """How it is opened by itself: encoding, channels, rate."""
        return self.opened or self.offers

    @property
    def converted(self):
        """How it is opened by `plughw`: the same, but for the encoding."""
        return self.by_plughw or re.sub(r"^\S+", "S16_LE", self.native)


@dataclass(frozen=True)
class Sold:
    """A card as it is sold."""

    id: str
    usb_id: str | None = None
    hears: Side | None = None
    speaks: Side | None = None
    driver: str = "USB-Audio"
    more: dict = field(default_factory=dict)

    def side(self, direction):
        """Return what it is in that direction."""
        return self.hears if direction == "capture" else self.speaks


def build_plugin(folder):
    """Compile the card; return the library."""
    if shutil.which("gcc") is None:
        raise RuntimeError("Fabricated cards need gcc: apt-get install gcc libasound2-dev")
    library = folder / "card.so"
    command = ["gcc", "-shared", "-fPIC", "-DPIC", "-o", library, SOURCE, "-lasound"]
    subprocess.run(command, check=True)
    return library


def describe(folder, cards, library):
    """Write `folder/asound` and `folder/alsa.conf`; return both."""
    asound, conf, lines = folder / "asound", folder / "alsa.conf", []
    alsa = ["</usr/share/alsa/alsa.conf>", f'pcm_type.fabricated {{ lib "{library}" }}']
    for index, card in enumerate(cards):
        described = asound / f"card{index}"
        described.mkdir(parents=True)
        (described / "id").write_text(f"{card.id}\n")
        where = card.id
        if card.usb_id:
            (described / "usbid").write_text(f"{card.usb_id}\n")
            (described / "usbbus").write_text(f"001/{index + 3:03}\n")
            where = f"Maker {card.id} at usb-xhci-hcd.0-{index + 1}, full speed"
        lines.append(f"{index:2} [{card.id:15}]: {card.driver} - {card.id}\n{'':22}{where}\n")
        for device, (hears, speaks) in {0: (card.hears, card.speaks), **card.more}.items():
            alsa += _pcms(folder, card, device, hears, speaks)
            for letter, side in (("c", hears), ("p", speaks)):
                if side:
                    (described / f"pcm{device}{letter}").mkdir()
            if card.usb_id:
                (described / f"stream{device}").write_text(_stream(hears, speaks))
    (asound / "cards").write_text("".join(lines))
    for kind, kind_type, prefix, device in (
        ("hw", "empty", "of", '"_" $DEV'),
        ("plughw", "plug", "of", '"_" $DEV'),
        ("sysdefault", "empty", "system", ""),
    ):
        alsa.append(_BY_NAME.format(kind=kind, type=kind_type, prefix=prefix, device=device))
    conf.write_text("\n".join(alsa))
    return asound, conf


def played_by(folder, card, device=0):
    """Return the file into which a card writes what it plays, as it is."""
    return folder / f"{card.id}.{device}.raw"


def _pcms(folder, card, device, hears, speaks):
    name, both = f"of_{card.id}_{device}", []
    for letter, side, key in (("c", hears, "capture"), ("p", speaks, "playback")):
        if side is None:
            continue
        offers = [offer.split() for offer in side.offers.split(";")]
        encodings, channels, rates = (
            " ".join(dict.fromkeys(word for offer in offers for word in re.split("[/,]", offer[n])))
            for n in range(3)
        )
        out = f'outfile "{played_by(folder, card, device)}"' if letter == "p" else ""
        limits = f'formats "{encodings}" channels "{channels}" rates "{rates}"'
        yield f"pcm.{name}{letter} {{ type fabricated {limits} {out} }}"
        both.append(f'{key}.pcm "{name}{letter}"')
        if "IEC958" in encodings:
            yield _HDMI.format(card=card.id)
    yield f"pcm.{name} {{ type asym {' '.join(both)} }}"


def _stream(hears, speaks):
    text = "Maker Thing at usb-xhci-hcd.0-1, full speed : USB Audio\n"
    for word, side in (("Playback", speaks), ("Capture", hears)):
        if side is None:
            continue
        text += f"\n{word}:\n  Status: Stop\n"
        for number, offer in enumerate(side.offers.split(";"), 1):
            encodings, channels, rates = offer.split()
            text += (
                f"  Interface 1\n    Altset {number}\n    Format: {encodings.replace(',', ' ')}\n"
            )
            text += f"    Channels: {channels}\n    Endpoint: 0x81 (1 IN) (ASYNC)\n"
            text += f"    Rates: {rates.replace('/', ', ')}\n    Bits: 24\n"
    return text
