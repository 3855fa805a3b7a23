"""Live sessions at the simulated venue under seeded troubles of network, venue, clock and certificate.

python -m tests.venues.alpaca.live_troubles 0 500    every seed from 0 on, on all processors
python -m tests.venues.alpaca.live_troubles 7        the story of one

One world in five trades coins. What goes wrong, and when, is `tests.simulation.live_plans`; what has to hold, `tests.simulation.live_auditor`.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from tests.simulation.databases import folder_of_worlds
from tests.simulation.live_plans import LivePlan, live_plan_of
from tests.simulation.live_worlds import run_live_seed
from tests.simulation.stories import tell

CHUNK = 5  # seeds that a worker takes at once


@dataclass(frozen=True)
class Lived:
    """What a seed has come to."""

    seed: int
    finding: str = ""
    orders: int = 0
    fills: int = 0
    requests: int = 0
    lives: int = 0
    seconds: float = 0.0  # of processor time
    kinds: frozenset[str] = field(default=frozenset())


def plan_of(seed: int) -> LivePlan:
    """Return a seed's story."""
    return live_plan_of(seed, coins=seed % 5 == 4)


def lived(seed: int) -> Lived:
    """Live through a seed."""
    logging.disable(logging.CRITICAL)
    began, plan = time.process_time(), plan_of(seed)
    kinds = plan.kinds
    try:
        world = run_live_seed(seed, plan=plan)
    except Exception as error:  # noqa: BLE001  (a find)
        return Lived(seed, f"{type(error).__name__}: {error}")
    books, seconds = world.venue.books, time.process_time() - began
    counts = len(books.orders), len(books.executions), world.wire.count, world.lives
    return Lived(seed, "", *counts, seconds, kinds)


def main(arguments: list[str]) -> int:
    """Tell a story, or live through a range of seeds; return the exit code."""
    logging.disable(logging.CRITICAL)
    first, *counts = (int(each) for each in arguments)
    if not counts:
        return tell(first, partial(run_live_seed, plan=plan_of(first)))
    folder_of_worlds()  # the workers', too: they end without removing one of their own
    began, found, all_lived = time.monotonic(), 0, list[Lived]()
    with ProcessPoolExecutor() as pool:
        for one in pool.map(lived, range(first, first + counts[0]), chunksize=CHUNK):
            all_lived.append(one)
            if one.finding:
                found += 1
                print(f"seed {one.seed}: {one.finding[:300]}", flush=True)
    print(
        f"{len(all_lived) - found} of {counts[0]} seeds clean in {time.monotonic() - began:.0f} s"
    )
    for what in ("orders", "fills", "requests", "lives"):
        print(f"{sum(getattr(each, what) for each in all_lived):,} {what}", end=", ")
    print(
        f"{sum(each.seconds for each in all_lived) / len(all_lived):.2f} s of processor time a seed"
    )
    kinds = Counter(kind for each in all_lived for kind in each.kinds)
    print(", ".join(f"{kind} in {count}" for kind, count in sorted(kinds.items())))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
