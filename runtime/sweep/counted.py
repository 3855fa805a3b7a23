"""A trial as the registry counts it: its identity, its figures, its returns.

Made where the trial runs, so that the process that writes them all has little to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runtime.backtest.lean import LeanRun
from runtime.config import ParameterValue, StrategyConfig
from runtime.config.parameters import override
from runtime.store.figures import daily_ratio, figures_of, to_bytes
from runtime.store.identity import DataIdentity, Identities, canonical_json
from runtime.store.records import ReturnFigures, State, Trial

Span = tuple[int | None, int | None]


@dataclass(frozen=True, eq=False)
class TrialMaker:
    """Makes the registry's trials of one search; `data` is what the strategy's file names."""

    config: StrategyConfig
    data: DataIdentity

    @property
    def family(self) -> str:
        """The family whose trials these are."""
        return self._identities.family

    @cached_property
    def _identities(self) -> Identities:
        return Identities(self.config, self.data.market)

    def trial(
        self,
        parameters: Mapping[str, ParameterValue],
        span: Span,
        returns: NDArray[np.float64] | None,
        error: str = "",
        figures: ReturnFigures | None = None,
    ) -> Trial:
        """Return the trial of some parameters in a part of the data; None as an end is open.

        `figures` are those of the returns, where somebody knows them.
        """
        known = None if returns is None or np.isnan(returns).any() else returns
        config = replace(self.config, parameters=override(self.config.parameters, parameters))
        start_ns = self.data.start_ns if span[0] is None else span[0]
        end_ns = self.data.end_ns if span[1] is None else span[1]
        data = replace(self.data, start_ns=start_ns, end_ns=end_ns)
        identity = self._identities.identity(config, data)
        return Trial(
            family=identity.family,
            fingerprint=identity.fingerprint,
            parameters=canonical_json({k: v.default for k, v in config.parameters.items()}),
            data_id=self.data.fingerprint,
            start_ns=start_ns,
            end_ns=end_ns,
            figures=figures or figures_of(known),
            returns=to_bytes(known),
            state=State.FAILED if error else State.FINISHED,
            error=error,
        )

    def trial_of_run(
        self, parameters: Mapping[str, ParameterValue], span: Span, run: LeanRun
    ) -> Trial:
        """Return the trial of a finished run, some of whose figures are among its metrics."""
        return self.trial(parameters, span, run.returns, figures=_figures_of_run(run))


def _figures_of_run(run: LeanRun) -> ReturnFigures | None:
    """Return the figures of a run by its metrics, which are the same; None where they say nothing."""
    keys = ("total_return", "max_drawdown", "skewness", "kurtosis")
    total, drawdown, skew, kurtosis = (run.metric(key) for key in keys)
    if total is None or skew is None or kurtosis is None:
        return None
    return ReturnFigures(
        run.returns.size, total, daily_ratio(run.returns), drawdown, skew, kurtosis
    )
