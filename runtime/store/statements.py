"""Every statement of the registry, written once in SQLAlchemy Core, by name.

The problem: a backtest of 0.9 s must be recorded, and importing SQLAlchemy costs 0.45 s. The options
were to accept that, to write SQL by hand beside the Core statements, or to compile the Core
statements once and keep the text. The choice is the last: `runtime.store.sqlite_text` is generated
from here (``python -m runtime.store.generate``), the SQLite backend runs that text through the
standard library, and every other database runs the statements themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from sqlalchemy import (
    BindParameter,
    ColumnClause,
    CompoundSelect,
    Executable,
    Select,
    Table,
    bindparam,
    func,
    insert,
    literal_column,
    null,
    select,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from runtime.store.core_text import Statement, begins, columns_of, is_meant, number
from runtime.store.promotion_tables import PROMOTION_EVENTS
from runtime.store.records import State
from runtime.store.session_statements import session_statements
from runtime.store.tables import RUNS, SWEEPS, TRIALS

# Constants stand in the text, so that what remains to be given is the caller's alone.
_RUNNING: ColumnClause[str] = literal_column(f"'{State.RUNNING.value}'")
_LARGE = ("configuration", "summary", "returns")
_ENDED = ("state", "ended_ns", "error")
_OUTCOME = (
    "state", "ended_ns", "final_equity", "currency", "state_hash", "observations", "total_return",
    "sharpe_daily", "max_drawdown", "skew", "kurtosis", "returns", "summary",
)  # fmt: skip


@cache
def statements(dialect: str) -> dict[str, Statement]:
    """Return all statements by name, for ``sqlite`` or ``postgresql``."""
    insert_of: Callable[[Table], Executable] = _inserts(dialect)
    return {
        "insert_run": Statement(insert(RUNS), columns_of(RUNS)),
        "finish_run": Statement(_change(RUNS), _OUTCOME),
        "end_run": Statement(_change(RUNS), _ENDED),
        "running_runs": Statement(_running(RUNS)),
        "runs": Statement(_runs()),
        "runs_of_family": Statement(_runs().where(begins(RUNS.c.family))),
        "run": Statement(
            select(RUNS)
            .where(is_meant(RUNS))
            .order_by(RUNS.c.id)
            .limit(number(2))
            .offset(number(0))
        ),
        "insert_sweep": Statement(insert(SWEEPS), columns_of(SWEEPS)),
        "end_sweep": Statement(_change(SWEEPS), ("state", "ended_ns")),
        "running_sweeps": Statement(_running(SWEEPS)),
        "sweeps": Statement(_sweeps()),
        "resume_sweep": Statement(_resume(), ("state", "host", "pid", "process")),
        "insert_trial": Statement(insert_of(TRIALS), columns_of(TRIALS)),
        "trials": Statement(_trials()),
        "trial_fingerprints": Statement(
            select(TRIALS.c.fingerprint).where(TRIALS.c.sweep_id == bindparam("sweep"))
        ),
        "evaluations": Statement(_evaluations()),
        "count_trials": Statement(_count()),
        "count_families": Statement(_count_families()),
        "tried": Statement(_tried()),
        **session_statements(dialect),
        "insert_promotion_event": Statement(
            insert_of(PROMOTION_EVENTS), columns_of(PROMOTION_EVENTS)
        ),
        "promotion_events": Statement(_promotion_events()),
        "promotion_head": Statement(_promotion_head()),
    }


def _inserts(dialect: str) -> Callable[[Table], Executable]:
    """Return the dialect's insert that leaves a row as it is when it is there already."""
    if dialect == "sqlite":
        return lambda table: sqlite.insert(table).on_conflict_do_nothing()
    assert dialect == "postgresql", dialect
    return lambda table: postgresql.insert(table).on_conflict_do_nothing()


def _change(table: Table) -> Executable:
    """Only what runs can end: an ended run is never changed again."""
    is_open = table.c.state == _RUNNING
    return update(table).where(table.c.id == bindparam("row_id"), is_open)


def _resume() -> Executable:
    return update(SWEEPS).where(SWEEPS.c.id == bindparam("row_id")).values(ended_ns=null())


def _running(table: Table) -> Executable:
    columns = (table.c.id, table.c.host, table.c.pid, table.c.process)
    return select(*columns).where(table.c.state == _RUNNING)


def _runs() -> Select[tuple[object, ...]]:
    light = [column for column in RUNS.columns if column.name not in _LARGE]
    newest_first = (RUNS.c.begun_ns.desc(), RUNS.c.id.desc())
    return select(*light).order_by(*newest_first).limit(bindparam("row_limit")).offset(number(0))


def _sweeps() -> Executable:
    count = select(func.count()).where(TRIALS.c.sweep_id == SWEEPS.c.id).scalar_subquery()
    newest_first = (SWEEPS.c.begun_ns.desc(), SWEEPS.c.id.desc())
    columns = [*SWEEPS.columns, count.label("trials")]
    return select(*columns).order_by(*newest_first).limit(bindparam("row_limit")).offset(number(0))


def _trials() -> Executable:
    found = select(TRIALS).where(TRIALS.c.sweep_id == bindparam("sweep"))
    return found.order_by(TRIALS.c.fingerprint)


def _promotion_events() -> Executable:
    sequence = PROMOTION_EVENTS.c.sequence
    return select(PROMOTION_EVENTS).where(sequence > bindparam("after")).order_by(sequence)


def _promotion_head() -> Executable:
    columns = (PROMOTION_EVENTS.c.sequence, PROMOTION_EVENTS.c.ts_ns, PROMOTION_EVENTS.c.hash)
    newest = select(*columns).order_by(PROMOTION_EVENTS.c.sequence.desc())
    return newest.limit(number(1)).offset(number(0))


def _evaluations() -> Executable:
    """Runs and trials of a family in the order of their beginning; a trial began with its sweep."""
    same = ("fingerprint", "data_id", "start_ns", "end_ns", "returns")
    of_family: BindParameter[str] = bindparam("family")
    runs = select(RUNS.c.id.label("source"), RUNS.c.begun_ns, *(RUNS.c[name] for name in same))
    trials = select(
        SWEEPS.c.id.label("source"), SWEEPS.c.begun_ns, *(TRIALS.c[name] for name in same)
    ).join_from(TRIALS, SWEEPS)
    both = union_all(
        runs.where(RUNS.c.family == of_family), trials.where(TRIALS.c.family == of_family)
    ).subquery()
    return select(both).order_by(both.c.begun_ns, both.c.source, both.c.fingerprint)


def _count() -> Executable:
    return select(func.count()).select_from(_tried().subquery())


def _tried() -> CompoundSelect[tuple[str]]:
    each = [
        select(table.c.fingerprint).where(table.c.family == bindparam("family"))
        for table in (RUNS, TRIALS)
    ]
    return union(*each)


def _count_families() -> Executable:
    each = [select(table.c.family, table.c.fingerprint) for table in (RUNS, TRIALS)]
    both = union(*each).subquery()
    return select(both.c.family, func.count().label("trials")).group_by(both.c.family)
