"""Returns with correlation, volatility clusters, fat tails and jumps.

Volatility follows a Markov-switching multifractal (Calvet and Fisher 2004, J. Financial
Econometrics 2(1)): the variance is a product of hidden states, each of which is drawn anew with
its own small probability. It clusters over many horizons as GARCH does, but needs no recursion, so
a million steps are a few array operations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sims.worlds.draws import FACTOR, Draws, Floats, Stream
from sims.worlds.spec import WorldKind, WorldSpec

# Mean life of the hidden states, in steps: from hours to seasons, on the scale of each kind.
DAILY_SPANS = (4, 16, 64, 256, 1024)
MINUTE_SPANS = (15, 60, 390, 1950, 7800)
TICK_SPANS = (32, 128, 512, 2048, 8192)
WORST_RETURN = -0.5


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The randomness of an instrument before it becomes prices; one element per step.

    `shock` has deviation 1 on average and includes the volatility clusters; `variance` is the
    current multiple of the mean variance; `jump` is a return on top. `gap` has one standard
    normal element per night between two sessions.
    """

    shock: Floats
    variance: Floats
    jump: Floats
    gap: Floats


def common_steps(spec: WorldSpec, seed: int) -> Steps:
    """Draw the factor that all instruments of a world share."""
    return _own_steps(spec, draws_of(spec, seed, FACTOR))


def instrument_steps(spec: WorldSpec, draws: Draws, common: Steps) -> Steps:
    """Mix an instrument's own randomness with the common factor."""
    own = _own_steps(spec, draws)
    loading, rest = math.sqrt(spec.correlation), math.sqrt(1.0 - spec.correlation)
    return Steps(
        shock=loading * common.shock + rest * own.shock,
        variance=spec.correlation * common.variance + (1.0 - spec.correlation) * own.variance,
        jump=own.jump,
        gap=loading * common.gap + rest * own.gap,
    )


def draws_of(spec: WorldSpec, seed: int, instrument: int) -> Draws:
    """Return the draws of one instrument; `FACTOR` for the shared ones."""
    return Draws(seed, list(WorldKind).index(spec.kind), instrument)


def simple_returns(spec: WorldSpec, steps: Steps, deviation: float | Floats) -> Floats:
    """Scale shocks to returns of one step, add drift and jumps, and keep prices positive."""
    drift = spec.drift_per_year / spec.steps_per_year()
    returns = drift + deviation * steps.shock + steps.jump
    return np.maximum(returns, WORST_RETURN)


def step_deviation(spec: WorldSpec) -> float:
    """Return the deviation of one step's return, night included."""
    return spec.volatility_per_year / math.sqrt(spec.steps_per_year())


def _own_steps(spec: WorldSpec, draws: Draws) -> Steps:
    variance = _variance(spec, draws)
    shock = draws.shocks(Stream.SHOCK, spec.length, spec.tail_degrees)
    gap = draws.normal(Stream.GAP, spec.nights())
    return Steps(shock * np.sqrt(variance), variance, _jumps(spec, draws), gap)


def _variance(spec: WorldSpec, draws: Draws) -> Floats:
    variance = np.ones(spec.length)
    if not spec.clustering:
        return variance
    for number, span in enumerate(_spans(spec)):
        variance *= _hidden_state(spec, draws, Stream.VOLATILITY + 2 * number, span)
    return variance


def _hidden_state(spec: WorldSpec, draws: Draws, stream: int, span: int) -> Floats:
    """One state: 1 + clustering or 1 - clustering, drawn anew every `span` steps on average."""
    renewed = draws.bits(stream, spec.length) < np.uint16(65_536 // span)
    renewed[:1] = True
    starts = np.flatnonzero(renewed)
    values = 1.0 + spec.clustering * draws.sides(stream + 1, starts.size)
    return np.repeat(values, np.diff(starts, append=spec.length))


def _spans(spec: WorldSpec) -> tuple[int, ...]:
    match spec.kind:
        case WorldKind.DAILY_BARS:
            return DAILY_SPANS
        case WorldKind.MINUTE_BARS:
            return MINUTE_SPANS
        case _:
            return TICK_SPANS


def _jumps(spec: WorldSpec, draws: Draws) -> Floats:
    jumps = np.zeros(spec.length)
    probability = min(spec.jumps_per_year / spec.steps_per_year(), 1.0)
    if not probability or not spec.jump_deviation:
        return jumps
    at = np.flatnonzero(draws.chance(Stream.JUMP_TIME, spec.length, probability))
    jumps[at] = spec.jump_deviation * draws.normal(Stream.JUMP_SIZE, at.size)
    return jumps
