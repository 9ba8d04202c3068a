"""How long to wait before the next attempt to reach the agent.

All waits are random, so that a thousand devices that lost the same server do not come back in step.

An attempt that reaches nobody is one packet and, at best, one that refuses it: no handshake, no session, no bill. So
the first attempts of an outage come five times a second, and the device is back a quarter of a second after the
server. What reaches the service, and fails there, is followed by waits that double, as is an outage that goes on.

For a fleet this means: while its server refuses, it gets five packets a second from each device, for ten seconds, from
then on fewer and fewer. Once it accepts, it gets one session of each device, as it would at any pace; the random waits
spread them evenly over the quarter of a second. What it turns away then (too busy) is no longer unreached, and spreads
out over seconds, then over a minute. A server that needs longer for its whole fleet should accept only what it can
serve.
"""

from voiced.core.actions import AT_ONCE, Pause
from voiced.core.events import LinkLost, Loss
from voiced.core.state import Policy
from voiced.lib.backoff import doubled


def pause_before_next(
    failures: int, resume_key: str | None, lost: LinkLost, policy: Policy, early_ends: int = 0
) -> Pause:
    """Return the wait after a lost link.

    Args:
        failures: Links lost before this one, since the last steady one.
        resume_key: The session the next attempt will ask for.
        lost: How the link was lost.
        policy: The delays.
        early_ends: Consecutive sessions that did not hold, this one included.
    """
    match lost.loss:
        case Loss.ENDED:
            return _after_ends(early_ends, policy)
        case Loss.BUSY | Loss.SESSION_GONE if early_ends > 1:
            return _later(lost.wait_s, _after_ends(early_ends, policy))
        case Loss.MENDED | Loss.SESSION_GONE:
            return AT_ONCE
        case Loss.REJECTED:
            return Pause(policy.refused_delay_s, 1.25 * policy.refused_delay_s)
        case Loss.BUSY:
            return _later(lost.wait_s, pause_before_fresh(failures, policy))
        case Loss.BROKEN if early_ends > 1 and lost.reached:
            return _after_ends(early_ends, policy)
        case _ if resume_key is not None:
            return _before_resume(failures, policy)
        case _:
            return pause_before_fresh(failures, policy)


def is_tried_soon(tries: int, lost: LinkLost, policy: Policy, early_ends: int = 0) -> bool:
    """Tell whether the next attempt comes soon: this one reached nobody, and the outage is young.

    Args:
        tries: Attempts of this outage that came soon.
        lost: How the attempt ended.
        policy: How many may.
        early_ends: Consecutive sessions that did not hold: an agent that keeps ending them is left alone.
    """
    return lost.loss is Loss.UNREACHED and tries < policy.soon_tries and early_ends <= 1


def pause_soon(policy: Policy) -> Pause:
    """Return the wait after an attempt that reached nobody."""
    return Pause(policy.soon_least_s, policy.soon_most_s)


def pause_before_fresh(failures: int, policy: Policy) -> Pause:
    """Return the wait before a new session: random, from the shortest wait to a limit that doubles."""
    most_s = doubled(2 * policy.retry_delay_s, failures, policy.retry_cap_s)
    return Pause(min(policy.retry_delay_s, most_s), most_s)


def _after_ends(early_ends: int, policy: Policy) -> Pause:
    """Return the wait after sessions that did not hold: each one is billed."""
    most_s = doubled(policy.retry_delay_s, early_ends, policy.ended_cap_s)
    return Pause(0.8 * most_s, most_s)


def _before_resume(failures: int, policy: Policy) -> Pause:
    """Return the wait before a resume: none, then backoff with up to a quarter of jitter."""
    if failures == 0:
        return AT_ONCE
    # 0.8 * 1.25 is 1: from the configured delay to a quarter more.
    most_s = doubled(1.25 * policy.resume_delay_s, failures - 1, policy.resume_cap_s)
    return Pause(0.8 * most_s, most_s)


def _later(wait_s: float, pause: Pause) -> Pause:
    return Pause(wait_s + pause.least_s, wait_s + pause.most_s)
