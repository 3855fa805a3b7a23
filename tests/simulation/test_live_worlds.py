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
from tests.simulation.planting import Bug, Patch, each_of, require_found, where_each_is_found
from tests.simulation.test_planted_bugs import (
    books_a_fill_twice,
    enters_without_a_certificate,
    misses_what_a_stream_has_lost,
    releases_the_reserve_of_what_is_unknown,
    resends_under_a_new_id,
    sends_before_it_is_durable,
    takes_unknown_for_rejected,
)

SLICE = range(6)


@pytest.fixture(scope="module", autouse=True)
def _rehearsed() -> None:
    """What worlds are made of is made without a bug: its rehearsal of the kill switch would find some first."""
    live_plan_of(0)


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


BUGS = [
    Bug(resends_under_a_new_id, "I2", (0,)),
    Bug(loses_every_third_fill, "I7", (0,)),
    Bug(books_a_fill_twice, "I7", (0,)),
    Bug(enters_without_a_certificate, "I5", (19,)),
    Bug(ignores_the_certificate, "I5", (2,)),
    Bug(asks_as_often_as_it_likes, "I20", (1,)),
    Bug(has_the_transport_repeat, "I2", (4,)),
    Bug(writes_the_keys, "I14", (26,)),
    Bug(never_looks_at_the_certificate_again, "I5", (2,)),
    Bug(sends_before_it_is_durable, "I2", (0,)),
    Bug(takes_unknown_for_rejected, "I4", (0,)),
    Bug(releases_the_reserve_of_what_is_unknown, "I4", (0,)),
    Bug(misses_what_a_stream_has_lost, "I3", (0,)),
]


@each_of(BUGS)
def test_a_planted_bug_is_found(bug: Bug, monkeypatch: Patch) -> None:
    require_found(bug, monkeypatch, run_live_seed)


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


BUGS_OF_BRACKETS = [
    Bug(protects_more_than_was_filled, "I10", (1,)),
    Bug(forgets_that_a_pair_leaves, "I4", (182,)),
]


@each_of(BUGS_OF_BRACKETS)
def test_a_bug_planted_in_brackets_is_found(bug: Bug, monkeypatch: Patch) -> None:
    require_found(bug, monkeypatch, run_bracketed)


if __name__ == "__main__":
    live_plan_of(0)  # see `_rehearsed`
    where_each_is_found(BUGS, run_live_seed)
    where_each_is_found(BUGS_OF_BRACKETS, run_bracketed)
