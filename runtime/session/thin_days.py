"""`ThinDays`: days whose minutes have too few bars to count as paper days of the gate, told as each ends.

A minute in which nobody has traded has no bar. One exchange's feed tells a few percent of the trading, so of a
share that trades little most minutes are empty, and no day of it ever counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.gate.policy import Thresholds
from engine.model import layout as at
from engine.ports import Rows


class ThinDays:
    """See the module.

    Parameters
    ----------
    calendars, symbols
        Of each instrument, by its number.
    """

    def __init__(self, calendars: Sequence[int], symbols: Sequence[str]) -> None:
        self._calendars, self._symbols = tuple(calendars), tuple(symbols)
        self._opened_ns: dict[
            int, int
        ] = {}  # by calendar; only days that were seen from their beginning
        self._bars = Counter[int]()
        self._width_ns = 0

    def take(self, events: Rows) -> str:
        """Take the events of one time; return what is to be said where a day has ended thin, else nothing."""
        said = ""
        for row in events.tolist():
            kind, calendar = row[at.EVENT_KIND], row[at.CALENDAR_ID]
            if kind == at.KIND_BAR:
                self._bars[row[at.EVENT_INSTRUMENT]] += 1
                self._width_ns = row[at.EVENT_TS] - row[at.BAR_OPEN_TS]
            elif kind == at.KIND_SESSION_OPEN:
                self._opened_ns[calendar] = row[at.EVENT_TS]
                for instrument in self._of(calendar):
                    self._bars[instrument] = 0
            elif kind == at.KIND_SESSION_CLOSE and calendar in self._opened_ns:
                said = self._judged(calendar, row[at.EVENT_TS] - self._opened_ns.pop(calendar))
        return said

    def _of(self, calendar: int) -> list[int]:
        return [number for number, each in enumerate(self._calendars) if each == calendar]

    def _judged(self, calendar: int, session_ns: int) -> str:
        if not self._width_ns:  # quotes and prints: nobody knows how many there should have been
            return ""
        expected = max(-(-session_ns // self._width_ns), 1)
        shares = {each: self._bars[each] / expected for each in self._of(calendar)}
        least = Thresholds().bars_share_min
        if sum(shares.values()) >= least * len(shares):
            return ""
        thinnest = min(shares, key=lambda each: shares[each])
        return (
            f"{self._bars[thinnest]} of {expected} bars of {self._symbols[thinnest]} came today: "
            f"under {least:.0%} of all bars a day does not count as a paper day"
        )
