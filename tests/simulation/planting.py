"""Bugs that are planted, and where each is found: by which seed, and as what.

A find is what the broken invariant says, nothing else: whatever a bug breaks besides would hide that nobody
looks at what it was planted for. And the seed that finds it is clean without it.

Which seed finds a rare bug moves with every timer of a session, and a search for it among all worlds takes
minutes. So a rare one is looked for in worlds in which what it needs is usual.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from tests.simulation.plans import Plan, plan_of
from tests.simulation.worlds import World, run_seed

MOST = 2_000
Patch: TypeAlias = pytest.MonkeyPatch
Change: TypeAlias = Callable[[Plan], Plan]
Run: TypeAlias = Callable[[int], object]


@dataclass(frozen=True)
class Bug:
    """A bug that is planted.

    Parameters
    ----------
    says
        Of the invariant that it breaks: ``I10``, or some words of what is said.
    begin
        Seeds to begin with: where it was found when this was written.
    change
        Of a rare one: what makes usual what it needs.
    """

    plant: Callable[[Patch], None]
    says: str
    begin: tuple[int, ...] = ()
    change: Change | None = None

    @property
    def name(self) -> str:
        return self.plant.__name__


Bugs: TypeAlias = Sequence[Bug]


def each_of(bugs: Bugs) -> pytest.MarkDecorator:
    """Have a test run once for each."""
    return pytest.mark.parametrize("bug", bugs, ids=[each.name for each in bugs])


def worlds_with(change: Change) -> Callable[[int], World]:
    """Return what runs a seed in a world that was changed so."""
    return lambda seed: run_seed(seed, plan=change(plan_of(seed)))


def require_found(bug: Bug, patch: Patch, run: Run = run_seed) -> None:
    """Plant a bug, have it found as what it is, and see that the same seed is clean without it."""
    run = run if bug.change is None else worlds_with(bug.change)
    others: Counter[str] = Counter()
    bug.plant(patch)
    seed = first_seed_that_finds(bug.says, run, [*bug.begin, *range(MOST)], others)
    patch.undo()
    assert seed is not None, f"{bug.name} is never found as {bug.says!r}, but as {dict(others)}"
    with _quiet():
        run(seed)  # raises, if it was found without the bug


def first_seed_that_finds(
    says: str, run: Run, seeds: Sequence[int], others: Counter[str]
) -> int | None:
    """Return the first seed that finds something that `says` so; count in `others` what else is found."""
    said = re.compile(rf"\b{re.escape(says)}\b")
    with _quiet():
        for seed in seeds:
            try:
                run(seed)
            except Exception as error:  # noqa: BLE001  (a find)
                text = str(error)
                if said.search(text):
                    return seed
                others[f"{type(error).__name__}: {text[:40]}"] += 1
    return None


def where_each_is_found(bugs: Bugs, run: Run = run_seed) -> None:
    """Print the first seed that finds each bug as what it is, in worlds as they are."""
    for bug in bugs:
        with pytest.MonkeyPatch.context() as patch:
            bug.plant(patch)
            seed = first_seed_that_finds(bug.says, run, range(MOST), Counter())
        print(f"{bug.name}: {bug.says!r} at {seed}", flush=True)


@contextmanager
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
