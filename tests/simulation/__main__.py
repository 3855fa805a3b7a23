"""``python -m tests.simulation SEED`` tells the story of a seed; ``... FIRST COUNT`` runs many, on all processors.

``paper`` before the numbers: paper sessions with small limits, instead of a venue's worlds. A thousand worlds and
more step in compiled code, as a session does that has run for a while; the journals that are played again are
so interpreted, and lead to the same state: what fails only among many shows a difference between the two.
"""

from __future__ import annotations

import gc
import logging
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from runtime import compile_cache
from tests.simulation.databases import folder_of_worlds
from tests.simulation.doors import use_compiled_steps
from tests.simulation.paper_worlds import run_paper_seed
from tests.simulation.stories import tell
from tests.simulation.worlds import run_seed

MANY = 1000  # seeds for which compiled steps are worth having
CHUNK = 10  # seeds that a worker takes at once


def main(arguments: list[str]) -> int:
    """Tell a story, or run a range of seeds; return the exit code."""
    logging.disable(logging.CRITICAL)
    is_paper = arguments[:1] == ["paper"]
    first, *counts = (int(each) for each in arguments[is_paper:])
    if not counts:
        return _tell_paper(first) if is_paper else tell(first, run_seed)
    return _run_many(range(first, first + counts[0]), is_paper=is_paper)


def finding_of(seed: int, *, is_paper: bool) -> str:
    """Return what a seed finds; nothing where all is well."""
    logging.disable(logging.CRITICAL)
    try:
        (run_paper_seed if is_paper else run_seed)(seed)
    except Exception as error:  # noqa: BLE001  (a find)
        return f"{type(error).__name__}: {error}"
    return ""


def _run_many(seeds: range, *, is_paper: bool) -> int:
    began, found = time.monotonic(), 0
    for done, (seed, finding) in enumerate(_findings(seeds, is_paper=is_paper), 1):
        if finding:
            found += 1
            print(f"\rseed {seed}: {finding[:200]}", flush=True)
        if sys.stderr.isatty() and done % CHUNK == 0:
            print(f"\r{done} of {len(seeds)} seeds", end="", file=sys.stderr, flush=True)
    seconds = time.monotonic() - began
    clean = f"{len(seeds) - found} of {len(seeds)} seeds" if found else f"{len(seeds)} seeds"
    print(f"\r{clean} clean in {seconds:.0f} s")
    return 1 if found else 0


def begin_worker() -> None:
    """Let the collector of garbage leave alone what stays as long as a process."""
    gc.collect()
    gc.freeze()


def _findings(seeds: range, *, is_paper: bool) -> Iterator[tuple[int, str]]:
    if len(seeds) >= MANY and not is_paper:
        if not compile_cache.is_warm(with_loop=True, steps=True):
            print(
                "the steps are compiled first: a minute or two, once", file=sys.stderr, flush=True
            )
        use_compiled_steps()
    folder_of_worlds()  # the workers', too: they end without removing one of their own
    with ProcessPoolExecutor(initializer=begin_worker) as pool:
        find = partial(finding_of, is_paper=is_paper)
        yield from zip(seeds, pool.map(find, seeds, chunksize=CHUNK))


def _tell_paper(seed: int) -> int:
    try:
        lived = run_paper_seed(seed)
    except Exception as error:  # noqa: BLE001  (a find)
        print(f"{type(error).__name__}: {error}")
        return 1
    refused = {each.name.lower(): count for each, count in lived.refusals.items()}
    orders = sum(lived.sent.values())
    print(f"paper seed {seed}: sound after {lived.lives} lives, {orders} orders, refused {refused}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
