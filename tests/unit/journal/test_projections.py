"""The tables that are made of a journal say what the results of a run with the same rows say.

The judge is `runtime.results`, which reads all rows of a run at once; here they come in records, in
groups, and each group sees only what the tables have.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from engine.model import layout as at
from engine.model.trading import Latch, Severity
from runtime.backtest import run_backtest
from runtime.config import load_strategy
from runtime.journal.journal import SessionJournal
from runtime.journal.records import (
    FactsInput,
    Intent,
    Intents,
    Noted,
    OperatorInput,
    Outcome,
    StateChanged,
    Taken,
    TimeInput,
)
from runtime.journal.sessions import SessionStore
from runtime.results.exit_rows import exits_with_fills
from runtime.results.orders import STATUS_NAMES, orders_of
from runtime.results.output import RunOutput
from runtime.results.rows import changes_of, fills_of, terms_of
from runtime.results.signals import signals_frame
from runtime.results.trades import trips_of
from runtime.session.states import SessionState
from runtime.store.backend import Row
from runtime.store.session_tables import PROJECTIONS
from runtime.workspace import examples_folder
from tests.unit.journal.worlds import OPENED, SECOND, TestClock, opened
from tests.unit.results.journals import PERPETUAL, STOCK, Run
from tests.unit.results.loops import rain

NAMES = [table.name for table in PROJECTIONS]


@cache
def full_loop() -> RunOutput:
    """Return a year of a strategy with signals, risk, exits and guards."""
    strategy = load_strategy(examples_folder() / "full_loop.toml")
    return run_backtest(strategy, engine="interpreted").pessimistic


def trading() -> RunOutput:
    """Buy, add, sell a part, turn around, be filled in parts, be denied and canceled; a split."""
    run = Run(STOCK, PERPETUAL)
    run.at_day(2).trade(100, 1000, fee="1.00")
    run.trade(50, 1100, fee="0.50")
    run.trade(-30, 1200, fee="0.30")
    run.at_day(3).split(2, 1)
    order = run.order(-1, 400, kind=at.TYPE_LIMIT, limit=700)
    run.fact(at.KIND_ACCEPTED, order)
    run.fill(order, 100, 700, fee="0.11", last=False)
    run.fill(order, 300, 710, fee="0.33")  # through zero: 240 close, 160 short
    run.order(1, 5, denied=7)
    run.trade(2_000, 50_000, instrument=1, fee="2.00")
    gone = run.order(1, 10, kind=at.TYPE_LIMIT, limit=1)
    run.fact(at.KIND_ACCEPTED, gone)
    run.fact(at.KIND_CANCEL_SENT, gone)
    run.fact(at.KIND_CANCELED, gone, reason=3)
    run.at_day(4).trade(160, 600, fee="0.16")
    run.mark()
    return run.output()


OUTPUTS = {"trading": trading, "rain": lambda: rain().output(), "full_loop": full_loop}


def play(
    store: SessionStore, output: RunOutput, seed: int, *, account: str = "paper-1"
) -> SessionJournal:
    """Write a run's rows as a session would: in records, the records in groups; both by chance.

    A change of position stands in the record of its fill.
    """
    chance = random.Random(seed)
    journal = opened(store, account=account)
    symbols = tuple(item.symbol for item in output.instruments)
    journal.append(replace_opened(symbols))
    kinds = output.journal[:, at.EVENT_KIND]
    inside = np.flatnonzero(kinds == at.KIND_POSITION_CHANGED)
    cuts = [n for n in range(len(kinds)) if n not in set(inside.tolist()) and chance.random() < 0.4]
    for start, end in pairwise([0, *cuts, len(kinds)]):
        rows = np.ascontiguousarray(output.journal[start:end], dtype="<i8").tobytes()
        journal.append(Taken(TimeInput(start), rows))
        if chance.random() < 0.3:
            journal.flush()
    journal.flush()
    return journal


def replace_opened(symbols: tuple[str, ...]) -> object:
    import msgspec

    return msgspec.structs.replace(OPENED, instruments=symbols)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def store_of_all(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SessionStore]:
    """Return a store of each kind that only reading tests share."""
    folder = tmp_path_factory.mktemp("projections")
    database = f"sqlite:///{folder / 'trader.sqlite'}"
    if request.param == "postgres":
        database = request.getfixturevalue("reading_database")
    store = SessionStore.open(database, clock=TestClock(), folder=folder / "files")
    yield store
    store.close()


@pytest.fixture(scope="module", params=list(OUTPUTS))
def played(
    request: pytest.FixtureRequest, store_of_all: SessionStore
) -> tuple[SessionStore, str, RunOutput]:
    output = OUTPUTS[request.param]()
    session_id = play(store_of_all, output, 1, account=request.param).session_id
    return store_of_all, session_id, output


Played = tuple[SessionStore, str, RunOutput]


def column(rows: object, name: str) -> list[object]:
    return [row[name] for row in rows]  # type: ignore[attr-defined]


def test_orders_end_as_in_the_results(played: Played) -> None:
    store, session_id, output = played
    rows = store.rows(session_id, "session_orders")
    wanted = orders_of(output, fills_of(output, changes_of(output)))
    assert column(rows, "order_id") == wanted.order.tolist()
    assert column(rows, "status") == [STATUS_NAMES[status] for status in wanted.status.tolist()]
    for name, values in {
        "placed_ns": wanted.ts, "instrument": wanted.instrument, "side": wanted.side,
        "quantity_lots": wanted.quantity, "limit_ticks": wanted.limit, "stop_ticks": wanted.stop,
        "filled_lots": wanted.filled, "fees_minor": wanted.fees, "reason": wanted.reason,
    }.items():  # fmt: skip
        assert column(rows, name) == values.tolist(), name
    assert [row["ended_ns"] or 0 for row in rows] == wanted.ended.tolist()


def test_fills_are_those_of_the_results(played: Played) -> None:
    store, session_id, output = played
    rows = store.rows(session_id, "session_fills")
    wanted = fills_of(output, changes_of(output))
    for name, values in {
        "ts_ns": wanted.ts, "order_id": wanted.order, "side": wanted.side, "lots": wanted.lots,
        "price_ticks": wanted.price, "fee_minor": wanted.fee, "realized_minor": wanted.realized,
        "position_lots": wanted.position, "reference_ticks": wanted.reference,
    }.items():  # fmt: skip
        assert column(rows, name) == values.tolist(), name


def test_positions_are_the_trips_of_the_results(played: Played) -> None:
    store, session_id, output = played
    rows = sorted(
        store.rows(session_id, "session_positions"), key=lambda row: (row["instrument"], row["row"])
    )
    wanted = trips_of(output, changes_of(output), terms_of(output))
    for name, values in {
        "instrument": wanted.instrument, "direction": wanted.direction, "opened_ns": wanted.entry_ts,
        "entered_lots": wanted.entered, "left_lots": wanted.left, "realized_minor": wanted.realized,
        "fees_minor": wanted.fees, "position": wanted.position, "exit_reason": wanted.exit_reason,
    }.items():  # fmt: skip
        assert column(rows, name) == values.tolist(), name
    assert [row["closed_ns"] or 0 for row in rows] == wanted.exit_ts.tolist()
    held = dict.fromkeys(range(len(output.instruments)), 0) | {
        int(str(row["instrument"])): row["lots"] for row in rows
    }
    assert list(held.values()) == output.positions[:, at.POSITION_QUANTITY].tolist()


def test_exits_and_attempts_are_those_of_the_results(played: Played) -> None:
    store, session_id, output = played
    changes = changes_of(output)
    wanted = exits_with_fills(output, fills_of(output, changes), changes)
    rows = [row for row in store.rows(session_id, "session_exits") if row["state"] != "fired"]
    for name, values in {
        "position": [each.position for each in wanted], "reason": [each.reason for each in wanted],
        "fired_ns": [each.fired for each in wanted], "also": [each.also for each in wanted],
        "result": [each.result for each in wanted], "sent": [each.sent for each in wanted],
        "closed_lots": [each.closed for each in wanted], "walks": [each.walks for each in wanted],
        "number": [each.number for each in wanted], "bound": [each.limit for each in wanted],
    }.items():  # fmt: skip
        assert column(rows, name) == values, name
    attempts = store.rows(session_id, "session_attempts")
    told = sorted((each for one in wanted for each in one.attempts), key=lambda each: each.row)
    for name, values in {
        "number": [each.number for each in told], "order_id": [each.order for each in told],
        "price_ticks": [each.price for each in told], "result": [each.result for each in told],
        "filled_lots": [each.filled for each in told], "sent_ns": [each.ts for each in told],
    }.items():  # fmt: skip
        assert column(attempts, name) == values, name
    owners = {row["row"]: row["position"] for row in rows}
    assert all(owners[row["exit_row"]] == row["position"] for row in attempts)


def test_signals_are_those_of_the_results(played: Played) -> None:
    store, session_id, output = played
    rows = store.rows(session_id, "session_signals")
    wanted = signals_frame(output, fingerprint=OPENED.fingerprint)
    assert column(rows, "number") == wanted["signal"].to_list()
    assert column(rows, "signal_id") == wanted["signal_id"].to_list()
    assert column(rows, "symbol") == wanted["symbol"].to_list()
    assert [row["answer"] or None for row in rows] == wanted["answer"].to_list()
    assert [row["order_id"] or None for row in rows] == wanted["order_id"].to_list()


def all_rows(store: SessionStore, session_id: str) -> dict[str, list[Row]]:
    return {
        name: [{**row, "session_id": ""} for row in store.rows(session_id, name)] for name in NAMES
    }


def test_rebuilding_makes_the_same_rows(played: Played) -> None:
    store, session_id, _ = played
    before = all_rows(store, session_id)
    store.rebuild(session_id)
    assert all_rows(store, session_id) == before


@pytest.mark.parametrize("seed", range(2, 6))
def test_how_records_are_grouped_changes_nothing(
    sessions: SessionStore, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = rain().output()
    session_id = play(sessions, output, seed).session_id
    before = all_rows(sessions, session_id)
    monkeypatch.setattr("runtime.journal.projections.fold.PAGE", 1)
    sessions.rebuild(session_id)
    assert all_rows(sessions, session_id) == before


def test_a_group_that_is_undone_leaves_no_rows(sessions: SessionStore) -> None:
    journal = play(sessions, rain().output(), 1)
    before = all_rows(sessions, journal.session_id)
    sessions.leases.acquire("paper-1", journal.session_id)
    journal.append(Noted("feed", "warning", "RAIN", "a gap"))
    with pytest.raises(Exception, match="lease"):
        journal.flush()
    assert all_rows(sessions, journal.session_id) == before


# --- what no run of a backtest has --------------------------------------------------------------------
def rows_of(*rows: dict[int, int]) -> bytes:
    table = np.zeros((len(rows), at.EVENT_WIDTH), dtype="<i8")
    for place, row in enumerate(rows):
        for name, value in row.items():
            table[place, name] = value
    return table.tobytes()


def submitted(order: int, lots: int) -> dict[int, int]:
    kind = {at.EVENT_KIND: at.KIND_SUBMITTED, at.FACT_ORDER: order, at.FACT_LOTS: lots}
    return {**kind, at.SUBMIT_SIDE: 1, at.SUBMIT_TYPE: at.TYPE_MARKET, at.SUBMIT_TIF: at.TIF_DAY}


def filled(order: int, lots: int, price: int) -> dict[int, int]:
    fill = {at.EVENT_KIND: at.KIND_FILL, at.FACT_ORDER: order, at.FACT_LOTS: lots}
    return {**fill, at.FACT_PRICE: price, at.EVENT_TS: 7}


def linked(order: int, **columns: int) -> dict[int, int]:
    from engine.model import trading_layout as loop

    places = {"parent": loop.LINKED_PARENT, "group": loop.LINKED_GROUP}
    row = {at.EVENT_KIND: at.KIND_LINKED, loop.LINKED_ORDER: order}
    return row | {places[name]: value for name, value in columns.items()}


@pytest.fixture
def journal(sessions: SessionStore) -> Iterator[SessionJournal]:
    journal = opened(sessions)
    journal.append(OPENED)
    yield journal


def orders_in(store: SessionStore, journal: SessionJournal) -> dict[object, Row]:
    journal.flush()
    return {row["order_id"]: row for row in store.rows(journal.session_id, "session_orders")}


def test_an_order_carries_its_ids_and_what_became_of_sending_it(
    sessions: SessionStore, journal: SessionJournal
) -> None:
    intent = Intent("i1", "c-1", 1, at.KIND_SUBMITTED, 1, 0, 1, 10)
    journal.append(Intents(0, (intent,), TimeInput(5), rows_of(submitted(1, 10))))
    journal.flush()
    journal.append(Outcome("c-1", "unknown", problem="timed out"))
    assert orders_in(sessions, journal)[1]["outcome"] == "unknown"
    journal.append(Outcome("c-1", "taken", "v9"))
    journal.append(Outcome("somebody-else", "taken", "v1"))
    row = orders_in(sessions, journal)[1]
    assert (row["client_id"], row["venue_id"], row["outcome"]) == ("c-1", "v9", "taken")
    assert row["status"] == "in_flight"


def test_a_fill_carries_its_execution_id(sessions: SessionStore, journal: SessionJournal) -> None:
    journal.append(Taken(TimeInput(5), rows_of(submitted(1, 10))))
    facts = rows_of(filled(1, 4, 100), filled(1, 4, 100))
    change = {at.EVENT_KIND: at.KIND_POSITION_CHANGED, at.POSITION_CAUSE: at.KIND_FILL}
    after = rows_of(
        filled(1, 4, 100), {**change, at.POSITION_AFTER: 4},
        filled(1, 4, 100), {**change, at.POSITION_AFTER: 8},
    )  # fmt: skip
    journal.append(Taken(FactsInput(7, facts, ("x1", "x2")), after))
    journal.flush()
    fills = sessions.rows(journal.session_id, "session_fills")
    assert [(row["execution_id"], row["position_lots"]) for row in fills] == [("x1", 4), ("x2", 8)]


def test_a_late_fill_opens_a_canceled_order_again(
    sessions: SessionStore, journal: SessionJournal
) -> None:
    """I16: CANCELED goes to PARTIALLY_FILLED and FILLED on a proven fill."""
    canceled = {at.EVENT_KIND: at.KIND_CANCELED, at.FACT_ORDER: 1, at.EVENT_TS: 6}
    journal.append(Taken(TimeInput(5), rows_of(submitted(1, 10), canceled)))
    assert orders_in(sessions, journal)[1]["status"] == "canceled"
    journal.append(Taken(TimeInput(7), rows_of(filled(1, 4, 100))))
    row = orders_in(sessions, journal)[1]
    assert (row["status"], row["filled_lots"], row["ended_ns"]) == ("partially_filled", 4, None)
    journal.append(Taken(TimeInput(7), rows_of(filled(1, 6, 100))))
    assert orders_in(sessions, journal)[1]["status"] == "filled"


def test_a_fill_takes_its_lots_off_the_others_of_its_group(
    sessions: SessionStore, journal: SessionJournal
) -> None:
    """Two orders of 10 in one OCO group: 4 of the first leave 6 to the second, which fill it."""
    rows = rows_of(submitted(1, 10), linked(1, group=5), submitted(2, 10), linked(2, group=5))
    journal.append(Taken(TimeInput(5), rows))
    journal.append(Taken(TimeInput(6), rows_of(filled(1, 4, 100))))
    found = orders_in(sessions, journal)
    assert (found[2]["quantity_lots"], found[2]["status"]) == (6, "in_flight")
    journal.append(Taken(TimeInput(7), rows_of(filled(2, 6, 100))))
    assert orders_in(sessions, journal)[2]["status"] == "filled"


def test_a_child_may_trade_what_its_parent_has_filled(
    sessions: SessionStore, journal: SessionJournal
) -> None:
    """A parent of 10 is canceled after 4: its child closes 4 and is whole then."""
    rows = rows_of(submitted(1, 10), submitted(2, 10), linked(2, parent=1))
    journal.append(Taken(TimeInput(5), rows))
    assert orders_in(sessions, journal)[2]["status"] == "held"
    canceled = {at.EVENT_KIND: at.KIND_CANCELED, at.FACT_ORDER: 1, at.EVENT_TS: 6}
    armed = {at.EVENT_KIND: at.KIND_ARMED, at.FACT_ORDER: 2, at.FACT_LOTS: 4}
    journal.append(Taken(TimeInput(6), rows_of(filled(1, 4, 100), armed)))
    journal.append(Taken(TimeInput(6), rows_of(canceled)))
    found = orders_in(sessions, journal)
    assert (found[1]["status"], found[2]["quantity_lots"]) == ("canceled", 4)
    journal.append(Taken(TimeInput(7), rows_of(filled(2, 4, 100))))
    assert orders_in(sessions, journal)[2]["status"] == "filled"


def test_a_session_shows_what_it_runs_where_it_is_and_what_it_is_worth(
    sessions: SessionStore, journal: SessionJournal
) -> None:
    mark = {at.EVENT_KIND: at.KIND_EQUITY_MARKED, at.EVENT_TS: 5 * SECOND, at.MARK_EQUITY: 42}
    journal.append(Taken(TimeInput(5), rows_of(mark)))
    journal.append(StateChanged("starting", "running", "reconciled"))
    journal.flush()
    found = sessions.get(journal.session_id)
    assert (found.state, found.cause, found.symbols) == (
        SessionState.RUNNING, "reconciled", ["ACME", "BETA"],
    )  # fmt: skip
    assert (found.equity_minor, found.marked_ns, found.ended_ns) == (42, 5 * SECOND, None)
    journal.append(StateChanged("stopping", "stopped", "end of data"))
    journal.flush()
    ended = sessions.get(journal.session_id)
    assert ended.ended_ns == ended.changed_ns == sessions.clock.now_ns()


def test_what_a_person_said_is_kept_with_who_and_why(
    sessions: SessionStore, journal: SessionJournal
) -> None:
    said = OperatorInput(5, b"", "approve", "me", "looks good", "wwiuz32gjobu7drg")
    sequence = journal.append(Taken(said, b""))
    journal.flush()
    (row,) = sessions.rows(journal.session_id, "session_approvals")
    assert row == {
        "session_id": journal.session_id, "sequence": sequence, "ts_ns": 5, "verb": "approve",
        "signal_id": "wwiuz32gjobu7drg", "who": "me", "why": "looks good",
    }  # fmt: skip


def test_incidents_are_what_a_person_should_know_of(
    sessions: SessionStore, journal: SessionJournal
) -> None:
    from engine.model import trading_layout as loop

    latch = {at.EVENT_KIND: at.KIND_LATCH_SET, at.EVENT_INSTRUMENT: -1, at.EVENT_TS: 3}
    latch |= {loop.LATCHED_LATCH: Latch.DAILY_LOSS, loop.LATCHED_SEVERITY: Severity.FLATTENING}
    journal.append(Taken(TimeInput(5), rows_of(latch)))
    journal.append(Noted("feed", "info", "ACME", "connected"))
    journal.append(Noted("feed", "warning", "ACME", "no data for 120 s\x00", 9))
    journal.append(StateChanged("running", "halted", "daily loss"))
    journal.flush()
    rows = sessions.rows(journal.session_id, "incidents")
    assert [(r["kind"], r["severity"], r["subject"], r["text"]) for r in rows] == [
        ("latch_set", "flattening", "daily_loss", ""),
        ("feed", "warning", "ACME", "no data for 120 s"),
        ("state", "critical", "halted", "daily loss"),
    ]
