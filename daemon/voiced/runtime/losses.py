"""What a lost link means for the next attempt."""

from voiced.core.events import LinkLost, Loss
from voiced.errors import (
    AgentBusy,
    LinkError,
    LinkRejected,
    Redial,
    ResumeRefused,
    VoicedError,
    WireError,
)
from voiced.runtime.guard import first_of, reason_of

# In order of precedence, and subclasses before LinkError, which would match them too.
LOSSES: dict[type[VoicedError], Loss] = {
    AgentBusy: Loss.BUSY,
    LinkRejected: Loss.REJECTED,
    ResumeRefused: Loss.SESSION_GONE,
    Redial: Loss.MENDED,
    LinkError: Loss.BROKEN,
    WireError: Loss.BROKEN,
}


def lost(group: BaseExceptionGroup[Exception]) -> LinkLost:
    """Reduce a group of errors to one event, for the most serious of them."""
    for kind, loss in LOSSES.items():
        if (matching := group.subgroup(kind)) is not None:
            first = first_of(matching)
            return LinkLost(str(first), loss, first.wait_s if isinstance(first, AgentBusy) else 0.0)
    return LinkLost(reason_of(group))
