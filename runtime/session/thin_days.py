"""`ThinDays`: days whose minutes have too few bars to count as paper days of the gate, told as each ends.

A minute in which nobody has traded has no bar. One exchange's feed tells a few percent of the trading, so of a
share that trades little most minutes are empty. They count where the venue's history has said that nobody traded
in them: so of a feed that asks it a day is judged when the history has answered of its last minute.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.gate.policy import Thresholds
from engine.model import layout as at
from engine.model.units import NS_PER_DAY
from engine.ports import HistoryTold, Rows
from runtime.feeds.silent_minutes import Proven, bar_spans

_KEPT_NS: Final = 5 * NS_PER_DAY  # as far back as days are waited for


@dataclass(frozen=True, slots=True)
class _Day:
    """A day that has closed with too few bars: its session, and the closes of the bars that came."""

    open_ns: int
    close_ns: int
    came: dict[int, set[int]]


class ThinDays:
    """See the module.

    Parameters
    ----------
    calendars, symbols
        Of each instrument, by its number.
    asks_history
        Whether the feed asks the venue's history of minutes without a bar.
    """

    def __init__(
        self, calendars: Sequence[int], symbols: Sequence[str], *, asks_history: bool = False
    ) -> None:
        self._calendars, self._symbols = tuple(calendars), tuple(symbols)
        self._asks_history = asks_history
        self._opened_ns: dict[
            int, int
        ] = {}  # by calendar; only days that were seen from their beginning
        self._came = defaultdict[int, set[int]](set)
        self._width_ns = 0
        self._proven, self._problem = Proven(), ""
        self._thin: list[_Day] = []  # which the history has not answered of yet

    def take(self, events: Rows) -> str:
        """Take the events of one time; return what is to be said where a day has ended thin, else nothing."""
        said = ""
        for row in events.tolist():
            kind, calendar = row[at.EVENT_KIND], row[at.CALENDAR_ID]
            if kind == at.KIND_BAR:
                self._came[row[at.EVENT_INSTRUMENT]].add(row[at.EVENT_TS])
                self._width_ns = row[at.EVENT_TS] - row[at.BAR_OPEN_TS]
            elif kind == at.KIND_SESSION_OPEN:
                self._opened_ns[calendar] = row[at.EVENT_TS]
                self._proven.forget(row[at.EVENT_TS] - _KEPT_NS)
                for instrument in self._of(calendar):
                    self._came[instrument] = set()
            elif kind == at.KIND_SESSION_CLOSE and calendar in self._opened_ns:
                said = self._closed(calendar, row[at.EVENT_TS])
        return said

    def told(self, history: HistoryTold) -> str:
        """Take what the venue's history has said; return what is to be said of days that waited for it."""
        since_ns, until_ns = history.since_ns, history.until_ns
        self._proven.add(since_ns, until_ns, history.asked_ns, history.bars, history.problem)
        self._problem = history.problem
        ended = [day for day in self._thin if day.close_ns <= until_ns]
        self._thin = [day for day in self._thin if day.close_ns > until_ns]
        return "; ".join(said for day in ended if (said := self._judged(day)))

    def _of(self, calendar: int) -> list[int]:
        return [number for number, each in enumerate(self._calendars) if each == calendar]

    def _closed(self, calendar: int, close_ns: int) -> str:
        open_ns = self._opened_ns.pop(calendar)
        if not self._width_ns:  # quotes and prints: nobody knows how many there should have been
            return ""
        day = _Day(open_ns, close_ns, {each: self._came[each] for each in self._of(calendar)})
        said = self._judged(day)
        if said and self._asks_history and not self._problem:
            self._thin.append(day)
            return ""
        return said

    def _judged(self, day: _Day) -> str:
        bars = bar_spans(day.open_ns, day.close_ns, self._width_ns)
        empty = {
            number: sum(
                self._proven.is_empty(number, *span) for span in bars if span[1] not in came
            )
            for number, came in day.came.items()
        }
        shares = {n: (len(came) + empty[n]) / len(bars) for n, came in day.came.items()}
        least = Thresholds().bars_share_min
        if sum(shares.values()) >= least * len(shares):
            return ""
        thinnest = min(shares, key=lambda each: shares[each])
        said = (
            f"{len(day.came[thinnest])} of {len(bars)} bars of {self._symbols[thinnest]} came today"
        )
        if empty[thinnest]:
            said += f", {empty[thinnest]} were empty at the venue"
        if self._problem:
            said += f", its history cannot be asked of the others ({self._problem})"
        return f"{said}: under {least:.0%} of all bars a day does not count as a paper day"
