"""An account in a trader's own words over the real core, interpreted; every call checks the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from engine.jit import as_plain
from engine.kernels.orders import find_order, place
from engine.kernels.positions import apply_trade, equity_minor, market_value
from engine.model import layout as at
from engine.model.denials import Denial
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import MINOR_PER_UNIT, NS_PER_DAY, from_minor, to_minor, to_quanta
from engine.state import Block, Core, CoreShape, new_core, plain_core
from engine.step import apply_event

D = Decimal
SHARE = Instrument("ABC", InstrumentKind.EQUITY)
FUTURE = Instrument("ES", InstrumentKind.FUTURE, multiplier=D(50))
PERPETUAL = Instrument("PERP", InstrumentKind.CRYPTO_PERPETUAL, "USD", 1, 3)
EVENT = Instrument("RAIN", InstrumentKind.BINARY_EVENT)
COIN = Instrument("BTC", InstrumentKind.CRYPTO_SPOT, "USD", 2, 8)
GERMAN = Instrument("SAP", InstrumentKind.EQUITY, "EUR")
JAPANESE = Instrument("SONY", InstrumentKind.EQUITY, "JPY", 0)
EURUSD = Instrument("EURUSD", InstrumentKind.FX, "USD", 5)
USDJPY = Instrument("USDJPY", InstrumentKind.FX, "JPY", 3)

MONEY = {
    "cash": at.LEDGER_CASH,
    "positions": at.LEDGER_POSITIONS,
    "contracts": at.LEDGER_CONTRACTS,
    "realized": at.LEDGER_REALIZED,
    "fees": at.LEDGER_FEES,
    "funding": at.LEDGER_FUNDING,
    "dividends": at.LEDGER_DIVIDENDS,
    "borrow": at.LEDGER_BORROW,
    "interest": at.LEDGER_INTEREST,
    "transfers": at.LEDGER_TRANSFERS,
    "conversions": at.LEDGER_CONVERSIONS,
    "corrections": at.LEDGER_CORRECTIONS,
}


REQUEST_COLUMNS = (
    "ORDER_ID",
    "ORDER_STATUS",
    "ORDER_SIDE",
    "ORDER_TYPE",
    "ORDER_QUANTITY",
    "ORDER_FILLED",
    "ORDER_LIMIT",
    "ORDER_STOP",
    "ORDER_TRAIL_PPM",
    "ORDER_FLAGS",
    "ORDER_PARENT",
    "ORDER_GROUP",
)


def terms_of(instruments: Sequence[Instrument], currencies: Sequence[str]) -> Block:
    """Return the instruments as the core reads them."""
    terms = np.zeros((len(instruments), at.TERMS_WIDTH), dtype=np.int64)
    for k, item in enumerate(instruments):
        terms[k, at.TERM_PRICE_STEP] = item.price_step_ticks
        terms[k, at.TERM_LOT_STEP] = item.quantity_step_lots
        terms[k, at.TERM_NUMERATOR] = item.notional_numerator
        terms[k, at.TERM_DENOMINATOR] = item.notional_denominator
        terms[k, at.TERM_PRICE_MAX] = item.price_max_ticks if item.is_binary else 0
        terms[k, at.TERM_PRICE_UNIT] = 10**item.price_precision
        terms[k, at.TERM_LOT_UNIT] = 10**item.quantity_precision
        terms[k, at.TERM_CURRENCY] = currencies.index(item.currency)
        terms[k, at.TERM_MARGINED] = int(item.is_margined)
        terms[k, at.TERM_CONVERTS] = at.UNKNOWN
    return terms


@dataclass
class Books:
    """One account; amounts go in and come out as decimals, instruments by symbol."""

    instruments: Sequence[Instrument] = (SHARE,)
    cash: str = "100000"
    orders: int = 64
    block: Block = field(init=False)
    core: Core = field(init=False)
    s: Any = field(init=False)
    _clock: int = NS_PER_DAY
    _sequence: int = 0

    def __post_init__(self) -> None:
        self.currencies = ("USD", *sorted({i.currency for i in self.instruments} - {"USD"}))
        shape = CoreShape(len(self.instruments), len(self.currencies), orders=self.orders)
        self.block, self.core = new_core(shape, terms_of(self.instruments, self.currencies))
        self.s = plain_core(self.core)
        self.s.account[at.ACCOUNT_LEVERAGE_PPM] = 10**6
        minor = to_minor(self.cash)
        self.s.ledger[0, at.LEDGER_CASH] = minor
        self.s.ledger[0, at.LEDGER_TRANSFERS] = -minor

    def number(self, symbol: str) -> int:
        """Return an instrument's index."""
        return [item.symbol for item in self.instruments].index(symbol)

    def ticks(self, symbol: str, price: str) -> int:
        """Return a price as ticks."""
        return self.instruments[self.number(symbol)].price_to_ticks(price)

    def lots(self, symbol: str, quantity: str) -> int:
        """Return a quantity as lots."""
        return self.instruments[self.number(symbol)].quantity_to_lots(quantity)

    # --- what happens --------------------------------------------------------------------------------
    def event(self, kind: int, instrument: int = -1, /, **payload: int) -> None:
        """Apply one event; `payload` names columns of `engine.model.layout`."""
        row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        self._sequence += 1
        row[0, at.EVENT_TS], row[0, at.EVENT_SEQUENCE] = self._clock, self._sequence
        row[0, at.EVENT_KIND], row[0, at.EVENT_INSTRUMENT] = kind, instrument
        for name, value in payload.items():
            row[0, getattr(at, name)] = value
        apply_event(self.s, as_plain(row), 0)
        self.check()

    def trade(self, symbol: str, quantity: str, price: str, fee: str = "0") -> Decimal:
        """Book a fill, negative to sell; return the realized money."""
        i = self.number(symbol)
        lots, ticks = self.lots(symbol, quantity), self.ticks(symbol, price)
        realized = apply_trade(self.s, i, lots, ticks, to_minor(fee), at.KIND_FILL)
        self.check()
        return from_minor(realized)

    def price(self, symbol: str, price: str) -> None:
        """Show a last price."""
        ticks = self.ticks(symbol, price)
        self.event(at.KIND_TRADE, self.number(symbol), TRADE_PRICE=ticks, TRADE_SIZE=1)

    def dividend(self, symbol: str, per_unit: str) -> None:
        """Pay a dividend."""
        self.event(at.KIND_DIVIDEND, self.number(symbol), DIVIDEND_MINOR=to_minor(per_unit))

    def split(self, symbol: str, numerator: int, denominator: int) -> None:
        """Split an instrument: `numerator` new units for `denominator` old."""
        self.event(
            at.KIND_SPLIT,
            self.number(symbol),
            SPLIT_NUMERATOR=numerator,
            SPLIT_DENOMINATOR=denominator,
        )

    def funding(self, symbol: str, rate: str, mark: str = "0") -> None:
        """Exchange a perpetual's funding."""
        self.event(
            at.KIND_FUNDING,
            self.number(symbol),
            FUNDING_PPB=to_quanta(rate, 9, name="rate"),
            FUNDING_MARK=self.ticks(symbol, mark),
        )

    def settle(self, symbol: str, price: str) -> None:
        """Settle an instrument."""
        ticks = self.ticks(symbol, price)
        self.event(at.KIND_SETTLEMENT, self.number(symbol), SETTLEMENT_PRICE=ticks)

    def transfer(self, currency: str, amount: str) -> None:
        """Bring money in, or take it out."""
        number = self.currencies.index(currency)
        minor = to_minor(amount)
        self.event(at.KIND_TRANSFER, TRANSFER_CURRENCY=number, TRANSFER_MINOR=minor)

    def convert(self, source: str, target: str, amount: str) -> None:
        """Exchange one currency for another at the last rates."""
        self.event(
            at.KIND_CONVERSION,
            CONVERSION_FROM=self.currencies.index(source),
            CONVERSION_TO=self.currencies.index(target),
            CONVERSION_MINOR=to_minor(amount),
        )

    def accrue(self, days: int) -> None:
        """Let days pass, then charge what time costs."""
        self._clock += days * NS_PER_DAY
        self.event(at.KIND_ACCRUAL)

    def sets_rate_of(self, currency: str, symbol: str, *, inverse: bool = False) -> None:
        """Say which pair's price converts a currency."""
        row = self.number(symbol)
        self.s.terms[row, at.TERM_CONVERTS] = self.currencies.index(currency)
        self.s.terms[row, at.TERM_CONVERTS_INVERSE] = int(inverse)

    # --- orders ----------------------------------------------------------------------------------------
    def order(self, text: str, symbol: str | None = None, **columns: int) -> int:
        """Place an order such as ``buy 10 limit 9.50``; return its id, or 0 when it was denied.

        `columns` names further columns: ``TIF=at.TIF_GTD``, ``FLAGS=...``.
        """
        symbol = symbol or self.instruments[0].symbol
        intent = np.zeros((1, at.ORDER_WIDTH), dtype=np.int64)
        side, quantity, kind, *prices = text.split()
        intent[0, at.ORDER_INSTRUMENT] = self.number(symbol)
        intent[0, at.ORDER_SIDE] = 1 if side == "buy" else -1
        intent[0, at.ORDER_QUANTITY] = self.lots(symbol, quantity)
        intent[0, at.ORDER_TYPE] = getattr(at, f"TYPE_{kind.upper()}")
        intent[0, at.ORDER_TIF] = at.TIF_GTC
        if kind.startswith("limit"):
            intent[0, at.ORDER_LIMIT] = self.ticks(symbol, prices[0])
        if kind.startswith("stop"):
            intent[0, at.ORDER_STOP] = self.ticks(symbol, prices[0])
        if kind == "stop_limit":
            intent[0, at.ORDER_LIMIT] = self.ticks(symbol, prices[1])
        for name, value in columns.items():
            intent[0, getattr(at, f"ORDER_{name}")] = value
        order_id: int = place(self.s, as_plain(intent), 0)
        self.check()
        return order_id

    @property
    def denial(self) -> Denial:
        """Why the last order was denied."""
        return Denial(self.s.account[at.ACCOUNT_LAST_DENIAL])

    def verdict(self, text: str, symbol: str | None = None, **columns: int) -> Denial:
        """Place an order and return why it was denied, NONE when it was not."""
        if self.order(text, symbol, **columns) != 0:
            return Denial.NONE
        row = self.journal(at.KIND_DENIED)[-1]
        assert Denial(row[at.FACT_REASON]) is self.denial
        return self.denial

    def fact(self, kind: int, order_id: int, **payload: int) -> None:
        """Apply one fact from the broker; ``FACT_`` is left out of the names of `payload`."""
        row = self.row_of(order_id)
        i = -1 if row < 0 else self.s.orders[row, at.ORDER_INSTRUMENT]
        values = {f"FACT_{name}": value for name, value in payload.items()}
        self.event(kind, i, FACT_ORDER=order_id, **values)

    def filled(self, order_id: int, quantity: str, price: str, fee: str = "0") -> None:
        """Apply a fill of an order."""
        i = self.s.orders[self.row_of(order_id), at.ORDER_INSTRUMENT]
        symbol = self.instruments[i].symbol
        self.fact(
            at.KIND_FILL,
            order_id,
            LOTS=self.lots(symbol, quantity),
            PRICE=self.ticks(symbol, price),
            FEE=to_minor(fee),
        )

    def row_of(self, order_id: int) -> int:
        """Return an order's row, -1 when it is not working."""
        row: int = find_order(self.s, order_id)
        return row

    def working(self) -> list[dict[str, int]]:
        """Return the working orders, the columns that were set."""
        names = [name for name in dir(at) if name in REQUEST_COLUMNS]
        count = self.s.account[at.ACCOUNT_ORDERS]
        return [
            {
                name.removeprefix("ORDER_").lower(): self.s.orders[row, getattr(at, name)]
                for name in names
                if self.s.orders[row, getattr(at, name)]
            }
            for row in range(count)
        ]

    # --- what is there ---------------------------------------------------------------------------------
    def money(self, account: str, currency: str = "USD") -> Decimal:
        """Return the balance of one of the ledger's accounts."""
        row = self.currencies.index(currency)
        return from_minor(self.s.ledger[row, MONEY[account]])

    def holds(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return quantity and cost of a position."""
        i = self.number(symbol)
        quantity = self.instruments[i].lots_to_quantity(self.s.positions[i, at.POSITION_QUANTITY])
        return quantity, from_minor(self.s.positions[i, at.POSITION_COST])

    @property
    def equity(self) -> Decimal:
        """The account's equity in its own currency."""
        return from_minor(equity_minor(self.s))

    @property
    def fault(self) -> int:
        """Why the core stopped, 0 while it runs."""
        return int(self.s.account[at.ACCOUNT_FAULT])

    def journal(self, kind: int) -> list[list[int]]:
        """Return the journal's rows of one kind."""
        count = self.s.account[at.ACCOUNT_JOURNAL]
        rows = self.core.journal[:count]
        return [list(map(int, row)) for row in rows[rows[:, at.EVENT_KIND] == kind]]

    def check(self) -> None:
        """Hold the ledger against what must always be true of it."""
        check_books(self.s)


def check_books(s: Any) -> None:
    """Rows sum to zero; the positions account is the sum of costs; a flat position costs nothing."""
    costs = [0] * s.ledger.shape[0]
    margined = [0] * s.ledger.shape[0]
    for i in range(s.positions.shape[0]):
        currency = s.terms[i, at.TERM_CURRENCY]
        quantity, cost = s.positions[i, at.POSITION_QUANTITY], s.positions[i, at.POSITION_COST]
        costs[currency] += cost
        margined[currency] += cost if s.terms[i, at.TERM_MARGINED] == 1 else 0
        assert quantity != 0 or cost == 0, f"flat position {i} costs {cost}"
        assert quantity * cost >= 0, f"position {i} of {quantity} lots has the cost {cost}"
    for c in range(s.ledger.shape[0]):
        row = [s.ledger[c, account] for account in range(at.LEDGER_ACCOUNTS)]
        assert sum(row) == 0, f"currency {c}: {row}"
        assert row[at.LEDGER_POSITIONS] == costs[c]
        assert row[at.LEDGER_CONTRACTS] == -margined[c]


def equity_by_hand(s: Any) -> int:
    """Return cash plus position values, where the account has one currency and whole money."""
    values = [market_value(s, i) for i in range(s.positions.shape[0])]
    return int(s.ledger[0, at.LEDGER_CASH]) + sum(values)


assert MINOR_PER_UNIT == 10**8
