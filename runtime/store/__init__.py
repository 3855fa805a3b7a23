"""The registry of runs: every evaluation of a strategy is recorded, whatever became of it.

`Store` is the only door. Values that go in and come out are in `runtime.store.records`; who a
strategy is, and whether two evaluations are one, in `runtime.store.identity`.
"""

from runtime.store.records import (
    NewRun,
    NewSweep,
    ReturnFigures,
    RunOutcome,
    RunRecord,
    State,
    SweepRecord,
    Trial,
)
from runtime.store.store import Store

__all__ = [
    "NewRun",
    "NewSweep",
    "ReturnFigures",
    "RunOutcome",
    "RunRecord",
    "State",
    "Store",
    "SweepRecord",
    "Trial",
]
