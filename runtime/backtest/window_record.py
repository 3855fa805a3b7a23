"""What is left of a run over windows: its journal on disk, and of the market what results look up.

Decisions grow with time, though much slower than data. So the journal goes into a temporary file that
has no name, and is read back through the system's page cache. Of the market data the rows in force at
each decision, fill and change of a position are kept, the last of each day of the benchmark, and some
for a chart.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.frames import AnyColumns
from data.history import BarColumns, History, InstrumentHistory
from data.sorting import distinct
from data.streams import HistoryStream, HistoryWindow
from data.thinned import Sieve, ThinnedHistory
from engine.errors import InputError
from engine.model import layout as at
from runtime.backtest.clockwork import Clockwork
from runtime.results.document import BARS_SHOWN

Ints = NDArray[np.int64]

KINDS = ("bars", "quotes", "trades")
CHARTED = 60  # instruments of which a chart can be drawn; of more, only the kept rows are left
_LOOKED_UP = (at.KIND_SUBMITTED, at.KIND_FILL, at.KIND_POSITION_CHANGED)
_COPY_ROWS = 65_536


class JournalFile:
    """Journal rows in a file without a name: it is gone when the process ends, however it ends."""

    def __init__(self) -> None:
        self._file: Any = tempfile.TemporaryFile(prefix="trader-journal-")  # noqa: SIM115
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def copy(self, rows: int) -> JournalFile:
        """Return a file of its own with the first rows of this one."""
        other, whole = JournalFile(), self.rows()
        for start in range(0, rows, _COPY_ROWS):
            other.append(whole[start : min(start + _COPY_ROWS, rows)])
        return other

    def append(self, rows: Ints) -> None:
        """Write rows at the end.

        Raises
        ------
        InputError
            If the disk is full.
        """
        try:
            self._file.write(np.ascontiguousarray(rows).data)
        except OSError as error:
            raise InputError(
                f"the journal of the run cannot be written: {error.strerror}",
                where=tempfile.gettempdir(),
                remedy="free some space there, or set TMPDIR to a folder that has more",
            ) from None
        self._rows += len(rows)

    def rows(self) -> Ints:
        """Return all rows, as an array over the file."""
        shape = (self._rows, at.EVENT_WIDTH)
        if not self._rows:
            return np.zeros(shape, dtype=np.int64)
        self._file.flush()
        # An ndarray, not a memmap: it keeps the map alive, and the map the file.
        return np.asarray(np.memmap(self._file, dtype=np.int64, mode="r", shape=shape))


class MarketRecord:
    """Keeps of each window the rows that results look up.

    Parameters
    ----------
    stream
        The data.
    benchmark
        The symbol whose daily closes are wanted, if it is among the instruments.
    """

    def __init__(self, stream: HistoryStream, clockwork: Clockwork, benchmark: str | None) -> None:
        self._outline, self._clockwork = stream.outline, clockwork
        symbols = stream.outline.symbols
        self._benchmark = symbols.index(benchmark) if benchmark in symbols else -1
        self._actions = [a for a in stream.outline.actions if a.symbol == benchmark]
        spread = BARS_SHOWN if len(symbols) <= CHARTED else 1
        numbers = {symbol: k for k, symbol in enumerate(symbols)}
        self._sieves = {
            (numbers[reader.instrument.symbol], reader.kind): Sieve(len(reader), spread)
            for reader in stream.readers
        }

    def add(self, window: HistoryWindow, journals: Sequence[Ints]) -> None:
        """Keep what is looked up because of the rows that a window added to some journals."""
        times = _times_by_instrument(journals, len(window.parts))
        for k, part in enumerate(window.parts):
            for kind in KINDS:
                columns: AnyColumns | None = getattr(part, kind)
                if columns is not None:
                    self._add(k, kind, columns, times[k])

    def history(self) -> History:
        """Return the kept rows, as the history that results look things up in."""
        whole = self._outline
        parts = tuple(self._part(k, part) for k, part in enumerate(whole.parts))
        return History(parts, whole.actions, whole.passport, [whole.fingerprint])

    def _add(self, k: int, kind: str, columns: AnyColumns, times: Ints) -> None:
        sieve = self._sieves[k, kind]
        places = np.searchsorted(columns.ts_ns, times, side="right") - 1
        if isinstance(columns, BarColumns) and k == self._benchmark and len(columns):
            places = np.concatenate((places, self._benchmark_places(columns, sieve.seen)))
        sieve.add(columns, places)

    def _benchmark_places(self, bars: BarColumns, seen: int) -> Ints:
        """Return the last bar of each day, the first of all, and those around actions."""
        calendar = self._outline.instruments[self._benchmark].calendar
        found = [self._clockwork.last_of_days(calendar, bars)]
        if seen == 0:
            found.append(np.zeros(1, dtype=np.int64))
        after = np.array([action.ts_ex_ns for action in self._actions], dtype=np.int64)
        firsts = np.searchsorted(bars.ts_open_ns, after)
        firsts = firsts[firsts < len(bars)]
        found += [firsts, firsts - 1]
        return np.concatenate(found)

    def _part(self, k: int, part: InstrumentHistory) -> ThinnedHistory:
        found: dict[str, Any] = {}
        for kind in KINDS:
            kept = self._sieves[k, kind].finish() if (k, kind) in self._sieves else None
            if kept is not None:
                found[kind] = kept[0]
                if kind == "bars":
                    found["bar_counts"] = kept[1]
        return ThinnedHistory(part.instrument, **found)


def _times_by_instrument(journals: Sequence[Ints], count: int) -> list[Ints]:
    """Return when each instrument's data may be looked up."""
    tables = [rows[np.isin(rows[:, at.EVENT_KIND], _LOOKED_UP)] for rows in journals]
    rows = np.concatenate([table[:, (at.EVENT_INSTRUMENT, at.EVENT_TS)] for table in tables])
    order = np.argsort(rows[:, 0], kind="stable")
    edges = np.searchsorted(rows[order, 0], np.arange(count + 1))
    times = rows[order, 1]
    return [distinct(times[edges[k] : edges[k + 1]]) for k in range(count)]
