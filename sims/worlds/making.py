"""`make_world`: from a specification and a seed to a whole market."""

from __future__ import annotations

from engine.errors import InputError
from sims.worlds.bars import make_bars
from sims.worlds.events import common_walk, make_contract
from sims.worlds.paths import Steps, common_steps, draws_of
from sims.worlds.series import InstrumentWorld, World
from sims.worlds.spec import WorldKind, WorldSpec
from sims.worlds.ticks import make_quotes, make_trades


def make_world(spec: WorldSpec, seed: int) -> World:
    """Draw a synthetic market.

    Parameters
    ----------
    spec
        What the market is like.
    seed
        A whole number, zero or more; equal spec and seed give equal worlds on every machine.

    Returns
    -------
    World
        Instruments ``SIM000``, ``SIM001``, ...; an instrument does not depend on how many others
        there are.

    Raises
    ------
    InputError
        If the seed is negative.

    Examples
    --------
    >>> world = make_world(WorldSpec(kind=WorldKind.DAILY_BARS, length=3), seed=7)
    >>> world.instruments[0].bars.close_ticks.size
    3
    """
    if seed < 0:
        raise InputError(f"a seed must not be negative: {seed}")
    if spec.kind is WorldKind.EVENTS:
        walk = common_walk(spec, seed)
        contracts = (
            make_contract(spec, draws_of(spec, seed, number), walk, _symbol(number))
            for number in range(spec.instruments)
        )
        return World(spec, seed, tuple(contracts))
    common = common_steps(spec, seed)
    parts = (_instrument(spec, seed, number, common) for number in range(spec.instruments))
    return World(spec, seed, tuple(parts))


def _instrument(spec: WorldSpec, seed: int, number: int, common: Steps) -> InstrumentWorld:
    draws = draws_of(spec, seed, number)
    if spec.is_bars():
        return InstrumentWorld(_symbol(number), bars=make_bars(spec, draws, common))
    quotes = make_quotes(spec, draws, common)
    trades = make_trades(spec, draws, quotes) if spec.kind is WorldKind.TRADES else None
    return InstrumentWorld(_symbol(number), quotes=quotes, trades=trades)


def _symbol(number: int) -> str:
    return f"SIM{number:03d}"
