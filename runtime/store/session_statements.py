"""The statements of sessions, by name; see `runtime.store.statements` for how they are used."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Executable,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from runtime.store.core_text import Statement, columns_of, is_meant, number
from runtime.store.session_tables import (
    ALERTS,
    CHECKPOINTS,
    CONTROLS,
    JOURNAL,
    LEASES,
    PROJECTIONS,
    SESSION_ATTEMPTS,
    SESSION_EXITS,
    SESSION_ORDERS,
    SESSION_POSITIONS,
    SESSION_SIGNALS,
    SESSIONS,
)

_LEASED = ("epoch", "holder", "host", "pid", "process", "since_ns", "renewed_ns", "expires_ns")
_OPENED = (
    "strategy", "fingerprint", "account", "broker", "feed", "evidence", "mode", "symbols",
)  # fmt: skip


def session_statements(dialect: str) -> dict[str, Statement]:
    """Return the statements of sessions by name, for ``sqlite`` or ``postgresql``."""
    upsert = _upserts(dialect)
    return {
        **_sessions(),
        **_journal(),
        **_leases(dialect),
        **_controls(),
        **_alerts(),
        **_projections(upsert),
    }


def _upserts(dialect: str) -> Callable[[Table], Executable]:
    """Return the dialect's insert that replaces a row which is there already."""

    def of_sqlite(table: Table) -> Executable:
        made = sqlite.insert(table)
        return made.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={name: made.excluded[name] for name in _others(table)},
        )

    def of_postgresql(table: Table) -> Executable:
        made = postgresql.insert(table)
        return made.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={name: made.excluded[name] for name in _others(table)},
        )

    return of_sqlite if dialect == "sqlite" else of_postgresql


def _others(table: Table) -> list[str]:
    return [column.name for column in table.columns if not column.primary_key]


def _of(table: Table) -> ColumnElement[bool]:
    return table.c.session_id == bindparam("session")


def _sessions() -> dict[str, Statement]:
    newest_first = (SESSIONS.c.begun_ns.desc(), SESSIONS.c.id.desc())
    change = update(SESSIONS).where(SESSIONS.c.id == bindparam("session"))
    limit: BindParameter[int] = bindparam("row_limit")
    all_sessions = select(SESSIONS).order_by(*newest_first).limit(limit).offset(number(0))

    def of_all(condition: ColumnElement[bool]) -> Statement:
        return Statement(select(SESSIONS).where(condition).order_by(*newest_first))

    meant = select(SESSIONS).where(is_meant(SESSIONS)).order_by(SESSIONS.c.id)
    return {
        "insert_session": Statement(insert(SESSIONS), columns_of(SESSIONS)),
        "sessions": Statement(all_sessions),
        "sessions_of_account": of_all(SESSIONS.c.account == bindparam("of_account")),
        "sessions_of_broker": of_all(SESSIONS.c.broker == bindparam("of_broker")),
        "sessions_not_ended": of_all(SESSIONS.c.ended_ns.is_(None)),
        "session": Statement(meant.limit(number(2)).offset(number(0))),
        "session_row": Statement(select(SESSIONS).where(SESSIONS.c.id == bindparam("session"))),
        "set_session_opened": Statement(change, _OPENED),
        "set_session_state": Statement(change, ("state", "cause", "changed_ns", "ended_ns")),
        "set_session_process": Statement(change, ("host", "pid", "process")),
        "set_session_equity": Statement(change, ("equity_minor", "marked_ns")),
    }


def _journal() -> dict[str, Statement]:
    after = and_(_of(JOURNAL), JOURNAL.c.sequence > bindparam("after"))
    columns = [column for column in JOURNAL.columns if column.name != "session_id"]
    newest = CHECKPOINTS.c.sequence.desc()
    head = select(JOURNAL.c.sequence, JOURNAL.c.hash, JOURNAL.c.epoch).where(_of(JOURNAL))
    one = [JOURNAL.c.sequence, JOURNAL.c.hash, JOURNAL.c.epoch]
    return {
        "insert_entry": Statement(insert(JOURNAL), columns_of(JOURNAL)),
        "head": Statement(
            head.order_by(JOURNAL.c.sequence.desc()).limit(number(1)).offset(number(0))
        ),
        "entry_hash": Statement(
            select(*one).where(_of(JOURNAL), JOURNAL.c.sequence == bindparam("row_id"))
        ),
        "entries": Statement(
            select(*columns)
            .where(after)
            .order_by(JOURNAL.c.sequence)
            .limit(bindparam("row_limit"))
            .offset(number(0))
        ),
        "entries_of_kind": Statement(
            select(*columns)
            .where(after, JOURNAL.c.kind == bindparam("of_kind"))
            .order_by(JOURNAL.c.sequence)
        ),
        "count_of_kind": Statement(
            select(func.count().label("entries"))
            .select_from(JOURNAL)
            .where(_of(JOURNAL), JOURNAL.c.kind == bindparam("of_kind"))
        ),
        "insert_checkpoint": Statement(insert(CHECKPOINTS), columns_of(CHECKPOINTS)),
        "checkpoint": Statement(
            select(CHECKPOINTS).where(
                _of(CHECKPOINTS), CHECKPOINTS.c.sequence == bindparam("row_id")
            )
        ),
        "checkpoint_list": Statement(
            select(CHECKPOINTS.c.sequence).where(_of(CHECKPOINTS)).order_by(newest)
        ),
        "delete_checkpoints": Statement(
            delete(CHECKPOINTS).where(
                _of(CHECKPOINTS), CHECKPOINTS.c.sequence < bindparam("before")
            )
        ),
    }


