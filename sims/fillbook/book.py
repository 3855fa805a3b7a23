"""The fill book as an object: for paper trading, venue simulators and tests.

The backtest loop calls the same kernels on the same blocks without this wrapper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import InternalFault
from engine.jit import as_plain, compiled
from engine.model import layout as row
from engine.model.instruments import Instrument
from engine.model.layout import EVENT_WIDTH, ORDER_WIDTH, EventKind
from engine.model.orders import OrderFlag, OrderRequest
from sims.fillbook import layout as at
from sims.fillbook.bars import match_bar
from sims.fillbook.layout import REASONS, RULE_NAMES, Book
from sims.fillbook.lifetimes import catch_up, close_market, close_session, open_session, split
from sims.fillbook.meeting import meet_event
from sims.fillbook.orders import remove_ended
from sims.fillbook.requests import cancel, replace_later, submit
from sims.fillbook.settings import BookSettings, new_book, settings_block, terms_block
from sims.fillbook.standing import set_halted
from sims.fillbook.ticks import match_quote, match_trade

_FAULTS = {
    at.FAULT_EVENTS_FULL: "one event caused more facts than the book's event block holds",
    at.FAULT_ORDERS_FULL: "more orders work at once than the book holds",
    at.FAULT_REQUESTS_FULL: "more cancels and replaces are under way at once than the book holds",
    at.FAULT_OVERFLOW: "an amount of money or a position left the range of 64 bits",
}


@dataclass(frozen=True, slots=True)
class BookEvent:
    """One fact from the fill book; `rule` names the rule of a fill, `reason` that of an end."""

    kind: str
    order_id: int
    instrument: int
    ts_ns: int
    lots: int = 0
    price_ticks: int = 0
    fee_minor: int = 0
    fee_lots: int = 0
    liquidity: int = 0
    rule: str = ""
    reference_ticks: int = 0
    reason: str = ""


def request_row(request: OrderRequest) -> list[int]:
    """Return the request part of an order row."""
    flags = OrderFlag.NONE
    if request.reduce_only or request.parent_id:
        flags |= OrderFlag.REDUCE_ONLY
    if request.post_only:
        flags |= OrderFlag.POST_ONLY
    values = [0] * ORDER_WIDTH
    values[row.ORDER_ID] = request.order_id
    values[row.ORDER_INSTRUMENT] = request.instrument
    values[row.ORDER_SIDE] = int(request.side)
    values[row.ORDER_TYPE] = int(request.order_type)
    values[row.ORDER_TIF] = int(request.time_in_force)
    values[row.ORDER_QUANTITY] = request.quantity_lots
    values[row.ORDER_LIMIT] = request.limit_ticks
    values[row.ORDER_STOP] = request.stop_ticks
    values[row.ORDER_TRAIL_TICKS] = request.trail_ticks
    values[row.ORDER_TRAIL_PPM] = request.trail_ppm
    values[row.ORDER_EXPIRE] = request.expire_ns
    values[row.ORDER_FLAGS] = int(flags)
    values[row.ORDER_PARENT] = request.parent_id
    values[row.ORDER_GROUP] = request.group_id
    return values


class FillBook:
    """A simulated venue for one run.

    Parameters
    ----------
    instruments
        What trades; requests and events name them by index.
    settings
        The assumptions; see `BookSettings`.
    compiled
        Run the compiled twins of the kernels.
    """

    def __init__(
        self, instruments: Sequence[Instrument], settings: BookSettings, *, compiled: bool = False
    ) -> None:
        self._compiled = compiled
        self.arrays = new_book(settings_block(settings), terms_block(instruments, settings))
        self._event = np.zeros((1, EVENT_WIDTH), dtype=np.int64)
        self._order = np.zeros((1, ORDER_WIDTH), dtype=np.int64)
        self._ticked: set[int] = set()  # instruments with quotes or prints: their bars fill nothing
        self._book: Any = Book(*(as_plain(a) for a in self.arrays))
        self._event_view, self._order_view = as_plain(self._event), as_plain(self._order)
        if compiled:
            self._see_compiled()

    def _see_compiled(self) -> None:
        """Hand the blocks over as compiled kernels take them; imports numba."""
        from engine.pointers import Matrix, Views

        self._book = Views(self.arrays)
        self._event_view, self._order_view = Matrix(self._event), Matrix(self._order)

    def _run(self, function: Callable[..., Any], *arguments: Any) -> list[BookEvent]:
        self.arrays.counters[at.COUNT_EVENTS] = 0
        self.arrays.counters[at.COUNT_SEQUENCE] += 1
        call = compiled(function) if self._compiled else function
        call(self._book, *arguments)
        fault = int(self.arrays.counters[at.COUNT_FAULT])
        if fault:
            raise InternalFault(f"fill book: {_FAULTS[fault]}")
        count = int(self.arrays.counters[at.COUNT_EVENTS])
        return [_to_event(values) for values in self.arrays.events[:count].tolist()]

    def submit(self, request: OrderRequest, now_ns: int) -> list[BookEvent]:
        """Send an order; it arrives after the latency."""
        self._order[0, :] = request_row(request)
        return self._run(submit, self._order_view, 0, now_ns)

    def cancel(self, order_id: int, now_ns: int) -> list[BookEvent]:
        """Ask to cancel an order; an unknown one is answered at once."""
        return self._run(cancel, order_id, now_ns)

    def replace(
        self, order_id: int, now_ns: int, *, quantity_lots: int, limit_ticks: int, stop_ticks: int
    ) -> list[BookEvent]:
        """Ask to replace total quantity and prices of an order."""
        return self._run(replace_later, order_id, quantity_lots, limit_ticks, stop_ticks, now_ns)

    def _match(self, function: Callable[..., Any], values: dict[int, int]) -> list[BookEvent]:
        self._event[0, :] = 0
        for column, value in values.items():
            self._event[0, column] = value
        return self._run(function, self._event_view, 0)

    def meet(self, values: Sequence[int]) -> list[BookEvent]:
        """Meet one event, given as a row of `engine.model.layout`, whatever its kind."""
        kind, instrument = values[row.EVENT_KIND], values[row.EVENT_INSTRUMENT]
        if kind == EventKind.QUOTE:
            self.arrays.terms[instrument, at.TERM_QUOTED] = 1
        self._event[0, :] = values
        return self._run(meet_event, self._event_view, 0)

    def catch_up(self, instrument: int, ts_ns: int) -> list[BookEvent]:
        """Do what is due between two events: take in what has arrived, carry out cancels, end dates.

        A cancel of what the standing point would have filled waits for the next event, as ever.
        """
        self.arrays.counters[at.COUNT_NOW] = ts_ns
        facts = self._run(catch_up, instrument, ts_ns)
        self._run(remove_ended)
        return facts

    def on_bar(
        self,
        instrument: int,
        ts_open_ns: int,
        ts_close_ns: int,
        open: int,
        high: int,
        low: int,
        close: int,
        volume_lots: int,
    ) -> list[BookEvent]:
        """Match against a bar (ticks; volume -1 for unknown)."""
        values = {
            row.EVENT_TS: ts_close_ns,
            row.EVENT_INSTRUMENT: instrument,
            row.BAR_OPEN_TS: ts_open_ns,
            row.BAR_OPEN: open,
            row.BAR_HIGH: high,
            row.BAR_LOW: low,
            row.BAR_CLOSE: close,
            row.BAR_VOLUME: volume_lots,
            row.BAR_FILLS: int(instrument not in self._ticked),
        }
        return self._match(match_bar, values)

    def on_quote(
        self, instrument: int, ts_ns: int, bid: int, ask: int, bid_size: int, ask_size: int
    ) -> list[BookEvent]:
        """Match against a quote (ticks, lots; size -1 for unknown)."""
        self.arrays.terms[instrument, at.TERM_QUOTED] = 1
        self._ticked.add(instrument)
        values = {
            row.EVENT_TS: ts_ns,
            row.EVENT_INSTRUMENT: instrument,
            row.QUOTE_BID: bid,
            row.QUOTE_ASK: ask,
            row.QUOTE_BID_SIZE: bid_size,
            row.QUOTE_ASK_SIZE: ask_size,
        }
        return self._match(match_quote, values)

    def on_trade(
        self, instrument: int, ts_ns: int, price: int, size: int, aggressor: int
    ) -> list[BookEvent]:
        """Match against a print; aggressor +1 buyer, -1 seller, 0 unknown."""
        self._ticked.add(instrument)
        values = {
            row.EVENT_TS: ts_ns,
            row.EVENT_INSTRUMENT: instrument,
            row.TRADE_PRICE: price,
            row.TRADE_SIZE: size,
            row.TRADE_AGGRESSOR: aggressor,
        }
        return self._match(match_trade, values)

    def on_session_open(self, ts_ns: int, calendar: int = 0) -> list[BookEvent]:
        """A session of a calendar opens."""
        self.arrays.counters[at.COUNT_NOW] = ts_ns
        return self._run(open_session, calendar)

    def on_session_close(self, ts_ns: int, calendar: int = 0) -> list[BookEvent]:
        """A session of a calendar closes."""
        return self._run(close_session, calendar, ts_ns)

    def on_split(
        self, instrument: int, ts_ns: int, numerator: int, denominator: int
    ) -> list[BookEvent]:
        """An instrument splits: `numerator` new units for `denominator` old ones."""
        return self._run(split, instrument, numerator, denominator, ts_ns)

    def on_settlement(self, instrument: int, ts_ns: int) -> list[BookEvent]:
        """An instrument ends: its orders are canceled, its position is gone."""
        return self._run(close_market, instrument, ts_ns)

    def on_halt(self, instrument: int, ts_ns: int) -> list[BookEvent]:
        """Trading in an instrument stops for a while."""
        return self._run(set_halted, instrument, 1, ts_ns)

    def on_resume(self, instrument: int, ts_ns: int) -> list[BookEvent]:
        """Trading in an instrument goes on."""
        return self._run(set_halted, instrument, 0, ts_ns)

    def position_lots(self, instrument: int) -> int:
        """Return the net position that the book's fills have made."""
        return int(self.arrays.market[instrument, at.MARKET_POSITION])

    @property
    def ambiguities(self) -> int:
        """How often the path or a bare touch may have mattered; with 0 it never did."""
        return int(self.arrays.counters[at.COUNT_AMBIGUITIES])


def _to_event(values: list[int]) -> BookEvent:
    kind = EventKind(values[row.EVENT_KIND])
    return BookEvent(
        kind=kind.name.lower(),
        order_id=values[row.FACT_ORDER],
        instrument=values[row.EVENT_INSTRUMENT],
        ts_ns=values[row.EVENT_TS],
        lots=values[row.FACT_LOTS],
        price_ticks=values[row.FACT_PRICE],
        fee_minor=values[row.FACT_FEE],
        fee_lots=values[row.FACT_FEE_LOTS] if kind is EventKind.FILL else 0,
        liquidity=values[row.FACT_LIQUIDITY],
        rule=RULE_NAMES.get(values[row.FACT_RULE], ""),
        reference_ticks=values[row.FACT_REFERENCE],
        reason=REASONS[0 if kind is EventKind.FILL else values[row.FACT_REASON]],
    )
