"""How long a stand-in takes for each thing it does.

The defaults were measured on the live service; some are shorter, where a person would only wait.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations in seconds.

    Attributes:
        ready_s: From the first update to session.ready.
        updated_lead_s: How much earlier session.updated is sent.
        greeting_s: From session.ready to the greeting's reply.started.
        think_s: From the end of the user's turn to reply.started.
        create_s: From reply.create to reply.started.
        leading_silence_s: Digital silence at the head of each reply.
        call_done_s: From tool.call to the reply.done of that reply.
        onset_s: Speech needed to notice that the user speaks.
        end_of_turn_s: Silence after which the user's turn has ended.
        barge_in_s: Speech needed to interrupt the agent.
        partial_s: Between partial transcripts.
        grace_s: How long a dropped session can be resumed.
        session_s: How long a session can last.
        rate_allowance_s: How much audio may come ahead of real time.
    """

    ready_s: float = 0.45
    updated_lead_s: float = 0.017
    greeting_s: float = 0.3
    think_s: float = 0.3
    create_s: float = 0.18
    leading_silence_s: float = 0.3
    call_done_s: float = 0.2
    onset_s: float = 0.1
    end_of_turn_s: float = 0.65
    barge_in_s: float = 0.3
    partial_s: float = 0.5
    grace_s: float = 30.0
    session_s: float = 3600.0
    rate_allowance_s: float = 10.0
