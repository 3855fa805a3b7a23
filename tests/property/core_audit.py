"""An auditor for core worlds: it watches every event and keeps the books a second time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

import sims.replay.loop
from engine.kernels.orders import find_order
from engine.kernels.positions import equity_minor
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.orders import Side
from engine.model.units import from_minor
from runtime.backtest.machine import Machine
from sims.fillbook.layout import (
    COUNT_ORDERS,
    MARKET_POSITION,
)
from tests.property.core_worlds import CASH, World
from tests.reference.ledger import NS_PER_YEAR, ReferenceAccount, value_of
from tests.unit.core.books import check_books

PPB = 10**9


class _Account(ReferenceAccount):
    """The reference account with the core's documented roundings: interest is rounded twice."""

    def charge(self, currency: str, cause: str, amount_minor: int, rate: int, ns: int) -> int:
        """Post `amount` x rate x time, rounded after each factor; return it."""
        yearly = round(Fraction(amount_minor * rate, PPB))
        minor = round(Fraction(yearly * ns, NS_PER_YEAR))
        amount = from_minor(minor)
        self._post(cause, currency, {"cash": amount, cause: -amount})
        return minor


class Auditor:
    """Compares the core with the reference account, and with the fill book, all along a run."""

    def __init__(self, world: World) -> None:
        self.world = world
        # The reference rounds a split to the lot size, the core to the quantum.
        self.items = [replace(item, quantity_step_lots=1) for item in world.instruments]
        self.account = _Account()
        self.account.transfer("USD", from_minor(CASH))
        self.last_accrual = 0
        self.seen: dict[str, int] = {}
        self.events = 0

    @contextmanager
    def watching(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """Stand between the loop and the core."""
        genuine = sims.replay.loop.apply_event

        def audited(s: Any, events: Any, row: int) -> None:
            before = self._before(s, events, row)
            genuine(s, events, row)
            self.events += 1
            self._follow(s, events, row, before)
            self._compare(s, events, row)

        with patch.context() as inner:
            inner.setattr(sims.replay.loop, "apply_event", audited)
            yield

    # --- one event ---------------------------------------------------------------------------------
    def _before(self, s: Any, events: Any, row: int) -> dict[str, int]:
        i, kind = events[row, at.EVENT_INSTRUMENT], events[row, at.EVENT_KIND]
        known = {"journal": s.account[at.ACCOUNT_JOURNAL]}
        if i >= 0:
            known["last"] = s.positions[i, at.POSITION_LAST]
            known["quantity"] = s.positions[i, at.POSITION_QUANTITY]
            known["pending"] = s.positions[i, at.POSITION_PENDING]
            known["closed"] = s.positions[i, at.POSITION_CLOSED]
        if kind == at.KIND_FILL:
            r = find_order(s, events[row, at.FACT_ORDER])
            known["side"] = s.orders[r, at.ORDER_SIDE]
            known["flags"] = s.orders[r, at.ORDER_FLAGS]
            known["rest"] = s.orders[r, at.ORDER_QUANTITY] - s.orders[r, at.ORDER_FILLED]
        return known

    def _follow(self, s: Any, events: Any, row: int, before: dict[str, int]) -> None:
        """Tell the reference account the same fact."""
        kind, i = events[row, at.EVENT_KIND], events[row, at.EVENT_INSTRUMENT]
        self.seen[at.EventKind(kind).name] = self.seen.get(at.EventKind(kind).name, 0) + 1
        account = self.account
        match kind:
            case at.KIND_FILL:
                self._fill(s, events, row, before)
            case at.KIND_BAR | at.KIND_QUOTE | at.KIND_TRADE:
                bought = s.positions[i, at.POSITION_QUANTITY] - before["quantity"]
                if bought:
                    self._reinvested(s, i, bought, before)
            case at.KIND_SPLIT:
                item = self.items[i]
                ratio = events[row, at.SPLIT_NUMERATOR], events[row, at.SPLIT_DENOMINATOR]
                account.split(item, *ratio, item.ticks_to_price(before["last"]))
            case at.KIND_DIVIDEND:
                account.dividend(self.items[i], from_minor(events[row, at.DIVIDEND_MINOR]))
            case at.KIND_FUNDING:
                mark = events[row, at.FUNDING_MARK] or before["last"]
                rate = Decimal(events[row, at.FUNDING_PPB]).scaleb(-9)
                account.funding(self.items[i], self.items[i].ticks_to_price(mark), rate)
            case at.KIND_SETTLEMENT:
                price = events[row, at.SETTLEMENT_PRICE]
                account.settle(self.items[i], self.items[i].ticks_to_price(price))
            case at.KIND_TRANSFER | at.KIND_CORRECTION:
                currency = self.world.currencies[events[row, at.TRANSFER_CURRENCY]]
                account.transfer(currency, from_minor(events[row, at.TRANSFER_MINOR]))
            case at.KIND_CONVERSION:
                self._convert(s, events, row)
            case at.KIND_ACCRUAL:
                self._accrue(s, events[row, at.EVENT_TS])

    def _fill(self, s: Any, events: Any, row: int, before: dict[str, int]) -> None:
        i, lots = events[row, at.EVENT_INSTRUMENT], events[row, at.FACT_LOTS]
        item = self.items[i]
        self.account.fill(
            item,
            Side(before["side"]),
            item.lots_to_quantity(lots),
            item.ticks_to_price(events[row, at.FACT_PRICE]),
            from_minor(events[row, at.FACT_FEE]),
        )
        kept, price = events[row, at.FACT_FEE_LOTS], item.ticks_to_price(events[row, at.FACT_PRICE])
        if kept:
            units = item.lots_to_quantity(kept)
            fee = value_of(item, units, price)
            self.account.fill(item, Side.SELL, units, price, fee)
        assert 0 < lots <= before["rest"], "a fill exceeds its order"
        if before["flags"] & at.FLAG_REDUCE_ONLY:
            now, was = s.positions[i, at.POSITION_QUANTITY], before["quantity"]
            most = abs(was) if kept else abs(was) - 1  # a venue may keep all of one lot
            assert now * was >= 0 and abs(now) <= most, "a reduce-only order opened"

    def _reinvested(self, s: Any, i: int, lots: int, before: dict[str, int]) -> None:
        """Whole lots that the waiting dividends pay for at the new price."""
        item: Instrument = self.items[i]
        price = item.ticks_to_price(s.positions[i, at.POSITION_LAST])
        per_lot = price * item.multiplier * item.lots_to_quantity(1)
        assert lots == from_minor(before["pending"]) // per_lot
        self.account.fill(item, Side.BUY, item.lots_to_quantity(lots), price)

    def _convert(self, s: Any, events: Any, row: int) -> None:
        source, target = events[row, at.CONVERSION_FROM], events[row, at.CONVERSION_TO]
        names = self.world.currencies
        rates = s.ledger[source, at.LEDGER_RATE], s.ledger[target, at.LEDGER_RATE]
        amount = from_minor(events[row, at.CONVERSION_MINOR])
        self.account.convert(names[source], names[target], amount, Fraction(*rates))  # type: ignore[arg-type]

    def _accrue(self, s: Any, now: int) -> None:
        elapsed, first = now - self.last_accrual, self.last_accrual == 0
        self.last_accrual = now
        if first:
            return
        account = self.account
        for currency in self.world.currencies:
            cash = int(account.cash.get(currency, Decimal(0)).scaleb(8))
            column = at.ACCOUNT_MARGIN_PPB if cash < 0 else at.ACCOUNT_CREDIT_PPB
            account.charge(currency, "interest", cash, s.account[column], elapsed)
        for i, item in enumerate(self.items):
            quantity, rate = account.holding(item).quantity, s.terms[i, at.TERM_BORROW_PPB]
            if quantity < 0 and not item.is_margined:
                last = item.ticks_to_price(s.positions[i, at.POSITION_LAST])
                exact = Fraction(quantity) * Fraction(last) * Fraction(item.multiplier)
                account.charge(item.currency, "borrow", round(exact * 10**8), rate, elapsed)

    # --- comparing ---------------------------------------------------------------------------------
    def _compare(self, s: Any, events: Any, row: int) -> None:
        """Everything that must hold after every event."""
        check_books(s)
        what = at.EventKind(events[row, at.EVENT_KIND]).name
        realized = [0] * len(self.world.currencies)
        for i, item in enumerate(self.items):
            holding = self.account.holding(item)
            quantity, cost = s.positions[i, at.POSITION_QUANTITY], s.positions[i, at.POSITION_COST]
            assert item.lots_to_quantity(quantity) == holding.quantity, (what, item.symbol)
            assert from_minor(cost) == holding.cost, (what, item.symbol)
            realized[s.terms[i, at.TERM_CURRENCY]] -= int(holding.realized.scaleb(8))
        for c, currency in enumerate(self.world.currencies):
            cash = self.account.cash.get(currency, Decimal(0))
            assert from_minor(s.ledger[c, at.LEDGER_CASH]) == cash, (what, currency)
            assert s.ledger[c, at.LEDGER_REALIZED] == realized[c], (what, currency)

    def after_slice(self, machine: Machine) -> None:
        """Equity by other arithmetic, and the fill book's view of orders and positions."""
        s, b = machine.plain, machine._plain_book
        assert equity_minor(s) == self._equity(s)
        self._mirror(s, b)

    def _equity(self, s: Any) -> int:
        """Return equity from the reference account's holdings, converted half-even."""
        total = 0
        for c, currency in enumerate(self.world.currencies):
            total += self._to_base(s, c, int(self.account.cash.get(currency, Decimal(0)).scaleb(8)))
        for i, item in enumerate(self.items):
            holding = self.account.holding(item)
            if holding.quantity == 0:
                continue
            last = Fraction(item.ticks_to_price(s.positions[i, at.POSITION_LAST]))
            exact = Fraction(holding.quantity) * last * Fraction(item.multiplier) * 10**8
            worth = round(exact) - (int(holding.cost.scaleb(8)) if item.is_margined else 0)
            total += self._to_base(s, s.terms[i, at.TERM_CURRENCY], worth)
        return total

    def _to_base(self, s: Any, currency: int, minor: int) -> int:
        return round(Fraction(minor * s.ledger[currency, at.LEDGER_RATE], at.RATE_ONE))

    def _mirror(self, s: Any, b: Any) -> None:
        """The core's working orders and positions are the book's."""
        count = s.account[at.ACCOUNT_ORDERS]
        rows = range(b.counters[COUNT_ORDERS])  # some may have ended and wait to be removed
        rows = [o for o in rows if b.orders[o, at.ORDER_STATUS] < at.STATUS_FILLED]
        assert [s.orders[r, at.ORDER_ID] for r in range(count)] == [
            b.orders[o, at.ORDER_ID] for o in rows
        ]
        working = [0] * len(self.items)
        for r in range(count):
            for column in (
                at.ORDER_INSTRUMENT,
                at.ORDER_SIDE,
                at.ORDER_TYPE,
                at.ORDER_QUANTITY,
                at.ORDER_FILLED,
                at.ORDER_LIMIT,
                at.ORDER_STOP,
                at.ORDER_PARENT,
                at.ORDER_GROUP,
            ):
                assert s.orders[r, column] == b.orders[rows[r], column], (r, column)
            assert 0 <= s.orders[r, at.ORDER_FILLED] < s.orders[r, at.ORDER_QUANTITY]
            working[s.orders[r, at.ORDER_INSTRUMENT]] += 1
        for i in range(len(self.items)):
            assert s.positions[i, at.POSITION_WORKING] == working[i]
            assert s.positions[i, at.POSITION_QUANTITY] == b.market[i, MARKET_POSITION]
