"""One trial of a search: what is to be run, and the row that it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import TraderError
from engine.rules.metrics import DEFINITIONS
from runtime.backtest.lean import Bench, LeanRun
from runtime.config import ParameterValue
from runtime.store.records import Trial

# A lean run knows neither decision prices nor another dataset's closes.
METRICS = tuple(row.key for row in DEFINITIONS if row.key != "implementation_shortfall")
ERROR_TEXT_MAX = 500

Span = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Task:
    """A trial to be run: its number, what it trades in (a place in the list of spans), parameters."""

    number: int
    span: int
    parameters: Mapping[str, ParameterValue]


@dataclass(frozen=True, slots=True, eq=False)
class TrialRow:
    """What became of a trial; a failed one has an error and undefined numbers.

    `record` is what the registry keeps of it, where somebody counts.
    """

    task: Task
    run: LeanRun | None
    error: str = ""
    record: Trial | None = None

    @property
    def returns(self) -> NDArray[np.float64]:
        """Daily returns; empty for a failed trial."""
        return np.empty(0) if self.run is None else self.run.returns


def run_trials(bench: Bench, tasks: Sequence[Task], *, hashed: bool) -> list[TrialRow]:
    """Run trials; whatever a strategy does wrong with one becomes the error of its row."""
    runs = bench.run_many([task.parameters for task in tasks], hashed=hashed)
    return [
        TrialRow(task, None, error_text(run)) if isinstance(run, Exception) else TrialRow(task, run)
        for task, run in zip(tasks, runs, strict=True)
    ]


def error_text(error: BaseException) -> str:
    """Return an error in one line."""
    text = str(error) if isinstance(error, TraderError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:ERROR_TEXT_MAX]
