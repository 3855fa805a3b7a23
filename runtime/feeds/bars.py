"""`BarBuilder`: bars from quotes or trades as they come.

For every bar equal to `data.resampling.resample` over the same ticks, whose rules it asks for a period
whenever a tick is not before the close of the bar in hand: all ticks from a bar's first one to before
its close are its own. With regular hours it asks at the end of each session too.
"""

from __future__ import annotations

from dataclasses import dataclass

from data.calendars import session_of
from data.resampling import Anchor, Period, QuotePrice, period_of_tick, resampled_instrument
from engine.model import layout as at
from engine.model.instruments import Instrument
from runtime.feeds.wire import Row


@dataclass(slots=True)
class _Bar:
    """The bar in hand."""

    open_ns: int
    close_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int

    def add(self, ticks: int, lots: int) -> None:
        self.high, self.low = max(self.high, ticks), min(self.low, ticks)
        self.close, self.volume = ticks, self.volume + lots


class BarBuilder:
    """Bars of one instrument, made of its trades, or of its quotes.

    Parameters
    ----------
    source
        Whose ticks come; see `instrument` for whose bars they become.
    number
        The instrument's number in rows.
    period, anchor, regular_hours
        See `data.resampling.resample`.
    price
        Which price of a quote makes the bar; None: made of trades.
    """

    def __init__(
        self,
        source: Instrument,
        number: int,
        period: Period,
        *,
        price: QuotePrice | None = None,
        anchor: Anchor = Anchor.SESSION,
        regular_hours: bool = False,
    ) -> None:
        self._source, self._number, self._period = source, number, period
        self._price, self._anchor, self._regular_hours = price, anchor, regular_hours
        self._bar: _Bar | None = None
        self._sure_ns = self._made = 0

    @property
    def instrument(self) -> Instrument:
        """The definition of the bars' instrument: mids need one decimal more."""
        if self._price is None:
            return self._source
        return resampled_instrument(self._source, "quotes", self._price)

    def add(self, row: Row) -> list[Row]:
        """Take an event row, in order of time; return the bars that it completes.

        Rows of other instruments and other kinds complete nothing, and are nothing.
        """
        if row[at.EVENT_INSTRUMENT] != self._number:
            return []
        ticks, lots = self._tick(row)
        if ticks is None:
            return []
        ts_ns = row[at.EVENT_TS]
        if self._bar is not None and ts_ns < self._sure_ns:
            self._bar.add(ticks, lots)
            return []
        return self._add_at_edge(ts_ns, ticks, lots)

    def pass_time(self, now_ns: int) -> list[Row]:
        """Note that nothing more comes of a time up to `now_ns`; return the bar that this completes."""
        if self._bar is None or self._bar.close_ns > now_ns:
            return []
        return self._finish()

    def _add_at_edge(self, ts_ns: int, ticks: int, lots: int) -> list[Row]:
        """Take a tick that may not be of the bar in hand, or the first one."""
        bounds = period_of_tick(
            ts_ns,
            self._source,
            self._period,
            anchor=self._anchor,
            regular_hours=self._regular_hours,
        )
        if bounds is None:
            return []
        self._sure_ns = self._sure_until(ts_ns, bounds[1])
        if self._bar is not None and bounds[1] == self._bar.close_ns:  # the closing print is one
            self._bar.add(ticks, lots)
            return []
        done = [] if self._bar is None else self._finish()
        self._bar = _Bar(*bounds, ticks, ticks, ticks, ticks, lots)
        return done

    def _sure_until(self, ts_ns: int, close_ns: int) -> int:
        """Return until when every tick is of the bar that closes at a time."""
        if not self._regular_hours:
            return close_ns
        session = session_of(self._source.calendar, ts_ns)
        return ts_ns if session is None else min(session[1], close_ns)

    def _tick(self, row: Row) -> tuple[int | None, int]:
        kind = row[at.EVENT_KIND]
        if self._price is None:
            is_trade = kind == at.KIND_TRADE
            return (row[at.TRADE_PRICE], row[at.TRADE_SIZE]) if is_trade else (None, 0)
        if kind != at.KIND_QUOTE:
            return None, 0
        bid, ask = row[at.QUOTE_BID], row[at.QUOTE_ASK]
        if self._price is QuotePrice.BID:
            return bid, 0
        # In tenths of a tick a mid is exact: half a tick is five tenths.
        return (ask if self._price is QuotePrice.ASK else (bid + ask) * 5), 0

    def _finish(self) -> list[Row]:
        bar, self._bar = self._bar, None
        assert bar is not None
        self._made += 1
        volume = bar.volume if self._price is None else at.UNKNOWN
        head = [bar.close_ns, at.KIND_BAR, self._number, self._made - 1, bar.open_ns]
        return [[*head, bar.open, bar.high, bar.low, bar.close, volume, 0, 0]]
