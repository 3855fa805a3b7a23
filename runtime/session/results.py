"""A session's result as a backtest's: of its journal, and of the engine as it stands; nothing is played again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from time import perf_counter

import numpy as np

from engine.model import layout as at
from engine.model.units import NS_PER_SECOND, to_minor
from engine.ports import Rows
from runtime.backtest.run import context_of
from runtime.journal.entries import Entry
from runtime.journal.records import Intents, Taken
from runtime.results import RunOutput
from runtime.results.result import BacktestResult, build_result
from runtime.session.intake import to_rows
from runtime.session.paper import Wanted
from runtime.session.session import Session
from runtime.session_core.assembling import setup_of_session


def journal_rows(entries: Iterable[Entry]) -> Rows:
    """Return all rows that the engine has journaled, in order.

    What a crash has cut off stands twice, for it was taken again: the later one counts.
    """
    parts: list[bytes] = []
    pending: dict[int, bytes] = {}
    for entry in entries:
        if entry.kind not in ("intents", "taken"):
            continue
        match entry.record:
            case Intents() as sent:
                pending[sent.sending] = sent.decided
            case Taken() as taken:
                parts += [*pending.values(), taken.decided]
                pending.clear()
    return to_rows(b"".join(parts)).astype(np.int64, copy=True)


def output_of(session: Session, wanted: Wanted, entries: Iterable[Entry]) -> RunOutput:
    """Return what a session that has ended leaves behind; its state hash is that of its replay."""
    assert wanted.market is not None
    config, market, core = wanted.config, wanted.market, session.parts.core
    setup = setup_of_session(config, market)
    plain = core.plain
    return RunOutput(
        journal=journal_rows(entries),
        instruments=setup.instruments,
        currencies=setup.currencies,
        starting_cash_minor=to_minor(config.account.cash, name="account.cash"),
        ledger=np.array(plain.ledger),
        positions=np.array(plain.positions),
        orders=np.array(plain.orders)[: plain.account[at.ACCOUNT_ORDERS]],
        final_equity_minor=core.equity_minor,
        ambiguities=getattr(session.parts.broker, "ambiguities", 0),
        events=plain.account[at.ACCOUNT_EVENTS],
        periods_per_year=market.clockwork.periods_per_year,
        calendar=market.clockwork.account_calendar,
    )


def result_of(
    session: Session, wanted: Wanted, entries: Iterable[Entry], *, elapsed_ns: int
) -> BacktestResult | None:
    """Return the result of a session; None where it has seen nothing that could be judged."""
    assert wanted.history is not None
    output = output_of(session, wanted, entries)
    if at.KIND_EQUITY_MARKED not in output.rows_by_kind:
        return None
    context = context_of(
        wanted.config,
        wanted.history,
        wanted.catalog_root,
        None,
        is_compiled=False,
        started=perf_counter(),
    )
    warnings = list(wanted.config.warnings)
    if wanted.feed != "replay":  # the strategy's own data are not those that it traded on
        context = replace(context, history=None)
        warnings.append("its prices were a stream's; what stands under Data is of the backtest's")
    seconds = elapsed_ns / NS_PER_SECOND
    session_id = session.parts.journal.session_id
    return build_result(
        output,
        context=replace(
            context,
            elapsed_seconds=seconds,
            warnings=tuple(warnings),
            reproduce=f"trader replay {session_id}",
        ),
    )
