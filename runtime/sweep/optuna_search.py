"""Search by optuna's tree-structured Parzen estimator, in batches that are the same on any machine.

The sampler is asked for a batch of trials, all of them are run, then it is told their results. Asked
again with the same seed and told the same, it asks the same: so a stopped search is resumed by going
through it from the start, with the rows that are there in place of runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import InputError
from runtime.config import ParameterValue
from runtime.sweep.ranking import LOWER_IS_BETTER
from runtime.sweep.space import Space
from runtime.sweep.trial import Task

if TYPE_CHECKING:
    import polars as pl

    from runtime.sweep.run import Sweep

BATCH = 16
_REFUSED_MAX = 1000  # draws in a row that the conditions refuse

Evaluate = Callable[[Sequence[Task]], "pl.DataFrame"]


def run_optuna(sweep: Sweep, evaluate: Evaluate) -> None:
    """Run a search of as many trials as were asked for.

    Parameters
    ----------
    evaluate
        Runs the tasks that are not done yet and returns the rows of all of them, in their order.
    """
    study = _study(sweep)
    for first in range(0, sweep.search.count, BATCH):
        count = min(BATCH, sweep.search.count - first)
        asked = [_ask(study, sweep.plan.space) for _ in range(count)]
        tasks = [Task(first + k, 0, parameters) for k, (_, parameters) in enumerate(asked)]
        values = evaluate(tasks)[sweep.metric].to_list()
        for (trial, _), value in zip(asked, values, strict=True):
            _tell(study, trial, value)


def _study(sweep: Sweep) -> Any:
    try:
        import optuna
    except ImportError:
        raise InputError(
            "optuna is not installed",
            where="--optuna",
            remedy="install the extra: pip install 'trader[search]'",
            code="sweep.no_optuna",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=sweep.search.seed, constant_liar=True)
    is_lower = sweep.metric in LOWER_IS_BETTER
    return optuna.create_study(sampler=sampler, direction="minimize" if is_lower else "maximize")


def _ask(study: Any, space: Space) -> tuple[Any, dict[str, ParameterValue]]:
    """Return a trial that the conditions admit, with its parameters."""
    for _ in range(_REFUSED_MAX):
        trial = study.ask()
        parameters = {axis.name: _suggested(trial, axis.name, axis.values) for axis in space.axes}
        number = np.array([space.number(parameters)], dtype=np.int64)
        if space.admits(number)[0]:
            return trial, parameters
        _tell(study, trial, None)
    raise InputError(
        f"optuna drew {_REFUSED_MAX} combinations in a row that the conditions refuse",
        where="--where",
        remedy="narrow the ranges, so that most combinations satisfy the conditions",
    )


def _suggested(trial: Any, name: str, values: tuple[ParameterValue, ...]) -> ParameterValue:
    """Return a value of an axis: by its place where the values ascend, else as one of a set."""
    is_ordered = not isinstance(values[0], bool) and all(a < b for a, b in pairwise(values))
    if is_ordered:
        place = trial.suggest_int(name, 0, len(values) - 1)
    else:
        place = trial.suggest_categorical(name, list(range(len(values))))
    return values[int(place)]


def _tell(study: Any, trial: Any, value: float | None) -> None:
    from optuna.trial import TrialState

    if value is None:
        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, value)
