"""The states of a session and the one table of legal transitions; the docs' diagram is drawn from it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from engine.errors import InternalFault


class SessionState(StrEnum):
    """Where a session is in its life."""

    CREATED = "created"
    STARTING = "starting"  # lease, journal, strategy, feed and broker
    RECONCILING = "reconciling"  # the broker's truth is being read: no new risk
    RUNNING = "running"
    PAUSED = "paused"  # no entries; exits go on
    HALTED = "halted"  # by a guard or the kill switch: only what closes
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Return whether the session has ended."""
        return self in (SessionState.STOPPED, SessionState.FAILED)

    @property
    def enters(self) -> bool:
        """Return whether new risk may be taken."""
        return self is SessionState.RUNNING


_S = SessionState
FEED_ENDED: Final = "the feed has ended"  # the cause of a stop after which nothing can go on

TRANSITIONS: Final[dict[SessionState, tuple[SessionState, ...]]] = {
    _S.CREATED: (_S.STARTING, _S.FAILED),
    _S.STARTING: (_S.RECONCILING, _S.STOPPING, _S.FAILED),
    _S.RECONCILING: (_S.RUNNING, _S.PAUSED, _S.HALTED, _S.STOPPING, _S.FAILED),
    _S.RUNNING: (_S.RECONCILING, _S.PAUSED, _S.HALTED, _S.STOPPING, _S.FAILED),
    _S.PAUSED: (_S.RECONCILING, _S.RUNNING, _S.HALTED, _S.STOPPING, _S.FAILED),
    _S.HALTED: (_S.RECONCILING, _S.RUNNING, _S.PAUSED, _S.STOPPING, _S.FAILED),
    _S.STOPPING: (_S.STOPPED, _S.FAILED),
    _S.STOPPED: (_S.STARTING,),  # continued
    _S.FAILED: (_S.STARTING,),  # recovered
}


def require_transition(before: SessionState, after: SessionState) -> None:
    """Raise where the table has no such edge."""
    if after not in TRANSITIONS[before]:
        raise InternalFault(f"a session cannot go from {before} to {after}")
