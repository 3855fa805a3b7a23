"""Seeded worlds with the trading loop on: those of `core_worlds`, with limits, exits and guards drawn
from narrow ranges so that they bind, edges and confidences, errors of the venue and wishes of an operator.

``python -m tests.property.trading_worlds SEED ...`` prints the hash of each seed's run.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from random import Random

import numpy as np

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.exits import fill_exits
from engine.model.instruments import Instrument
from engine.model.trading import (
    ApiErrorClass,
    ExitReason,
    Latch,
    OnTimeout,
    OperatorAction,
    SizeMethod,
)
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND
from engine.state import Block, Core
from sims.fillbook.layout import Book
from sims.fillbook.settings import BookSettings
from sims.replay.source import Source
from tests.property.core_worlds import BARS, DAYS, START, World, hash_of, make_world, play

PPM = 10**6
PPB = 10**9
MINUTE = 60 * NS_PER_SECOND
# Worlds whose exits ask every five seconds, for most of the time, for an end that takes hours to come:
# the first days show what all of them do, in a fraction of the time.
SHORT = {8: 8, 9: 4, 31: 8}


@dataclass(frozen=True, eq=False)
class TradingWorld(World):
    """A world whose core has a trading loop; `limits` and `thresholds` are filled into its blocks."""

    limits: dict[int, int]
    thresholds: dict[tuple[int, int], int]
    stages: tuple[tuple[int, int], ...]

    def fresh(self, settings: BookSettings) -> tuple[Block, Core, Book]:
        """Return a new core with its cash and its limits, and an empty fill book."""
        block, core, book = super().fresh(settings)
        for column, value in self.limits.items():
            core.limits[column] = value
        fill_exits(core.exits, core.stages)
        for (reason, column), value in self.thresholds.items():
            core.exits[reason, column] = value
        core.stages[:] = 0
        for n, stage in enumerate(self.stages):
            core.stages[n] = stage
        return block, core, book


@cache
def make_trading_world(seed: int) -> TradingWorld:
    """Return the world of a seed."""
    plain, rng = make_world(seed), Random(seed + 10**6)
    terms = plain.terms.copy()
    for k, instrument in enumerate(plain.instruments):
        terms[k, at.TERM_GROUP] = rng.choice((0, 1, 2))
        terms[k, at.TERM_EVENT] = 1 if instrument.is_binary and rng.random() < 0.5 else 0
        terms[k, at.TERM_BINARY] = int(instrument.is_binary)
        if instrument.is_binary:
            terms[k, at.TERM_EXPIRES] = START + rng.randint(3, DAYS) * NS_PER_DAY
    stages = tuple(
        (at_ppm, share)
        for at_ppm, share in ((15_000, 500_000), (30_000, 250_000))[: rng.randint(0, 2)]
    )
    given = {field.name: getattr(plain, field.name) for field in fields(World)}
    sources = (
        *_with_inputs(plain.sources, plain.instruments, rng),
        *_inputs_of_the_session(rng),
    )
    given |= {
        "terms": terms,
        "shape": plain.shape._replace(trading=True, calendars=2),
        "account": plain.account | {"SEVERITY": 0},
        "sources": tuple(_first_days(each, SHORT.get(seed, DAYS)) for each in sources),
    }
    return TradingWorld(
        **given,
        limits=_limits(rng, stages=len(stages)),
        thresholds=_thresholds(rng),
        stages=stages,
    )


@cache
def without_outside_orders(world: TradingWorld) -> TradingWorld:
    """Return a world in which only the rules decide."""
    return replace(world, acts=False)


def _with_inputs(
    sources: tuple[Source, ...], instruments: Sequence[Instrument], rng: Random
) -> list[Source]:
    """Give bars an edge, a confidence and a volume, or none, and sessions the time of their close."""
    made = []
    for source in sources:
        if source.kind == at.KIND_BAR:
            lot = 10 ** instruments[source.instrument].quantity_precision
            source = replace(source, inputs=_inputs(len(source.ts_ns), lot, rng))
        elif source.kind == at.KIND_SESSION_OPEN:
            calendar = source.payload[at.CALENDAR_ID]
            assert isinstance(calendar, int)
            closes = source.ts_ns + (BARS + calendar) * NS_PER_HOUR
            source = replace(source, payload={**source.payload, loop.SESSION_CLOSES: closes})
        elif source.kind == at.KIND_QUOTE:
            source = replace(source, payload=_one_sided(source.payload, rng))
        made.append(source)
    return made


def _first_days(source: Source, days: int) -> Source:
    """Return the part of a source that happens before the end of its first days."""
    count = int(np.searchsorted(source.ts_ns, START + days * NS_PER_DAY))

    def first(column: np.ndarray | int) -> np.ndarray | int:
        return column if isinstance(column, int) else column[:count]

    return replace(
        source,
        ts_ns=source.ts_ns[:count],
        payload={name: first(column) for name, column in source.payload.items()},
        bits=None if source.bits is None else source.bits[:count],
        weights=None if source.weights is None else source.weights[:count],
        inputs=source.inputs and tuple(first(column) for column in source.inputs),
    )


def _one_sided(payload: Mapping[int, np.ndarray | int], rng: Random) -> dict[int, np.ndarray | int]:
    """Take the bid or the ask of some quotes away."""
    made, draw = dict(payload), np.random.default_rng(rng.randrange(10**6))
    for side in (at.QUOTE_BID, at.QUOTE_ASK):
        prices = payload[side]
        assert isinstance(prices, np.ndarray)
        made[side] = np.where(draw.random(len(prices)) < 0.05, 0, prices)
    return made


def _inputs(count: int, lot: int, rng: Random) -> tuple[np.ndarray | int, ...]:
    def drawn(low: float, high: float, missing: float) -> np.ndarray:
        values = [
            loop.NOT_GIVEN if rng.random() < missing else round(rng.uniform(low, high) * PPB)
            for _ in range(count)
        ]
        return np.array(values, dtype=np.int64)

    volumes = np.array([rng.choice((49, 50, 51, 400)) * lot for _ in range(count)], dtype=np.int64)
    return (
        drawn(-0.02, 0.2, 0.1) if rng.random() < 0.7 else loop.NOT_GIVEN,
        drawn(0.3, 1.0, 0.1) if rng.random() < 0.7 else loop.NOT_GIVEN,
        loop.NOT_GIVEN,
        drawn(0.05, 0.6, 0.05),
        volumes if rng.random() < 0.3 else loop.NOT_GIVEN,
    )


def _inputs_of_the_session(rng: Random) -> list[Source]:
    """Errors, reconciliations and an operator, at times that are not on the hour."""

    def times(count: int, spread: int) -> np.ndarray:
        first = START + rng.randint(1, DAYS - 2) * NS_PER_DAY + rng.randint(0, 6) * NS_PER_HOUR
        return np.array(
            sorted(first + 7 + rng.randrange(spread) for _ in range(count)), dtype=np.int64
        )

    made = []
    if rng.random() < 0.3:
        payload: dict[int, np.ndarray | int] = {loop.ERROR_CLASS: int(ApiErrorClass.TRANSIENT)}
        made.append(Source(at.KIND_API_ERROR, -1, times(rng.randint(3, 12), 6 * MINUTE), payload))
        good = {loop.RECONCILED_OK: 1, loop.RECONCILED_FLAT: 0}
        days = START + np.arange(DAYS, dtype=np.int64) * NS_PER_DAY
        made.append(Source(at.KIND_RECONCILED, -1, days + 13, dict(good)))
    if rng.random() < 0.15:
        made.append(Source(at.KIND_DATABASE_ERROR, -1, times(5, 2 * MINUTE)))
    if rng.random() < 0.3:
        action = rng.choice((OperatorAction.PAUSE, OperatorAction.KILL_AND_FLATTEN))
        payload = {loop.OPERATOR_ACTION: int(action), loop.OPERATOR_LATCH: 0}
        made.append(Source(at.KIND_OPERATOR, -1, times(1, NS_PER_DAY), payload))
        latch = Latch.PAUSE if action is OperatorAction.PAUSE else Latch.KILL
        payload = {loop.OPERATOR_ACTION: int(OperatorAction.RESET), loop.OPERATOR_LATCH: int(latch)}
        ends = START + (DAYS - 2) * NS_PER_DAY + 7
        made.append(Source(at.KIND_OPERATOR, -1, np.array([ends], dtype=np.int64), payload))
    return made


def _limits(rng: Random, *, stages: int) -> dict[int, int]:
    limits = {
        loop.LIMIT_EXPIRY: rng.choice((NS_PER_HOUR, 12 * NS_PER_HOUR)),
        loop.LIMIT_SIZE_METHOD: int(
            rng.choice(
                (
                    SizeMethod.EQUITY,
                    SizeMethod.QUANTITY,
                    SizeMethod.FIXED_FRACTION,
                    SizeMethod.VOLATILITY_TARGET,
                    SizeMethod.KELLY_CONTINUOUS,
                )
            )
        ),
        loop.LIMIT_SIZE_FRACTION_PPB: rng.choice((10**7, 15 * 10**7, 25 * 10**7)),
        loop.LIMIT_SIZE_TARGET_PPB: 10**8,
        loop.LIMIT_SIZE_MAXIMUM_PPM: rng.choice((0, 200_000, 500_000)),
        loop.LIMIT_ENTRY_TIMEOUT: rng.choice((0, 30 * NS_PER_SECOND, 3 * NS_PER_HOUR)),
        loop.LIMIT_ENTRY_ON_TIMEOUT: int(rng.choice(tuple(OnTimeout))),
        loop.LIMIT_ENTRY_RETRIES: 3,
        loop.LIMIT_ENTRY_WALKS: 5,
        loop.LIMIT_PROTECT_WITHIN: 5 * NS_PER_SECOND,
        loop.LIMIT_EXITS: 1,
        loop.LIMIT_TRAIL_DISTANCE_PPM: rng.choice((10_000, 50_000)),
        loop.LIMIT_TRAIL_TIGHTEN_PPM: 10_000,
        loop.LIMIT_TRAIL_EVERY_PPM: 50_000,
        loop.LIMIT_TRAIL_LEAST_PPM: rng.choice((5_000, 20_000)),
        loop.LIMIT_STAGES: stages,
        loop.LIMIT_QUOTE_AGE: loop.NEVER,
    }
    if rng.random() < 0.7:
        limits |= {
            loop.LIMIT_HAS_EDGE: 1,
            loop.LIMIT_MIN_EDGE_PPB: rng.choice((0, 5 * 10**7)),
        }
    if rng.random() < 0.8:
        limits |= {
            loop.LIMIT_RISK: 1,
            loop.LIMIT_POSITIONS: rng.choice((1, 2, 10)),
            loop.LIMIT_POSITION_PPM: rng.choice((150_000, 400_000, 2 * PPM)),
            loop.LIMIT_GROSS_PPM: rng.choice((500_000, PPM, 3 * PPM)),
            loop.LIMIT_NET_PPM: rng.choice((400_000, 3 * PPM)),
            loop.LIMIT_GROUP_PPM: rng.choice((300_000, 2 * PPM)),
            loop.LIMIT_EVENT_PPM: 200_000,
            loop.LIMIT_CORRELATION_PPM: 800_000,
            loop.LIMIT_CORRELATION_WINDOW: 10,
            loop.LIMIT_CORRELATION_RETURNS: 5,
            loop.LIMIT_CORRELATION_UNKNOWN: rng.choice((0, 1, 1)),
            loop.LIMIT_RATE: rng.choice((1, 3, 60)),
            loop.LIMIT_COLLAR_PPM: rng.choice((20_000, 50_000)),
            loop.LIMIT_QUOTE_AGE: 60 * NS_PER_SECOND,
        }
    if rng.random() < 0.7:
        limits |= {
            loop.LIMIT_GUARDS: 1,
            loop.LIMIT_DAILY_MINOR: rng.choice((500, 2_000)) * 10**8,
            loop.LIMIT_DRAWDOWN_PPM: rng.choice((20_000, 60_000, 200_000)),
            loop.LIMIT_RESET_PPM: rng.choice((10_000, 50_000)),
            loop.LIMIT_RESET_CHECKS: 3,
            loop.LIMIT_RESET_EVERY: 10 * NS_PER_SECOND,
            loop.LIMIT_MANUAL_RESET: rng.choice((0, 1)),
            loop.LIMIT_API_ERRORS: 5,
            loop.LIMIT_API_WINDOW: 300 * NS_PER_SECOND,
            loop.LIMIT_DATABASE_ERRORS: 3,
            loop.LIMIT_DATABASE_WINDOW: 60 * NS_PER_SECOND,
            loop.LIMIT_STOP_COUNT: rng.choice((0, 2)),
            loop.LIMIT_STOP_WINDOW: NS_PER_DAY,
            loop.LIMIT_STOP_LOCK: NS_PER_DAY,
            loop.LIMIT_STOP_SCOPE: rng.choice((0, 1)),
            loop.LIMIT_COOL_DOWN: rng.choice((0, 3 * NS_PER_HOUR)),
            loop.LIMIT_SIMULATED_OPERATOR: rng.choice((0, 1)),
        }
    return limits


def _thresholds(rng: Random) -> dict[tuple[int, int], int]:
    """Draw thresholds that a walk of 1.2 % an hour meets, and switch some conditions off."""
    reasons = ExitReason
    made = {
        (reasons.STOP_LOSS, loop.EXITS_THRESHOLD): rng.choice((10_000, 30_000)),
        (reasons.TRAILING_STOP, loop.EXITS_THRESHOLD): rng.choice((10_000, 25_000)),
        (reasons.TIME_BASED_URGENT, loop.EXITS_THRESHOLD): 5 * NS_PER_HOUR,
        (reasons.PROFIT_TARGET, loop.EXITS_THRESHOLD): 40_000,
        (reasons.PROFIT_TARGET, loop.EXITS_THRESHOLD_MEDIUM): 30_000,
        (reasons.PROFIT_TARGET, loop.EXITS_THRESHOLD_LOW): 20_000,
        (reasons.REBALANCE, loop.EXITS_THRESHOLD): 20_000,
    }
    for reason in ExitReason:
        optional = reason not in (reasons.NONE, reasons.CIRCUIT_BREAKER, reasons.STRATEGY)
        if optional and rng.random() < 0.25:
            made[reason, loop.EXITS_ENABLED] = 0
    return made


if __name__ == "__main__":
    for text in sys.argv[1:]:
        print(hash_of(play(make_trading_world(int(text)))))