def _leases(dialect: str) -> dict[str, Statement]:
    account = LEASES.c.account == bindparam("of_account")
    make: Callable[[Table], Executable] = (
        (lambda table: sqlite.insert(table).on_conflict_do_nothing())
        if dialect == "sqlite"
        else (lambda table: postgresql.insert(table).on_conflict_do_nothing())
    )
    held = and_(account, LEASES.c.epoch == bindparam("of_epoch"))
    return {
        "insert_lease": Statement(make(LEASES), columns_of(LEASES)),
        "lease": Statement(select(LEASES).where(account)),
        "lock_lease": Statement(select(LEASES).where(account).with_for_update()),
        "take_lease": Statement(update(LEASES).where(account), _LEASED),
        "renew_lease": Statement(update(LEASES).where(held), ("renewed_ns", "expires_ns")),
        "release_lease": Statement(update(LEASES).where(held), ("holder", "expires_ns")),
    }


def _controls() -> dict[str, Statement]:
    is_waiting = CONTROLS.c.done_ns.is_(None)
    waiting = and_(_of(CONTROLS), is_waiting)
    oldest_first = (CONTROLS.c.asked_ns, CONTROLS.c.id)
    unanswered = and_(CONTROLS.c.id == bindparam("row_id"), CONTROLS.c.done_ns.is_(None))
    return {
        "insert_control": Statement(insert(CONTROLS), columns_of(CONTROLS)),
        "controls_waiting": Statement(select(CONTROLS).where(waiting).order_by(*oldest_first)),
        "all_controls_waiting": Statement(
            select(CONTROLS).where(is_waiting).order_by(*oldest_first)
        ),
        "controls": Statement(select(CONTROLS).where(_of(CONTROLS)).order_by(*oldest_first)),
        "control": Statement(select(CONTROLS).where(CONTROLS.c.id == bindparam("row_id"))),
        "answer_control": Statement(update(CONTROLS).where(unanswered), ("done_ns", "answer")),
    }


def _alerts() -> dict[str, Statement]:
    of_session = ALERTS.c.session_id == bindparam("session")
    is_open = ALERTS.c.cleared_ns.is_(None)
    episode = and_(of_session, ALERTS.c.episode == bindparam("of_episode"), is_open)
    this = update(ALERTS).where(ALERTS.c.id == bindparam("row_id"))
    newest_first = (ALERTS.c.raised_ns.desc(), ALERTS.c.id.desc())
    found = select(ALERTS).order_by(*newest_first).limit(bindparam("row_limit")).offset(number(0))
    return {
        "insert_alert": Statement(insert(ALERTS), columns_of(ALERTS)),
        "open_alert": Statement(select(ALERTS).where(episode)),
        "repeat_alert": Statement(this, ("repeated_ns", "count", "text", "severity")),
        "clear_alert": Statement(this, ("cleared_ns",)),
        "deliver_alert": Statement(this, ("delivered",)),
        "alerts": Statement(found),
        "alerts_of_session": Statement(found.where(of_session)),
    }


def _projections(upsert: Callable[[Table], Executable]) -> dict[str, Statement]:
    found = {
        f"put_{table.name}": Statement(upsert(table), columns_of(table)) for table in PROJECTIONS
    }
    for table in PROJECTIONS:
        keys = [column for column in table.primary_key.columns if column.name != "session_id"]
        rows = select(table).where(_of(table)).order_by(*keys)
        found[f"all_{table.name}"] = Statement(rows)
        found[f"clear_{table.name}"] = Statement(delete(table).where(_of(table)))
    orders, trips = SESSION_ORDERS, SESSION_POSITIONS
    exits, attempts = SESSION_EXITS, SESSION_ATTEMPTS
    position: BindParameter[int] = bindparam("of_position")
    last = select(trips).where(_of(trips), trips.c.instrument == bindparam("of_instrument"))
    return found | {
        "order_row": Statement(
            select(orders).where(_of(orders), orders.c.order_id == bindparam("row_id"))
        ),
        "open_orders": Statement(
            select(orders)
            .where(
                _of(orders),
                orders.c.ended_ns.is_(None),
                orders.c.instrument == bindparam("of_instrument"),
            )
            .order_by(orders.c.order_id)
        ),
        "order_of_client": Statement(
            select(orders.c.order_id).where(_of(orders), orders.c.client_id == bindparam("client"))
        ),
        "last_trip": Statement(
            last.order_by(trips.c.row.desc()).limit(number(1)).offset(number(0))
        ),
        "trip_of_position": Statement(
            select(trips).where(_of(trips), trips.c.position == position).order_by(trips.c.row)
        ),
        "exits_of_position": Statement(
            select(exits).where(_of(exits), exits.c.position == position).order_by(exits.c.row)
        ),
        "attempts_of_position": Statement(
            select(attempts)
            .where(_of(attempts), attempts.c.position == position)
            .order_by(attempts.c.row)
        ),
        "delete_exit": Statement(
            delete(exits).where(_of(exits), exits.c.row == bindparam("row_id"))
        ),
        "signal_row": Statement(
            select(SESSION_SIGNALS).where(
                _of(SESSION_SIGNALS), SESSION_SIGNALS.c.number == bindparam("row_id")
            )
        ),
        "count_entries": Statement(select(func.count()).select_from(JOURNAL).where(_of(JOURNAL))),
    }
