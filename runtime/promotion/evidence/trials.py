"""How often a family was tried, and with what results: out of the registry of runs."""

from __future__ import annotations

import numpy as np

from engine.gate.evidence import DailySeries, Trials, pack_returns
from runtime.store.records import Evaluation


def trials_of(
    evaluations: list[Evaluation],
    daily: DailySeries,
    span_ns: tuple[int, int],
    *,
    failed_attempts: int,
    looks: int,
) -> Trials:
    """Return what was tried, by distinct evaluation.

    Parameters
    ----------
    evaluations
        All of the family; what failed has no returns, and counts.
    daily
        Of the run that is judged: the days on which returns are compared.
    span_ns
        First and last time of its data: evaluations of the same span have the same days.
    failed_attempts, looks
        See `engine.gate.evidence.Trials`.
    """
    days = len(daily.day_numbers) - 1
    first: dict[str, Evaluation] = {}
    for each in evaluations:
        known = first.setdefault(each.fingerprint, each)
        if not known.returns and each.returns:
            first[each.fingerprint] = each
    rows = [
        np.frombuffer(each.returns, dtype="<f8")
        for each in first.values()
        if (each.start_ns, each.end_ns) == span_ns and len(each.returns) == 8 * days
    ]
    return Trials(
        count=len(first),
        failed_attempts=failed_attempts,
        holdout_looks=looks,
        day_numbers=daily.day_numbers[1:],
        returns=pack_returns(np.array(rows)) if rows and days else b"",
    )


def readers_of(evaluations: list[Evaluation], holdout_ns: int) -> tuple[str, ...]:
    """Return which runs and sweeps have read data that were held out, each once, in their order."""
    return tuple(dict.fromkeys(each.source for each in evaluations if each.end_ns >= holdout_ns))
