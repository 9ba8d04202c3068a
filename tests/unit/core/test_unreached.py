"""The state machine while nobody answers: attempts that cost nobody anything come soon, for a while."""

import heapq
import random
from collections import Counter
from functools import cached_property
from itertools import product
from statistics import mean

import pytest

from tests.unit.core.test_conversation import POLICY, after, talking
from tests.unit.core.test_outage import dials
from voiced.core import events as ev
from voiced.core.actions import AT_ONCE, Pause, Status
from voiced.core.events import LinkLost, Loss
from voiced.core.outage import lost, window_closes
from voiced.core.reconnect_delay import is_tried_soon
from voiced.core.state import Conversation, Phase, status_of
from voiced.devices.network import connecting

GONE = LinkLost("the connection broke", reached=True)
CUT = LinkLost("cut before it was set up")
REFUSED = LinkLost("refused", Loss.UNREACHED)
SOON = Pause(POLICY.soon_least_s, POLICY.soon_most_s)
TRIES = POLICY.soon_tries


def pauses(now, *losses):
    """Return the wait after each of `losses`."""
    return [dial.pause for dial in dials(after(now, *losses)[1])]


@pytest.mark.parametrize(
    ("loss", "tries", "early_ends"), [*product(Loss, (0, 49, 50, 51), (0, 1, 2))]
)
def test_only_what_reached_nobody_is_tried_soon_and_only_for_a_while(loss, tries, early_ends):
    soon = is_tried_soon(tries, LinkLost("", loss), POLICY, early_ends)
    assert soon == (loss is Loss.UNREACHED and tries < TRIES and early_ends <= 1)


@pytest.mark.parametrize("key", [None, "s"])
def test_an_outage_is_tried_at_once_then_soon_then_as_if_it_had_just_begun(key):
    first, *then = pauses(talking(resume_key=key), GONE, *[REFUSED] * (TRIES + 5))
    assert first == (AT_ONCE if key else Pause(1, 2))
    assert then[:TRIES] == [SOON] * TRIES
    assert then[TRIES:] == pauses(talking(resume_key=key), GONE, *[CUT] * 5)[1:]


def test_the_first_attempt_of_a_conversation_is_tried_soon_as_well():
    assert pauses(Conversation(), ev.Woken("button"), REFUSED, REFUSED)[1:] == [SOON, SOON]


def test_it_takes_ten_seconds_until_the_waits_grow():
    assert mean((SOON.least_s, SOON.most_s)) * TRIES == pytest.approx(10)
    assert Pause(connecting.AGAIN_LEAST_S, connecting.AGAIN_MOST_S) == SOON
    assert connecting.SILENCE_S == 10


def test_who_waits_is_told_as_soon_as_ever():
    now, _ = after(talking(), GONE, REFUSED)
    assert status_of(now) is Status.OFFLINE
    assert now.cause == "refused"


@pytest.mark.parametrize("seed", range(100))
def test_attempts_that_come_soon_change_no_other_wait(seed):
    dice = random.Random(seed)
    kinds = [loss for loss in Loss if loss not in (Loss.UNREACHED, Loss.ENDED)]
    others = [LinkLost("x", loss) for loss in dice.choices(kinds, k=12)]
    mixed = list(others)
    for _ in range(TRIES):
        mixed.insert(dice.randrange(len(mixed) + 1), REFUSED)
    start = Conversation(phase=Phase.CONNECTING, resume_key=dice.choice([None, "s"]))
    waits = zip(mixed, pauses(start, *mixed), strict=True)
    assert [wait for loss, wait in waits if loss is not REFUSED] == pauses(start, *others)


