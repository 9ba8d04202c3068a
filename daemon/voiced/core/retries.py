"""How long to wait before the next attempt to reach the agent.

All waits are random, so that a thousand devices that lost the same server do not come back in step.
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
