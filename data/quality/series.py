"""What the rules look at: one instrument's rows as floats, and a collector for what they find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data.actions import Action
from data.importing.findings import Findings
from data.numbers import Floats, Ints

LISTED_MAX = 10_000  # of one code in one instrument; more than a person or a repair list can use
_NO_NUMBER = ("data.not_a_number", "data.missing_value")


@dataclass(frozen=True, slots=True)
class Hit:
    """Rows that one rule found: their numbers, the column, and the sentence by position."""

    code: str
    rows: Ints
    column: str
    text: Callable[[int], str]
    counts: Ints | None = None  # what each row stands for, when it is more than itself


@dataclass(slots=True)
class Collector(Findings):
    """The import's collector, which keeps every row instead of the first few and never raises."""

    hits: list[Hit] = field(default_factory=list)

    def add(self, rows: Ints, column: str, code: str, text: Callable[[int], str]) -> None:
        """Record rows of one rule."""
        if code == "data.not_finite":  # text that is no number was told as that already
            told = [h.rows for h in self.hits if h.column == column and h.code in _NO_NUMBER]
            rows = rows[~np.isin(rows, np.concatenate(told))] if told else rows
        if len(rows):
            self.hits.append(Hit(code, rows, column, text))

    def add_runs(
        self, rows: Ints, counts: Ints, column: str, code: str, text: Callable[[int], str]
    ) -> None:
        """Record findings that stand for several rows, sessions or bars each."""
        if len(rows):
            self.hits.append(Hit(code, rows, column, text, counts))

    def raise_if_any(self) -> None:
        """Do nothing: a check goes on to the end."""

    def rows_of(self, codes: frozenset[str]) -> Ints:
        """Return the numbers of all rows with one of these codes."""
        found = [hit.rows for hit in self.hits if hit.code in codes]
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One kind of data of one instrument, in time order, without rows that are impossible.

    Parameters
    ----------
    calendar
        Name of the calendar; None when nobody said it: then nothing is held against one.
    rows
        Numbers of the rows as a person counts.
    open_ns, close_ns
        When a bar opens and closes; the same times for ticks.
    columns
        Role (``close``, ``bid``) to values.
    names
        Role to the column's name in the source.
    step_ns
        The usual distance of bars; None for ticks and single bars.
    """

    symbol: str
    kind: str
    calendar: str | None
    rows: Ints
    open_ns: Ints
    close_ns: Ints
    columns: Mapping[str, Floats]
    names: Mapping[str, str]
    step_ns: int | None
    actions: tuple[Action, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_daily(self) -> bool:
        """Whether a bar is a session."""
        return self.step_ns is not None and self.step_ns >= DAILY_NS

    def name(self, role: str) -> str:
        """Return the source's name of a column."""
        return self.names.get(role, role)


DAILY_NS = 20 * 3600 * 10**9


def local_level(values: Floats, *, block: int = 64) -> Floats:
    """Return the median of the block around each value, as an array of the same length.

    Blocks instead of a sliding window: the cost is linear, and a rule only needs the size of what
    is usual here.
    """
    count = len(values)
    if count == 0:
        return values
    blocks = max(1, count // block)
    edges = np.linspace(0, count, blocks + 1).astype(np.int64)
    medians = np.array([np.median(values[a:b]) for a, b in pairwise(edges)])
    return np.repeat(medians, np.diff(edges))


def runs_of(flags: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Return starts and ends (exclusive) of each run of True.

    Examples
    --------
    >>> runs_of(np.array([False, True, True, False, True]))
    (array([1, 4]), array([3, 5]))
    """
    padded = np.concatenate(([False], flags, [False])).astype(np.int8)
    steps = np.diff(padded)
    return np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)


def stamp(ts_ns: int, *, is_daily: bool = False) -> str:
    """Return a time as a person reads it: the day, or the second in UTC."""
    text = np.datetime_as_string(np.datetime64(ts_ns, "ns"), unit="D" if is_daily else "s")
    return str(text) if is_daily else f"{text}Z"
