"""Live sessions in seeded worlds keep every invariant, and bugs that are planted are found there.

`python -m tests.venues.alpaca.live_troubles 0 500` runs more of them, `... SEED` tells the story of one,
`python -m tests.simulation.test_live_worlds` says where each bug is found.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

import runtime.promotion.watch as watch_module
import runtime.session.venue_waiting as waiting_module
from brokers.alpaca.budget import Budget
from brokers.alpaca.client import AlpacaClient, Answer, Keys, NoAnswer
from engine.ports import Execution
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger
from runtime.promotion.watch import CertificateWatch
from tests.simulation.live_plans import live_plan_of
from tests.simulation.live_worlds import run_live_seed
from tests.simulation.planting import (
    Bugs,
    Patch,
    Plant,
    first_seed_that_finds,
    where_each_is_found,
)
from tests.simulation.test_planted_bugs import (
    books_a_fill_twice,
    closes_more_than_is_held,
    enters_without_a_certificate,
    misses_what_a_stream_has_lost,
    releases_the_reserve_of_what_is_unknown,
    resends_under_a_new_id,
    sends_before_it_is_durable,
    takes_unknown_for_rejected,
)

SLICE = range(6)


@pytest.mark.parametrize("seed", SLICE)
def test_a_live_session_in_trouble_keeps_every_invariant(seed: int) -> None:
    logging.disable(logging.CRITICAL)
    try:
        run_live_seed(seed)
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", range(4, 9))
def test_a_live_session_of_coins_keeps_every_invariant(seed: int) -> None:
    """The venue keeps its fee of what is bought, and says so beside the fill: late, twice, or after a crash."""
    logging.disable(logging.CRITICAL)
    try:
        world = run_live_seed(seed, plan=live_plan_of(seed, coins=True))
    finally:
        logging.disable(logging.NOTSET)
    assert any(each.kept_lots for each in world.venue.books.executions)


# --- bugs ------------------------------------------------------------------------------------------------
def loses_every_third_fill(patch: Patch) -> None:
    """Told and read: it is taken for known."""
    read, seen = Inbox._read_fill, [0]

    def forgetful(self: Inbox, one: Execution, engine: Any) -> Any:
        if not self.has_execution(one.execution_id):
            seen[0] += 1
            if seen[0] % 3 == 0:
                self._executions.add(one.execution_id)
        return read(self, one, engine)

    patch.setattr(Inbox, "_read_fill", forgetful)


def asks_as_often_as_it_likes(patch: Patch) -> None:
    patch.setattr(Budget, "wait_seconds", lambda self, use: 0.0)


def has_the_transport_repeat(patch: Patch) -> None:
    """As SDKs do: what was not answered is sent once more."""
    send = AlpacaClient.send

    async def repeated(
        self: AlpacaClient, method: str, path: str, *rest: Any, **keys: Any
    ) -> Answer:
        try:
            return await send(self, method, path, *rest, **keys)
        except NoAnswer:
            if method != "POST":
                raise
            body = msgspec.json.decode(keys["body"])
            body["client_order_id"] += "x"  # an id of the transport's own
            keys["body"] = msgspec.json.encode(body)
            return await send(self, method, path, *rest, **keys)

    patch.setattr(AlpacaClient, "send", repeated)


def writes_the_keys(patch: Patch) -> None:
    patch.setattr(Keys, "masked", lambda self, content: content)


def ignores_the_certificate(patch: Patch) -> None:
    patch.setattr(CertificateWatch, "text", lambda self: "")


def never_looks_at_the_certificate_again(patch: Patch) -> None:
    patch.setattr(watch_module, "EVERY_SECONDS", 1e9)
    patch.setattr(watch_module, "STALE_NS", 10**18)


BUGS: Bugs = [
    (resends_under_a_new_id, ()),
    (loses_every_third_fill, ()),
    (books_a_fill_twice, ()),
    (enters_without_a_certificate, (19,)),
    (ignores_the_certificate, (2,)),
    (asks_as_often_as_it_likes, (1,)),
    (closes_more_than_is_held, ()),
    (has_the_transport_repeat, (4,)),
    (writes_the_keys, (26,)),
    (never_looks_at_the_certificate_again, (2,)),
    (sends_before_it_is_durable, ()),
    (takes_unknown_for_rejected, ()),
    (releases_the_reserve_of_what_is_unknown, ()),
    (misses_what_a_stream_has_lost, ()),
]


@pytest.mark.parametrize(("plant", "begin"), BUGS, ids=[plant.__name__ for plant, _ in BUGS])
def test_a_planted_bug_is_found(plant: Plant, begin: tuple[int, ...], monkeypatch: Patch) -> None:
    plant(monkeypatch)
    assert first_seed_that_finds(run_live_seed, begin) is not None


# --- a stop and a target on each entry ---------------------------------------------------------------------
def run_bracketed(seed: int) -> object:
    return run_live_seed(seed, plan=live_plan_of(seed, bracketed=True))


@pytest.mark.parametrize("seed", [43])  # a crash as a pair leaves
def test_what_hangs_on_an_entry_keeps_every_invariant(seed: int) -> None:
    logging.disable(logging.CRITICAL)
    try:
        run_bracketed(seed)
    finally:
        logging.disable(logging.NOTSET)


def protects_more_than_was_filled(patch: Patch) -> None:
    patch.setattr(waiting_module, "room", lambda order, books: order.quantity_lots)
    patch.setattr(OrderLedger, "children", lambda books, entry: ())
    patch.setattr(waiting_module, "at_most", lambda order, lots: replace(order, quantity_lots=10))


def forgets_that_a_pair_leaves(patch: Patch) -> None:
    async def forgets(waiting: object, outcomes: object) -> None:
        pass

    patch.setattr(waiting_module.Waiting, "_durable", forgets)


BUGS_OF_BRACKETS: Bugs = [
    (protects_more_than_was_filled, (1,)),
    (forgets_that_a_pair_leaves, (182,)),
]


@pytest.mark.parametrize(
    ("plant", "begin"), BUGS_OF_BRACKETS, ids=[plant.__name__ for plant, _ in BUGS_OF_BRACKETS]
)
def test_a_bug_planted_in_brackets_is_found(
    plant: Plant, begin: tuple[int, ...], monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    assert first_seed_that_finds(run_bracketed, begin) is not None


if __name__ == "__main__":
    where_each_is_found(run_live_seed, BUGS)
