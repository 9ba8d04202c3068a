"""What a lost link means for the next attempt."""

from voiced import errors
from voiced.core.events import LinkLost, Loss
from voiced.runtime.guard import first_of, reason_of

# In order of precedence, and subclasses before LinkError, which would match them too.
LOSSES: dict[type[errors.VoicedError], Loss] = {
    errors.AgentBusy: Loss.BUSY,
    errors.LinkRejected: Loss.REJECTED,
    errors.ResumeRefused: Loss.SESSION_GONE,
    errors.Redial: Loss.MENDED,
    errors.Unreached: Loss.UNREACHED,
    errors.LinkError: Loss.BROKEN,
    errors.WireError: Loss.BROKEN,
}


def lost(group: BaseExceptionGroup[Exception]) -> LinkLost:
    """Reduce a group of errors to one event, for the most serious of them."""
    for kind, loss in LOSSES.items():
        if (matching := group.subgroup(kind)) is not None:
            first = first_of(matching)
            wait_s = first.wait_s if isinstance(first, errors.AgentBusy) else 0.0
            return LinkLost(str(first), loss, wait_s)
    return LinkLost(reason_of(group))
