"""Seeded worlds for the exits: few instruments, and quotes seconds apart, so that ladders meet a market
that moves while they wait; halts, sessions, splits and settlements in the midst of them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random

import numpy as np

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.trading import ExitReason
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND
from engine.state import CoreShape
from sims.fillbook.settings import terms_block
from sims.replay.source import Source
from tests.property.core_worlds import CAST, START, _account, _settings
from tests.property.trading_worlds import PPB, TradingWorld, _inputs_of_the_session, _limits
from tests.property.trading_worlds import _thresholds as _drawn_thresholds

DAYS, BARS = 3, 4
QUOTES = 14  # after each bar of an instrument that is quoted
LATENCIES = (0, 0, 0, 5, 700 * 10**6, 3 * NS_PER_SECOND, 20 * NS_PER_SECOND)
NAMES = ("ABC", "DEF", "BTC", "ES", "RAIN", "PERP")
SNOW = (Instrument("SNOW", InstrumentKind.BINARY_EVENT), 40, "", False)


@cache
def make_exit_world(seed: int) -> TradingWorld:
    """Return the world of a seed."""
    rng = Random(seed + 2 * 10**6)
    by_name = {entry[0].symbol: entry for entry in CAST}
    if rng.random() < 0.25:
        chosen = [by_name["RAIN"], SNOW]
    else:
        chosen = [by_name[name] for name in rng.sample(NAMES, rng.randint(2, 3))]
    return _Maker(seed, rng, [(item, price) for item, price, *_ in chosen]).make()


class _Maker:
    def __init__(self, seed: int, rng: Random, chosen: list[tuple[Instrument, int]]) -> None:
        self.seed, self.rng, self.chosen = seed, rng, chosen
        self.items = tuple(item for item, _ in chosen)
        self.is_probable = all(item.is_binary for item in self.items)
        self.quoted = [rng.random() < 0.7 for _ in chosen]
        self.sources: list[Source] = []

    def make(self) -> TradingWorld:
        """Write the world."""
        rng = self.rng
        settings = replace(
            _settings(rng),
            latency_ns=rng.choice(LATENCIES),
            latency_jitter_ns=rng.choice((0, 0, NS_PER_SECOND)),
            volume_cap=None,
        )
        calendars = [k % 2 for k in range(len(self.items))]
        terms = terms_block(self.items, settings, calendars=calendars, quoted=self.quoted)
        for k, item in enumerate(self.items):
            terms[k, at.TERM_CONVERTS] = at.UNKNOWN
            terms[k, at.TERM_MARGINED] = int(item.is_margined)
            terms[k, at.TERM_BINARY] = int(item.is_binary)
            if item.is_binary and rng.random() < 0.7:
                terms[k, at.TERM_EXPIRES] = START + NS_PER_DAY * rng.randint(1, 2) + 4 * NS_PER_HOUR
        stages = tuple(
            (at_ppm, share)
            for at_ppm, share in ((12_000, 500_000), (25_000, 250_000), (40_000, 100_000))[
                : rng.randint(0, 3)
            ]
        )
        for k in range(len(self.items)):
            self._market(k)
        self._sessions()
        self.sources += _inputs_of_the_session(rng)
        shape = CoreShape(
            len(self.items), 1, orders=96, commands=512, journal=1 << 16, trading=True, calendars=2
        )
        account = _account(rng) | {"SEVERITY": 0, "REINVEST": 0, "LEVERAGE_PPM": 4 * 10**6}
        if rng.random() < 0.6:
            account["ENTRY_TYPE"] = at.TYPE_MARKET
        return TradingWorld(
            self.seed, self.items, ("USD",), terms, shape, settings, account, tuple(self.sources),
            acts=rng.random() < 0.12, limits=self._limits(len(stages)),
            thresholds=self._thresholds(), stages=stages,
        )  # fmt: skip

    # --- What happens --------------------------------------------------------------------------------
    def _market(self, k: int) -> None:
        item, price = self.chosen[k]
        closes = self._walk(item, price, DAYS * BARS, 0.012)
        ts = np.array(
            [
                START + day * NS_PER_DAY + (bar + 1) * NS_PER_HOUR
                for day in range(DAYS)
                for bar in range(BARS)
            ],
            dtype=np.int64,
        )
        prices = np.array(closes, dtype=np.int64)
        opens = np.concatenate((prices[:1], prices[:-1]))
        payload: dict[int, np.ndarray | int] = {
            at.BAR_OPEN_TS: ts - NS_PER_HOUR,
            at.BAR_OPEN: opens,
            at.BAR_HIGH: np.maximum(opens, prices),
            at.BAR_LOW: np.minimum(opens, prices),
            at.BAR_CLOSE: prices,
            at.BAR_VOLUME: -1,
            at.BAR_FILLS: int(not self.quoted[k]),
        }
        bits = np.array(
            [self.rng.choice((0, 0, 1, 1, 4, 4, 2, 8, 9, 6)) for _ in closes], dtype=np.uint8
        )
        inputs = self._inputs(item, closes)
        self.sources.append(Source(at.KIND_BAR, k, ts, payload, bits=bits, inputs=inputs))
        if self.quoted[k]:
            self._ticks(k, item, ts.tolist(), closes)
        self._actions(k, item)

    def _walk(self, item: Instrument, price: int, count: int, width: float) -> list[int]:
        step, closes = item.price_step_ticks, []
        for _ in range(count):
            move = round(self.rng.gauss(0, width) * price / step) * step
            price = min(max(price + move, 3 * step), item.price_max_ticks - 3 * step)
            closes.append(price)
        return closes

    def _ticks(self, k: int, item: Instrument, ts: list[int], closes: list[int]) -> None:
        """Quotes and prints, seconds apart, after each bar; now and then a wrong or a crossed one."""
        rng, step = self.rng, item.price_step_ticks
        tick = max(closes[0] // 2000 // step, 1) * step
        times, bids, asks, prints = [], [], [], []
        for at_ns, close in zip(ts, closes, strict=True):
            price, now = close, at_ns
            for _ in range(QUOTES):
                now += rng.choice((1, 1, 2, 5, 7, 10, 15, 30, 61)) * NS_PER_SECOND
                price += rng.choice((-4, -2, -1, 0, 1, 2, 4)) * tick
                jump = rng.choice((-1, 1)) * price // 12 // step * step
                bid = price + (jump if rng.random() < 0.04 else 0)
                bid = min(max(bid, 2 * step), item.price_max_ticks - step)
                if rng.random() < 0.15:
                    prints.append((now + rng.choice((0, NS_PER_SECOND // 2)), bid))
                times.append(now)
                bids.append(bid)
                width = rng.choice((0, -1)) if rng.random() < 0.04 else rng.randint(1, 5)
                asks.append(min(max(bid + width * step, step), item.price_max_ticks))
        given = {
            at.QUOTE_BID: np.array(bids),
            at.QUOTE_ASK: np.array(asks),
            at.QUOTE_BID_SIZE: -1,
            at.QUOTE_ASK_SIZE: -1,
        }
        inputs = self._inputs(item, bids) if rng.random() < 0.5 else None
        when = np.array(times, dtype=np.int64)
        self.sources.append(Source(at.KIND_QUOTE, k, when, given, inputs=inputs))
        if prints:
            said = {
                at.TRADE_PRICE: np.array([price for _, price in prints]),
                at.TRADE_SIZE: 500,
                at.TRADE_AGGRESSOR: 0,
            }
            when = np.array([now for now, _ in prints], dtype=np.int64)
            self.sources.append(Source(at.KIND_TRADE, k, when, said))

    def _inputs(self, item: Instrument, prices: list[int]) -> tuple[np.ndarray | int, ...]:
        rng = self.rng

        def column(draw: object, missing: float) -> np.ndarray:
            return np.array(
                [
                    loop.NOT_GIVEN if rng.random() < missing else draw(price)  # type: ignore[operator]
                    for price in prices
                ],
                dtype=np.int64,
            )

        def edge(price: int) -> int:
            if self.is_probable:
                return round((price / item.price_max_ticks + rng.gauss(0.03, 0.06)) * PPB)
            return round(rng.choice((0.2, 0.2, rng.uniform(-0.02, 0.08))) * PPB)

        lot = 10**item.quantity_precision
        return (
            column(edge, 0.1),
            column(lambda price: round(rng.uniform(0.3, 1.0) * PPB), 0.1),
            column(lambda price: price + rng.choice((-1, 1)) * price // 60, 0.3),
            column(lambda price: round(0.2 * PPB), 0.0),
            column(lambda price: rng.choice((49, 50, 51, 400, 400, 400)) * lot, 0.5),
        )

    def _actions(self, k: int, item: Instrument) -> None:
        rng = self.rng

        def once(kind: int, ts: int, payload: dict[int, np.ndarray | int] | None = None) -> None:
            self.sources.append(Source(kind, k, np.array([ts], dtype=np.int64), payload or {}))

        def moment() -> int:
            day, bar = rng.randrange(DAYS), rng.randrange(1, BARS)
            hour = START + day * NS_PER_DAY + bar * NS_PER_HOUR
            return hour + rng.randrange(240) * NS_PER_SECOND

        for _ in range(rng.choice((0, 0, 1, 2))):
            ts = moment()
            once(at.KIND_HALT, ts)
            once(at.KIND_RESUME, ts + rng.choice((3, 40, 700)) * NS_PER_SECOND)
        if item.kind is InstrumentKind.EQUITY and rng.random() < 0.6:
            numerator, denominator = rng.choice(((2, 1), (3, 2), (1, 4), (7, 5)))
            ratio = {at.SPLIT_NUMERATOR: numerator, at.SPLIT_DENOMINATOR: denominator}
            once(at.KIND_SPLIT, moment(), dict(ratio))
        if item.is_binary and rng.random() < 0.4:
            once(at.KIND_SETTLEMENT, moment() + NS_PER_DAY, {at.SETTLEMENT_PRICE: 100})

    def _sessions(self) -> None:
        days = START + np.arange(DAYS, dtype=np.int64) * NS_PER_DAY
        for calendar in (0, 1):
            # The first ends in the midst of the last bar's quotes, the second well after them.
            closes = days + BARS * NS_PER_HOUR + (100 if calendar == 0 else 1800) * NS_PER_SECOND
            known = closes if self.rng.random() < 0.7 else 0
            payload: dict[int, np.ndarray | int] = {at.CALENDAR_ID: calendar}
            opened = {**payload, loop.SESSION_CLOSES: known}
            self.sources.append(Source(at.KIND_SESSION_OPEN, -1, days, opened))
            self.sources.append(Source(at.KIND_SESSION_CLOSE, -1, closes, payload))
        self.sources.append(Source(at.KIND_ACCRUAL, -1, days + 8 * NS_PER_HOUR))

    # --- What decides --------------------------------------------------------------------------------
    def _limits(self, stages: int) -> dict[int, int]:
        rng = self.rng
        limits = _limits(rng, stages=stages) | {
            loop.LIMIT_QUOTE_AGE: loop.NEVER,
            loop.LIMIT_AT_SESSION_CLOSE: rng.choice((0, 1)),
            loop.LIMIT_EDGE_IS_PROBABILITY: int(self.is_probable),
            loop.LIMIT_EXPIRY: rng.choice((20, 300, 3600)) * NS_PER_SECOND,
            loop.LIMIT_HAS_GOAL: rng.choice((0, 1)),
            loop.LIMIT_HAS_CONFIDENCE: rng.choice((0, 1, 1)),
        }
        distance = limits[loop.LIMIT_TRAIL_DISTANCE_PPM]
        if limits[loop.LIMIT_TRAIL_LEAST_PPM] > distance:  # which no strategy file may ask for
            limits[loop.LIMIT_TRAIL_LEAST_PPM] = distance // 2
        if rng.random() < 0.5:
            limits[loop.LIMIT_GUARDS] = 0
        if rng.random() < 0.5:
            limits[loop.LIMIT_RISK] = 0
        if limits.get(loop.LIMIT_RISK):
            limits[loop.LIMIT_RATE] = 60
            limits[loop.LIMIT_CORRELATION_UNKNOWN] = 1
            limits[loop.LIMIT_COLLAR_PPM] = rng.choice((20_000, 50_000))
        return limits

    def _thresholds(self) -> dict[tuple[int, int], int]:
        rng, reasons = self.rng, ExitReason
        made = _drawn_thresholds(rng)
        made[reasons.TIME_BASED_URGENT, loop.EXITS_THRESHOLD] = 30 * 60 * NS_PER_SECOND
        if rng.random() < 0.3:
            made[reasons.LIQUIDITY_DRIED_UP, loop.EXITS_SPREAD_PPM] = rng.choice((500, 2_000))
        # Those that fire at once leave little to the others.
        for reason in (reasons.EARLY_EXIT, reasons.LIQUIDITY_DRIED_UP):
            if rng.random() < 0.4:
                made[reason, loop.EXITS_ENABLED] = 0
        return made
