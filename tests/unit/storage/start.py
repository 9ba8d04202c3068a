"""What the daemon reads at its start, in this process, quickly; and what it might find there.

Settings are chosen once for the same texts: everything else is read as often as a daemon starts.
"""

import functools
from dataclasses import dataclass
from datetime import UTC, datetime

from voiced.alarms.clock import AlarmClock, Clocks
from voiced.alarms.clock import decode as decode_alarms
from voiced.api.services import read_token
from voiced.assembly.factory import catalogue
from voiced.config import history as rec
from voiced.config.history import Failed, Record, Sent, Text
from voiced.config.resolve import choose
from voiced.config.user_overrides import examine_with_by_hand
from voiced.ports import Alarm, Remembered
from voiced.reload.overrides import by_hand_in
from voiced.storage import mqtt_retained, volume_and_mute
from voiced.storage.mqtt_retained import BrokerTraces
from voiced.storage.settings_store import RecordFile
from voiced.storage.state_files import (
    ALARMS,
    ALL_FILES,
    BROKER,
    BY_HAND,
    KIOSK_TOKEN,
    SETTINGS,
    VOLUME,
)
from voiced.storage.state_store import StateStore
from voiced.storage.volume_and_mute import StateFile

SETTINGS_TEXT = """\
version: 1
device: {name: kitchen}
agent: {url: 'ws://127.0.0.1:9', session: {system_prompt: One., greeting: Hi}}
kiosk: {listen: '0.0.0.0:8080', settings: true}
remote: {url: 'https://config.test/x.yaml'}
"""

READERS = {
    SETTINGS: rec.decode,
    VOLUME: volume_and_mute.decode,
    ALARMS: decode_alarms,
    BY_HAND: lambda content: content,
    KIOSK_TOKEN: read_token,
    BROKER: mqtt_retained.decode,
}
"""What makes something of each file."""

SENT = "revision: {}\naudio: {{playback: {{volume: {}}}}}\n"


def samples(settings_file):
    """Return what a healthy device has in each of its files."""
    record = Record(
        settings_file=str(settings_file),
        local=(Text(str(settings_file), SETTINGS_TEXT),),
        good=Sent(SENT.format(6, 33), 6, 1_764_000_000.5),
        trial=Sent(SENT.format(7, 44), 7, 1_764_000_600.0),
        starts=1,
        ill=("speaks",),
        failed=(Failed("ab" * 32, 5, "the microphone does not work with it"),),
        highest=7,
    )
    alarms = (
        b'[{"number":1,"kind":"timer","name":"N\xc3\xbcsse","at":null,"lasts_s":600.0,"boot_id":"b",'
        b'"due_s":712.25,"due":"2026-11-22T12:10:00.5Z"},{"number":2,"kind":"alarm","name":"","at":'
        b'"2026-11-23T07:00:00","lasts_s":0.0,"boot_id":"b","due_s":112.0,"due":"2026-11-23T06:00:00Z"}]\n'
    )
    by_hand = "agent:\n  session: {system_prompt: Du bist groß., output: {voice: alba}}\n"
    return {
        SETTINGS: rec.encode(record),
        VOLUME: b'{"volume":35,"muted":true,"configured_volume":44}\n',
        ALARMS: alarms,
        BY_HAND: by_hand.encode(),
        KIOSK_TOKEN: b"dPgX2r3Jm8w_Qe-7yBzK1uVnCtA5sLh0\n",
        BROKER: b'{"host":"broker.local","port":null,"tls":true,"topics":["voiced/hall/state"]}\n',
    }


REPLACEMENTS = tuple(b'\x00\xffZ9-"{\n')


def variants(content, *, every_byte=False):
    """Yield `content` cut at every place, and with each of its bytes changed, left out, doubled."""
    for at in range(len(content)):
        yield content[:at]
        old, rest = content[at], content[at + 1 :]
        new = range(256) if every_byte else {*REPLACEMENTS, old ^ 1, old ^ 128}
        for byte in new:
            if byte != old:
                yield b"%b%c%b" % (content[:at], byte, rest)
        yield content[:at] + rest
        yield b"%b%c%b" % (content[: at + 1], old, rest)


