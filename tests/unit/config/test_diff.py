"""What differs between two settings, and what of it counts when (diff.py)."""

from itertools import combinations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.config.samples import examined
from voiced.assembly.factory import catalogue
from voiced.config.diff import changes, mixed, summary
from voiced.config.schema import LedSection, Settings
from voiced.config.schema_services import RemoteSection
from voiced.lib.sections import every_setting

CLASSES = ["live", "next-session", "restart"]
BASE = "version: 1\nagent: {url: 'ws://127.0.0.1:1/'}\n"


def settings(text=""):
    found = examined(BASE + text, catalogue())
    assert found.settings is not None, found.problems
    return found.settings


OTHER = settings(
    """
audio: {echo: half_duplex, playback: {volume: 11, boost_db: 3}}
wake: {mode: always}
tools: [get_time]
led: {pin: 5}
network: {replay_s: 1}
log: {level: debug}
"""
)


def test_every_difference_is_told_with_its_class():
    found = {".".join(each.path): each.reload for each in changes(settings(), OTHER)}
    assert found == {
        "audio.echo": "next-session",
        "audio.playback.volume": "live",
        "audio.playback.boost_db": "restart",
        "wake.mode": "live",
        "tools": "live",
        "led.pin": "restart",
        "led.active": "restart",
        "network.replay_s": "next-session",
        "log.level": "live",
    }
    assert changes(OTHER, OTHER) == []


def test_names_are_told_without_values():
    lines = [*summary(changes(settings(), OTHER))]
    assert lines == [
        "live: audio.playback.volume, wake.mode, tools, log.level",
        "next-session: audio.echo, network.replay_s",
        "restart: audio.playback.boost_db, led.pin, led.active",
    ]


def test_only_what_counts_is_taken():
    now = mixed(settings(), OTHER, {"live"})
    assert (now.audio.playback.volume, now.wake.mode, now.tools) == (11, "always", ("get_time",))
    assert (now.audio.echo, now.audio.playback.boost_db, now.led) == ("hardware", 0.0, None)
    assert mixed(settings(), OTHER, set(CLASSES)) == OTHER
    assert mixed(settings(), OTHER, set()) == settings()


def test_a_section_that_comes_or_goes_does_so_as_a_whole():
    one = msgspec.structs.replace(settings(), remote=RemoteSection(url="https://a.test/x"))
    both = msgspec.structs.replace(one, led=LedSection(pin=3))
    assert mixed(settings(), both, {"live"}).remote == one.remote
    assert mixed(settings(), both, {"live"}).led is None
    assert mixed(both, settings(), {"live"}).led == both.led
    assert mixed(both, settings(), {"live"}).remote is None


SUBSETS = [set(each) for n in range(4) for each in combinations(CLASSES, n)]


@given(st.sampled_from(SUBSETS))
def test_what_is_left_to_change_has_the_other_classes(counting):
    now = mixed(settings(), OTHER, counting)
    assert {each.reload for each in changes(now, OTHER)} == set(CLASSES) - counting


@pytest.mark.parametrize("path", [path for path, _ in every_setting(Settings)])
def test_no_setting_is_forgotten(path):
    """Every setting of the schema, changed alone, is found by its path."""
    found = changes(settings(), _with_other_value(settings(), path))
    assert path in [each.path for each in found]


def _with_other_value(section, path):
    key, *rest = path
    value = getattr(section, key)
    if rest:
        if value is None:
            kind = next(f.type for f in msgspec.structs.fields(section) if f.name == key)
            kind = next(each for each in kind.__args__ if each is not type(None))
            required = {f.name: object() for f in msgspec.structs.fields(kind) if f.required}
            value = kind(**required)
        return msgspec.structs.replace(section, **{key: _with_other_value(value, rest)})
    return msgspec.structs.replace(section, **{key: object()})
