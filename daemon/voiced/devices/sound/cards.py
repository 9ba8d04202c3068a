"""The sound cards of this machine, from /proc/asound, and the ALSA name that opens each.

Nothing here opens a device, so it is cheap and disturbs no other program.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from voiced.config.types import SOUND_DEVICE
from voiced.devices.sound.alsa_names import is_defined
from voiced.devices.sound.encodings import ENCODINGS
from voiced.devices.sound.streams import Direction, Stream, StreamFormat, formats_in
from voiced.errors import DeviceError

ASOUND = Path("/proc/asound")
_DEVICES = Path("/sys/class/sound")

DEFAULT = "default"

NAMES = "`voiced devices` lists those of this machine; definitions in ALSA's language are not taken"

_USB_PORT = r"[0-9]+-[0-9]+(?:\.[0-9]+)*"
_USB = re.compile(
    rf"([0-9a-f]{{4}}:[0-9a-f]{{4}})(?::([a-z0-9._-]+)|@({_USB_PORT}))?", re.IGNORECASE
)
_SERIAL = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Serial numbers that may be part of a device name; others are ignored."""
_INTERFACE = re.compile(rf"({_USB_PORT}):.*")
_WHERE = re.compile(r".* at usb-\S+-([0-9]+(?:\.[0-9]+)*), ")
_PCM_OF_CARD = re.compile(r"(hw|plughw|sysdefault):(?:CARD=)?([^,:]+)(?:,(?:DEV=)?(\d+))?")
_CARD_LINE = re.compile(r"^\s*(\d+) \[[^\]]*\]: (.*?) - (.*)(?:\n {10,}(.*))?$", re.MULTILINE)
_CABLES = ("Loopback", "Dummy", "PC-Speaker", "UAC1_Gadget", "UAC2_Gadget")
"""Drivers whose cards lead to another program or machine, or nowhere: `auto` ignores them."""


@dataclass(frozen=True, slots=True)
class Card:
    """A sound card.

    Attributes:
        index: Its number, which changes from boot to boot.
        id: ALSA's short name for it.
        name: The product's name.
        usb_id: `VID:PID`, or None for a card that is not on USB.
        captures: Its microphone sides, by device number.
        playbacks: Its speaker sides, by device number.
        usb_bus: Its USB bus and device number, like `001/004`; empty if it is not on USB.
        driver: The kernel's name of its driver.
        serial: Its USB serial number; empty if it has no usable one.
        port: The USB socket it is plugged into, like `1-1.2`; empty if unknown.
    """

    index: int
    id: str
    name: str
    usb_id: str | None
    captures: tuple[Stream, ...] = ()
    playbacks: tuple[Stream, ...] = ()
    usb_bus: str = ""
    driver: str = ""
    serial: str = ""
    port: str = ""

    @property
    def place(self) -> tuple[tuple[int, ...], int]:
        """Sort key of equal cards: their USB sockets stay, while their indexes change at each boot."""
        return tuple(int(number) for number in re.findall(r"\d+", self.port)), self.index

    def goes_by(self, name: str) -> bool:
        """Tell whether `name`, a card id or a USB id with optional serial number or socket, means this card."""
        if (match := _USB.fullmatch(name)) is None:
            return name == self.id
        usb_id, serial, port = match.groups()
        return usb_id.lower() == self.usb_id and serial in (None, self.serial) and port in (None, self.port)  # fmt: skip

    @property
    def capture(self) -> Stream | None:
        """The default microphone side, or None."""
        return self.stream("capture")

    @property
    def playback(self) -> Stream | None:
        """The default speaker side, or None."""
        return self.stream("playback")

    @property
    def is_cable(self) -> bool:
        """Whether it leads to another program, not to a microphone or a speaker."""
        return self.driver in _CABLES

    def streams(self, direction: Direction) -> tuple[Stream, ...]:
        """Return the streams of one direction, by device number."""
        return self.captures if direction == "capture" else self.playbacks

    def stream(self, direction: Direction, device: int | None = None) -> Stream | None:
        """Return a stream of one direction: the one with this device number, or the fittest."""
        sides = self.streams(direction)
        if device is not None:
            sides = tuple(side for side in sides if side.device == device)
        return min(sides, key=lambda side: (side.fitness, side.device), default=None)


@dataclass(frozen=True, slots=True)
class PcmName:
    """What to open.

    Attributes:
        pcm: The ALSA PCM name.
        formats: The formats its card is known to offer; empty if unknown.
        card: Its card, if known.
        instead: Alternative names, if this one's format cannot be used, best first.
    """

    pcm: str
    formats: tuple[StreamFormat, ...] = ()
    card: Card | None = None
    instead: tuple[str, ...] = ()

    @property
    def converts(self) -> bool:
        """Whether ALSA converts, so that any format may be requested."""
        return not self.pcm.startswith("hw:")


def list_cards(asound: Path = ASOUND) -> list[Card]:
    """Return the cards present now, by index."""
    found = (re.fullmatch(r"card(\d+)", path.name) for path in asound.glob("card*"))
    indexes = sorted(int(match[1]) for match in found if match)
    lines = {int(line[1]): line for line in _CARD_LINE.finditer(_text(asound / "cards"))}
    return [_card(asound / f"card{index}", index, lines.get(index)) for index in indexes]


