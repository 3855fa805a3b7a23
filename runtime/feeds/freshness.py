"""`Freshness`: of which instruments nothing has come for too long, while their market is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.model import layout as at
from engine.model.units import NS_PER_SECOND
from runtime.feeds.wire import Row


@dataclass(slots=True)
class _State:
    """Of one instrument: the time of its last data, how long its bars are, whether it was told."""

    last_ns: int = -1
    length_ns: int = 0
    is_told: bool = False


class Freshness:
    """The age of each instrument's data, in the data's own time.

    Parameters
    ----------
    calendars
        Each instrument's calendar number, by the instrument's number.
    stale_seconds
        What is older is stale; of bars, what is older than that and the last bar's length.
    """

    def __init__(self, calendars: Sequence[int], stale_seconds: float) -> None:
        self._calendars = tuple(calendars)
        self._stale_ns = round(stale_seconds * NS_PER_SECOND)
        self._states = [_State() for _ in calendars]
        self._opened_ns: dict[int, int] = {}  # calendars that are open, and since when

    def see(self, row: Row) -> None:
        """Take an event row."""
        kind, ts_ns = row[at.EVENT_KIND], row[at.EVENT_TS]
        if kind == at.KIND_SESSION_OPEN:
            self._opened_ns[row[at.CALENDAR_ID]] = ts_ns
        elif kind == at.KIND_SESSION_CLOSE:
            self._opened_ns.pop(row[at.CALENDAR_ID], None)
        elif at.KIND_BAR <= kind <= at.KIND_TRADE:
            state = self._states[row[at.EVENT_INSTRUMENT]]
            state.last_ns, state.is_told = ts_ns, False
            if kind == at.KIND_BAR:
                state.length_ns = ts_ns - row[at.BAR_OPEN_TS]

    def newly_stale(self, now_ns: int) -> list[tuple[int, int]]:
        """Return the instruments that have become stale, each with the time since when."""
        found = []
        for number, state in enumerate(self._states):
            opened_ns = self._opened_ns.get(self._calendars[number])
            if opened_ns is None or state.is_told:
                continue
            since_ns = max(state.last_ns, opened_ns)
            if now_ns - since_ns > self._stale_ns + state.length_ns:
                state.is_told = True
                found.append((number, since_ns))
        return found
