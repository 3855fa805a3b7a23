"""I17: what is decided is decided on what was available then.

The auditor's own view of the market: when each bar was over, and what it was. A session's prices, the time that its
engine has, and each signal that it follows are held against that.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.ports import Rows, Slice
from runtime.journal.records import Input, SliceInput
from runtime.session_core.core import SessionCore


class Availability:
    """The bars of a world's market, of a strategy that buys after a rise and sells after a fall.

    Parameters
    ----------
    instruments
        How many.
    """

    def __init__(self, slices: Sequence[Slice], instruments: int, *, is_trading: bool) -> None:
        self._decision = at.KIND_SIGNAL_RECEIVED if is_trading else at.KIND_SUBMITTED
        self._side = loop.RECEIVED_SIDE if is_trading else at.SUBMIT_SIDE
        self._over = [0]  # when what a cursor counts was over
        self._last = [[0] * instruments]  # prices there
        self._bars: dict[
            tuple[int, int], tuple[int, int]
        ] = {}  # open and close, by time and instrument
        for one in slices:
            last = list(self._last[-1])
            for row in one.events.tolist():
                if row[at.EVENT_KIND] == at.KIND_BAR:
                    i = row[at.EVENT_INSTRUMENT]
                    self._bars[one.ts_ns, i] = row[at.BAR_OPEN], row[at.BAR_CLOSE]
                    last[i] = row[at.BAR_CLOSE]
            self._last.append(last)
            self._over.append(one.ts_ns)

    def why_not(
        self, one: Input, decided: Sequence[Rows], core: SessionCore, cursor: int, now_ns: int
    ) -> str:
        """Return what is wrong with what was decided on an input; nothing where all is well.

        Parameters
        ----------
        cursor
            Of the last slice that the session has taken.
        now_ns
            The market's time: what ends later is not known to anybody.
        """
        if core.now_ns > now_ns:
            return f"the engine is {core.now_ns - now_ns} ns ahead of the market"
        if self._over[cursor] > now_ns:
            return f"slice {cursor} is over {self._over[cursor] - now_ns} ns from now"
        prices = core.plain.positions
        for i, last in enumerate(self._last[cursor]):
            if last and prices[i, at.POSITION_LAST] != last:
                return (
                    f"instrument {i}: the engine's price is {prices[i, at.POSITION_LAST]}, "
                    f"the last bar's that was over {last}"
                )
        if isinstance(one, SliceInput):
            for rows in decided:
                if why := self._why_not_signals(one, rows):
                    return why
        return ""

    def _why_not_signals(self, one: SliceInput, rows: Rows) -> str:
        """The engine's signals are those of the bars that are over at that moment."""
        for row in rows[rows[:, at.EVENT_KIND] == self._decision].tolist():
            ts_ns, i, side = row[at.EVENT_TS], row[at.EVENT_INSTRUMENT], row[self._side]
            opened, closed = self._bars.get((one.ts_ns, i), (0, 0))
            if self._decision == at.KIND_SUBMITTED and _hangs(row, closed):
                continue
            if ts_ns != one.ts_ns or side * (closed - opened) <= 0:
                return (
                    f"instrument {i} is traded ({side:+}) at {ts_ns} on the bar of {one.ts_ns} "
                    f"that went from {opened} to {closed}"
                )
        return ""


def _hangs(row: Sequence[int], closed: int) -> bool:
    """Return whether an order is a stop or a target of the entry before it: half a percent away at least."""
    away = row[at.SUBMIT_SIDE] * (closed - row[at.SUBMIT_LIMIT])
    return row[at.SUBMIT_STOP] != 0 or (row[at.SUBMIT_LIMIT] != 0 and away * 200 > closed)
