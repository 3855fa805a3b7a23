"""`trader live` as a real process, killed with -9 while the market goes on: the books stay the venue's.

`KILLS` in the environment is how often (the suite: a few).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from brokers.alpaca.translating import own_id
from engine.model.layout import KIND_FILL, KIND_SUBMITTED, LEDGER_CASH
from engine.model.units import from_minor
from runtime.journal.records import Intents
from runtime.journal.sessions import SessionStore
from runtime.session.replaying import replay
from tests.unit.live.processes import Market, issue_for, market, start
from tests.unit.live.rehearsals import NUMBER, Rehearsal

KILLS = int(os.environ.get("KILLS", "2"))
CASH, CAPITAL = Decimal(100_000), Decimal(25_000)  # the account's, and the session's


def test_after_each_kill_the_books_are_the_venues(here: Rehearsal) -> None:
    rng = random.Random(11)
    with market(here) as venue:
        issue_for(here, "busy")
        store = SessionStore.open(here.url)
        try:
            for number in range(KILLS + 1):
                venue.goes_on.set()
                process = start(here.folder, "live", "busy", "--json")
                fills = len(venue.books()["executions"])
                when(lambda fills=fills: len(venue.books()["executions"]) > fills + 1, process)
                if number < KILLS:
                    time.sleep(rng.uniform(0, 0.7))  # at any moment, not: until something is so
                    process.kill()
                    process.communicate()
                    continue
                venue.goes_on.clear()
                when(lambda: is_same(store, venue), process)
                process.send_signal(signal.SIGTERM)
                told, problem = process.communicate(timeout=20)
                assert process.returncode == 0, problem
                assert json.loads(told)["environment"] == "REHEARSAL"
            require_the_venues_books(store, venue.books())
        finally:
            store.close()


def when(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something is so."""
    for _ in range(600):
        if is_so():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.kill()
    raise AssertionError(process.communicate())


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
