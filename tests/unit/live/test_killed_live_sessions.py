"""`trader live` as a real process, killed with -9 while the market goes on: the books stay the venue's.

`KILLS` in the environment is how often (the suite: twice). A person who is asked approves meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

import pytest

from brokers.alpaca.translating import own_id
from cli.sessions import asked_of
from engine.errors import InputError
from engine.model.layout import KIND_FILL, KIND_SIGNAL_APPROVED, KIND_SUBMITTED, LEDGER_CASH
from engine.model.trading_layout import ANSWER_NUMBER, OPERATOR_SIGNAL
from engine.model.units import from_minor
from runtime.journal.records import Intents, OperatorInput, Taken
from runtime.journal.sessions import NewSession, SessionStore
from runtime.session.intake import to_rows
from runtime.session.live import go_live
from runtime.session.replaying import replay
from tests.unit.live.processes import KILLS, Command, Market, issue_for, market, start, when
from tests.unit.live.rehearsals import NUMBER, Rehearsal

CASH, CAPITAL = Decimal(100_000), Decimal(25_000)  # the account's, and the session's


@pytest.mark.parametrize("mode", ["auto", "approve"])
def test_after_each_kill_the_books_are_the_venues(here: Rehearsal, mode: str) -> None:
    rng = random.Random(11)
    with market(here) as venue, person(here.url):  # who is asked for nothing in the first mode
        issue_for(here, "busy")
        store = SessionStore.open(here.url)
        try:
            for number in range(KILLS + 1):
                process = start(here.folder, "live", "busy", "--mode", mode, "--json")
                if number % 3 == 2 and number < KILLS:  # while it starts, recovers, reconciles
                    time.sleep(rng.uniform(0.3, 3))
                    kill(process)
                    continue
                comes_back(process, store, venue)
                trades_on(process, venue)
                if number < KILLS:
                    time.sleep(rng.uniform(0, 0.7))  # at any moment, not: until something is so
                    kill(process)
                    time.sleep(rng.uniform(0, 0.7))  # and the venue goes on without it
                    continue
                venue.goes_on.clear()
                when(lambda: is_same(store, venue), process)
                process.send_signal(signal.SIGTERM)
                shown, _ = process.communicate()
                assert process.returncode == 0, process.told()
                assert json.loads(shown)["environment"] == "REHEARSAL"
            require_the_venues_books(store, venue.books())
            require_approval(store, mode)
            told = {name: len(each) for name, each in venue.books().items() if name[-1] == "s"}
            print(f"{KILLS} kills; the venue has {told}")
        finally:
            store.close()


def test_one_that_was_killed_before_its_first_record_begins_when_it_is_begun_again(
    here: Rehearsal,
) -> None:
    here.issue()

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                plan = here.plan(venue)
                killed = NewSession(
                    plan.config.name,
                    NUMBER,
                    fingerprint=plan.config.fingerprint,
                    broker="alpaca rehearsal",
                    feed=plan.feed.name,
                )
                session_id = store.begin_session(killed)  # and nothing else
                session = await go_live(store, plan, desk)
                plan.feed.session = session
                await session.run()
                assert session.parts.journal.session_id == session_id
                played = replay(store.entries(session_id))
                assert (played.opened.account, played.opened.broker) == (NUMBER, "alpaca rehearsal")
                assert len(played.output.rows_by_kind[KIND_FILL]) == len(venue.books.executions)

    asyncio.run(story())


@contextmanager
def person(url: str) -> Iterator[None]:
    """Somebody who approves whatever a session asks, as soon as it lives."""
    over = threading.Event()

    def approve() -> None:
        store = SessionStore.open(url)
        while not over.wait(0.1):
            with suppress(InputError):  # there is none, or it was just killed
                for each in json.loads(asked_of(store, "last", "signals") or "[]"):
                    asked_of(store, "last", "approve", argument=str(each["number"]))
        store.close()

    approving = threading.Thread(target=approve)
    approving.start()
    try:
        yield
    finally:
        over.set()
        approving.join()


def kill(process: Command) -> None:
    """Kill it with -9; what it was doing stays as it is."""
    process.kill()
    process.communicate()


def comes_back(process: Command, store: SessionStore, venue: Market) -> None:
    """Wait until it works, and its books are the venue's; meanwhile the market stands still."""
    venue.goes_on.clear()
    when(lambda: works(store, process.pid) and is_same(store, venue), process)
    venue.goes_on.set()


def trades_on(process: Command, venue: Market) -> None:
    """Wait until it has traded again."""
    fills = len(venue.books()["executions"])
    when(lambda: len(venue.books()["executions"]) > fills + 1, process)


def works(store: SessionStore, pid: int) -> bool:
    """Whether the process has the session, and has read the venue's books."""
    found = next((each for each in store.list() if each.account == NUMBER), None)
    return found is not None and (found.pid, found.state) == (pid, "running")


def is_same(store: SessionStore, venue: Market) -> bool:
    """Whether session and venue hold the same, and nothing is under way."""
    books, session = venue.books(), store.list()[0]
    held = [row for row in store.rows(session.id, "session_positions") if row["closed_ns"] is None]
    works = [row for row in store.rows(session.id, "session_orders") if row["ended_ns"] is None]
    theirs = [each for each in books["orders"] if each["status"] in ("new", "partially_filled")]
    ours = {row["symbol"]: str(row["lots"]) for row in held}
    return ours == books["positions"] and len(works) == len(theirs)


def require_the_venues_books(store: SessionStore, books: Any) -> None:
    """The journal, played again, has every fill of the venue once, and its money."""
    (session,) = (each for each in store.list() if each.account == NUMBER)
    assert store.verify(session.id).is_sound
    played = replay(store.entries(session.id)).output
    fills = played.journal[played.rows_by_kind.get(KIND_FILL, [])]
    assert len(fills) == len(books["executions"])
    assert Decimal(books["cash"]) - CASH == from_minor(int(played.ledger[0, LEDGER_CASH])) - CAPITAL
    records = [each.record for each in store.entries(session.id)]
    sent = [
        intent.client_id
        for record in records
        if isinstance(record, Intents)
        for intent in record.intents
        if intent.kind == KIND_SUBMITTED
    ]
    assert len(sent) == len(set(sent)), "an order was sent twice"
    assert {own_id(each["client_order_id"]) for each in books["orders"]} <= set(sent)


def require_approval(store: SessionStore, mode: str) -> None:
    """What was approved a person has approved, once; where nobody is asked, nobody has."""
    (session,) = (each for each in store.list() if each.account == NUMBER)
    inputs = [
        each.record.input
        for each in store.entries(session.id)
        if isinstance(each.record, Intents | Taken)
    ]
    answers = [
        to_rows(each.rows)[0, OPERATOR_SIGNAL]
        for each in inputs
        if isinstance(each, OperatorInput) and each.verb == "approve"
    ]
    played = replay(store.entries(session.id)).output
    approved = played.journal[played.rows_by_kind[KIND_SIGNAL_APPROVED]][:, ANSWER_NUMBER].tolist()
    assert len(approved) == len(set(approved)) > 0, "a signal was approved twice"
    assert set(approved) <= set(answers) if mode == "approve" else not answers