@pytest.mark.parametrize(
    ("between", "soon_again"),
    [
        ((ev.NetworkBack(),), True),
        ((ev.OwnerActed(),), True),
        ((ev.AgentReady("s"), ev.TimerFired("steady"), GONE), True),
        ((ev.AgentReady("s"), GONE), False),
        ((ev.Woken("button"),), False),
        ((ev.TimerFired("resume window"),), False),
        ((GONE,), False),
    ],
)
def test_what_may_help_makes_it_try_soon_again(between, soon_again):
    now, _ = after(talking(), GONE, *[REFUSED] * TRIES)
    assert pauses(now, REFUSED) != [SOON]
    now, _ = after(now, *between)
    assert (pauses(now, REFUSED) == [SOON]) is soon_again


class Moment:
    """What a device is after a loss, and how long it waits; all devices have the same moments.

    Attributes:
        pause: The wait before its next attempt.
        has_key: It means to resume its session.
    """

    def __init__(self, device, orders):
        [dial] = dials(orders)
        self.pause, self.has_key = dial.pause, device.resume_key is not None
        self._device = device

    @cached_property
    def refused(self):
        return Moment(*lost(self._device, REFUSED, POLICY))

    @cached_property
    def closed(self):
        closing = ev.TimerFired("resume window")
        return Moment(*window_closes(self._device, closing, POLICY))


class Crowd:
    """Devices that lose the same server together, which refuses them meanwhile.

    Attributes:
        refused: Attempts that were refused, by second from the loss on.
        back_s: When each device was back.
    """

    def __init__(self, size, outage_s, seed=1):
        self.refused, self.back_s = Counter(), []
        self._uniform = random.Random(seed).uniform
        first = Moment(*lost(talking(resume_key="s"), GONE, POLICY))
        due = [self._next(0.0, n, first) for n in range(size)]
        heapq.heapify(due)
        while due:
            now_s, n, moment = heapq.heappop(due)
            if now_s >= outage_s:
                self.back_s.append(now_s)
            else:
                self.refused[int(now_s)] += 1
                heapq.heappush(due, self._next(now_s, n, moment.refused))

    def _next(self, now_s, n, moment):
        """Return when device `n` tries again, and what it is then."""
        next_s = now_s + self._uniform(moment.pause.least_s, moment.pause.most_s)
        if not moment.has_key or next_s <= POLICY.resume_window_s:
            return next_s, n, moment
        return self._next(POLICY.resume_window_s, n, moment.closed)


@pytest.mark.parametrize("size", [1_000, 10_000])
def test_a_crowd_that_was_refused_for_three_seconds_is_back_in_a_quarter_of_one_and_spread_over_it(
    size, measured
):
    crowd = Crowd(size, 3.0)
    waited_s = sorted(back_s - 3.0 for back_s in crowd.back_s)
    in_50_ms = [sum(n / 20 <= wait_s < (n + 1) / 20 for wait_s in waited_s) for n in range(6)]
    measured(f"{size} devices: back after at most {waited_s[-1]:.3f} s, by 50 ms: {in_50_ms}")
    assert len(waited_s) == size  # one session each
    assert waited_s[-1] <= POLICY.soon_most_s
    assert max(in_50_ms) <= 0.35 * size
    assert max(crowd.refused.values()) <= size / POLICY.soon_least_s


@pytest.mark.parametrize("size", [1_000, 10_000])
def test_a_crowd_that_is_refused_for_long_is_patient_after_ten_seconds(size, measured):
    crowd, outage_s = Crowd(size, 600), 600
    per_second = [crowd.refused[second] for second in range(outage_s)]
    first, then, later = per_second[:15], per_second[15:60], per_second[60:]
    returning = Counter(int(back_s) for back_s in crowd.back_s)
    measured(
        f"{size} devices, attempts per second: of the first 15 s at most {max(first)}, of the first minute then "
        f"{max(then)}, later {mean(later):.0f}, at most {max(later)}; back at most {max(returning.values())}"
    )
    assert max(first) <= size / POLICY.soon_least_s
    assert max(then) <= size
    assert mean(later) <= size / 28
    assert max(later) <= 2.5 * mean(later)
    assert max(returning.values()) <= 2.5 * mean(later)
    assert len(crowd.back_s) == size
    assert max(crowd.back_s) - outage_s <= POLICY.retry_cap_s
