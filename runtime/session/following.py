"""Which running sessions have followed the kill switch, as their database says."""

from __future__ import annotations

from collections.abc import Sequence

from engine.ports import Clock
from runtime.journal.sessions import SessionRecord, SessionStore
from runtime.session.states import SessionState

LOOK_SECONDS = 0.2


async def wait_until_halted(
    store: SessionStore, clock: Clock, seconds: float
) -> Sequence[SessionRecord]:
    """Wait until every running session has followed, or so long; return all as they are then."""
    names = [each.id for each in store.running()]
    until_ns = clock.monotonic_ns() + round(seconds * 1e9)
    while True:
        found = [store.get(name) for name in names]
        if all(has_followed(each) for each in found) or clock.monotonic_ns() >= until_ns:
            return found
        await clock.sleep(LOOK_SECONDS)


def has_followed(session: SessionRecord) -> bool:
    """Return whether a session is halted, or has ended."""
    return session.state is SessionState.HALTED or session.state.is_final
