"""Tables that a strategy reads, with some rows left out and some numbers changed."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from runtime.checks.known import as_numbers, as_times
from runtime.checks.views import View


class Archive(dict[str, Any]):
    """Stands for a numpy archive."""

    @property
    def files(self) -> list[str]:
        return list(self)

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Table:
    """A text table: its lines, their cells, and when each row became known."""

    def __init__(
        self,
        lines: list[str],
        rows: list[list[str]],
        known: NDArray[np.int64],
        head: int,
        separator: str,
        numeric: list[bool],
    ) -> None:
        self._lines, self._rows, self.known = lines, rows, known
        self._head, self._separator, self._numeric = head, separator, numeric

    @staticmethod
    def read(text: str, times: Callable[..., NDArray[np.int64] | None]) -> Table | None:
        """Read a table, or return None when it is none, or nothing tells its times."""
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 3:
            return None
        separator = max(",;\t|", key=lines[1].count)
        rows = list(csv.reader(lines, delimiter=separator))
        if len({len(row) for row in rows}) != 1 or len(rows) != len(lines):
            return None
        head = 0 if any(as_numbers([cell]) is not None for cell in rows[0] if cell) else 1
        columns = list(zip(*rows[head:]))
        known = times(len(rows) - head, columns)
        if known is None:
            return None
        numeric = [as_numbers(each) is not None and as_times(each) is None for each in columns]
        return Table(lines, rows, known, head, separator, numeric)

    def text(self, view: View) -> str:
        """Return the table as it is under a view."""
        kept = view.keeps(self.known).tolist()
        factors = view.factors(self.known).tolist()
        lines = self._lines[: self._head]
        for k, line in enumerate(self._lines[self._head :]):
            if kept[k]:
                lines.append(line if factors[k] == 1.0 else self._changed(k, factors[k]))
        return "\n".join(lines) + "\n"

    def _changed(self, k: int, factor: float) -> str:
        cells = self._rows[self._head + k]
        return self._separator.join(
            _times_text(cell, factor) if numeric else cell
            for cell, numeric in zip(cells, self._numeric, strict=True)
        )


def _times_text(cell: str, factor: float) -> str:
    if not cell.strip():
        return cell
    value = float(cell) * factor
    return str(round(value)) if cell.strip().lstrip("+-").isdigit() else f"{value:.6f}"


def times_factors(column: Any, factors: NDArray[np.float64]) -> Any:
    """Return a numeric column with its rows multiplied; any other as it is."""
    kind = np.asarray(column).dtype.kind
    if kind not in "iuf" or (factors == 1.0).all() or as_times(column) is not None:
        return column
    shape = (-1, *([1] * (column.ndim - 1)))
    changed = column * factors.reshape(shape)
    return np.rint(changed).astype(column.dtype) if kind in "iu" else changed.astype(column.dtype)
