"""`VenueTicks`: a venue's quotes and prints, in whatever order they come, as event rows. Pure.

They have no numbers, and times of a venue's many computers. So a row has the time at which it became
known: its own, up to the next whole millisecond (which is what a feed's cursor counts in); and one that
comes when that is past, the next that is free. A quote that comes after a younger one of its instrument is
no news, and a print that is told seconds late is none of now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from brokers.alpaca.tick_wire import Quote, Trade
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import INT64_MAX, NS_PER_SECOND
from engine.ports import NoticeKind
from runtime.feeds.arrivals import Hours
from runtime.feeds.minutes import NS_PER_NUMBER
from runtime.feeds.venue_grid import quote_quanta, trade_quanta
from runtime.feeds.wire import Refused, Row

LATE_NS: Final = 2 * NS_PER_SECOND  # a print that is told later than this is dropped
REMEMBERED: Final = 32_768  # of so many of them a second word is known
_REST: Final = [0] * (at.EVENT_WIDTH - 8)


class VenueTicks:
    """Rows of some instruments' quotes and prints.

    Parameters
    ----------
    instruments
        By their numbers.
    """

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._numbers = {each.symbol: n for n, each in enumerate(instruments)}
        self._instruments = tuple(instruments)
        self._hours = [Hours(each.calendar) for each in instruments]
        self._sessions = [(0, 0)] * len(instruments)  # the last that was looked up, by instrument
        self._quoted_ns = [0] * len(instruments)  # the youngest quote, in the venue's time
        self._known: set[int] = set()
        self._order: deque[int] = deque()

    def row(
        self, tick: Quote | Trade, sure_ns: int, latest_ns: int = INT64_MAX
    ) -> Row | Refused | NoticeKind | None:
        """Return what is news; why it is none; or None for what nobody wants.

        Parameters
        ----------
        sure_ns
            Up to when everything is decided on.
        latest_ns
            What has a later time is refused.
        """
        number = self._numbers.get(tick.symbol)
        if number is None or not self._is_in_session(number, tick.ts_ns):
            return None
        if isinstance(tick, Trade) and not tick.is_of_now:
            return None
        if tick.ts_ns > latest_ns:
            return Refused(f"{tick} is of a time to come", symbol=tick.symbol)
        if not self._is_new(tick):
            return NoticeKind.DUPLICATE
        is_quote = isinstance(tick, Quote)
        if is_quote:
            if tick.ts_ns < min(self._quoted_ns[number], sure_ns):
                return NoticeKind.LATE
            self._quoted_ns[number] = max(self._quoted_ns[number], tick.ts_ns)
        elif tick.ts_ns < sure_ns - LATE_NS:
            return NoticeKind.LATE
        at_ms = max(-(-tick.ts_ns // NS_PER_NUMBER), sure_ns // NS_PER_NUMBER + 1)
        values = self._values(tick, self._instruments[number])
        if isinstance(values, Refused):
            return values
        kind = at.KIND_QUOTE if is_quote else at.KIND_TRADE
        return [at_ms * NS_PER_NUMBER, kind, number, at_ms, *values, *_REST]

    def _is_in_session(self, number: int, ts_ns: int) -> bool:
        open_ns, close_ns = self._sessions[number]
        if not open_ns <= ts_ns < close_ns:
            self._sessions[number] = open_ns, close_ns = self._hours[number].next(ts_ns)
        return open_ns <= ts_ns

    def _is_new(self, tick: Quote | Trade) -> bool:
        """Return whether it was not told before; a print is known by its number."""
        own = hash(tick if isinstance(tick, Quote) else (tick.symbol, tick.key, tick.ts_ns))
        if own in self._known:
            return False
        self._known.add(own)
        self._order.append(own)
        if len(self._order) > REMEMBERED:
            self._known.discard(self._order.popleft())
        return True

    def _values(self, tick: Quote | Trade, one: Instrument) -> tuple[int, ...] | Refused:
        """Return the payload of a row."""
        values: tuple[int, ...]
        prices: tuple[int, ...]
        if isinstance(tick, Trade):
            values = (*trade_quanta(tick, one), 0, 0)
            prices = values[:1]
        else:
            values = quote_quanta(tick, one)
            prices = tuple(each for each in values[:2] if each)
        if not prices or not all(0 < each <= one.price_max_ticks for each in prices):
            return Refused(f"a price of {tick.symbol} is out of range: {tick}", symbol=tick.symbol)
        if max(values) > INT64_MAX:
            return Refused(f"a size of {tick.symbol} is too large: {tick}", symbol=tick.symbol)
        return values
