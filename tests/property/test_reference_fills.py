"""The real fill book and the independent reference say the same about every generated world."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sims.fillbook import FillBook
from tests.reference.fill_book import ReferenceFillBook
from tests.reference.stories import Book, Step
from tests.reference.worlds import World, essence, make_world, shorten, tell_tale, without
from tests.seeds import seeds

# Compiled, and as optimistic, so many of them are enough: what the book says is looked at in all.
SEEDS = len(seeds(2_000))
SEEDS_PER_TEST = 200
TWINS = len(seeds(800))

Facts = list[tuple[object, ...]]


def play(book: Book, steps: Sequence[Step]) -> Facts:
    """Tell the steps to a book and return everything that it said."""
    return [essence(event) for step in steps for event in step.tell(book)]


def both(world: World, steps: Sequence[Step], *, compiled: bool) -> tuple[Facts, Facts]:
    real = FillBook(world.instruments, world.settings, compiled=compiled)
    reference = ReferenceFillBook(world.instruments, world.settings)
    return play(real, steps), play(reference, steps)


def can_be_told(steps: Sequence[Step]) -> bool:
    """Whether every command still has its order, and every child its parent."""
    known = {0}
    for step in steps:
        first = step.arguments[0]
        if step.verb == "submit":
            if first.parent_id not in known:  # type: ignore[attr-defined]
                return False
            known.add(first.order_id)  # type: ignore[attr-defined]
        elif step.verb in ("cancel", "replace") and first not in known:
            return False
    return True


def require_agreement(seed: int, *, compiled: bool) -> None:
    world = make_world(seed)
    real, reference = both(world, world.steps, compiled=compiled)
    if real == reference:
        return

    def fails(steps: Sequence[Step]) -> bool:
        if not can_be_told(steps):
            return False
        one, other = both(world, steps, compiled=compiled)
        return one != other

    steps = shorten(world.steps, fails)
    real, reference = both(world, steps, compiled=compiled)
    said = [f"the book: {fact}" for fact in real]
    said += [f"the reference: {fact}" for fact in reference]
    pytest.fail(f"seed {seed}\n{tell_tale(world, steps, said)}")


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_TEST))
def test_the_book_says_what_the_reference_says(first: int) -> None:
    for seed in range(first, first + SEEDS_PER_TEST):
        require_agreement(seed, compiled=False)


def test_the_compiled_book_says_what_the_reference_says() -> None:
    for seed in range(TWINS):
        require_agreement(seed, compiled=True)


@pytest.mark.parametrize("first", range(0, TWINS, SEEDS_PER_TEST))
def test_without_ambiguities_the_optimistic_result_is_the_same(first: int) -> None:
    """Section 11: the count is what allows the second run to be left out."""
    for seed in range(first, first + SEEDS_PER_TEST):
        world = make_world(seed)
        book = FillBook(world.instruments, world.settings)
        facts = play(book, world.steps)
        if book.ambiguities == 0:
            kind = without(world.settings, path="optimistic", limit_fill="touch")
            other = play(FillBook(world.instruments, kind), world.steps)
            assert facts == other, f"seed {seed}"


@pytest.mark.parametrize("seed", range(100))
def test_orders_never_fill_more_than_their_total(seed: int) -> None:
    """Without splits and replaces: the requests' own totals are the limit."""
    world = make_world(seed)
    steps = [s for s in world.steps if s.verb not in ("on_split", "replace")]
    totals = {s.arguments[0].order_id: s.arguments[0] for s in steps if s.verb == "submit"}  # type: ignore[attr-defined]
    filled: dict[object, int] = dict.fromkeys(totals, 0)
    for kind, order_id, *rest in play(ReferenceFillBook(world.instruments, world.settings), steps):
        if kind == "fill":
            filled[order_id] += rest[2]  # type: ignore[operator]
    assert all(filled[n] <= totals[n].quantity_lots for n in totals), f"seed {seed}"  # type: ignore[index]
