"""`BacktestResult`: a finished backtest, as a person in a notebook or a command wants it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.model.units import MINOR_PER_UNIT, from_minor
from reports.formats import format_money, format_percent
from reports.summary import EquityCurve, PathResult, RunSummary, summary_to_json
from runtime.results.context import RunContext, period_of, warnings_of
from runtime.results.daily import DailyCloses, daily_closes, equity_points
from runtime.results.frames import cash_frame, equity_frame, fills_frame
from runtime.results.links import LOOP_TABLES, has_trading_loop
from runtime.results.orders import orders_frame
from runtime.results.output import RunOutput
from runtime.results.paths import path_result
from runtime.results.rows import tables_of
from runtime.results.shown import Shown
from runtime.results.statement import Statement, statement_of
from runtime.results.trades import trades_frame

if TYPE_CHECKING:
    import polars as pl

    from reports.charts import Picture
    from reports.record import RunDocument
    from reports.trading import LoopReport
    from runtime.results.journal import RunJournal

TABLES = ("fills", "orders", "trades", "equity", "cash")


@dataclass(frozen=True, eq=False, repr=False)
class BacktestResult(Shown):
    """One backtest: its summary, both ends of what the data leaves open, and its tables.

    The tables (`fills`, `orders`, `trades`, `equity`, `cash`) are those of the pessimistic end; they
    are built when first asked for. Those of the optimistic end come from the functions of the same
    names, e.g. ``fills_frame(result.optimistic)``. A strategy with signals, risk, exits or guards has
    five more (`signals`, `checks`, `exits`, `exit_attempts`, `guards`), else they have no rows.
    """

    summary: RunSummary
    pessimistic: RunOutput
    optimistic: RunOutput | None
    context: RunContext

    @cached_property
    def fills(self) -> pl.DataFrame:
        """One row per fill; see `fills_frame`."""
        return fills_frame(self.pessimistic)

    @cached_property
    def orders(self) -> pl.DataFrame:
        """One row per order, the denied ones among them; see `orders_frame`."""
        return orders_frame(self.pessimistic, fingerprint=self.context.fingerprint)

    @cached_property
    def trades(self) -> pl.DataFrame:
        """One row per round trip; see `trades_frame`."""
        return trades_frame(self.pessimistic, history=self.context.history)

    @cached_property
    def equity(self) -> pl.DataFrame:
        """The account at each daily close; see `equity_frame`."""
        return equity_frame(self.pessimistic)

    @cached_property
    def cash(self) -> pl.DataFrame:
        """Every movement of cash; see `cash_frame`."""
        return cash_frame(self.pessimistic)

    @cached_property
    def signals(self) -> pl.DataFrame:
        """One row per signal; see `signals_frame`."""
        from runtime.results.signals import signals_frame

        return signals_frame(self.pessimistic, fingerprint=self.context.fingerprint)

    @cached_property
    def checks(self) -> pl.DataFrame:
        """One row per risk check of each signal; see `checks_frame`."""
        from runtime.results.signals import checks_frame

        return checks_frame(self.pessimistic, fingerprint=self.context.fingerprint)

    @cached_property
    def exits(self) -> pl.DataFrame:
        """One row per exit; see `exits_frame`."""
        from runtime.results.exits import exits_frame

        return exits_frame(self.pessimistic)

    @cached_property
    def exit_attempts(self) -> pl.DataFrame:
        """One row per order to close; see `exit_attempts_frame`."""
        from runtime.results.exits import exit_attempts_frame

        return exit_attempts_frame(self.pessimistic)

    @cached_property
    def guards(self) -> pl.DataFrame:
        """One row per event of the guards; see `guards_frame`."""
        from runtime.results.guards import guards_frame

        return guards_frame(self.pessimistic)

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables that this run has."""
        return TABLES + (LOOP_TABLES if has_trading_loop(self.pessimistic) else ())

    @property
    def journal(self) -> RunJournal:
        """What was decided and happened, in order; see `runtime.explain`."""
        from runtime.results.journal import journal_of

        return journal_of(
            self.pessimistic, strategy=self.summary.strategy, fingerprint=self.context.fingerprint
        )

    @cached_property
    def statement(self) -> Statement:
        """From the starting cash to the final equity, to the minor unit."""
        return statement_of(self.pessimistic)

    @property
    def state_hash(self) -> str:
        """The identity of the pessimistic run's final state."""
        return self.pessimistic.state_hash

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader has to know."""
        return self.summary.warnings

    @property
    def final_equity(self) -> Decimal:
        """Equity at the end of the pessimistic run."""
        return self.summary.pessimistic.final_equity

    def metric(self, key: str) -> float | None:
        """Return a metric of the pessimistic run; None when undefined."""
        return self.summary.pessimistic.metrics[key]

    def plot(self, path: Path | str | None = None) -> Picture | None:
        """Write equity and drawdown as a picture; the suffix (.png, .svg, .pdf) decides.

        Without a path, return it for the notebook to show.
        """
        from reports.charts import plot_summary, summary_picture

        benchmark = self._benchmark_curve()
        if path is None:
            return summary_picture(self.summary, benchmark=benchmark)
        plot_summary(Path(path), self.summary, benchmark=benchmark)
        return None

    def tearsheet(self, *, width: int = 80) -> str:
        """Return the tear sheet as plain text."""
        from io import StringIO

        from rich.console import Console

        from reports.tearsheet import render_tearsheet

        page = StringIO()
        console = Console(file=page, width=width, color_system=None, legacy_windows=False)
        render_tearsheet(self.summary, console)
        return page.getvalue()

    def to_json(self, *, tables: bool = False) -> dict[str, object]:
        """Return the result as JSON values; see `result_to_json`."""
        return result_to_json(self, tables=tables)

    def document(self) -> RunDocument:
        """Return the whole result as one JSON document; see `reports.record`."""
        return self._document

    @cached_property
    def _document(self) -> RunDocument:
        from runtime.results.document import document_of

        return document_of(self)

    def recorded_as(self, run_id: str) -> BacktestResult:
        """Return the result with the id under which the registry knows it."""
        return replace(self, context=replace(self.context, run_id=run_id))

    def save(self, folder: Path | str) -> Path:
        """Write the document and all tables into a folder; see `runtime.results.saved`."""
        from runtime.results.saved import save_result

        return save_result(self, Path(folder))

    def __repr__(self) -> str:
        summary, path = self.summary, self.summary.pessimistic
        net, sharpe = summary.net_return(path), path.metrics["sharpe"]
        start, final = format_money(summary.starting_cash), format_money(path.final_equity)
        facts = [
            f"{start} -> {final} {summary.currency}",
            "no return" if net is None else format_percent(float(net), signed=True),
            "Sharpe undefined" if sharpe is None else f"Sharpe {sharpe:.2f}",
            f"{path.trades.closed:,} closed trades",
            f"state {self.state_hash[:12]}",
        ]
        return f"BacktestResult({summary.strategy}: {', '.join(facts)})"

    def _benchmark_curve(self) -> NDArray[np.float64] | None:
        if self.context.benchmark is None or self.summary.curve.ts_ns is not None:
            return None  # it has one price a day, the curve has many
        return self.context.benchmark.at_days(self.summary.curve.day_numbers)


def build_result(
    pessimistic: RunOutput, optimistic: RunOutput | None = None, *, context: RunContext
) -> BacktestResult:
    """Put a backtest's result together.

    Parameters
    ----------
    pessimistic, optimistic
        What the runs at both ends of what the data leaves open have left behind.
    context
        How and on what the strategy was run.

    Raises
    ------
    InternalFault
        If a ledger does not lead to its final equity.
    """
    days, tables = daily_closes(pessimistic), tables_of(pessimistic)
    start, end = period_of(pessimistic, context.history)
    benchmark = context.benchmark
    closes = None if benchmark is None else benchmark.at_days(days.day_numbers)
    summary = RunSummary(
        strategy=context.strategy,
        parameters=context.parameters,
        instruments=tuple(item.symbol for item in pessimistic.instruments),
        period_start_ns=start,
        period_end_ns=end,
        currency=pessimistic.currencies[0],
        starting_cash=from_minor(pessimistic.starting_cash_minor),
        pessimistic=path_result(
            pessimistic,
            history=context.history,
            benchmark_close=closes,
            tables=tables,
            days=days,
        ),
        optimistic=_optimistic_path(optimistic, context),
        curve=_curve(equity_points(pessimistic, days), end),
        passport=context.passport,
        assumptions=context.assumptions,
        engine_mode=context.engine_mode,
        events=pessimistic.events,
        elapsed_seconds=context.elapsed_seconds,
        reproduce=context.reproduce,
        benchmark="" if benchmark is None else benchmark.name,
        benchmark_return=None if closes is None else _growth(closes),
        warnings=(*context.warnings, *warnings_of(pessimistic, tables)),
        loop=_loop(pessimistic),
    )
    return BacktestResult(summary, pessimistic, optimistic, context)


def result_to_json(result: BacktestResult, *, tables: bool = False) -> dict[str, object]:
    """Return a result as JSON values: the summary, the statement and, if asked for, the tables.

    Money is text, exactly; times are ISO 8601 in UTC with nanoseconds.
    """
    statement = {name: f"{amount:f}" for name, amount in result.statement.lines()}
    ambiguities = result.pessimistic.ambiguities
    values = summary_to_json(result.summary) | {"statement": statement, "ambiguities": ambiguities}
    if tables:
        values["tables"] = {name: _rows(getattr(result, name)) for name in result.tables}
    return values


def _optimistic_path(output: RunOutput | None, context: RunContext) -> PathResult | None:
    if output is None:
        return None
    closes = None
    if context.benchmark is not None:
        closes = context.benchmark.at_days(daily_closes(output).day_numbers)
    return path_result(output, history=context.history, benchmark_close=closes)


def _loop(output: RunOutput) -> LoopReport | None:
    if not has_trading_loop(output):
        return None
    from runtime.results.guards import LoopTables

    return LoopTables(output)


def _curve(points: DailyCloses, end_ns: int) -> EquityCurve:
    """Return the points to draw; a fine curve ends with the data, not with the calendar's day."""
    is_fine = len(points.ts) > 1 and bool((np.diff(points.day_numbers[1:]) == 0).any())
    times = np.minimum(points.ts, end_ns) if is_fine else None
    return EquityCurve(points.day_numbers, points.equity / MINOR_PER_UNIT, times)


def _growth(closes: NDArray[np.float64]) -> float | None:
    return float(closes[-1] / closes[0]) - 1.0 if closes[0] > 0 else None


def _rows(frame: pl.DataFrame) -> list[dict[str, object]]:
    import polars.selectors as cs

    exact = frame.with_columns(cs.datetime().dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ"))
    rows = exact.to_dicts()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date | datetime) else value
