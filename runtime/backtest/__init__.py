"""Backtests: a strategy, a history and a fill book, run to the end."""

from runtime.backtest.run import backtest_text, run_backtest

__all__ = ["backtest_text", "run_backtest"]
