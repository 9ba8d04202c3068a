"""Figures in the documents are those that the code counts with."""

import pytest

from tests.house.repository import documents, folded
from voiced.agents import workbuddy
from voiced.alarms import clock
from voiced.api import connection_limits
from voiced.api.admission import Rank
from voiced.api.refusal_log import TELL_EVERY_S
from voiced.cli.client import NotRunningError
from voiced.config import history
from voiced.config.schema_controls import ButtonSection
from voiced.config.schema_services import MqttSection, RemoteSection
from voiced.config.schema_tools import MOST_S, CommandToolSection
from voiced.config.yaml_document import MAX_BYTES, MAX_KEYS, MAX_VALUES
from voiced.core import echo_detection, gestures
from voiced.core.state import Policy
from voiced.devices.network.liveness import LONGEST_DEAD_AFTER_S, Patience
from voiced.errors import ConfigError, DeviceError, DeviceStuck, VoicedError
from voiced.lib.backoff import FIRST_S, Backoff
from voiced.runtime import tool_runner
from voiced.storage.atomic_file import KEPT_BROKEN
from voiced.tools.declared import command, process_group

WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 7: "seven", 8: "eight"}
UNITS = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}
KIB = 1024


def word(number):
    return WORDS[round(number)]


POLICY, PATIENCE, BACKOFF, LIMITS = Policy(), Patience(), Backoff(), connection_limits.Limits()
REMOTE = RemoteSection(url="https://config.test/x")
STRANGERS = LIMITS.rooms[Rank.STRANGER]

SENTENCES = [
    f"Hold the button for {ButtonSection(pin=17).hold_s:g} s",
    f"A device asks about every {word(REMOTE.interval_s / 60)} minutes",
    f"A file holds at most {MAX_BYTES // KIB} KiB and {MAX_KEYS:,} keys",
    f"for `remote.trial_s` ({word(REMOTE.trial_s / 60)} minutes)",
    f"if the daemon crashes {word(history.MOST_STARTS)} times during it",
    f"tried again after {history.REMEMBERED_FAILURES} others have failed",
    f"for an {UNITS[history.FIRST_WAIT_S]} before it tries the next file. After a second failure it waits two "
    f"{UNITS[history.FIRST_WAIT_S]}s, and so on up to a {UNITS[history.LONGEST_WAIT_S]}",
    f"a server sees {10_000 / REMOTE.interval_s:.0f} requests a second",
    f"nothing from its server yet asks within {FIRST_S:g} s",
    f"after {LIMITS.handshake_s:g} s for a handshake, a request's head or its body, and after {LIMITS.answer_s:g} s for the answer",
    f"Of the {STRANGERS.places} places for strangers, one address (in IPv6, one /64) gets at most {STRANGERS.per_group}",
    f"logged at most once a {UNITS[TELL_EVERY_S]}",
    f"listens for {word(POLICY.alarm_listen_s)} seconds",
    f"the device rings by itself, every {word(POLICY.ring_every_s)} seconds for a {UNITS[POLICY.ring_for_s]}",
    f"if it is less than an {UNITS[clock.MISSED_S]} late",
    f"at most {clock.MOST}. None is confirmed",
    f"runs at a lower priority than the sound (nice {process_group.NICENESS})",
    f"(1 to {MOST_S}, default {CommandToolSection(description='d', argv=()).timeout_s})",
    f"{word(tool_runner.MOST_AT_ONCE)} calls at once, {tool_runner.MOST_WAITING} more wait, "
    f"{tool_runner.LARGEST_ARGUMENTS // KIB} KiB of arguments, {tool_runner.LONGEST_ANSWER:,} characters of result, "
    f"{command.MOST_BYTES // KIB} KiB of a service's or program's answer",
    f"no more than {workbuddy.WorkBuddyCodec.queue_ms:g} ms of its sound ever wait here",
    f"is ready is kept ({workbuddy.WorkBuddyCodec.keep_s:g} s)",
    f"after a {UNITS[BACKOFF.first_s]} at first and at most after a {UNITS[BACKOFF.most_s]}",
    f"`NAME.broken-DATE`, {word(KEPT_BROKEN)} of each at most",
    f"A step of {gestures.VOLUME_STEP} %.",
    f"{gestures.DOUBLE_S:g} s later. Without either it counts at once ({gestures.STEADY_S * 1000:g} ms)",
    f"is interrupted {word(echo_detection.IN_A_ROW)} times in a row",
    f"not acknowledged for a {UNITS[PATIENCE.dead_after_s]} (up to {word(LONGEST_DEAD_AFTER_S)} on a slow network), "
    f"or when the agent is silent for {word(PATIENCE.silent_after_s)}",
    f"at once, then after {POLICY.resume_delay_s:g} s, {2 * POLICY.resume_delay_s:g} s and so on up to "
    f"{POLICY.resume_cap_s:g} s",
    f"the first {POLICY.soon_tries} of an outage come every {POLICY.soon_least_s:g} to {POLICY.soon_most_s:g} s",
    f"gets at most the last {POLICY.keep_for_fresh_s:g} s",
    f"grow from {POLICY.retry_delay_s:g} s to {POLICY.retry_cap_s:g} s",
    f"tries again every {POLICY.refused_delay_s / 60:.0f} to {1.25 * POLICY.refused_delay_s / 60:.0f} minutes",
    f"A file has at most {MAX_BYTES // KIB} KiB, {MAX_KEYS:,} keys and {MAX_VALUES:,} values",
]  # fmt: skip


def test_the_documents_count_as_the_code_does(measured):
    text = folded(documents())
    assert [sentence for sentence in SENTENCES if text.count(sentence) != 1] == []
    measured(f"{len(SENTENCES)} sentences with figures compared with the code")


def test_a_broker_is_reached_over_tls_unless_the_settings_say_otherwise():
    assert MqttSection(host="broker.test").tls


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError, 78, "| 78 | the settings must be changed |"),
        (DeviceError, 69, "| 69 | a sound card does not work"),
        (DeviceStuck, 69, "| 69 | a sound card does not work"),
        (NotRunningError, 69, "or no daemon answers"),
        (VoicedError, 1, "| 1 | anything else"),
    ],
)
def test_the_exit_codes_of_errors_are_those_of_the_documents(error, code, said):
    assert error.exit_code == code
    assert said in folded(documents())
