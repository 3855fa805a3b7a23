"""Seeded worlds for the whole core: instruments of every kind and currency, random signals and orders,
fees, slippage, latency, caps, and everything that can happen to a position.

``python -m tests.property.core_worlds SEED ...`` prints the hash of each seed's run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY, NS_PER_HOUR
from engine.rules.sizing import SIZE_EQUITY, SIZE_NOTIONAL, SIZE_QUANTITY
from engine.rules.verbs import VERB_CANCEL, VERB_PLACE, VERB_REPLACE
from engine.state import Block, Core, CoreShape, new_core
from runtime.backtest.machine import Machine
from sims.fillbook.layout import Book
from sims.fillbook.settings import (
    BookSettings,
    FeeModel,
    SlippageModel,
    new_book,
    settings_block,
    terms_block,
)
from sims.replay.columns import Lanes
from sims.replay.source import MARKET
from sims.replay.stream import Source, Stream
from tests.property import by_rows

D = Decimal
KINDS = InstrumentKind
Ints = NDArray[np.int64]
DAYS, BARS = 12, 6  # a session has a bar each hour
START = 10_000 * NS_PER_DAY
CASH = 100_000 * 10**8

# Instrument, first price in ticks, currency that its price converts, inversely
CAST: list[tuple[Instrument, int, str, bool]] = [
    (Instrument("ABC", KINDS.EQUITY), 5_000, "", False),
    (Instrument("DEF", KINDS.EQUITY, price_step_ticks=5, quantity_step_lots=10), 4_000, "", False),
    (Instrument("BTC", KINDS.CRYPTO_SPOT, "USD", 2, 8), 4_000_000, "", False),
    (Instrument("ES", KINDS.FUTURE, "USD", 2, 0, 25, multiplier=D(5)), 400_000, "", False),
    (Instrument("PERP", KINDS.CRYPTO_PERPETUAL, "USD", 1, 3), 300_000, "", False),
    (Instrument("RAIN", KINDS.BINARY_EVENT), 50, "", False),
    (Instrument("SAP", KINDS.EQUITY, "EUR"), 8_000, "", False),
    (Instrument("EURUSD", KINDS.FX, "USD", 5), 120_000, "EUR", False),
    (Instrument("SONY", KINDS.EQUITY, "JPY", 0), 12_800, "", False),
    (Instrument("USDJPY", KINDS.FX, "JPY", 3), 160_000, "JPY", True),
]


@dataclass(frozen=True, eq=False)
class World:
    """One seed's instruments, assumptions, account and events; it stands in for a run's setup."""

    seed: int
    instruments: tuple[Instrument, ...]
    currencies: tuple[str, ...]
    terms: Block
    shape: CoreShape
    settings: BookSettings
    account: dict[str, int]
    sources: tuple[Source, ...]
    acts: bool  # orders also come from outside, between slices

    def fresh(self, settings: BookSettings) -> tuple[Block, Core, Book]:
        """Return a new core with its cash, and an empty fill book."""
        block, core = new_core(self.shape, self.terms)
        for name, value in self.account.items():
            core.account[getattr(at, f"ACCOUNT_{name}")] = value
        core.ledger[0, at.LEDGER_CASH] = CASH
        core.ledger[0, at.LEDGER_TRANSFERS] = -CASH
        book = new_book(
            settings_block(settings),
            self.terms,
            order_capacity=self.shape.orders,
            event_capacity=4 * self.shape.orders,
        )
        return block, core, book


@cache
def make_world(seed: int) -> World:
    """Return the world of a seed."""
    rng = Random(seed)
    chosen = _choose(rng)
    instruments = tuple(item for item, *_ in chosen)
    currencies = ("USD", *sorted({item.currency for item in instruments} - {"USD"}))
    settings = _settings(rng)
    quoted = [rng.random() < 0.2 for _ in instruments]
    terms = terms_block(
        instruments, settings, calendars=[k % 2 for k in range(len(chosen))], quoted=quoted
    )
    for k, (item, _, converts, inverse) in enumerate(chosen):
        terms[k, at.TERM_CURRENCY] = currencies.index(item.currency)
        terms[k, at.TERM_MARGINED] = int(item.is_margined)
        terms[k, at.TERM_BORROW_PPB] = rng.choice((0, 3 * 10**7))
        terms[k, at.TERM_CONVERTS] = (
            currencies.index(converts) if converts in currencies else at.UNKNOWN
        )
        terms[k, at.TERM_CONVERTS_INVERSE] = int(inverse)
    uses_targets = rng.random() < 0.3
    sources = _Happenings(rng, chosen, currencies, quoted, uses_targets=uses_targets).make()
    shape = CoreShape(len(instruments), len(currencies), orders=96, commands=512, journal=8192)
    return World(
        seed, instruments, currencies, terms, shape, settings, _account(rng), tuple(sources),
        acts=rng.random() < 0.6,
    )  # fmt: skip


def _choose(rng: Random) -> list[tuple[Instrument, int, str, bool]]:
    """Choose instruments; a foreign one brings the pair that converts its currency."""
    names = set(rng.sample([item.symbol for item, *_ in CAST], rng.randint(2, 6)))
    if "SAP" in names:
        names.add("EURUSD")
    if names & {"SONY", "USDJPY"}:
        names.add("USDJPY")
    return [entry for entry in CAST if entry[0].symbol in names]


def _settings(rng: Random) -> BookSettings:
    model, value = rng.choice(
        (
            ("none", "0"),
            ("fixed", "1"),
            ("bps", "7"),
            ("spread", "130"),
            ("volume_share", "0.2"),
            ("square_root", "0.05"),
        )
    )
    fees = rng.choice(
        (
            FeeModel(),
            FeeModel("bps", maker_bps=D("-0.5"), taker_bps=D("4.7")),
            FeeModel("per_share", per_unit=D("0.005"), minimum=D("0.01")),
            FeeModel("binance", maker_bps=D(3), taker_bps=D("7.5")),
            FeeModel("mt5", per_unit=D("0.02")),
            FeeModel(
                "per_share",
                per_unit=D("0.0035"),
                minimum=D("0.35"),
                maximum_fraction=D("0.01"),
            ),
        )
    )
    return BookSettings(
        path=rng.choice(("pessimistic", "optimistic", "high_first", "low_first", "nearest")),
        limit_fill=rng.choice(("through", "touch", "queue")),
        volume_cap=rng.choice((None, D("0.02"), D("0.3"))),
        latency_ns=rng.choice((0, 0, 5, NS_PER_HOUR, 30 * NS_PER_HOUR)),
        latency_jitter_ns=rng.choice((0, 0, NS_PER_HOUR)),
        seed=rng.randint(0, 99),
        slippage=SlippageModel(model, D(value)),
        fees=fees,
    )


def _account(rng: Random) -> dict[str, int]:
    method, value = rng.choice(
        (
            (SIZE_QUANTITY, 10 * 10**9),
            (SIZE_NOTIONAL, 9_000 * 10**8),
            (SIZE_EQUITY, 15 * 10**7),
            (SIZE_EQUITY, 60 * 10**7),
        )
    )
    return {
        "LEVERAGE_PPM": rng.choice((1, 2, 10)) * 10**6,
        "SHORT": rng.choice((0, 1, 1)),
        "REINVEST": rng.choice((0, 1)),
        "MARGIN_PPB": rng.choice((0, 8 * 10**7)),
        "CREDIT_PPB": rng.choice((0, 2 * 10**7)),
        "SIZE_METHOD": method,
        "SIZE_VALUE": value,
        "ENTRY_TYPE": rng.choice((at.TYPE_MARKET, at.TYPE_LIMIT)),
        "ENTRY_TIF": rng.choice((at.TIF_GTC, at.TIF_DAY)),
        "ENTRY_OFFSET_PPM": rng.choice((0, 2_000)),
        "STOP_PPM": rng.choice((0, 15_000)),
        "TARGET_PPM": rng.choice((0, 25_000)),
        "TRAIL_PPM": rng.choice((0, 20_000)),
    }


class _Happenings:
    """Writes the sources of a world."""

    def __init__(
        self,
        rng: Random,
        chosen: list[tuple[Instrument, int, str, bool]],
        currencies: tuple[str, ...],
        quoted: list[bool],
        *,
        uses_targets: bool,
    ) -> None:
        self.rng, self.chosen, self.currencies = rng, chosen, currencies
        self.quoted, self.uses_targets = quoted, uses_targets
        self.sources: list[Source] = []

    def make(self) -> list[Source]:
        """Return everything that happens."""
        for k, (item, price, *_) in enumerate(self.chosen):
            self._market(k, item, price)
            self._actions(k, item)
        self._account_events()
        for calendar in (0, 1):
            days = START + np.arange(DAYS, dtype=np.int64) * NS_PER_DAY
            payload: dict[int, Ints | int] = {at.CALENDAR_ID: calendar}
            closes = days + (BARS + calendar) * NS_PER_HOUR
            self.sources.append(Source(at.KIND_SESSION_OPEN, -1, days, payload))
            self.sources.append(Source(at.KIND_SESSION_CLOSE, -1, closes, payload))
        self.sources.append(Source(at.KIND_ACCRUAL, -1, days + 8 * NS_PER_HOUR))
        self.sources.append(Source(at.KIND_TIMER, -1, days + 3 * NS_PER_HOUR))
        return self.sources

    def _market(self, k: int, item: Instrument, price: int) -> None:
        count = DAYS * BARS
        ts = np.array(
            [
                START + day * NS_PER_DAY + (bar + 1) * NS_PER_HOUR
                for day in range(DAYS)
                for bar in range(BARS)
            ],
            dtype=np.int64,
        )
        closes = self._walk(item, price, count)
        opens = [price, *closes[:-1]]
        step, highest = item.price_step_ticks, item.price_max_ticks
        spread = [max(price // 200 // step, 1) * step * self.rng.randint(0, 3) for _ in closes]
        highs = [min(max(o, c) + s, highest) for o, c, s in zip(opens, closes, spread, strict=True)]
        lows = [max(min(o, c) - s, step) for o, c, s in zip(opens, closes, spread, strict=True)]
        lot = 10**item.quantity_precision
        volume = [self.rng.choice((-1, 0, 50, 500, 9_000)) * lot for _ in closes]
        payload: dict[int, Ints | int] = {
            at.BAR_OPEN_TS: ts - NS_PER_HOUR,
            at.BAR_OPEN: _ints(opens),
            at.BAR_HIGH: _ints(highs),
            at.BAR_LOW: _ints(lows),
            at.BAR_CLOSE: _ints(closes),
            at.BAR_VOLUME: _ints([max(v, -1) for v in volume]),
            at.BAR_FILLS: int(not self.quoted[k]),
        }
        bits, weights = self._signals(count)
        self.sources.append(Source(at.KIND_BAR, k, ts, payload, bits=bits, weights=weights))
        if self.quoted[k]:
            self._ticks(k, item, ts, closes)

    def _walk(self, item: Instrument, price: int, count: int) -> list[int]:
        step, closes = item.price_step_ticks, []
        for _ in range(count):
            move = round(self.rng.gauss(0, 0.012) * price / step) * step
            price = min(max(price + move, step), item.price_max_ticks)
            closes.append(price)
        return closes

    def _ticks(self, k: int, item: Instrument, ts: Ints, closes: list[int]) -> None:
        """Quotes half an hour before each bar's close, and a print a quarter of an hour later."""
        step = item.price_step_ticks
        asks = [min(c + step * self.rng.randint(0, 3), item.price_max_ticks) for c in closes]
        sizes = _ints([self.rng.choice((-1, 0, 5, 400)) for _ in closes])
        quotes: dict[int, Ints | int] = {
            at.QUOTE_BID: _ints(closes),
            at.QUOTE_ASK: _ints(asks),
            at.QUOTE_BID_SIZE: sizes,
            at.QUOTE_ASK_SIZE: sizes,
        }
        prints: dict[int, Ints | int] = {
            at.TRADE_PRICE: _ints(asks),
            at.TRADE_SIZE: _ints([self.rng.choice((1, 30, 900)) for _ in closes]),
            at.TRADE_AGGRESSOR: _ints([self.rng.choice((1, -1, 0)) for _ in closes]),
        }
        self.sources.append(Source(at.KIND_QUOTE, k, ts - NS_PER_HOUR // 2, quotes))
        self.sources.append(Source(at.KIND_TRADE, k, ts - NS_PER_HOUR // 4, prints))

    def _signals(self, count: int) -> tuple[NDArray[np.uint8], Ints]:
        bits, weights = np.zeros(count, dtype=np.uint8), np.zeros(count, dtype=np.int64)
        for n in range(count):
            if self.rng.random() < 0.35:
                if self.uses_targets:
                    bits[n] = at.SIGNAL_TARGET
                    weights[n] = round(self.rng.uniform(-0.4, 0.8) * 10**9)
                else:
                    bits[n] = self.rng.choice((1, 1, 2, 4, 8, 9, 6, 3, 12, 15))
        return bits, weights

    def _actions(self, k: int, item: Instrument) -> None:
        draw = self.rng.random
        if item.kind is KINDS.EQUITY:
            if draw() < 0.6:
                amount = self.rng.choice((10**7, 24 * 10**6, 12_345_678))
                self._at_open(at.KIND_DIVIDEND, k, {at.DIVIDEND_MINOR: amount})
            if draw() < 0.6:
                numerator, denominator = self.rng.choice(((2, 1), (3, 2), (1, 4), (7, 5)))
                payload = {at.SPLIT_NUMERATOR: numerator, at.SPLIT_DENOMINATOR: denominator}
                self._at_open(at.KIND_SPLIT, k, payload)
        if item.kind is KINDS.CRYPTO_PERPETUAL:
            for _ in range(3):
                rate = self.rng.choice((100_000, -250_000, 1_234_567))
                payload = {at.FUNDING_PPB: rate, at.FUNDING_MARK: self.rng.choice((0, 299_000))}
                self._at_open(at.KIND_FUNDING, k, payload)
        if item.kind in (KINDS.BINARY_EVENT, KINDS.FUTURE) and draw() < 0.7:
            price = self.rng.choice((0, 100, 37)) if item.is_binary else 401_000
            self._at_open(at.KIND_SETTLEMENT, k, {at.SETTLEMENT_PRICE: price}, last_days=5)
        if draw() < 0.2:
            self._at_open(at.KIND_SYMBOL_CHANGE, k, {})
        if draw() < 0.4:
            day = self.rng.randrange(1, DAYS - 2)
            halt = START + day * NS_PER_DAY + 2 * NS_PER_HOUR
            for kind, ts in ((at.KIND_HALT, halt), (at.KIND_RESUME, halt + NS_PER_DAY)):
                self.sources.append(Source(kind, k, _ints([ts])))

    def _at_open(
        self, kind: int, k: int, payload: dict[int, int], *, last_days: int = DAYS - 1
    ) -> None:
        day = self.rng.randrange(DAYS - last_days, DAYS)
        ts = START + day * NS_PER_DAY
        self.sources.append(Source(kind, k, _ints([ts]), dict(payload)))

    def _account_events(self) -> None:
        for _ in range(3):
            currency = self.rng.randrange(len(self.currencies))
            amount = self.rng.choice((1_000, -500, 7)) * 10**8
            payload = {at.TRANSFER_CURRENCY: currency, at.TRANSFER_MINOR: amount}
            kind = self.rng.choice((at.KIND_TRANSFER, at.KIND_TRANSFER, at.KIND_CORRECTION))
            self._at_open(kind, -1, payload)
        for currency in range(1, len(self.currencies)):
            source, target = self.rng.choice(((0, currency), (currency, 0)))
            payload = {
                at.CONVERSION_FROM: source,
                at.CONVERSION_TO: target,
                at.CONVERSION_MINOR: self.rng.choice((12_345_678_901, 500 * 10**8)),
            }
            self._at_open(at.KIND_CONVERSION, -1, payload)


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


# --- running ----------------------------------------------------------------------------------------
Watcher = Callable[[Machine], None]


def play(
    world: World,
    *,
    compiled: bool = False,
    chunk_rows: int = 65_536,
    watch: Watcher | None = None,
    lanes: Lanes | None = None,
) -> Machine:
    """Run a world to its end, by its lanes or row by row; `watch` looks at the machine after every slice."""
    assert lanes is not None or not compiled, "nobody runs rows compiled"
    machine = Machine(cast(Any, world), world.settings, compiled)
    machine.attach(lanes or Lanes([], world.terms))  # without sources: rows come from a stream
    trader = _Trader(world, machine)
    if lanes is not None:
        _play_lanes(world, machine, lanes, trader)
        return machine
    for chunk in Stream(world.sources, chunk_rows=chunk_rows).chunks():
        machine.events += chunk.rows
        if not world.acts and watch is None:
            by_rows.run(machine, chunk, 0, chunk.rows)
            continue
        row = 0
        while row < chunk.rows:
            until = by_rows.slice_end(chunk.events, row, chunk.rows)
            by_rows.run(machine, chunk, row, until)
            if world.acts and chunk.events[until - 1, at.EVENT_KIND] in MARKET:
                trader.act()
            if watch is not None:
                watch(machine)
            row = until
    return machine


@cache
def played(world: World) -> Machine:
    """Return the machine that has played a world, row by row and interpreted; tests only read it."""
    return play(world)


def lanes_of(world: World) -> Lanes:
    """Return a world's sources as lanes."""
    _, core, _ = world.fresh(world.settings)
    return Lanes(world.sources, world.terms, always=bool(core.account[at.ACCOUNT_REINVEST]))


def _play_lanes(world: World, machine: Machine, lanes: Lanes, trader: _Trader) -> None:
    if world.acts:
        market = [source.ts_ns for source in world.sources if source.kind in MARKET]
        for now in np.unique(np.concatenate(market)).tolist():
            machine.replay(now, with_others=False)
            trader.act()
    for until, _ in lanes.stops(7):
        machine.replay(until)


def hash_of(machine: Machine) -> str:
    """Return the identity of a finished run."""
    clockwork = SimpleNamespace(periods_per_year=252.0, account_calendar="24/7")
    return machine.output(cast(Any, clockwork), CASH).state_hash


class _Trader:
    """Sends orders from outside the loop: a function of the seed and of what is working."""

    def __init__(self, world: World, machine: Machine) -> None:
        self.rng, self.world, self.machine = Random(world.seed + 1), world, machine
        self.groups = 10**9

    def act(self) -> None:
        """Do nothing, or place, cancel or replace something."""
        draw, core = self.rng.random(), self.machine.plain
        orders = core.account[at.ACCOUNT_ORDERS]
        if draw < 0.10:
            self._place()
        elif draw < 0.16 and orders:
            order_id = core.orders[self.rng.randrange(orders), at.ORDER_ID]
            self.machine.act(VERB_CANCEL, order_id)
        elif draw < 0.22 and orders:
            self._replace(self.rng.randrange(orders))

    def _place(self) -> None:
        rng = self.rng
        i = rng.randrange(len(self.world.instruments))
        side = rng.choice((1, -1))
        shape = rng.choice(("one", "one", "bracket", "oco"))
        rows = [self._row(i, side)]
        if shape == "bracket":
            for back in (-1, -2):
                child = self._row(i, -side, types=(2, 3, 5), tif=at.TIF_GTC)
                child[at.ORDER_QUANTITY] = rows[0][at.ORDER_QUANTITY]
                child[at.ORDER_PARENT], child[at.ORDER_GROUP] = back, -1
                rows.append(child)
        elif shape == "oco":
            rows.append(self._row(i, side))
            self.groups += 1
            for row in rows:
                row[at.ORDER_GROUP] = self.groups
        self.machine.intents[: len(rows)] = rows
        self.machine.act(VERB_PLACE, len(rows))

    def _row(
        self, i: int, side: int, types: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9), tif: int = 0
    ) -> list[int]:
        rng, core = self.rng, self.machine.plain
        item = self.world.instruments[i]
        last, step = core.positions[i, at.POSITION_LAST], item.price_step_ticks
        row = [0] * at.ORDER_WIDTH

        def near() -> int:
            return max(last + round(rng.gauss(0, 0.01) * last), 1) // step * step

        kind = rng.choice(types)
        row[at.ORDER_INSTRUMENT], row[at.ORDER_SIDE], row[at.ORDER_TYPE] = i, side, kind
        lot = item.quantity_step_lots * 10**item.quantity_precision
        row[at.ORDER_QUANTITY] = rng.choice((1, 3, 10, 40)) * lot
        if kind in (at.TYPE_LIMIT, at.TYPE_STOP_LIMIT, 7, 9):
            row[at.ORDER_LIMIT] = near()
        if kind in (at.TYPE_STOP, at.TYPE_STOP_LIMIT):
            row[at.ORDER_STOP] = near()
        if kind == at.TYPE_TRAILING_STOP:
            if rng.random() < 0.5:
                row[at.ORDER_TRAIL_TICKS] = step * rng.randint(1, 30)
            else:
                row[at.ORDER_TRAIL_PPM] = rng.choice((5_000, 20_000))
        row[at.ORDER_TIF] = tif or rng.choice((1, 2, 2, 3, 4, 5))
        if row[at.ORDER_TIF] == at.TIF_GTD:
            now = core.account[at.ACCOUNT_NOW]
            row[at.ORDER_EXPIRE] = now + rng.randint(1, 40) * NS_PER_HOUR
        if rng.random() < 0.2:
            row[at.ORDER_FLAGS] = at.FLAG_REDUCE_ONLY
        elif kind == at.TYPE_LIMIT and rng.random() < 0.2:
            row[at.ORDER_FLAGS] = at.FLAG_POST_ONLY
        return row

    def _replace(self, r: int) -> None:
        core, rng = self.machine.plain, self.rng
        step = self.world.instruments[core.orders[r, at.ORDER_INSTRUMENT]].price_step_ticks

        def moved(price: int) -> int:
            return price and max(price + rng.randint(-3, 3) * step, step)

        self.machine.act(
            VERB_REPLACE,
            core.orders[r, at.ORDER_ID],
            core.orders[r, at.ORDER_QUANTITY] * rng.choice((1, 1, 2)),
            moved(core.orders[r, at.ORDER_LIMIT]),
            moved(core.orders[r, at.ORDER_STOP]),
        )


if __name__ == "__main__":
    for text in sys.argv[1:]:
        print(hash_of(play(make_world(int(text)))))
