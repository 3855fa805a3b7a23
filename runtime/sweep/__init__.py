"""Searches: many backtests of one strategy, every one of them a counted trial."""

from runtime.sweep.plan import Search
from runtime.sweep.result import SweepResult
from runtime.sweep.run import Place, Sweep, prepare_sweep, run_sweep
from runtime.sweep.space import Axis, Space, parse_axis, space_of
from runtime.sweep.windows import Length, WalkForward, parse_length

__all__ = [
    "Axis",
    "Length",
    "Place",
    "Search",
    "Space",
    "Sweep",
    "SweepResult",
    "WalkForward",
    "parse_axis",
    "parse_length",
    "prepare_sweep",
    "run_sweep",
    "space_of",
]
