"""Daily and minute bars.

Inside a bar the mid is a Brownian bridge from open to close. Its highest point has a known
distribution: with the return r, the deviation s and an exponential draw E it is
``(r + sqrt(r^2 + 2 s^2 E)) / 2`` over the open, and the lowest mirrors it (Karatzas and Shreve
1991, 2.8). Each is right by itself; drawn independently, they ignore that both share one path.
"""

from __future__ import annotations

import math

import numpy as np

from engine.model.units import NS_PER_DAY, NS_PER_MINUTE
from sims.worlds.draws import Draws, Floats, Ints, Stream
from sims.worlds.paths import Steps, instrument_steps, simple_returns, step_deviation
from sims.worlds.series import BarSeries
from sims.worlds.spec import PRICE_TICKS_MAX, SESSION_OPEN_NS, Hours, WorldSpec

LOWEST_RETURN = -0.9


def make_bars(spec: WorldSpec, draws: Draws, common: Steps) -> BarSeries:
    """Draw the bars of one instrument."""
    steps = instrument_steps(spec, draws, common)
    profile = _profile(spec)
    open_ns, close_ns = bar_times(spec)
    deviation = step_deviation(spec) * np.sqrt((1.0 - _night_share(spec)) * profile)
    inside = simple_returns(spec, steps, deviation) + _planted_returns(spec, draws)
    before = _night_returns(spec, steps)
    closes = spec.start_price_ticks * np.cumprod((1.0 + before) * (1.0 + inside))
    opens = closes / (1.0 + inside)
    spread = deviation * np.sqrt(steps.variance)
    highs = opens * (1.0 + _extreme(inside, spread, draws.exponential(Stream.HIGH, spec.length)))
    depth = -_extreme(-inside, spread, draws.exponential(Stream.LOW, spec.length))
    lows = opens * (1.0 + np.maximum(depth, LOWEST_RETURN))
    half = spec.spread_ticks / 2.0 if spec.bounce else 0.0
    open_ticks = _to_ticks(opens + half * draws.sides(Stream.OPEN_SIDE, spec.length))
    close_ticks = _to_ticks(closes + half * draws.sides(Stream.CLOSE_SIDE, spec.length))
    return BarSeries(
        ts_open_ns=open_ns,
        ts_close_ns=close_ns,
        open_ticks=open_ticks,
        high_ticks=np.maximum(_to_ticks(highs), np.maximum(open_ticks, close_ticks)),
        low_ticks=np.minimum(_to_ticks(lows), np.minimum(open_ticks, close_ticks)),
        close_ticks=close_ticks,
        volume_lots=_volume(spec, draws, steps, profile),
    )


def bar_times(spec: WorldSpec) -> tuple[Ints, Ints]:
    """Return when each bar opens and closes; all instruments of a world share them."""
    number = np.arange(spec.length, dtype=np.int64)
    day, minute = np.divmod(number, spec.steps_per_day())
    first = -(-spec.start_ns // NS_PER_DAY)
    if spec.hours is Hours.EXCHANGE:
        opened = _weekday(first, day) * NS_PER_DAY + SESSION_OPEN_NS
    else:
        opened = (first + day) * NS_PER_DAY
    if spec.steps_per_day() == 1:
        return opened, opened + spec.session_ns()
    opened = opened + minute * NS_PER_MINUTE
    return opened, opened + NS_PER_MINUTE


def _weekday(first: int, number: Ints) -> Ints:
    """Return the day number of the n-th weekday from `first` on (1970-01-01 was a Thursday)."""
    place = (first + 3) % 7  # 0 on Mondays
    monday = first - place
    skipped = min(place, 5)
    weeks, rest = np.divmod(number + skipped, 5)
    return monday + 7 * weeks + rest


def _profile(spec: WorldSpec) -> Floats:
    """Return the U over the session, mean 1: busy at the open and the close, quiet at midday."""
    count = spec.steps_per_day()
    if count == 1 or spec.hours is Hours.CONTINUOUS:
        return np.ones(spec.length)
    place = (np.arange(count) + 0.5) / count * 2.0 - 1.0
    shape = 1.0 + (spec.volume_edge - 1.0) * place * place
    return np.resize(shape / (math.fsum(shape.tolist()) / count), spec.length)


def _night_share(spec: WorldSpec) -> float:
    return spec.overnight_share if spec.hours is Hours.EXCHANGE else 0.0


def _night_returns(spec: WorldSpec, steps: Steps) -> Floats:
    """Return the gap before each bar: normal before a session's first bar, otherwise zero."""
    gaps = np.zeros(spec.length)
    if steps.gap.size:
        per_day = spec.steps_per_day()
        deviation = step_deviation(spec) * math.sqrt(_night_share(spec) * per_day)
        gaps[per_day::per_day] = deviation * steps.gap  # not before the very first
    return np.maximum(gaps, LOWEST_RETURN)


def _planted_returns(spec: WorldSpec, draws: Draws) -> Floats:
    """Return what can be earned: steps of a part of the price that comes back, until the market turns."""
    turn = min(spec.turn_step or spec.length, spec.length)
    returns = np.zeros(spec.length)
    returns[turn:] = spec.turn_drift_per_year / spec.steps_per_year()
    if spec.reversion_deviation:
        kept = 1.0 - 1.0 / spec.reversion_steps
        size = spec.reversion_deviation * math.sqrt(1.0 - kept * kept)
        pushes = (size * draws.normal(Stream.REVERSION, spec.length)).tolist()
        part = 0.0
        for step in range(turn):
            before, part = part, kept * part + pushes[step]
            returns[step] = (1.0 + part) / (1.0 + before) - 1.0
    return returns


def _extreme(returns: Floats, deviation: Floats, exponential: Floats) -> Floats:
    """Return the highest point of the bridge over its start, see above."""
    reach = returns * returns + 2.0 * deviation * deviation * exponential
    return (returns + np.sqrt(reach)) / 2.0


def _to_ticks(prices: Floats) -> Ints:
    return np.clip(np.rint(prices), 1.0, float(PRICE_TICKS_MAX)).astype(np.int64)


def _volume(spec: WorldSpec, draws: Draws, steps: Steps, profile: Floats) -> Ints:
    """Return volume that follows the session and the volatility, at least one lot."""
    noise = draws.exponential(Stream.VOLUME, 2 * spec.length)
    gamma = (noise[: spec.length] + noise[spec.length :]) / 2.0
    activity = (1.0 + np.minimum(steps.variance, 16.0)) / 2.0
    lots = np.rint(spec.volume_lots * profile * activity * gamma)
    return np.maximum(lots, 1.0).astype(np.int64)
