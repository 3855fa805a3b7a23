"""A quality check of a dataset or of a file that was never imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from data.actions import Action
from data.catalog import Dataset
from data.frames import AnyColumns
from data.history import BarColumns, History, InstrumentHistory, QuoteColumns, TradeColumns
from data.importing.bartimes import BarTimes, usual_step_ns
from data.importing.define import Known
from data.importing.options import ImportOptions, Stamp
from data.importing.rules import check_order, check_rows
from data.importing.source import keep_rows, read_source
from data.importing.table import SIZE_ROLES, Table, make_table, read_numbers, without_empty_sizes
from data.importing.times import row_times, same_as_before
from data.importing.values import Numbers
from data.numbers import Floats, Ints, to_floats
from data.quality.codes import RULES, Severity
from data.quality.moves import check_moves
from data.quality.report import Finding, QualityReport
from data.quality.series import LISTED_MAX, Collector, Series
from data.quality.still import check_still
from data.quality.times import check_times
from engine.errors import DataError
from engine.model.instruments import Instrument

Progress = Callable[[float, str], None]
_IMPOSSIBLE = frozenset(code for code, rule in RULES.items() if rule.severity is Severity.ERROR)
_NO_TIME = frozenset({"data.bad_time", "data.ambiguous_local_time", "data.not_a_session"})
_ORDER = {severity: place for place, severity in enumerate(Severity)}


def check_dataset(
    dataset: Dataset,
    instruments: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> QualityReport:
    """Check the data of some instruments, or of all, one after the other.

    Raises
    ------
    DataError
        If an instrument is unknown or a file is damaged.
    """
    tell = progress or (lambda _fraction, _step: None)
    symbols = dataset.symbols if instruments is None else tuple(instruments)
    sheet = _Sheet(dataset.name, symbols)
    actions = dataset.actions()
    for place, symbol in enumerate(symbols):
        tell(place / len(symbols), symbol)
        sheet.add(dataset.load([symbol]).parts[0], actions)
    return sheet.report()


def check_history(
    history: History, name: str, instruments: Sequence[str] | None = None
) -> QualityReport:
    """Check a history in memory: a sample, or what was built from arrays."""
    symbols = history.symbols if instruments is None else tuple(instruments)
    sheet = _Sheet(name, symbols)
    for symbol in symbols:
        sheet.add(history[symbol], history.actions)
    return sheet.report()


@dataclass(slots=True)
class _Sheet:
    """The findings so far, instrument by instrument."""

    name: str
    symbols: tuple[str, ...]
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, part: InstrumentHistory, actions: Sequence[Action]) -> None:
        """Check all data of one instrument."""
        mine = tuple(action for action in actions if action.symbol == part.instrument.symbol)
        for columns in (part.bars, part.quotes, part.trades):
            if columns is None or len(columns) == 0:
                continue
            findings, counts = check_columns(part.instrument, columns, mine)
            self.rows += len(columns)
            self.spans.append((int(columns.ts_ns[0]), int(columns.ts_ns[-1])))
            self.findings += findings
            self.counts += counts

    def report(self) -> QualityReport:
        """Return everything that was found."""
        return QualityReport(
            self.name,
            self.rows,
            self.symbols,
            min((first for first, _ in self.spans), default=None),
            max((last for _, last in self.spans), default=None),
            _sorted(self.findings),
            dict(self.counts),
        )


def check_columns(
    instrument: Instrument, columns: AnyColumns, actions: tuple[Action, ...] = ()
) -> tuple[list[Finding], Counter[str]]:
    """Check one block of columns; return its findings, and how many there are of each code."""
    kind = kind_of(columns)
    rows = np.arange(1, len(columns) + 1, dtype=np.int64)
    found = Collector(instrument.symbol, "row")
    floats = _floats(instrument, columns)
    absent = np.zeros(len(columns), dtype=np.bool_)
    numbers = {role: Numbers(role, values, absent) for role, values in floats.items()}
    opens = columns.ts_open_ns if isinstance(columns, BarColumns) else columns.ts_ns
    times = BarTimes(opens, columns.ts_ns, "")
    place = np.arange(len(columns), dtype=np.int64)
    check_rows(kind, numbers, rows, found)
    _check_instrument(
        instrument.symbol, kind, instrument.calendar, rows, place, numbers, times, found, actions
    )
    return _findings(found, {instrument.symbol: place}, kind, rows, times.close_ns, numbers)


def check_file(
    path: Path, options: ImportOptions, progress: Progress | None = None
) -> QualityReport:
    """Check a CSV or Parquet file as it is, without importing it.

    What an import would ask is assumed instead, and the report's notes say so: UTC where a zone is
    missing, a bar's time as its close; without a calendar nothing is held against one.

    Raises
    ------
    DataError
        If the file is no table of bars, quotes or trades.
    """
    tell = progress or (lambda _fraction, _step: None)
    tell(0.0, "reading")
    table, numbers, times = read_for_check(path, options)
    found = table.findings
    assert isinstance(found, Collector)
    tell(0.3, "checking")
    check_rows(table.layout.kind, numbers, table.rows, found)
    _check_groups(table, numbers, times, options, found)
    tell(0.9, "checking")
    groups = dict(zip(table.symbols, table.groups))
    findings, counts = _findings(
        found, groups, table.layout.kind, table.rows, times.close_ns, numbers
    )
    known = times.close_ns[times.close_ns != 0]
    return QualityReport(
        path.name,
        len(table.rows),
        tuple(table.symbols),
        int(known.min()) if len(known) else None,
        int(known.max()) if len(known) else None,
        _sorted(findings),
        dict(counts),
        tuple(_notes(table, options)),
    )


def read_for_check(
    path: Path, options: ImportOptions
) -> tuple[Table, dict[str, Numbers], BarTimes]:
    """Return a file's rows, numbers and times; what cannot be read is in the table's findings."""
    source = read_source(path)
    for column, value in options.where.items():
        source = keep_rows(source, column, value)
    said = replace(
        options,
        calendar=options.calendar or "24/7",
        timezone=options.timezone or "UTC",
    )
    table = make_table(source, said, [])
    if table.layout.kind == "actions":
        raise DataError("corporate actions have no prices to check", where=str(path))
    table.findings = Collector(str(path), source.word)
    numbers = without_empty_sizes(table, read_numbers(table))
    try:
        times = row_times(table, Known(said, {}))
    except DataError as error:
        if error.code != "data.stamp_missing":
            raise
        table.options = replace(said, stamp=Stamp.CLOSE)
        times = row_times(table, Known(table.options, {}))
    return table, numbers, times


def _notes(table: Table, options: ImportOptions) -> Iterator[str]:
    if options.calendar is None:
        yield "no calendar was named: gaps and zones are not checked (--calendar XNYS)"
    if options.stamp is not table.options.stamp:
        yield "a bar's time is taken as its close: say it with --stamp"


def _check_groups(
    table: Table,
    numbers: Mapping[str, Numbers],
    times: BarTimes,
    options: ImportOptions,
    found: Collector,
) -> None:
    bad = np.isin(table.rows, found.rows_of(_NO_TIME))
    for symbol, group in zip(table.symbols, table.groups):
        timed = group[~bad[group]]
        mine = numbers
        if symbol in table.no_sizes:
            mine = {role: column for role, column in numbers.items() if role not in SIZE_ROLES}
        _check_instrument(
            symbol,
            table.layout.kind,
            options.calendar,
            table.rows,
            timed,
            mine,
            times,
            found,
            (),
        )


def _check_instrument(
    symbol: str,
    kind: str,
    calendar: str | None,
    rows: Ints,
    group: Ints,
    numbers: Mapping[str, Numbers],
    times: BarTimes,
    found: Collector,
    actions: tuple[Action, ...],
) -> None:
    """Run the rules that look at one instrument's rows together."""
    stamps = times.close_ns[group]
    same = same_as_before(group, numbers) if kind == "bars" else None
    check_order(stamps, rows[group], same, symbol, "time", found)
    if kind == "quotes":
        _check_locked(rows[group], group, numbers, found)
    group = group[np.argsort(stamps, kind="stable")]
    if len(group) == 0:
        return
    step_ns = usual_step_ns(times.close_ns, [group]) if kind == "bars" else None

    def series_of(places: Ints) -> Series:
        return Series(
            symbol,
            kind,
            calendar,
            rows[places],
            times.open_ns[places],
            times.close_ns[places],
            {role: column.floats[places] for role, column in numbers.items()},
            {role: column.name for role, column in numbers.items()},
            step_ns,
            actions,
        )

    check_times(series_of(group), found)
    good = group[~np.isin(rows[group], found.rows_of(_IMPOSSIBLE))]
    check_moves(series_of(good), found)
    check_still(series_of(good), found)


