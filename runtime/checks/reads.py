"""What a strategy reads by itself, put under the same view as the run's own data.

A strategy that loads a file of the whole history would never notice that the run's data was cut. So
while a check runs, the ways to such a table lead through here: the product's own loaders, `open` of
text tables, numpy, polars and pandas readers. A table whose rows have a time (`runtime.checks.known`) is
cut, scrambled or begun later like the run. What else the strategy opened is listed: it was not
checked, and the report says so.
"""

from __future__ import annotations

import builtins
import importlib
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.history import History
from runtime.checks.known import Known
from runtime.checks.tables import Archive, Table, times_factors
from runtime.checks.views import View, Whole

_TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".dat")
_CODE_SUFFIXES = (".py", ".pyc", ".so", ".pyd", ".pth", ".toml")
_LOADERS = (
    ("data.samples", "load_sample"),
    ("runtime.backtest.histories", "load_history"),
    ("runtime.backtest.histories", "world_history"),
)
_NUMPY = ("load", "loadtxt", "genfromtxt")
_FRAMES = ("read_csv", "read_parquet", "read_ipc", "read_excel", "read_feather", "read_json")
_LAZY = ("scan_csv", "scan_parquet", "scan_ipc")
_CONNECTIONS = {"sqlite3.connect": "the database", "socket.connect": "the network address"}


