"""Trials in the registry of runs: the promotion gate counts every evaluation of a family.

A trial has the fingerprint of the single backtest with the same parameters on the same data, so
neither a repeated search nor a backtest of its best trial counts twice. Chunks are recorded after
their part is on the disk; what a kill between the two has left out is recorded on resuming.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.errors import InputError
from runtime.config import ParameterValue, StrategyConfig
from runtime.config.parameters import override
from runtime.store import NewSweep, State, Store, Trial
from runtime.store.figures import figures_of, to_bytes
from runtime.store.identity import DataIdentity, canonical_json, data_identity, identity_of
from runtime.sweep.files import replace_file
from runtime.sweep.folder import SweepFolder, values_of
from runtime.sweep.manifest import Manifest, SpanEntry
from runtime.sweep.trial import TrialRow

if TYPE_CHECKING:
    from runtime.sweep.run import Sweep

SWEEP_ID_NAME = "sweep-id"


class Recorder(Protocol):
    """Where trials are recorded."""

    def begin(self, sweep: Sweep, folder: SweepFolder) -> None:
        """Record that a sweep begins or goes on, before anything is run."""

    def add(self, rows: Sequence[TrialRow]) -> None:
        """Record rows; those that are recorded already stay as they are."""

    def finish(self, state: str) -> None:
        """Record how the sweep has ended: ``finished``, ``failed`` or ``interrupted``."""

    def count(self) -> int | None:
        """Return how many trials the family has by now; None where nobody counts."""


class NoRecorder:
    """Records nothing: for tests of the search itself."""

    def begin(self, sweep: Sweep, folder: SweepFolder) -> None:
        """Forget the sweep."""

    def add(self, rows: Sequence[TrialRow]) -> None:
        """Forget the rows."""

    def finish(self, state: str) -> None:
        """Forget the end."""

    def count(self) -> int | None:
        """Nobody counts."""
        return None


class StoreRecorder:
    """Records in the registry.

    Parameters
    ----------
    store
        The registry.
    catalog_root
        Where the dataset is, if it is in a catalog.
    command
        The command that was given, if any.
    """

    def __init__(
        self, store: Store, *, catalog_root: Path | None = None, command: str = ""
    ) -> None:
        self._store = store
        self._catalog_root = catalog_root
        self._command = command
        self._trials: _Trials | None = None
        self._sweep_id = ""

    def begin(self, sweep: Sweep, folder: SweepFolder) -> None:
        """Record the sweep, and its trials that the folder holds and the registry does not."""
        data = data_identity(sweep.config, sweep.history, self._catalog_root)
        self._trials = _Trials(sweep.config, sweep.history, data, sweep.manifest)
        self._sweep_id = self._known_id(folder) or self._new_id(sweep, folder, data)
        known = self._store.trial_fingerprints(self._sweep_id)
        done = folder.trial_count()
        if len(known) < done:
            self._add(
                each for each in self._trials.of_folder(folder) if each.fingerprint not in known
            )

    def _known_id(self, folder: SweepFolder) -> str:
        path = folder.root / SWEEP_ID_NAME
        sweep_id = path.read_text("utf-8").strip() if path.is_file() else ""
        if sweep_id:
            try:
                self._store.resume_sweep(sweep_id)
            except InputError:  # another registry than the one that it was begun in
                return ""
        return sweep_id

    def _new_id(self, sweep: Sweep, folder: SweepFolder, data: DataIdentity) -> str:
        manifest = sweep.manifest
        identity = identity_of(sweep.config, data)
        sweep_id = self._store.begin_sweep(
            NewSweep(
                family=identity.family,
                strategy=manifest.strategy,
                method="walk_forward" if manifest.walk_forward else manifest.method,
                space=canonical_json({**manifest.parameters, "where": manifest.where}),
                planned=manifest.trials,
                dataset=manifest.dataset,
                data_id=manifest.data,
                engine=identity.engine,
                command=self._command,
            )
        )
        replace_file(folder.root / SWEEP_ID_NAME, lambda path: path.write_text(sweep_id + "\n"))
        return sweep_id

    def add(self, rows: Sequence[TrialRow]) -> None:
        """Record rows in one transaction."""
        assert self._trials is not None, "a sweep begins before it has trials"
        self._add(self._trials.of_row(row) for row in rows)

    def _add(self, trials: Iterable[Trial]) -> None:
        self._store.add_trials(self._sweep_id, list(trials))

    def finish(self, state: str) -> None:
        """Record how the sweep has ended."""
        if self._sweep_id:
            self._store.finish_sweep(self._sweep_id, state)

    def count(self) -> int | None:
        """Return how many distinct evaluations the family has."""
        return None if self._trials is None else self._store.count_trials(self._trials.family)


@dataclass(frozen=True, slots=True, eq=False)
class _Trials:
    """Rows of one sweep as the registry wants them."""

    config: StrategyConfig
    history: History
    data: DataIdentity
    manifest: Manifest

    @property
    def family(self) -> str:
        return identity_of(self.config, self.data).family

    def of_row(self, row: TrialRow) -> Trial:
        span = self.manifest.spans[row.task.span]
        returns = None if row.run is None else row.run.returns
        return self._trial(row.task.parameters, span, returns, row.error)

    def of_folder(self, folder: SweepFolder) -> Iterator[Trial]:
        """Yield what the folder holds as trials."""
        spans = {(each.window, each.phase): each for each in self.manifest.spans}
        for row, returns in folder.rows():
            span = spans[row.get("walk_window"), row.get("walk_phase")]  # type: ignore[index]
            error = str(row["error"] or "")
            parameters = values_of(row, tuple(self.manifest.parameters))
            yield self._trial(parameters, span, None if error else returns, error)

    def _trial(
        self,
        parameters: Mapping[str, ParameterValue],
        span: SpanEntry,
        returns: NDArray[np.float64] | None,
        error: str,
    ) -> Trial:
        known = None if returns is None or np.isnan(returns).any() else returns
        config = replace(self.config, parameters=override(self.config.parameters, parameters))
        start_ns = self.data.start_ns if span.start_ns is None else span.start_ns
        end_ns = self.data.end_ns if span.end_ns is None else span.end_ns
        data = replace(self.data, start_ns=start_ns, end_ns=end_ns)
        identity = identity_of(config, data)
        return Trial(
            family=identity.family,
            fingerprint=identity.fingerprint,
            parameters=canonical_json({k: v.default for k, v in config.parameters.items()}),
            data_id=data.fingerprint,
            start_ns=start_ns,
            end_ns=end_ns,
            figures=figures_of(known),
            returns=to_bytes(known),
            state=State.FAILED if error else State.FINISHED,
            error=error,
        )
