"""Trials in the registry of runs: the promotion gate counts every evaluation of a family.

A trial has the fingerprint of the single backtest with the same parameters on the same data, so
neither a repeated search nor a backtest of its best trial counts twice. Chunks are recorded after
their part is on the disk; what a kill between the two has left out is recorded on resuming.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.errors import InputError
from runtime.store import NewSweep, Store, Trial
from runtime.store.identity import DataIdentity, canonical_json, data_identity, identity_of
from runtime.sweep.counted import TrialMaker
from runtime.sweep.files import replace_file
from runtime.sweep.folder import SweepFolder, values_of
from runtime.sweep.manifest import SpanEntry
from runtime.sweep.trial import TrialRow

if TYPE_CHECKING:
    from runtime.sweep.run import Sweep

SWEEP_ID_NAME = "sweep-id"


class Recorder(Protocol):
    """Where trials are recorded."""

    @property
    def maker(self) -> TrialMaker | None:
        """What makes the registry's trials where they run; None where nobody counts."""

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

    maker = None

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
        self._spans: Sequence[SpanEntry] = ()
        self.maker: TrialMaker | None = None
        self._sweep_id = ""

    def begin(self, sweep: Sweep, folder: SweepFolder) -> None:
        """Record the sweep, and its trials that the folder holds and the registry does not."""
        data = data_identity(sweep.config, sweep.history, self._catalog_root)
        self.maker = TrialMaker(sweep.config, data)
        self._spans = sweep.manifest.spans
        self._sweep_id = self._known_id(folder) or self._new_id(sweep, folder, data)
        known = self._store.trial_fingerprints(self._sweep_id)
        done = folder.trial_count()
        if len(known) < done:
            trials = _of_folder(self.maker, folder)
            self._add(each for each in trials if each.fingerprint not in known)

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
        self._add(row.record or self._made(row) for row in rows)

    def _made(self, row: TrialRow) -> Trial:
        """Return the trial of a row whose worker could not make it: it died."""
        assert self.maker is not None, "a sweep begins before it has trials"
        span = self._spans[row.task.span]
        returns = None if row.run is None else row.run.returns
        return self.maker.trial(
            row.task.parameters, (span.start_ns, span.end_ns), returns, row.error
        )

    def _add(self, trials: Iterable[Trial]) -> None:
        self._store.add_trials(self._sweep_id, list(trials))

    def finish(self, state: str) -> None:
        """Record how the sweep has ended."""
        if self._sweep_id:
            self._store.finish_sweep(self._sweep_id, state)

    def count(self) -> int | None:
        """Return how many distinct evaluations the family has."""
        return None if self.maker is None else self._store.count_trials(self.maker.family)


def _of_folder(maker: TrialMaker, folder: SweepFolder) -> Iterator[Trial]:
    """Yield what a folder holds as trials."""
    manifest = folder.manifest
    spans = {(each.window, each.phase): (each.start_ns, each.end_ns) for each in manifest.spans}
    for row, returns in folder.rows():
        span = spans[row.get("walk_window"), row.get("walk_phase")]  # type: ignore[index]
        error = str(row["error"] or "")
        parameters = values_of(row, tuple(manifest.parameters))
        yield maker.trial(parameters, span, None if error else returns, error)