class Reads:
    """The tables that one strategy reads, under one view after the other."""

    def __init__(self, history: History, code: Path | None, trusted: Sequence[Path]) -> None:
        self.under_view: set[str] = set()
        self.unchecked: set[str] = set()
        self._history = history
        self._code = code
        self._trusted = {path.resolve() for path in trusted}
        self._view: View = Whole()
        self._known: Known | None = None
        self._depth = 0
        self._text: str | Path | None = None
        self._tables: dict[tuple[str, int], Table | None] = {}

    @contextmanager
    def under(self, view: View) -> Iterator[None]:
        """Let everything that the strategy reads be as the view says."""
        if self._code is None:  # formulas read nothing
            yield
            return
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same line of a strategy, fifty times
            yield from self._changed_doors(view)

    def _changed_doors(self, view: View) -> Iterator[None]:
        self._view = view
        _watch_opens()
        changes = list(self._changes())
        saved = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
        _LISTENERS.append(self)
        try:
            for owner, name, changed in changes:
                setattr(owner, name, changed)
            yield
        finally:
            _LISTENERS.remove(self)
            for owner, name, original in saved:
                setattr(owner, name, original)

    def hear(self, event: str, path: str) -> None:
        """Note that something was opened that may hold the future."""
        if self._depth or not self._is_called_by_user():
            return
        if event in _CONNECTIONS:
            self.unchecked.add(f"{_CONNECTIONS[event]} {path}")
        elif not path.endswith(_CODE_SUFFIXES) and not _is_of_python(path):
            self.unchecked.add(path)

    def notes(self) -> list[str]:
        """Return what was read and not checked."""
        return sorted(self.unchecked - self.under_view)

    # --- the doors ---------------------------------------------------------------------------------
    def _changes(self) -> Iterator[tuple[Any, str, Any]]:
        from data.catalog import Dataset

        for module, name in _LOADERS:
            owner = importlib.import_module(module)
            yield owner, name, self._history_door(getattr(owner, name))
        yield Dataset, "load", self._history_door(Dataset.load)
        for name in _NUMPY:
            yield np, name, self._reader(getattr(np, name), self._array)
        yield builtins, "open", self._opener(builtins.open)
        yield io, "open", self._opener(io.open)
        import polars

        for frames in (polars, sys.modules.get("pandas")):
            for name in (each for each in _FRAMES if hasattr(frames, each)):
                yield frames, name, self._reader(getattr(frames, name), self._frame)
            for name in (each for each in _LAZY if hasattr(frames, each)):
                yield frames, name, self._reader(getattr(frames, name), self._lazy_frame)

    def _history_door(self, load: Callable[..., History]) -> Callable[..., History]:
        def door(*args: Any, **options: Any) -> History:
            with self._inside():
                history = load(*args, **options)
            if self._depth:
                return history
            self.under_view.add(history.passport.source)
            return self._view.history(history)

        return door

    def _reader(self, read: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
        def door(source: Any, *args: Any, **options: Any) -> Any:
            with self._inside():
                table = read(source, *args, **options)
            is_path = isinstance(source, str | Path)
            if self._depth or not is_path or self._is_trusted(source):
                return table
            self._text = source if str(source).endswith(_TABLE_SUFFIXES) else None
            changed = change(table)
            seen = self.unchecked if changed is None else self.under_view
            seen.add(str(source))
            return table if changed is None else changed

        return door

    def _opener(self, opened: Callable[..., Any]) -> Callable[..., Any]:
        def door(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
            is_table = isinstance(file, str | Path) and str(file).endswith(_TABLE_SUFFIXES)
            if not is_table or not mode.startswith("r") or "+" in mode or self._depth:
                return opened(file, mode, *args, **options)
            if self._is_trusted(file) or not self._is_called_by_user():
                return opened(file, mode, *args, **options)
            self._text = None
            with self._inside():
                table = self._table(Path(file), opened)
            if table is None:
                self.unchecked.add(str(file))
                return opened(file, mode, *args, **options)
            self.under_view.add(str(file))
            text = table.text(self._view)
            return io.BytesIO(text.encode()) if "b" in mode else io.StringIO(text)

        return door

    @contextmanager
    def _inside(self) -> Iterator[None]:
        """What a loader opens by itself is its own matter."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def _is_trusted(self, source: str | Path) -> bool:
        return Path(source).resolve() in self._trusted

    def _is_called_by_user(self) -> bool:
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == str(self._code):
                return True
            frame = frame.f_back  # type: ignore[assignment]
        return False

    # --- tables under the view -----------------------------------------------------------------------
    def _times(self, count: int, columns: Sequence[Any]) -> NDArray[np.int64] | None:
        if self._known is None:
            self._known = Known(self._history)
        known = self._known.times(count, columns)
        if known is None and self._text is not None:
            # Some columns of a text table were read; the others may say when.
            path, self._text = Path(self._text), None
            with self._inside():
                table = self._table(path, open)
            if table is not None and len(table.known) == count:
                return table.known
        return known

    def _table(self, path: Path, opened: Callable[..., Any]) -> Table | None:
        key = (str(path), path.stat().st_mtime_ns) if path.is_file() else (str(path), 0)
        if key not in self._tables:
            with opened(path, encoding="utf-8", errors="replace", newline="") as file:
                self._tables[key] = Table.read(file.read(), self._times)
        return self._tables[key]

    def _array(self, table: Any) -> Any:
        if isinstance(table, np.lib.npyio.NpzFile):
            found = {name: self._array(table[name]) for name in table.files}
            if all(each is None for each in found.values()):
                return None
            return Archive({n: table[n] if each is None else each for n, each in found.items()})
        if not isinstance(table, np.ndarray) or table.ndim == 0:
            return None
        columns = [table[name] for name in table.dtype.names or ()]
        if not columns:
            columns = [table] if table.ndim == 1 else list(table.T)
        known = self._times(len(table), columns)
        if known is None:
            return None
        changed = table.copy()
        factors = self._view.factors(known)
        for name in table.dtype.names or (...,):
            changed[name] = times_factors(changed[name], factors)
        return changed[self._view.keeps(known)]

    def _frame(self, frame: Any) -> Any:
        columns = [frame[name].to_numpy() for name in frame.columns]
        if not hasattr(frame, "filter_rows") and hasattr(frame, "index"):
            columns.append(frame.index.to_numpy())
        known = self._times(len(frame), columns)
        if known is None:
            return None
        factors, keeps = self._view.factors(known), self._view.keeps(known)
        changed = {
            name: times_factors(column, factors) for name, column in zip(frame.columns, columns)
        }
        if hasattr(frame, "iloc"):
            return frame.assign(**changed)[keeps]
        import polars as pl

        future = factors != 1.0
        if future.any():
            made = [
                pl.Series(name, changed[name]).cast(frame[name].dtype, strict=False)
                for name in frame.columns
                if frame[name].dtype.is_numeric()
            ]
            frame = frame.with_columns(made)
        return frame.filter(pl.Series(keeps))

    def _lazy_frame(self, frame: Any) -> Any:
        changed = self._frame(frame.collect())
        return None if changed is None else changed.lazy()


def _is_of_python(path: str) -> bool:
    return path.startswith((sys.prefix, sys.base_prefix, "/usr/share/zoneinfo", "/proc", "/dev"))


# An audit hook cannot be removed; it asks who listens.
_LISTENERS: list[Reads] = []
_HOOKED: list[bool] = []


def _watch_opens() -> None:
    if not _HOOKED:
        _HOOKED.append(True)
        sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _LISTENERS or (event != "open" and event not in _CONNECTIONS):
        return
    target = arguments[1] if event == "socket.connect" else arguments[0]
    is_read = event != "open" or not isinstance(arguments[1], str) or arguments[1].startswith("r")
    if is_read and not isinstance(target, int):
        _LISTENERS[-1].hear(event, str(target))
