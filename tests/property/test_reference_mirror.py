"""The core, told only what the book says, knows what works at the book: facts are sufficient."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.jit import as_plain
from engine.kernels.orders import apply_fact
from engine.model import layout as at
from engine.model.orders import OrderRequest
from engine.state import Core, CoreShape, Table, new_core, plain_core
from sims.fillbook import FillBook
from sims.fillbook.book import request_row
from sims.fillbook.layout import COUNT_EVENTS, COUNT_ORDERS
from sims.fillbook.settings import terms_block
from tests.reference.stories import Step
from tests.reference.worlds import World, make_world
from tests.seeds import seeds

SEEDS = len(seeds(1_000))
SEEDS_PER_TEST = 200
COMPARED = (at.ORDER_ID, at.ORDER_QUANTITY, at.ORDER_FILLED, at.ORDER_LIMIT, at.ORDER_STOP)


def new_mirror(world: World) -> Core:
    terms = terms_block(world.instruments, world.settings)
    _, core = new_core(CoreShape(len(world.instruments)), terms)
    return plain_core(core)


def send(core: Core, request: OrderRequest) -> None:
    """Know an order as sent, as `engine.kernels.orders.place` leaves it."""
    row = core.account[at.ACCOUNT_ORDERS]
    for column, value in enumerate(request_row(request)):
        core.orders[row, column] = value
    held = request.parent_id != 0
    core.orders[row, at.ORDER_STATUS] = at.STATUS_HELD if held else at.STATUS_IN_FLIGHT
    core.account[at.ACCOUNT_ORDERS] = row + 1
    core.positions[request.instrument, at.POSITION_WORKING] += 1


def working(orders: Table, count: int) -> list[list[int]]:
    """Return what is compared of the orders that have not ended."""
    rows = [r for r in range(count) if orders[r, at.ORDER_STATUS] < at.STATUS_FILLED]
    return [[orders[r, column] for column in COMPARED] for r in rows]


def tell(step: Step, book: FillBook, core: Core) -> None:
    """Let a step happen at the book, and the core hear of it."""
    if step.verb == "submit":
        send(core, step.arguments[0])  # type: ignore[arg-type]
    step.tell(book)  # type: ignore[arg-type]
    facts = as_plain(book.arrays.events)
    for f in range(int(book.arrays.counters[COUNT_EVENTS])):
        apply_fact(core, facts, f)
    core.account[at.ACCOUNT_JOURNAL] = 0


def require_equal_knowledge(world: World, steps: Sequence[Step], seed: int) -> None:
    book, core = FillBook(world.instruments, world.settings), new_mirror(world)
    orders = as_plain(book.arrays.orders)
    for step in steps:
        tell(step, book, core)
        where = f"seed {seed}, after {step}"
        assert core.account[at.ACCOUNT_FAULT] == 0, where
        ours = working(core.orders, core.account[at.ACCOUNT_ORDERS])
        assert ours == working(orders, int(book.arrays.counters[COUNT_ORDERS])), where
        assert core.positions[0, at.POSITION_WORKING] == len(ours), where
        assert core.positions[0, at.POSITION_QUANTITY] == book.position_lots(0), where


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_TEST))
def test_the_core_knows_what_works_at_the_book(first: int) -> None:
    """Without splits, which the core applies by itself."""
    for seed in range(first, first + SEEDS_PER_TEST):
        world = make_world(seed)
        steps = [step for step in world.steps if step.verb != "on_split"]
        require_equal_knowledge(world, steps, seed)
