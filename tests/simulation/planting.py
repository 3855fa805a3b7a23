"""Where a bug that was planted is found: the first seed of a simulation that raises."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

import pytest

MOST = 2_000
Patch: TypeAlias = pytest.MonkeyPatch
Plant: TypeAlias = Callable[[Patch], None]
Bugs: TypeAlias = list[tuple[Plant, tuple[int, ...]]]  # and the seeds to begin with


def first_seed_that_finds(run: Callable[[int], object], begin: tuple[int, ...] = ()) -> int | None:
    """Return the first seed that finds something, of some to begin with and then of all."""
    logging.disable(logging.CRITICAL)
    try:
        for seed in [*begin, *range(MOST)]:
            try:
                run(seed)
            except Exception:  # noqa: BLE001  (a find)
                return seed
        return None
    finally:
        logging.disable(logging.NOTSET)


def where_each_is_found(run: Callable[[int], object], bugs: Bugs) -> None:
    """Print the first seed that finds each bug."""
    for plant, _ in bugs:
        with pytest.MonkeyPatch.context() as patch:
            plant(patch)
            print(plant.__name__, first_seed_that_finds(run), flush=True)