DEEP = b"[" * 100_000
NONSENSE = {
    SETTINGS: [
        b'{"starts":-1}', b'{"starts":1e999}', b'{"highest":-5}', b'{"highest":%d}' % 10**400,
        b'{"good":{"text":"\\ud800"}}', b'{"good":{"text":"\xed\xa0\x80"}}', b'{"local":[{"name":1,"text":2}]}',
        b'{"good":{"text":"revision: 1","taken_at":1e308}}', b'{"version":2}', b'{"failed":[null]}',
        b'{"local":' + DEEP, b'{"failed":[%b]}' % b",".join([b'{"digest":"","revision":1,"reason":""}'] * 500),
    ],
    VOLUME: [
        b'{"volume":true,"muted":true,"configured_volume":70}', b'{"volume":1,"muted":1,"configured_volume":7}',
        b'{"volume":-1,"muted":true,"configured_volume":70}', b'{"volume":%d}' % 10**4000,
        b'{"volume":1e999,"muted":true,"configured_volume":70}', DEEP, b"null", b"{}",
    ],
    ALARMS: [
        b"[%b]" % b",".join(
            b'{"number":%d,"kind":"timer","name":"","due":"2026-11-22T12:10:00Z"}' % n for n in range(1, 3000)
        ),
        b'[{"number":1,"kind":"timer","name":"","due":"2026-11-22T12:10:00"}]',
        b'[{"number":1,"kind":"alarm","name":"","at":"2026-11-22T12:10:00Z","due":"2026-11-22T12:10:00Z"}]',
        b'[{"number":1,"kind":"timer","name":"","due":"9999-12-31T23:59:59Z"}]',
        b'[{"number":1,"kind":"timer","name":"","due":"0001-01-01T00:00:00Z"}]',
        b'[{"number":0,"kind":"timer","name":"","due":"2026-11-22T12:10:00Z"}]',
        b'[{"number":%d,"kind":"timer","name":"","due":"2026-11-22T12:10:00Z"}]' % 10**30,
        b'[{"number":1,"kind":"bomb","name":"","due":"2026-11-22T12:10:00Z"}]',
        b'[{"number":1,"kind":"timer","name":"\\u001b[2J","due":"2026-11-22T12:10:00Z"}]',
        b'[{"number":1,"kind":"timer","name":"","due_s":1e999,"due":"2026-11-22T12:10:00Z"}]', DEEP, b"{}",
    ],
    BY_HAND: [DEEP, b"a: &a [*a]", b"!!python/object/apply:os.system [id]", b"\xff\xfe", b"\x00", b"- 1"],
    KIOSK_TOKEN: [b"", b"x", b"x" * 15, b"\xff" * 32, b"a b" * 10, "ä".encode() * 16, b"x" * 500],
    BROKER: [
        DEEP, b"null", b'{"topics":["#"]}', b'{"topics":["a/+/b"]}', b'{"topics":[""]}', b'{"topics":["\\u0000"]}',
        b'{"topics":[%b]}' % b",".join([b'"a"'] * 65), b'{"topics":["%b"]}' % (b"x" * 1025), b'{"host":1}', b'{"port":"1"}',
    ],
}  # fmt: skip

ODD = {
    SETTINGS: [
        b'{"settings_file":"PATH","local":[{"name":"a","text":"[[["}],"good":{"text":"a: *b"},"trial":{"text":"- 1"}}',
        b'{"settings_file":"PATH","good":{"text":"revision: 9\\nx: 1","revision":3},"highest":1}',
        b'{"settings_file":"PATH","trial":{"text":"\\u0000"},"starts":3,"ill":["nonsense"],"public_key":"x"}',
        b'{"settings_file":"PATH","trial":{"text":"%b"},"good":{"text":""}}' % (b"[" * 100_000),
    ],
}
"""What is whole, though nobody would write it."""


@dataclass(frozen=True)
class Started:
    """What a daemon knows when it has started."""

    record: Record
    remembered: Remembered
    alarms: tuple[Alarm, ...]
    token: str | None
    traces: frozenset[str]
    broken: tuple[str, ...]


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CLOCKS = Clocks(since_boot_s=lambda: 100.0, time_of_day=lambda: NOON, boot_id="b")


@functools.cache
def laid(settings_file, by_hand):
    """Return the device's own files, examined once for each text that was set by hand."""
    return examine_with_by_hand(settings_file, lambda: by_hand, catalogue())


@functools.cache
def chosen(settings_file, by_hand, record):
    """Return what a device would run with."""
    return choose(laid(settings_file, by_hand), record, catalogue())


def start(folder, settings_file, system):
    """Read all that a daemon reads at its start, and use it as that does; return what it knows then."""
    store = StateStore(folder, system)
    kept = RecordFile(store, settings_file)
    kept.begin(NOON.timestamp())
    choice = chosen(settings_file, by_hand_in(store)(), kept.record)
    remembered = StateFile(store, choice.best.settings.audio.playback.volume).recall()
    clock = AlarmClock(store.open(ALARMS), CLOCKS)
    clock._ring_what_is_due(lambda _: None)
    token = store.open(KIOSK_TOKEN).read(read_token)
    traces = BrokerTraces(store).left_at("broker.local", None, tls=True)
    store.flush()
    report = store.report
    return Started(choice.record, remembered, tuple(clock.all()), token, traces, report.set_aside)


def corruptions(spec, settings_file):
    """Yield everything that is wrong in a file."""
    yield from variants(samples(settings_file)[spec], every_byte=spec is VOLUME)
    yield from NONSENSE[spec]
    for odd in ODD.get(spec, ()):
        yield odd.replace(b"PATH", str(settings_file).encode())


assert set(READERS) == set(NONSENSE) == set(ALL_FILES)
