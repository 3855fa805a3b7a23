"""Synthetic worlds: a function of spec and seed, well-formed, with the promised stylised facts."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from engine.errors import InputError
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE
from sims.worlds import (
    BarSeries,
    Hours,
    InstrumentWorld,
    QuoteSeries,
    TradeSeries,
    World,
    WorldKind,
    WorldSpec,
    make_world,
)
from sims.worlds.draws import exponential_table, normal_cdf, normal_table, student_table

KINDS = list(WorldKind)
BAR_KINDS = [WorldKind.DAILY_BARS, WorldKind.MINUTE_BARS]
ROOT = Path(__file__).parents[3]

# Pinned on x86-64: another processor or library must find the same worlds.
DIGESTS = {
    WorldKind.DAILY_BARS: "f3176ca9b53bcff5",
    WorldKind.MINUTE_BARS: "953ed9335a3ca64a",
    WorldKind.QUOTES: "ab7ada0964f3eafa",
    WorldKind.TRADES: "02a29131a058cd3e",
    WorldKind.EVENTS: "867b324edc670359",
}


def columns(part: InstrumentWorld) -> list[tuple[str, NDArray[np.int64]]]:
    found = []
    for series in (part.bars, part.quotes, part.trades, part.settlement):
        for column in fields(series) if series is not None else ():
            found.append((column.name, np.atleast_1d(np.asarray(getattr(series, column.name)))))
    return found


def digest(world: World) -> str:
    seen = hashlib.sha256()
    for part in world.instruments:
        for name, values in columns(part):
            seen.update(name.encode() + values.astype("<i8").tobytes())
    return seen.hexdigest()[:16]


def small(kind: WorldKind) -> WorldSpec:
    return WorldSpec(kind=kind, instruments=3, length=2_000, unknown_share=0.05)


def bars_of(world: World, number: int = 0) -> BarSeries:
    bars = world.instruments[number].bars
    assert bars is not None
    return bars


def ticks_of(world: World) -> tuple[QuoteSeries, TradeSeries]:
    part = world.instruments[0]
    assert part.quotes is not None
    assert part.trades is not None
    return part.quotes, part.trades


def returns_of(prices: NDArray[np.int64]) -> NDArray[np.float64]:
    moves: NDArray[np.float64] = np.diff(prices) / prices[:-1]
    return moves


def autocorrelation(values: NDArray[np.float64], lag: int) -> float:
    centred = values - values.mean()
    return float((centred[lag:] * centred[:-lag]).mean() / centred.var())


@pytest.mark.parametrize("kind", KINDS)
def test_a_world_is_the_pinned_one(kind: WorldKind) -> None:
    assert digest(make_world(small(kind), seed=7)) == DIGESTS[kind]


def test_a_world_is_the_same_in_a_process_with_another_hash_seed() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/unit/worlds');"
        "from test_worlds import *;"
        "print(' '.join(digest(make_world(small(kind), seed=7)) for kind in KINDS))"
    )
    seen = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)},
    )
    assert seen.stdout.split() == [digest(make_world(small(kind), seed=7)) for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_another_seed_is_another_world(kind: WorldKind) -> None:
    assert len({digest(make_world(small(kind), seed)) for seed in range(10)}) == 10


@pytest.mark.parametrize("kind", KINDS)
def test_an_instrument_does_not_depend_on_how_many_others_there_are(kind: WorldKind) -> None:
    few = make_world(replace(small(kind), instruments=1), seed=3)
    many = make_world(replace(small(kind), instruments=4), seed=3)
    assert digest(few) == digest(replace(many, instruments=many.instruments[:1]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [0, 1, 2, 391])
def test_every_column_is_contiguous_int64_of_the_asked_length(kind: WorldKind, length: int) -> None:
    for part in make_world(replace(small(kind), length=length), seed=1).instruments:
        for series in (part.bars, part.quotes, part.trades):
            for column in fields(series) if series is not None else ():
                values = getattr(series, column.name)
                assert (values.dtype, values.size) == (np.int64, length), column.name
                assert values.flags.c_contiguous, column.name


WILD = {
    "drift_per_year": -5.0,
    "volatility_per_year": 5.0,
    "jumps_per_year": 500.0,
    "jump_deviation": 0.5,
    "start_price_ticks": 20,
}


@pytest.mark.parametrize("kind", BAR_KINDS)
@pytest.mark.parametrize("hours", list(Hours))
@pytest.mark.parametrize("wild", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_bars_are_well_formed(kind: WorldKind, hours: Hours, wild: bool, seed: int) -> None:
    spec = replace(small(kind), hours=hours, **(WILD if wild else {}))
    for number in range(spec.instruments):
        bars = bars_of(make_world(spec, seed), number)
        assert (bars.high_ticks >= np.maximum(bars.open_ticks, bars.close_ticks)).all()
        assert (bars.low_ticks <= np.minimum(bars.open_ticks, bars.close_ticks)).all()
        assert bars.low_ticks.min() >= 1
        assert bars.volume_lots.min() >= 1
        assert (bars.ts_close_ns > bars.ts_open_ns).all()
        assert (bars.ts_open_ns[1:] >= bars.ts_close_ns[:-1]).all()


@pytest.mark.parametrize("kind", [WorldKind.QUOTES, WorldKind.TRADES, WorldKind.EVENTS])
@pytest.mark.parametrize("spread", [1, 2, 5])
def test_quotes_are_never_crossed_and_times_ascend(kind: WorldKind, spread: int) -> None:
    spec = replace(small(kind), spread_ticks=spread, interval_ns_mean=3)
    for part in make_world(spec, seed=2).instruments:
        quotes = part.quotes
        assert quotes is not None
        assert quotes.bid_ticks.min() >= 1
        assert (quotes.ask_ticks - quotes.bid_ticks).min() >= spread
        assert min(quotes.bid_size_lots.min(), quotes.ask_size_lots.min()) >= 1
        assert np.diff(quotes.ts_ns).min() >= 2


def test_a_trade_prints_at_the_touch_of_its_aggressor_after_its_quote() -> None:
    spec = WorldSpec(kind=WorldKind.TRADES, length=20_000, unknown_share=0.1)
    quotes, trades = ticks_of(make_world(spec, seed=5))
    buys, sells = trades.aggressor == 1, trades.aggressor == -1
    assert (trades.price_ticks[buys] == quotes.ask_ticks[buys]).all()
    assert (trades.price_ticks[sells] == quotes.bid_ticks[sells]).all()
    assert (trades.ts_ns > quotes.ts_ns).all()
    assert (trades.ts_ns[:-1] < quotes.ts_ns[1:]).all()
    assert (trades.aggressor == 0).mean() == pytest.approx(0.1, abs=0.01)
    assert set(np.unique(trades.aggressor).tolist()) == {-1, 0, 1}


@pytest.mark.parametrize(
    ("start", "first"),
    [
        # 2020-01-02 was a Thursday, 2020-01-04 a Saturday
        ("2020-01-02", "2020-01-02 2020-01-03 2020-01-06 2020-01-07"),
        ("2020-01-04", "2020-01-06 2020-01-07 2020-01-08 2020-01-09"),
        ("2020-01-05T10:00", "2020-01-06 2020-01-07 2020-01-08 2020-01-09"),
        ("2020-01-09T00:00:01", "2020-01-10 2020-01-13 2020-01-14 2020-01-15"),
    ],
)
def test_exchange_sessions_are_weekdays_from_the_start_on(start: str, first: str) -> None:
    start_ns = int(np.datetime64(start, "ns").astype(np.int64))
    spec = WorldSpec(kind=WorldKind.DAILY_BARS, length=4, start_ns=start_ns)
    opened = bars_of(make_world(spec, seed=1)).ts_open_ns.view("datetime64[ns]")
    assert opened.astype("datetime64[D]").astype(str).tolist() == first.split()
    assert (opened - opened.astype("datetime64[D]") == np.timedelta64(870, "m")).all()


def test_a_minute_session_has_390_bars_and_a_continuous_day_1440() -> None:
    spec = WorldSpec(kind=WorldKind.MINUTE_BARS, length=1_441)
    exchange = bars_of(make_world(spec, seed=1))
    always = bars_of(make_world(replace(spec, hours=Hours.CONTINUOUS), seed=1))
    assert np.flatnonzero(np.diff(exchange.ts_open_ns) > NS_PER_MINUTE).tolist() == [389, 779, 1169]
    assert (np.diff(always.ts_open_ns) == NS_PER_MINUTE).all()
    assert always.ts_open_ns[1_440] - always.ts_open_ns[0] == NS_PER_DAY


def test_daily_returns_are_fat_tailed_clustered_and_unpredictable() -> None:
    spec = WorldSpec(kind=WorldKind.DAILY_BARS, length=2_520, instruments=30, spread_ticks=1)
    world = make_world(spec, seed=11)
    moves = [returns_of(bars_of(world, number).close_ticks) for number in range(30)]
    assert min(stats.kurtosis(r, fisher=False) for r in moves) > 3.5
    assert abs(np.mean([autocorrelation(r, 1) for r in moves])) < 0.02
    assert np.mean([autocorrelation(np.abs(r), 1) for r in moves]) > 0.05
    assert np.mean([autocorrelation(np.abs(r), 20) for r in moves]) > 0.02


def test_volatility_and_correlation_are_those_of_the_spec() -> None:
    spec = WorldSpec(
        kind=WorldKind.DAILY_BARS, length=20_000, instruments=8, jumps_per_year=0.0,
        correlation=0.5, start_price_ticks=10**8, drift_per_year=0.0, clustering=0.2,
    )  # fmt: skip
    world = make_world(spec, seed=4)
    moves = np.array([returns_of(bars_of(world, number).close_ticks) for number in range(8)])
    assert moves.std(axis=1) * np.sqrt(252) == pytest.approx(0.25, rel=0.06)
    pairs = np.corrcoef(moves)[np.triu_indices(8, 1)]
    assert pairs.mean() == pytest.approx(0.5, abs=0.04)


def test_the_plain_market_of_textbooks_is_a_special_case() -> None:
    spec = WorldSpec(
        kind=WorldKind.DAILY_BARS, length=20_000, jumps_per_year=0.0, clustering=0.0,
        tail_degrees=0, bounce=False, start_price_ticks=10**8,
    )  # fmt: skip
    moves = returns_of(bars_of(make_world(spec, seed=6)).close_ticks)
    assert stats.kurtosis(moves, fisher=False) == pytest.approx(3.0, abs=0.15)
    assert abs(autocorrelation(np.abs(moves), 1)) < 0.03


def test_a_planted_part_of_the_price_comes_back() -> None:
    # An AR(1) that keeps 0.9 of itself: steps of it are correlated by -(1 - 0.9) / 2, and the price has
    # no other steps.
    spec = WorldSpec(
        kind=WorldKind.MINUTE_BARS, length=390 * 100, volatility_per_year=0.0, drift_per_year=0.0,
        jumps_per_year=0.0, bounce=False, start_price_ticks=10**8,
        reversion_deviation=0.004, reversion_steps=10,
    )  # fmt: skip
    closes = bars_of(make_world(spec, seed=3)).close_ticks
    assert autocorrelation(returns_of(closes), 1) == pytest.approx(-0.05, abs=0.015)
    assert (closes / 10**8 - 1.0).std() == pytest.approx(0.004, rel=0.05)


def test_a_market_that_turns_is_the_same_until_then_and_drifts_afterwards() -> None:
    spec = WorldSpec(
        kind=WorldKind.MINUTE_BARS, length=390 * 20, reversion_deviation=0.004, jumps_per_year=0.0
    )
    turned = replace(spec, turn_step=390 * 10, turn_drift_per_year=-10.0)
    one, other = (bars_of(make_world(each, seed=3)).close_ticks for each in (spec, turned))
    assert (one[: 390 * 10] == other[: 390 * 10]).all()
    # Ten days of -10 / 252 a day: about 1 - e^-0.4 is lost.
    assert other[-1] / other[390 * 10] < 0.8 < one[-1] / one[390 * 10]


def test_more_jumps_make_fatter_tails() -> None:
    spec = WorldSpec(kind=WorldKind.DAILY_BARS, length=5_000, tail_degrees=0, clustering=0.0)
    calm = returns_of(bars_of(make_world(replace(spec, jumps_per_year=0.0), 1)).close_ticks)
    wild = returns_of(bars_of(make_world(replace(spec, jumps_per_year=20.0), 1)).close_ticks)
    assert stats.kurtosis(wild) > stats.kurtosis(calm) + 3.0


def test_volume_and_volatility_are_high_at_the_open_and_the_close() -> None:
    spec = WorldSpec(kind=WorldKind.MINUTE_BARS, length=390 * 250, spread_ticks=1)
    bars = bars_of(make_world(spec, seed=9))
    volume = bars.volume_lots.reshape(-1, 390).mean(axis=0)
    swing = (bars.high_ticks - bars.low_ticks).reshape(-1, 390).mean(axis=0)
    for curve, factor in ((volume, 2.0), (swing, 1.3)):
        edges = (curve[:15].mean() + curve[-15:].mean()) / 2
        assert edges > factor * curve[180:210].mean()


def test_the_bounce_between_bid_and_ask_makes_returns_reverse() -> None:
    spec = WorldSpec(kind=WorldKind.MINUTE_BARS, length=390 * 100, overnight_share=0.0)
    spec = replace(spec, jumps_per_year=0.0, spread_ticks=8)
    bouncing = returns_of(bars_of(make_world(spec, seed=2)).close_ticks)
    smooth = returns_of(bars_of(make_world(replace(spec, bounce=False), seed=2)).close_ticks)
    assert autocorrelation(bouncing, 1) < -0.1
    assert abs(autocorrelation(smooth, 1)) < 0.03


def test_the_range_of_a_bar_is_that_of_a_random_walk() -> None:
    """Parkinson (1980): the mean of ln(high / low) squared is 4 ln 2 times the variance."""
    spec = WorldSpec(
        kind=WorldKind.DAILY_BARS, length=20_000, jumps_per_year=0.0, clustering=0.0,
        tail_degrees=0, bounce=False, overnight_share=0.0, start_price_ticks=10**8,
        drift_per_year=0.0,
    )  # fmt: skip
    bars = bars_of(make_world(spec, seed=8))
    ranges = np.log(bars.high_ticks / bars.low_ticks)
    estimate = np.sqrt((ranges**2).mean() / (4 * np.log(2)) * 252)
    assert estimate == pytest.approx(0.25, rel=0.05)


def test_aggressors_come_in_runs() -> None:
    spec = WorldSpec(kind=WorldKind.TRADES, length=50_000, sign_persistence=0.7)
    side = ticks_of(make_world(spec, seed=1))[1].aggressor
    # equal with 0.7, opposite with 0.3: the product's mean is 0.4
    assert (side[1:] * side[:-1]).mean() == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize("probability", [0.05, 0.3, 0.5, 0.9])
def test_event_contracts_settle_as_often_as_stated(probability: float) -> None:
    spec = WorldSpec(
        kind=WorldKind.EVENTS, length=100, instruments=2_000, correlation=0.0,
        settle_probability=probability,
    )  # fmt: skip
    ends = [part.settlement for part in make_world(spec, seed=21).instruments]
    settled = np.array([end.outcome for end in ends if end is not None])
    assert all(end is not None and end.price_ticks == end.outcome * 100 for end in ends)
    error = np.sqrt(probability * (1 - probability) / 2_000)
    assert settled.mean() == pytest.approx(probability, abs=4 * error)


def test_event_prices_are_calibrated_in_every_bucket_over_many_seeds() -> None:
    spec = WorldSpec(kind=WorldKind.EVENTS, length=60, instruments=100, correlation=0.0)
    ends = [part.settlement for seed in range(40) for part in make_world(spec, seed).instruments]
    fair = np.array([end.fair_ppm for end in ends if end is not None]) / 1e6
    outcome = np.array([end.outcome for end in ends if end is not None])
    for step in (10, 30, 50, 58):
        for low in np.arange(0.0, 1.0, 0.1):
            chosen = (fair[:, step] >= low) & (fair[:, step] < low + 0.1)
            if chosen.sum() < 50:
                continue
            expected = fair[chosen, step].mean()
            error = np.sqrt(max(expected * (1 - expected), 1e-3) / chosen.sum())
            assert abs(outcome[chosen].mean() - expected) < 4 * error, (step, low)


def test_an_event_price_is_a_martingale_inside_its_bounds() -> None:
    spec = WorldSpec(kind=WorldKind.EVENTS, length=60, instruments=3_000, correlation=0.0)
    parts = make_world(replace(spec, settle_probability=0.3), seed=5).instruments
    fair = np.array([part.settlement.fair_ppm for part in parts if part.settlement]) / 1e6
    assert (fair >= 0).all()
    assert (fair <= 1).all()
    assert fair.mean(axis=0) == pytest.approx(0.3, abs=0.03)
    for part in parts[:50]:
        assert part.quotes is not None
        assert part.settlement is not None
        assert part.quotes.ask_ticks.max() <= 99
        assert part.settlement.ts_ns > part.quotes.ts_ns[-1]


@pytest.mark.parametrize("degrees", [3, 4, 5, 30])
def test_the_table_of_student_quantiles_equals_scipy(degrees: int) -> None:
    exact = stats.t.ppf((np.arange(2**16) + 0.5) / 2**16, degrees)
    exact /= np.sqrt((exact**2).mean())
    assert np.abs(student_table(degrees) - exact).max() < 2**-16


def test_the_other_tables_equal_scipy() -> None:
    midpoints = (np.arange(2**16) + 0.5) / 2**16
    normal = stats.norm.ppf(midpoints)
    assert np.abs(normal_table() - normal / normal.std()).max() < 2**-16
    assert np.abs(exponential_table() - stats.expon.ppf(midpoints)).max() < 2**-16
    z = np.linspace(-9.0, 9.0, 10_001)
    assert np.abs(normal_cdf(z) - stats.norm.cdf(z)).max() < 1e-7


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"volatility_per_year": float("nan")}, "volatility_per_year must be from 0 to 10"),
        ({"instruments": 0}, "instruments must be from 1"),
        ({"tail_degrees": 2}, "at least 3"),
        ({"length": 1_000_000}, "after the year 2262"),
        ({"kind": WorldKind.EVENTS, "spread_ticks": 99}, "no room"),
        ({"clustering": 1.0}, "clustering must be from 0 to 0.9"),
    ],
)
def test_an_impossible_market_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(WorldSpec(kind=WorldKind.DAILY_BARS), **change)  # type: ignore[arg-type]


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="seed must not be negative"):
        make_world(WorldSpec(kind=WorldKind.QUOTES), seed=-1)
