"""Where a bug that was planted is found: the first seed of a simulation that raises.

Which seed finds a rare bug moves with every timer of a session, and a search for it among all worlds takes
minutes. So a rare one is looked for in worlds in which what it needs is usual.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.simulation.plans import Plan, plan_of
from tests.simulation.worlds import World, run_seed

MOST = 2_000
Patch: TypeAlias = pytest.MonkeyPatch
Plant: TypeAlias = Callable[[Patch], None]
Bugs: TypeAlias = list[tuple[Plant, tuple[int, ...]]]  # and the seeds to begin with
Change: TypeAlias = Callable[[Plan], Plan]
RareBugs: TypeAlias = list[tuple[Plant, Change]]  # and what makes usual what each needs


def worlds_with(change: Change) -> Callable[[int], World]:
    """Return what runs a seed in a world that was changed so."""
    return lambda seed: run_seed(seed, plan=change(plan_of(seed)))


def first_seed_that_finds(
    run: Callable[[int], object], begin: tuple[int, ...] = (), says: str = ""
) -> int | None:
    """Return the first seed that finds something that `says` so, of some to begin with and then of all."""
    logging.disable(logging.CRITICAL)
    try:
        for seed in [*begin, *range(MOST)]:
            try:
                run(seed)
            except Exception as error:  # noqa: BLE001  (a find)
                if says in str(error):
                    return seed
        return None
    finally:
        logging.disable(logging.NOTSET)


def where_each_is_found(
    run: Callable[[int], object], bugs: Bugs | RareBugs, says: str = ""
) -> None:
    """Print the first seed that finds each bug, in worlds as they are."""
    for plant, _ in bugs:
        with pytest.MonkeyPatch.context() as patch:
            plant(patch)
            print(plant.__name__, first_seed_that_finds(run, says=says), flush=True)
