"""Hand-made runs: facts written by the test, booked by the real ledger."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from engine.kernels.ledger import journal_row
from engine.kernels.positions import (
    apply_dividend,
    apply_funding,
    apply_split,
    apply_trade,
    equity_minor,
)
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_HOUR, to_minor
from engine.state import CoreShape, new_core, plain_core
from engine.step import accrue, mark_equity, settle, transfer
from runtime.results import RunOutput

STOCK = Instrument("ACME", InstrumentKind.EQUITY)
OTHER = Instrument("OTHR", InstrumentKind.EQUITY, price_precision=4, quantity_precision=3)
PERPETUAL = Instrument("BTC-P", InstrumentKind.CRYPTO_PERPETUAL, quantity_precision=3)
EVENT = Instrument("RAIN", InstrumentKind.BINARY_EVENT)
EURO = Instrument("EULE", InstrumentKind.EQUITY, currency="EUR")

MARKET_QUOTE, MARKET_OPEN = at.TYPE_MARKET * 10 + 4, at.TYPE_MARKET * 10


class Run:
    """A run in the making; `at_day` moves its clock, the verbs write facts."""

    def __init__(
        self,
        *instruments: Instrument,
        cash: str = "10000",
        currencies: Sequence[str] = ("USD",),
        posted: bool = True,
    ) -> None:
        self.instruments = instruments or (STOCK,)
        self.currencies = tuple(currencies)
        self.cash_minor = int(to_minor(cash))
        shape = CoreShape(len(self.instruments), len(currencies), orders=16, journal=4096)
        self.block, self.core = new_core(shape, self._terms())
        self.plain = plain_core(self.core)
        self.core.ledger[0, at.LEDGER_CASH] = self.cash_minor
        self.core.ledger[0, at.LEDGER_TRANSFERS] = -self.cash_minor if posted else 0
        self.orders = 0
        self.sides: dict[int, int] = {}
        self.at_day(1)

    def at_day(self, day: float) -> Run:
        """Set the clock to whole hours of a day since 1970 (1.5 is noon of its second day)."""
        self.core.account[at.ACCOUNT_NOW] = round(day * 24) * NS_PER_HOUR
        return self

    def order(
        self,
        side: int,
        lots: int,
        *,
        instrument: int = 0,
        kind: int = at.TYPE_MARKET,
        limit: int = 0,
        stop: int = 0,
        denied: int = 0,
        order_id: int = 0,
    ) -> int:
        """Submit an order, or deny it; return its id."""
        if not order_id:
            self.orders += 1
            order_id = self.orders
        row = self.fact(at.KIND_DENIED if denied else at.KIND_SUBMITTED, order_id, instrument)
        row[at.FACT_LOTS], row[at.SUBMIT_SIDE], row[at.SUBMIT_TYPE] = lots, side, kind
        row[at.SUBMIT_LIMIT], row[at.SUBMIT_STOP] = limit, stop
        row[at.SUBMIT_TIF], row[at.FACT_REASON] = at.TIF_GTC, denied
        self.sides[order_id] = side
        self.core.positions[instrument, at.POSITION_WORKING] += 0 if denied else 1
        return order_id

    def fact(
        self, kind: int, order_id: int, instrument: int = 0, reason: int = 0
    ) -> NDArray[np.int64]:
        """Write one broker fact and return its row."""
        index = journal_row(self.plain, kind, instrument)
        row = self.core.journal[index]
        row[at.FACT_ORDER], row[at.FACT_REASON] = order_id, reason
        if at.KIND_CANCELED <= kind <= at.KIND_REJECTED:
            self.core.positions[instrument, at.POSITION_WORKING] -= 1
        return row

    def fill(
        self,
        order_id: int,
        lots: int,
        price: int,
        *,
        fee: str = "0",
        reference: int | None = None,
        instrument: int = 0,
        rule: int = MARKET_OPEN,
        last: bool = True,
    ) -> None:
        """Fill an order; `last` says that nothing of it works afterwards."""
        row = self.fact(at.KIND_FILL, order_id, instrument)
        row[at.FACT_LOTS], row[at.FACT_PRICE], row[at.FACT_FEE] = lots, price, to_minor(fee)
        row[at.FACT_LIQUIDITY], row[at.FACT_RULE] = at.LIQUIDITY_TAKER, rule
        row[at.FACT_REFERENCE] = price if reference is None else reference
        signed = self.sides[order_id] * lots
        apply_trade(self.plain, instrument, signed, price, int(to_minor(fee)), at.KIND_FILL)
        self.core.positions[instrument, at.POSITION_WORKING] -= int(last)

    def trade(self, lots: int, price: int, *, instrument: int = 0, fee: str = "0") -> int:
        """Submit and fill a market order of signed lots."""
        side = 1 if lots > 0 else -1
        order_id = self.order(side, abs(lots), instrument=instrument)
        self.fill(order_id, abs(lots), price, instrument=instrument, fee=fee)
        return order_id

    def price(self, ticks: int, instrument: int = 0) -> Run:
        """Set the last price."""
        self.core.positions[instrument, at.POSITION_LAST] = ticks
        return self

    def rate(self, currency: int, rate: str) -> Run:
        """Set the rate of a currency."""
        self.core.ledger[currency, at.LEDGER_RATE] = int(Decimal(rate).scaleb(10))
        return self

    def dividend(self, per_unit: str, instrument: int = 0) -> None:
        apply_dividend(self.plain, instrument, int(to_minor(per_unit)))

    def funding(self, ppb: int, instrument: int = 0) -> None:
        apply_funding(self.plain, instrument, ppb, 0)

    def split(self, numerator: int, denominator: int, instrument: int = 0) -> None:
        apply_split(self.plain, instrument, numerator, denominator)

    def settle(self, price: int, instrument: int = 0) -> None:
        settle(self.plain, instrument, price)

    def transfer(self, amount: str, currency: int = 0) -> None:
        transfer(self.plain, currency, int(to_minor(amount)))

    def accrue(self) -> None:
        accrue(self.plain)

    def mark(self) -> None:
        mark_equity(self.plain)

    def output(self, calendar: str = "24/7") -> RunOutput:
        """End the run."""
        assert self.core.account[at.ACCOUNT_FAULT] == at.FAULT_NONE
        rows = int(self.core.account[at.ACCOUNT_JOURNAL])
        return RunOutput(
            journal=self.core.journal[:rows].copy(),
            instruments=self.instruments,
            currencies=self.currencies,
            starting_cash_minor=self.cash_minor,
            ledger=self.core.ledger.copy(),
            positions=self.core.positions.copy(),
            orders=self.core.orders[: int(self.core.account[at.ACCOUNT_ORDERS])].copy(),
            final_equity_minor=int(equity_minor(self.plain)),
            ambiguities=0,
            events=rows,
            periods_per_year=365.0,
            calendar=calendar,
        )

    def _terms(self) -> NDArray[np.int64]:
        terms = np.zeros((len(self.instruments), at.TERMS_WIDTH), dtype=np.int64)
        for row, item in zip(terms, self.instruments):
            row[at.TERM_NUMERATOR] = item.notional_numerator
            row[at.TERM_DENOMINATOR] = item.notional_denominator
            row[at.TERM_PRICE_UNIT] = 10**item.price_precision
            row[at.TERM_LOT_UNIT] = 10**item.quantity_precision
            row[at.TERM_PRICE_STEP] = row[at.TERM_LOT_STEP] = 1
            row[at.TERM_CURRENCY] = self.currencies.index(item.currency)
            row[at.TERM_MARGINED] = int(item.is_margined)
            row[at.TERM_BORROW_PPB] = 50_000_000  # 5 % a year
        return terms
