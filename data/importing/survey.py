"""The first reading of a large file: what only the whole of it can tell.

A file is converted in batches, but some things are properties of the whole: how many decimals an
instrument needs, how long its bars are, whether it has volumes at all. So it is read twice. The
first time nothing is kept but these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from data.importing.bartimes import format_timeframe, usual_step
from data.importing.define import Known, make_instrument, precisions
from data.importing.findings import Findings
from data.importing.options import ImportOptions
from data.importing.rules import check_rows
from data.importing.source import Source
from data.importing.table import (
    OPTIONAL_SIZES,
    SIZE_ROLES,
    Pins,
    Table,
    make_table,
    read_numbers,
)
from data.importing.times import TimeShape, time_shape
from data.importing.values import Numbers
from data.numbers import Ints
from engine.errors import DataError
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_SECOND

_NO_PINS = Pins(frozenset(), frozenset())


@dataclass(slots=True)
class Survey:
    """What the batches seen so far say about the file."""

    known: Known
    path: Path
    kind: str = ""
    word: str = "row"
    mapping: dict[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    rows: int = 0
    has_symbols: bool = True
    findings: Findings | None = None
    decimals: dict[str, tuple[int, int]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)  # rows by instrument
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)  # by instrument and role
    roles: frozenset[str] = frozenset()
    shape: TimeShape | None = None
    steps: Counter[int] = field(default_factory=Counter)

    def add(self, source: Source) -> None:
        """Look at the next batch.

        Raises
        ------
        DataError
            If the file cannot be understood.
        """
        table = make_table(source, self.known.options, [])
        if table.layout.kind == "actions":
            return self._be(table)
        table.pins = _NO_PINS
        if self.findings is not None:
            table.findings = self.findings
        self._be(table)
        numbers = read_numbers(table)
        optional = {role: numbers[role] for role in numbers.keys() & OPTIONAL_SIZES}
        self.roles |= optional.keys()
        good = self._check(table, numbers, optional)
        for symbol, group in zip(table.symbols, table.groups):
            self.counts[symbol] += len(group)
            for role, column in optional.items():
                self.missing[symbol, role] += int(column.is_missing[group].sum())
            self._measure(symbol, group[good[group]], numbers)
        self._time(table)
        return None

    def _be(self, table: Table) -> None:
        self.kind, self.word = table.layout.kind, table.findings.word
        self.mapping = {role: name for role, name in table.layout.roles.items() if name}
        self.ignored = table.layout.ignored
        self.findings = table.findings
        self.rows += len(table.rows)

    def _check(
        self, table: Table, numbers: Mapping[str, Numbers], optional: Mapping[str, Numbers]
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Record impossible rows; say which ones are good. A missing size may be no fault."""
        zeros = {role: _without_missing(column) for role, column in optional.items()}
        before = len(table.findings.rules)
        check_rows(table.layout.kind, {**numbers, **zeros}, table.rows, table.findings)
        rules = table.findings.rules[before:]
        bad = np.concatenate([rule.rows for rule in rules]) if rules else np.empty(0, np.int64)
        return ~np.isin(table.rows, bad)

    def _measure(self, symbol: str, group: Ints, numbers: Mapping[str, Numbers]) -> None:
        if self.known.of(symbol) is not None or len(group) == 0:
            return
        taken = {role: column.take(group) for role, column in numbers.items()}
        prices = [column for role, column in taken.items() if role not in SIZE_ROLES]
        sizes = [column for role, column in taken.items() if role in SIZE_ROLES]
        price, quantity = precisions(symbol, prices, sizes, self.known, str(self.path))
        before = self.decimals.get(symbol, (0, 0))
        self.decimals[symbol] = (max(price, before[0]), max(quantity, before[1]))

    def _time(self, table: Table) -> None:
        shape = time_shape(table)
        if shape is None:
            return
        if self.shape is not None and shape.is_date is not self.shape.is_date:
            raise DataError(
                f"column {shape.column} holds dates in one part and times in another",
                where=f"{self.path}, {table.findings.word} {int(table.rows[0])}",
                remedy="split the file there",
                code="data.timeframe_mixed",
            )
        self.shape = shape
        self.steps += shape.steps or Counter()

    def pins(self) -> Pins:
        """Return what the batches need to know about sizes."""
        absent = frozenset(
            role
            for role in self.roles
            if all(self.missing[symbol, role] == count for symbol, count in self.counts.items())
        )
        if ("bid_size" in self.roles - absent) != ("ask_size" in self.roles - absent):
            absent |= {"bid_size", "ask_size"}
        no_sizes = frozenset(
            symbol
            for symbol, count in self.counts.items()
            if any(self.missing[symbol, role] == count for role in self.roles - absent)
        )
        return Pins(absent, no_sizes)

    def notes(self) -> list[str]:
        """Return what a person should know about the sizes, as reading it whole would say."""
        return [
            f"column {self.mapping.get(role, role)} is empty: {role} is recorded as absent"
            for role in sorted(self.pins().absent)
        ]

    def options(self) -> ImportOptions:
        """Return the options under which every batch is read alike.

        Raises
        ------
        BadRowsError
            If rows cannot be true, and were not to be left out.
        DataError
            If the length of the bars cannot be told.
        """
        options = self.known.options
        assert self.findings is not None
        if not options.drop_bad_rows:
            self.findings.raise_if_any()
        made: dict[str, Instrument] = {
            symbol: make_instrument(symbol, price, quantity, self.known, str(self.path))
            for symbol, (price, quantity) in self.decimals.items()
        }
        pinned = replace(options, kind=self.kind, instruments={**options.instruments, **made})
        return pinned if self.shape is None else self._with_times(pinned, self.shape)

    def _with_times(self, options: ImportOptions, shape: TimeShape) -> ImportOptions:
        roles = {role for role, name in self.mapping.items() if name == shape.column}
        columns = dict(options.columns)
        if "date" in roles and "time" in self.mapping:
            columns.update({"date": shape.column, "time": ""})
        elif "time" in roles and "date" in self.mapping:
            columns.update({"time": shape.column, "date": ""})
        timeframe = options.timeframe
        if timeframe is None and shape.steps is not None and self._is_by_step(options):
            step = usual_step(self.steps)
            if step is not None and step % NS_PER_SECOND == 0:
                timeframe = format_timeframe(step)
        return replace(options, columns=columns, timeframe=timeframe)

    def _is_by_step(self, options: ImportOptions) -> bool:
        return options.stamp is None or options.stamp.value != "date"


def survey(known: Known, path: Path, batches: Iterable[Source]) -> Survey:
    """Read all batches of a file and return what they say.

    Raises
    ------
    DataError
        If the file cannot be understood, or has no rows.
    """
    seen = Survey(known, path)
    for source in batches:
        seen.add(source)
    if seen.rows == 0:
        raise DataError("no row is left to import", where=str(path), code="data.empty")
    return seen


def _without_missing(column: Numbers) -> Numbers:
    places = np.flatnonzero(column.is_missing).astype(np.int64)
    return column.filled(places) if len(places) else column
