"""What goes into the registry and what comes out of it: plain frozen values.

Money is Decimal (text in the database), times are nanoseconds UTC, statistics are floats and None
where they are undefined. What is JSON here is canonical: sorted keys, no spaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class State(StrEnum):
    """What became of a run, a sweep or a trial."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that is about to begin.

    Parameters
    ----------
    family, fingerprint
        See `runtime.store.identity.Identity`.
    strategy, path
        The strategy's name and file.
    parameters
        Names and values as text.
    dataset, data_id
        The dataset's name, and the fingerprint of exactly the data that the run sees.
    start_ns, end_ns
        First and last time of that data, nanoseconds UTC.
    configuration
        Canonical JSON of everything that changes results.
    engine
        Hash of the code that changes results.
    command
        The command that makes the same result.
    origin
        ``cli`` or ``python``.
    """

    family: str
    fingerprint: str
    strategy: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    dataset: str = ""
    data_id: str = ""
    start_ns: int = 0
    end_ns: int = 0
    configuration: str = "{}"
    engine: str = ""
    command: str = ""
    origin: str = "python"


@dataclass(frozen=True, slots=True)
class ReturnFigures:
    """What the promotion gate needs of a return series; see `runtime.store.figures`.

    `sharpe_daily` is mean over sample deviation, not annualized; `skew` and `kurtosis` are biased
    (normal: 0 and 3). None is undefined.
    """

    observations: int = 0
    total_return: float | None = None
    sharpe_daily: float | None = None
    max_drawdown: float | None = None
    skew: float | None = None
    kurtosis: float | None = None


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a finished run has left behind, of the pessimistic path.

    `returns` are the daily returns as little-endian float64; `summary` is the JSON of the result.
    """

    final_equity: Decimal
    currency: str
    state_hash: str
    figures: ReturnFigures = ReturnFigures()
    returns: bytes = b""
    summary: str = "{}"


@dataclass(frozen=True, slots=True)
class NewSweep:
    """A search that is about to begin.

    `method` is e.g. ``grid``, ``random`` or ``walk_forward``; `space` is canonical JSON of what is
    searched; `planned` is how many trials are meant to be made, 0 where nobody knows.
    """

    family: str
    strategy: str
    method: str
    space: str = "{}"
    planned: int = 0
    dataset: str = ""
    data_id: str = ""
    engine: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """One evaluation of a sweep; `parameters` is canonical JSON, see `RunOutcome` for the rest."""

    family: str
    fingerprint: str
    parameters: str
    data_id: str
    start_ns: int
    end_ns: int
    figures: ReturnFigures = ReturnFigures()
    returns: bytes = b""
    state: State = State.FINISHED
    error: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One look at data by a family: `source` is the id of a run or of a sweep; see `NewRun`."""

    source: str
    begun_ns: int
    fingerprint: str
    data_id: str
    start_ns: int
    end_ns: int
    returns: bytes


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as it is recorded.

    `duration_ns` and everything about the result are None or empty until it has ended; `returns`,
    `configuration` and `summary` are only filled by `Store.run`. `trials` is how many distinct
    evaluations the family has by now.
    """

    id: str
    family: str
    fingerprint: str
    state: State
    strategy: str
    path: str
    parameters: Mapping[str, str]
    dataset: str
    data_id: str
    start_ns: int
    end_ns: int
    engine: str
    command: str
    origin: str
    host: str
    pid: int
    begun_ns: int
    ended_ns: int | None
    final_equity: Decimal | None
    currency: str
    state_hash: str
    figures: ReturnFigures
    error: str
    configuration: str = "{}"
    summary: str = "{}"
    returns: bytes = b""

    @property
    def duration_ns(self) -> int | None:
        """How long it ran, by the wall clock."""
        return None if self.ended_ns is None else self.ended_ns - self.begun_ns

    def return_series(self) -> NDArray[np.float64]:
        """Return the daily returns, fractions, time ascending."""
        import numpy as np

        return np.frombuffer(self.returns, dtype="<f8").astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True)
class SweepRecord:
    """A sweep as it is recorded, and how many trials it holds."""

    id: str
    family: str
    strategy: str
    method: str
    state: State
    planned: int
    trials: int
    dataset: str
    command: str
    begun_ns: int
    ended_ns: int | None
