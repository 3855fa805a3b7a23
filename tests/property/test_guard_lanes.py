"""With the guards on, columns give the same run as rows: guards look at every price of what is held."""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.exits import fill_exits
from engine.model.trading import LOCKED
from engine.state import Block, Core
from sims.fillbook import BookSettings
from sims.fillbook.layout import Book
from sims.replay.columns import Lanes
from tests.property.core_worlds import World, hash_of, make_world, play
from tests.seeds import seeds

LONG = 9  # in it a request lies through the nights, and is asked again every five seconds
SEEDS = [seed for seed in seeds(16) if seed != LONG]
MINOR = 10**8


@dataclass(frozen=True, eq=False)
class GuardedWorld(World):
    """A world whose account has guards near enough to trip."""

    def fresh(self, settings: BookSettings) -> tuple[Block, Core, Book]:
        """Return a new core with guards, and an empty fill book."""
        block, core, book = super().fresh(settings)
        rng = Random(self.seed)
        limits = {
            loop.LIMIT_GUARDS: 1,
            loop.LIMIT_DAILY_MINOR: rng.choice((0, 300, 2_000)) * MINOR,
            loop.LIMIT_DAILY_PPM: rng.choice((0, 5_000, 20_000)),
            loop.LIMIT_DRAWDOWN_PPM: rng.choice((0, 10_000, 50_000)),
            loop.LIMIT_MINIMUM_MINOR: rng.choice((0, 98_000)) * MINOR,
            loop.LIMIT_RESET_PPM: 20_000,
            loop.LIMIT_RESET_CHECKS: 2,
            loop.LIMIT_RESET_EVERY: 10**10,
            loop.LIMIT_MANUAL_RESET: rng.choice((0, 1)),
            loop.LIMIT_COOL_DOWN: 10**12,
            loop.LIMIT_TIER: rng.choice((0, 2)),
            loop.LIMIT_TIER_HOLD: 86400 * 10**9,
            loop.LIMIT_SIMULATED_OPERATOR: rng.choice((0, 1)),
        }
        fill_exits(core.exits, core.stages, conditions=False)  # what a guard closes is closed
        for column, number in limits.items():
            core.limits[column] = number
        for tier, level in enumerate((50_000, 99_000, 101_000)):
            core.limits[loop.LIMIT_TIER_LEVELS + tier] = level * MINOR
        return block, core, book


def guarded(seed: int) -> GuardedWorld:
    world = make_world(seed)
    values = {field.name: getattr(world, field.name) for field in fields(world)}
    values["shape"] = world.shape._replace(trading=True, calendars=2)
    return GuardedWorld(**values)


def test_guards_decide_by_columns_what_they_decide_by_rows() -> None:
    tripped, locked = 0, 0
    for seed in SEEDS:
        world = guarded(seed)
        _, core, _ = world.fresh(world.settings)
        always = bool(core.account[at.ACCOUNT_REINVEST])
        lanes = Lanes(world.sources, world.terms, always=always)
        rows = play(world)
        assert hash_of(play(world, lanes=lanes)) == hash_of(rows), f"seed {seed}"
        tripped += len(rows.core.latches[:, loop.LATCH_COUNT].nonzero()[0])
        locked += int((rows.core.latches[:, loop.LATCH_SEVERITY] == LOCKED).sum())
    assert tripped > 10
    assert locked > 10
