"""How much of its limits a strategy may ask for: all of them after enough live days without an alarm."""

from __future__ import annotations

from engine.gate.drift import PROBATION_DAYS
from engine.gate.evidence import Evidence, LiveDays


def days_without_alarm(live: LiveDays | None) -> int:
    """Return how many venue days were followed since the last alarm, each date once.

    Examples
    --------
    >>> days_without_alarm(LiveDays(followed=(1, 2, 3, 3, 4), alarms_after=(2,)))
    2
    """
    if live is None:
        return 0
    return len(set(live.followed[max(live.alarms_after, default=0) :]))


def may_ask_for_all(evidence: Evidence) -> bool:
    """Return whether a strategy has traded live long enough, as what it is now and on this account."""
    return days_without_alarm(evidence.live) >= PROBATION_DAYS