def _check_locked(
    rows: Ints, group: Ints, numbers: Mapping[str, Numbers], found: Collector
) -> None:
    bid, ask = numbers["bid"].floats[group], numbers["ask"].floats[group]
    places = np.flatnonzero(bid == ask)
    found.add(
        rows[places],
        numbers["bid"].name,
        "data.locked_quote",
        lambda i: f"bid and ask are both {bid[places[i]]:.10g}",
    )


def _findings(
    found: Collector,
    groups: Mapping[str, Ints],
    kind: str,
    rows: Ints,
    stamps: Ints,
    numbers: Mapping[str, Numbers],
) -> tuple[list[Finding], Counter[str]]:
    """Make a finding of each row that a rule named, with its instrument, time and value."""
    owner = np.zeros(len(rows), dtype=np.int64)
    symbols = list(groups)
    for number, group in enumerate(groups.values()):
        owner[group] = number
    columns = {column.name: column.floats for column in numbers.values()}
    counts: Counter[str] = Counter()
    findings = []
    for hit in found.hits:
        counts[hit.code] += len(hit.rows)
        places = np.searchsorted(rows, hit.rows[:LISTED_MAX])
        for i, place in enumerate(places):
            values = columns.get(hit.column)
            findings.append(
                Finding(
                    hit.code,
                    symbols[owner[place]],
                    kind,
                    int(hit.rows[i]),
                    int(stamps[place]) or None,
                    hit.column,
                    "" if values is None else f"{values[place]:.15g}",
                    hit.text(i),
                    1 if hit.counts is None else int(hit.counts[i]),
                )
            )
    return findings, counts


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(
        sorted(findings, key=lambda f: (_ORDER[f.severity], f.code, f.symbol, f.kind, f.row))
    )


def kind_of(columns: AnyColumns) -> str:
    """Return what the columns are."""
    match columns:
        case BarColumns():
            return "bars"
        case QuoteColumns():
            return "quotes"
        case TradeColumns():
            return "trades"


def _floats(instrument: Instrument, columns: AnyColumns) -> dict[str, Floats]:
    """Return the columns by role, as the rules of the import know them."""
    price, quantity = instrument.price_precision, instrument.quantity_precision
    match columns:
        case BarColumns():
            views = {
                role: to_floats(getattr(columns, f"{role}_ticks"), price)
                for role in ("open", "high", "low", "close")
            }
            if columns.has_volume:
                views["volume"] = to_floats(columns.volume_lots, quantity)
            return views
        case QuoteColumns():
            views = {
                "bid": to_floats(columns.bid_ticks, price),
                "ask": to_floats(columns.ask_ticks, price),
            }
            if columns.has_sizes:
                views["bid_size"] = to_floats(columns.bid_size_lots, quantity)
                views["ask_size"] = to_floats(columns.ask_size_lots, quantity)
            return views
        case TradeColumns():
            return {
                "price": to_floats(columns.price_ticks, price),
                "size": to_floats(columns.size_lots, quantity),
            }
