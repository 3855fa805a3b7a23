"""What a run left behind, as a result: metrics, exact costs, tables, warnings."""

from runtime.results.context import Benchmark, PassportLines, RunContext, passport_lines
from runtime.results.frames import cash_frame, equity_frame, fills_frame
from runtime.results.orders import orders_frame
from runtime.results.output import RunOutput
from runtime.results.paths import path_result
from runtime.results.result import BacktestResult, build_result, result_to_json
from runtime.results.signals import checks_frame, signal_id, signals_frame
from runtime.results.statement import Statement, statement_of
from runtime.results.trades import trades_frame

__all__ = [
    "BacktestResult",
    "Benchmark",
    "PassportLines",
    "RunContext",
    "RunOutput",
    "Statement",
    "build_result",
    "cash_frame",
    "checks_frame",
    "equity_frame",
    "fills_frame",
    "orders_frame",
    "passport_lines",
    "path_result",
    "result_to_json",
    "signal_id",
    "signals_frame",
    "statement_of",
    "trades_frame",
]
