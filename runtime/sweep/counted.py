"""A trial as the registry counts it: its identity, its figures, its returns.

Made where the trial runs, so that the process that writes them all has little to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runtime.config import ParameterValue, StrategyConfig
from runtime.config.parameters import override
from runtime.store.figures import figures_of, to_bytes
from runtime.store.identity import DataIdentity, canonical_json, identity_of
from runtime.store.records import State, Trial


@dataclass(frozen=True, slots=True, eq=False)
class TrialMaker:
    """Makes the registry's trials of one search; `data` is what the strategy's file names."""

    config: StrategyConfig
    data: DataIdentity

    @property
    def family(self) -> str:
        """The family whose trials these are."""
        return identity_of(self.config, self.data).family

    def trial(
        self,
        parameters: Mapping[str, ParameterValue],
        span: tuple[int | None, int | None],
        returns: NDArray[np.float64] | None,
        error: str = "",
    ) -> Trial:
        """Return the trial of some parameters in a part of the data; None as an end is open."""
        known = None if returns is None or np.isnan(returns).any() else returns
        config = replace(self.config, parameters=override(self.config.parameters, parameters))
        start_ns = self.data.start_ns if span[0] is None else span[0]
        end_ns = self.data.end_ns if span[1] is None else span[1]
        identity = identity_of(config, replace(self.data, start_ns=start_ns, end_ns=end_ns))
        return Trial(
            family=identity.family,
            fingerprint=identity.fingerprint,
            parameters=canonical_json({k: v.default for k, v in config.parameters.items()}),
            data_id=self.data.fingerprint,
            start_ns=start_ns,
            end_ns=end_ns,
            figures=figures_of(known),
            returns=to_bytes(known),
            state=State.FAILED if error else State.FINISHED,
            error=error,
        )