def resolve(
    device: str,
    direction: Direction,
    asound: Path = ASOUND,
    is_defined: Callable[[str], bool] = is_defined,
) -> PcmName:
    """Return what to open for a configured `device`.

    Args:
        device: A USB `VID:PID`, `VID:PID:SERIAL` or `VID:PID@PORT`, a card id, or the name of a PCM that ALSA's
            files define. Of equal cards it is the one in the first socket.
        direction: The direction to open.
        asound: Where the kernel describes the cards.
        is_defined: Tells whether ALSA's files define a PCM of that name.

    Raises:
        DeviceError: If it is no name, nothing has this name, or its card is not here or lacks that side.
    """
    if not re.search(SOUND_DEVICE, device):
        raise DeviceError(device, "this is not the name of a sound device", NAMES)
    cards = list_cards(asound)
    number = None
    if match := _PCM_OF_CARD.fullmatch(device):
        wanted, number = match[2], int(match[3] or 0)
        same = [card for card in cards if wanted in {card.id, str(card.index)}]
    else:
        wanted = device
        same = sorted((card for card in cards if card.goes_by(wanted)), key=lambda card: card.place)
        is_usb = _USB.fullmatch(device) is not None
        if not same and not is_usb and (device == DEFAULT or is_defined(device)):
            return PcmName(device)
        if not same and not is_usb:
            raise DeviceError(
                device, "no sound card and no PCM in ALSA's files has this name", NAMES
            )
    if not same:
        raise DeviceError(device, f"no sound card {wanted} is connected", _present(cards))
    for card in same:
        if stream := card.stream(direction, number):
            return _name(card, stream, direction, device if match else None)
    side = "microphone" if direction == "capture" else "speaker"
    where = f" on device {number}" if match and any(card.stream(direction) for card in same) else ""
    problem = f"the card has no {side} side{where}"
    raise DeviceError(device, problem, "`voiced devices` lists what it has")


def name_of(card: Card, direction: Direction) -> PcmName:
    """Return what to open for a direction that `card` has."""
    stream = card.stream(direction)
    if stream is None:
        raise AssertionError(direction)
    return _name(card, stream, direction)


def _name(card: Card, stream: Stream, direction: Direction, named: str | None = None) -> PcmName:
    pcm = named or f"hw:CARD={card.id},DEV={stream.device}"
    instead = [f"plughw:CARD={card.id},DEV={stream.device}"]
    if direction == "playback" and not stream.device:
        # HDMI takes no plain samples; these are the names the system itself plays to.
        instead += [f"sysdefault:CARD={card.id}", f"hdmi:CARD={card.id},DEV=0"]
    if any(offer.encoding in ENCODINGS for offer in stream.formats):
        instead = []
    others = tuple(other for other in instead if other != pcm)
    return PcmName(pcm, stream.formats, card, others)


def settings_name(card: Card, cards: list[Card]) -> str:
    """Return the name of `card` for the settings: its USB id, made unique if another card has the same."""
    equal = [other for other in cards if other.usb_id == card.usb_id and other.id != card.id]
    if card.usb_id is None or not equal:
        return card.usb_id or card.id
    if card.serial and card.serial not in {other.serial for other in equal}:
        return f"{card.usb_id}:{card.serial}"
    return f"{card.usb_id}@{card.port}" if card.port else card.id


def _present(cards: list[Card]) -> str:
    if not cards:
        return "no sound card is present at all; plug one in"
    names = [settings_name(card, cards) if card.usb_id else "not USB" for card in cards]
    known = ", ".join(f"{name} ({card.id})" for name, card in zip(names, cards, strict=True))
    return f"present: {known}"


def _card(folder: Path, index: int, line: re.Match[str] | None) -> Card:
    # Tests pass a copied /proc/asound; its `sys` folder stands in for /sys/class/sound.
    devices = _DEVICES if folder.parent == ASOUND else folder.parent / "sys"
    interface = (devices / folder.name / "device").resolve()
    serial = _text(interface.parent / "serial").strip()
    usb_bus = _text(folder / "usbbus").strip()
    found = _INTERFACE.fullmatch(interface.name)
    port = found[1] if found else ""
    if (
        not port
        and (where := _WHERE.match(line[4] or "" if line else ""))
        and usb_bus[:3].isdecimal()
    ):
        port = f"{int(usb_bus[:3])}-{where[1]}"
    return Card(
        index=index,
        id=_text(folder / "id").strip(),
        name=line[3].strip() if line else "",
        usb_id=_text(folder / "usbid").strip().lower() or None,
        captures=_streams(folder, "capture"),
        playbacks=_streams(folder, "playback"),
        usb_bus=usb_bus,
        driver=line[2].strip() if line else "",
        serial=serial if _SERIAL.fullmatch(serial) else "",
        port=port,
    )


def _streams(folder: Path, direction: Direction) -> tuple[Stream, ...]:
    letter = direction[0]
    found = (re.fullmatch(rf"pcm(\d+){letter}", path.name) for path in folder.glob("pcm*"))
    devices = sorted(int(match[1]) for match in found if match)
    return tuple(
        Stream(device, formats_in(_text(folder / f"stream{device}"), direction))
        for device in devices
    )


def _text(path: Path) -> str:
    """Return a file's text, empty if it is not there: cards come and go while we look."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
