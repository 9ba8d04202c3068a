"""The array itself: answers the USB host, keeps the microphones' clock."""

import asyncio
import struct
import time
from collections.abc import Callable

from tests.pi.array import descriptors as usb
from tests.pi.array.sound import Heard, Played
from tests.pi.array.usbredir import (
    CONTROL_HEADER,
    IGNORED,
    ISO_HEADER,
    STALL,
    Kind,
    has_long_ids,
    header,
    hello,
)

BATCH_S = 0.004
N_ENDPOINTS = 32

Writer = Callable[[bytes], None]


class Array:
    """One array; unplugged it is still there, but the computer sees nothing of it.

    Args:
        ppm: How much faster than nominal the microphones' clock runs. QEMU keeps 60 ms of sound and
            throws away as much when 120 ms have come together; a slow clock never gets there.
    """

    def __init__(self, ppm: float = 0.0, *, plugged: bool = True) -> None:
        self.heard = Heard()
        self.played: Played | None = None
        self.plugged = plugged
        self.stalled = False
        self.mic_on = False
        self.volume_steps, self.muted = 0, False
        self._packets_per_s = 1000 * (1 + ppm * 1e-6)
        self._write: Writer | None = None
        self._long_ids = False
        self._alternate: dict[int, int] = {}
        self._configuration = 0
        self._mic_started_s = 0.0
        self._mic_packets = 0

    async def attach(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one USB host until it goes."""
        self._write, self._long_ids = writer.write, False
        self._send(Kind.HELLO, hello("virtual array"))
        try:
            while True:
                shape = header(self._long_ids)
                kind, length, number = shape.unpack(await reader.readexactly(shape.size))
                self._take(kind, number, await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._write, self.mic_on = None, False
            writer.close()

    async def keep_time(self) -> None:
        """Deliver 16 frames a millisecond as long as the microphones' stream runs."""
        while True:
            await asyncio.sleep(BATCH_S)
            if not self.mic_on or self._write is None:
                continue
            elapsed_s = time.monotonic() - self._mic_started_s
            n_due = int(elapsed_s * self._packets_per_s) - self._mic_packets
            for _ in range(n_due):
                sound = self.heard.take(usb.FRAMES_PER_MS)
                if not self.stalled:
                    body = ISO_HEADER.pack(usb.MIC_ENDPOINT, 0, len(sound)) + sound
                    self._send(Kind.ISO, body, self._mic_packets & 0xFFFFFFFF)
                self._mic_packets += 1

    def plug(self) -> None:
        if not self.plugged:
            self.plugged = True
            self._connect()

    def unplug(self) -> None:
        if self.plugged:
            self.plugged = self.mic_on = False
            self._send(Kind.DEVICE_DISCONNECT)

    def _send(self, kind: Kind, body: bytes = b"", number: int = 0) -> None:
        if self._write is not None:
            self._write(header(self._long_ids).pack(kind, len(body), number) + body)

    def _connect(self) -> None:
        self._alternate, self._configuration, self.mic_on = {}, 0, False
        self._describe()
        facts = struct.pack("<BBBBHHH", 1, 0xEF, 2, 1, usb.VENDOR, usb.PRODUCT, 0x0200)
        self._send(Kind.DEVICE_CONNECT, facts)

    def _describe(self) -> None:
        classes, n = usb.INTERFACE_CLASSES, len(usb.INTERFACE_CLASSES)
        self._send(
            Kind.INTERFACE_INFO,
            struct.pack("<I", n)
            + bytes(range(n)).ljust(32, b"\0")
            + bytes(kind for kind, _ in classes).ljust(32, b"\0")
            + bytes(sub for _, sub in classes).ljust(32, b"\0")
            + bytes([0, 0, 0, 255]).ljust(32, b"\0"),
        )
        kinds, interval = [255] * N_ENDPOINTS, [0] * N_ENDPOINTS
        interface, most = [0] * N_ENDPOINTS, [0] * N_ENDPOINTS
        kinds[0] = kinds[16] = 0
        most[0] = most[16] = 64
        for number, at, n_bytes in ((1, 1, usb.SPEAKER_BYTES), (2, 17, usb.MIC_BYTES)):
            if self._alternate.get(number):
                kinds[at], interval[at], interface[at], most[at] = 1, 1, number, n_bytes
        body = bytes(kinds) + bytes(interval) + bytes(interface)
        self._send(Kind.EP_INFO, body + struct.pack("<32H", *most))

    def _take(self, kind: int, number: int, body: bytes) -> None:
        match kind:
            case Kind.HELLO:
                self._long_ids = has_long_ids(body)
                if self.plugged:
                    self._connect()
            case Kind.SET_CONFIGURATION:
                self._configuration = body[0]
                self._describe()
                self._send(Kind.CONFIGURATION_STATUS, bytes([0, body[0]]), number)
            case Kind.GET_CONFIGURATION:
                self._send(Kind.CONFIGURATION_STATUS, bytes([0, self._configuration]), number)
            case Kind.SET_ALT_SETTING:
                self._alternate[body[0]] = body[1]
                self.mic_on = self.mic_on and self._alternate.get(2, 0) != 0
                self._describe()
                self._send(Kind.ALT_SETTING_STATUS, bytes([0, body[0], body[1]]), number)
            case Kind.GET_ALT_SETTING:
                answer = bytes([0, body[0], self._alternate.get(body[0], 0)])
                self._send(Kind.ALT_SETTING_STATUS, answer, number)
            case Kind.START_ISO_STREAM | Kind.STOP_ISO_STREAM:
                if body[0] == usb.MIC_ENDPOINT:
                    self.mic_on = kind == Kind.START_ISO_STREAM
                    self._mic_started_s, self._mic_packets = time.monotonic(), 0
                self._send(Kind.ISO_STREAM_STATUS, bytes([0, body[0]]), number)
            case _:
                self._take_sound_or_control(kind, number, body)

    def _take_sound_or_control(self, kind: int, number: int, body: bytes) -> None:
        if kind == Kind.CONTROL:
            self._control(number, body)
        elif kind == Kind.ISO and self.played is not None:
            self.played.take(body[ISO_HEADER.size :])
        elif kind != Kind.ISO and kind not in IGNORED:
            raise ValueError(f"a packet of kind {kind} is not understood")

    def _control(self, number: int, body: bytes) -> None:
        endpoint, request, kind, _, value, index, length = CONTROL_HEADER.unpack_from(body)
        if kind & 0x80:
            answer = self._read(request, kind, value, index)
            status, out = (STALL, b"") if answer is None else (0, answer[:length])
            n_bytes = len(out)
        else:
            status = self._set(kind, value, index, body[CONTROL_HEADER.size :])
            out, n_bytes = b"", length
        head = CONTROL_HEADER.pack(endpoint, request, kind, status, value, index, n_bytes)
        self._send(Kind.CONTROL, head + out, number)

    def _read(self, request: int, kind: int, value: int, index: int) -> bytes | None:
        """Return the answer to a request for something, None to refuse."""
        match kind, request:
            case 0x80, 6:
                return _descriptor(value >> 8, value & 255)
            case _, 0:
                return b"\0\0"
            case 0xA1, _ if index >> 8 == usb.FEATURE_UNIT:
                if value >> 8 == 1:
                    return bytes([self.muted])
                ranges = {0x81: self.volume_steps, 0x82: -60 * 256, 0x83: 0, 0x84: 256}
                return struct.pack("<h", ranges.get(request, 0))
            case 0xA2, 0x81:
                return bytes(usb.le24(usb.RATE_HZ))
            case 0xC0, _:
                return bytes(8)
            case _:
                return None

    def _set(self, kind: int, value: int, index: int, content: bytes) -> int:
        if kind == 0x21 and index >> 8 == usb.FEATURE_UNIT:
            if value >> 8 == 1:
                self.muted = bool(content[0])
            else:
                (self.volume_steps,) = struct.unpack("<h", content[:2])
            return 0
        return 0 if kind in (0x00, 0x01, 0x02, 0x22, 0x40) else STALL


def _descriptor(kind: int, index: int) -> bytes | None:
    match kind:
        case 1:
            return usb.device()
        case 2:
            return usb.configuration()
        case 3 if index == 0:
            return bytes([4, 3, 9, 4])
        case 3 if index < len(usb.STRINGS):
            text = usb.STRINGS[index].encode("utf-16-le")
            return bytes([len(text) + 2, 3]) + text
        case _:
            return None
