"""The folder of a sweep: parts as they come, one table at the end.

Each finished chunk is two files: first its return series, then its rows, each written aside and
renamed. A chunk is done when its rows are there, so a search that was killed at any moment goes on
with exactly the trials that are missing. At the end the parts become `results.parquet` and
`returns.parquet`, and go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.rules.metrics_many import KEYS
from runtime.config import ParameterValue
from runtime.results.columns import money
from runtime.sweep.files import replace_file, sweep_temporaries
from runtime.sweep.manifest import Manifest, SpanEntry
from runtime.sweep.trial import METRICS, TrialRow

if TYPE_CHECKING:
    import polars as pl

RESULTS_NAME = "results.parquet"
RETURNS_NAME = "returns.parquet"
PARTS_NAME = "parts"
UNDEFINED = np.full(len(KEYS), np.nan)
_NO_DAYS = np.zeros(0, dtype=np.int32)
_PART = re.compile(r"trials-(\d+)-(\d+)\.parquet")
OWN_COLUMNS = frozenset(
    {"trial", "walk_window", "walk_phase", "final_equity", "orders", "closed_trades", "ambiguities"}
    | {"state_hash", "error", *METRICS}
)


class SweepFolder:
    """The files of one sweep."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.root = root
        self.manifest = manifest
        self._parts = root / PARTS_NAME

    @property
    def results(self) -> Path:
        """The table of all trials, once the sweep is complete."""
        return self.root / RESULTS_NAME

    @property
    def returns(self) -> Path:
        """The daily returns of all trials, once the sweep is complete."""
        return self.root / RETURNS_NAME

    def is_complete(self) -> bool:
        """Return whether all trials are in their table."""
        return self.results.is_file()

    def prepare(self) -> None:
        """Make the folder for parts, and clean up after a killed process."""
        self._parts.mkdir(parents=True, exist_ok=True)
        sweep_temporaries(self.root)
        sweep_temporaries(self._parts)

    def missing(self, count: int) -> NDArray[np.int64]:
        """Return the numbers under `count` of the trials that no part holds, ascending."""
        is_done = np.zeros(count, dtype=np.bool_)
        for first, last in self.done():
            is_done[first : last + 1] = True
        return np.flatnonzero(~is_done)

    def done(self) -> list[tuple[int, int]]:
        """Return the first and last trial of each part, ascending."""
        matches = [_PART.fullmatch(path.name) for path in self._parts.glob("trials-*")]
        return sorted((int(m[1]), int(m[2])) for m in matches if m is not None)

    def write_part(self, rows: Sequence[TrialRow]) -> None:
        """Add the rows of a chunk of consecutive trials."""
        first, last = rows[0].task.number, rows[-1].task.number
        returns, trials = returns_frame(rows), trials_frame(rows, self.manifest)
        replace_file(self._part_path("returns", first, last), _writer(returns))
        replace_file(self._part_path("trials", first, last), _writer(trials))

    def read_parts(self, *, first: int = 0, last: int | None = None) -> pl.DataFrame:
        """Return the rows so far of the trials from `first` to `last`, by trial."""
        import polars as pl

        last = self.manifest.trials if last is None else last
        names = [(a, b) for a, b in self.done() if a <= last and b >= first]
        frames = [pl.read_parquet(self._part_path("trials", *each)) for each in names]
        return pl.concat(frames).filter(pl.col("trial").is_between(first, last))

    def trial_count(self) -> int:
        """Return how many trials the folder holds."""
        if self.is_complete():
            return self.manifest.trials
        return sum(last + 1 - first for first, last in self.done())

    def rows(self) -> Iterator[tuple[dict[str, object], NDArray[np.float64]]]:
        """Yield each trial's row and daily returns, part by part."""
        import polars as pl

        if self.is_complete():
            pairs = [(self.results, self.returns)]
        else:
            pairs = list(zip(self._part_paths("trials"), self._part_paths("returns"), strict=True))
        for trials, returns in pairs:
            series = pl.read_parquet(returns)["return"]
            for row, values in zip(pl.read_parquet(trials).iter_rows(named=True), series):
                yield row, values.to_numpy()

    def merge(self) -> None:
        """Put all parts into one table each; the sweep is complete then."""
        import polars as pl

        for name, path in (("returns", self.returns), ("trials", self.results)):
            frame = pl.scan_parquet(self._part_paths(name))
            replace_file(path, frame.sink_parquet)
        self.forget_parts()

    def forget_parts(self) -> None:
        """Delete the parts of a complete sweep."""
        for path in self._parts.glob("*.parquet"):
            path.unlink(missing_ok=True)
        if self._parts.is_dir() and not any(self._parts.iterdir()):
            self._parts.rmdir()

    def _part_paths(self, kind: str) -> list[Path]:
        return [self._part_path(kind, a, b) for a, b in self.done()]

    def _part_path(self, kind: str, first: int, last: int) -> Path:
        return self._parts / f"{kind}-{first:08d}-{last:08d}.parquet"


def _writer(frame: pl.DataFrame) -> Callable[[Path], None]:
    return frame.write_parquet


def column_name(parameter: str) -> str:
    """Return the column of a parameter: its name, unless the table has a column of that name."""
    return f"parameter_{parameter}" if parameter in OWN_COLUMNS else parameter


def trials_frame(rows: Sequence[TrialRow], manifest: Manifest) -> pl.DataFrame:
    """Return one row per trial: parameters, metrics, result."""
    import polars as pl

    spans = [manifest.spans[row.task.span] for row in rows]
    runs = [row.run for row in rows]
    columns = [pl.Series("trial", [row.task.number for row in rows], dtype=pl.Int64)]
    columns += _window_columns(spans)
    for name, text in manifest.parameters.items():
        columns.append(_parameter_column(name, rows, is_whole=not set(text) & set(".E")))
    table = np.array([UNDEFINED if run is None else run.metrics for run in runs])
    metrics = pl.DataFrame({key: table[:, KEYS.index(key)].copy() for key in METRICS})
    columns += metrics.fill_nan(None).get_columns()
    known = np.array([run is not None for run in runs])
    equity = [0 if run is None else run.final_equity_minor for run in runs]
    columns.append(_where(money("final_equity", np.array(equity, dtype=np.int64)), known))
    for name in ("orders", "closed_trades", "ambiguities"):
        counts = [None if run is None else getattr(run, name) for run in runs]
        columns.append(pl.Series(name, counts, dtype=pl.Int64))
    hashes = [None if run is None else run.state_hash for run in runs]
    columns.append(pl.Series("state_hash", hashes, dtype=pl.String))
    columns.append(pl.Series("error", [row.error or None for row in rows], dtype=pl.String))
    return pl.DataFrame(columns)


def _window_columns(spans: Sequence[SpanEntry]) -> list[pl.Series]:
    import polars as pl

    if all(span.window is None for span in spans):
        return []
    return [
        pl.Series("walk_window", [span.window for span in spans], dtype=pl.Int64),
        pl.Series("walk_phase", [span.phase for span in spans], dtype=pl.String),
    ]


def _parameter_column(name: str, rows: Sequence[TrialRow], *, is_whole: bool) -> pl.Series:
    import polars as pl

    values = [row.task.parameters[name] for row in rows]
    if isinstance(values[0], bool):
        return pl.Series(column_name(name), values, dtype=pl.Boolean)
    if is_whole:
        return pl.Series(column_name(name), [int(value) for value in values], dtype=pl.Int64)
    return pl.Series(column_name(name), [float(value) for value in values], dtype=pl.Float64)


def _where(series: pl.Series, known: NDArray[np.bool_]) -> pl.Series:
    from runtime.results.columns import where

    return where(series, known)


def returns_frame(rows: Sequence[TrialRow]) -> pl.DataFrame:
    """Return one row per trial: its days and its daily returns, as lists of one length."""
    import polars as pl

    days = [_NO_DAYS if row.run is None else row.run.days.astype(np.int32) for row in rows]
    return pl.DataFrame(
        [
            pl.Series("trial", [row.task.number for row in rows], dtype=pl.Int64),
            _lists("day", days).cast(pl.List(pl.Date)),
            _lists("return", [row.returns for row in rows]),
        ]
    )


def _lists(name: str, columns: Sequence[NDArray[Any]]) -> pl.Series:
    """Return arrays as a column of lists; of one length, which is usual, as one block."""
    import polars as pl

    kind = pl.List(pl.Int32 if columns[0].dtype == np.int32 else pl.Float64)
    if len({len(column) for column in columns}) == 1 and len(columns[0]):
        return pl.Series(name, np.stack(columns)).cast(kind)
    return pl.Series(name, [pl.Series(column) for column in columns], dtype=kind)


def values_of(row: dict[str, object], names: Sequence[str]) -> dict[str, ParameterValue]:
    """Return the parameters of a row of `results.parquet` as a strategy takes them."""
    from decimal import Decimal

    made: dict[str, ParameterValue] = {}
    for name in names:
        value = row[column_name(name)]
        made[name] = value if isinstance(value, bool) else Decimal(str(value))
    return made
