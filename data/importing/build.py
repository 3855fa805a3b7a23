"""From a file to a dataset: read, understand, check, convert, write; all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.actions import Action
from data.catalog import Catalog, Dataset
from data.frames import AnyColumns
from data.history import BarColumns, QuoteColumns, TradeColumns
from data.importing.actions import build_actions
from data.importing.bartimes import (
    BarTimes,
    from_days,
    from_one,
    from_two,
    is_daily,
    parse_timeframe,
    require_daily,
)
from data.importing.columns import Layout, find_layout
from data.importing.combine import combine
from data.importing.define import Known, calendar_for, define
from data.importing.findings import BadRowsError, Findings
from data.importing.options import ImportOptions, ImportReport, WriteMode
from data.importing.rules import check_order, check_rows
from data.importing.source import ROW, Source, drop_rows, keep_rows, read_source
from data.importing.stamps import Stamps, parse_stamps
from data.importing.values import Numbers, missing_columns, parse_numbers
from data.numbers import EXACT_LIMIT, Ints
from data.writer import ANYTHING, Draft, Part, write_dataset
from engine.errors import DataError
from engine.model.instruments import Instrument

if TYPE_CHECKING:
    import polars as pl

Progress = Callable[[float, str], None]

_NUMBER_ROLES = {
    "bars": ("open", "high", "low", "close", "volume"),
    "quotes": ("bid", "ask", "bid_size", "ask_size"),
    "trades": ("price", "size"),
}
_SIZE_ROLES = frozenset({"volume", "size", "bid_size", "ask_size"})
_NEVER_DROPPED = frozenset({"data.unsorted", "data.two_instruments_one_symbol"})
_BUYERS = ("buy", "b", "bid", "buyer", "1")
_SELLERS = ("sell", "s", "ask", "seller", "-1", "a")


@dataclass(slots=True)
class _Table:
    """A file on its way: its rows grouped by instrument, and what was found."""

    source: Source
    layout: Layout
    options: ImportOptions
    findings: Findings
    rows: Ints  # line or row numbers as a person counts
    symbols: list[str]
    groups: list[Ints]  # places of each symbol's rows, in the order of the file
    notes: list[str]
    no_sizes: set[str] = field(default_factory=set)  # instruments without volumes or sizes

    def series(self, role: str) -> pl.Series | None:
        name = self.layout.column(role)
        return None if name is None else self.source.table[name]


def import_file(
    source: Path,
    catalog_root: Path,
    options: ImportOptions,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a CSV or Parquet file into a dataset of the catalog.

    Parameters
    ----------
    source
        A file of bars, quotes, trades or corporate actions.
    catalog_root
        The folder of the catalog; made when it is missing.
    options
        How to read the file, see `ImportOptions`.
    progress
        Called with a fraction from 0 to 1 and the name of the step.

    Raises
    ------
    DataError
        If the file cannot be read, cannot be understood without guessing, or holds rows that
        cannot be true. Nothing is changed then.
    """
    tell = progress or (lambda _fraction, _step: None)
    if options.timeframe is not None:
        parse_timeframe(options.timeframe)  # a mistake in it is told whatever the file holds
    existing = _existing(Catalog(catalog_root), options)
    tell(0.0, "reading")
    rows = _read_rows(source, options)
    tell(0.3, "checking")
    draft, report = _build_dropping(rows, options, existing)
    tell(0.6, "writing")
    manifest = write_dataset(
        catalog_root / options.dataset, draft, replaces=_replaced(options, existing)
    )
    tell(1.0, "done")
    return _with_fingerprint(report, manifest.fingerprint)


def _existing(catalog: Catalog, options: ImportOptions) -> Dataset | None:
    """Return the dataset to append to; refuse one that nothing was said about."""
    if options.dataset not in catalog or options.mode is WriteMode.REPLACE:
        return None
    if options.mode is WriteMode.NEW:
        raise DataError(
            f"there is already a dataset {options.dataset!r}",
            where=str(catalog.root),
            remedy="say --replace or --append, or choose another name",
            code="data.dataset_exists",
        )
    return catalog.dataset(options.dataset)


def _replaced(options: ImportOptions, existing: Dataset | None) -> str | None:
    """Return the fingerprint of what the new dataset may replace; None: nothing was there."""
    if options.mode is WriteMode.REPLACE:
        return ANYTHING
    return None if existing is None else existing.fingerprint


def _instruments_of(existing: Dataset | None) -> dict[str, Instrument]:
    if existing is None:
        return {}
    return {entry.symbol: entry.to_instrument() for entry in existing.manifest.instruments}


def _read_rows(path: Path, options: ImportOptions) -> Source:
    source = read_source(path)
    for column, value in options.where.items():
        source = keep_rows(source, column, value)
    return source


def _build_dropping(
    source: Source, options: ImportOptions, existing: Dataset | None
) -> tuple[Draft, ImportReport]:
    """Build the dataset; where that was asked for, leave bad rows out until none is found."""
    known = Known(options, _instruments_of(existing))
    dropped = 0
    while True:
        notes = [f"{dropped} bad rows were left out"] if dropped else []
        try:
            return _build(_table(source, options, notes), known, existing)
        except BadRowsError as error:
            if not options.drop_bad_rows or error.code in _NEVER_DROPPED:
                raise
            source = drop_rows(source, error.rows)
            dropped += len(error.rows)


def _table(source: Source, options: ImportOptions, notes: list[str]) -> _Table:
    layout = find_layout(source, options.kind, options.columns)
    findings = Findings(str(source.path), source.word)
    rows = np.ascontiguousarray(source.table[ROW].to_numpy(), dtype=np.int64)
    symbols, groups = _grouped(source, layout, options, rows, findings)
    return _Table(source, layout, options, findings, rows, symbols, groups, notes)


def _grouped(
    source: Source, layout: Layout, options: ImportOptions, rows: Ints, findings: Findings
) -> tuple[list[str], list[Ints]]:
    import polars as pl

    name = layout.column("symbol")
    if name is None or (options.symbol is not None and "symbol" not in options.columns):
        return [_require_symbol(source, options)], [np.arange(len(rows), dtype=np.int64)]
    texts = [source.table[part].cast(pl.String).str.strip_chars() for part in name.split("+")]
    column = texts[0]
    for text in texts[1:]:
        column = column + "-" + text
    missing = np.flatnonzero((column.is_null() | (column == "")).fill_null(True).to_numpy())
    findings.add(rows[missing], name, "data.missing_value", lambda _: "the symbol is missing")
    findings.raise_if_any()
    symbols = column.unique(maintain_order=True).to_list()
    codes = column.cast(pl.Enum(symbols)).to_physical().to_numpy()
    order = np.argsort(codes, kind="stable").astype(np.int64)
    edges = np.searchsorted(codes[order], np.arange(1, len(symbols)))
    return symbols, list(np.split(order, edges))


def _require_symbol(source: Source, options: ImportOptions) -> str:
    if options.symbol is None:
        raise DataError(
            "no column names the instrument",
            where=str(source.path),
            remedy=(
                f"say it: --symbol {source.path.stem.upper()}, or name the column: "
                "--column symbol=NAME"
            ),
            code="data.symbol_missing",
        )
    return options.symbol


def _build(table: _Table, known: Known, existing: Dataset | None) -> tuple[Draft, ImportReport]:
    if table.layout.kind == "actions":
        return _build_actions(table, known, existing)
    columns = _numbers(table)
    columns = _without_empty_sizes(table, columns)
    check_rows(table.layout.kind, columns, table.rows, table.findings)
    times = _times(table, known)
    table.findings.raise_if_any()
    _put_in_order(table, times, columns)
    table.findings.raise_if_any()
    instruments: dict[str, Instrument] = {}
    parts = []
    for symbol, group in zip(table.symbols, table.groups):
        taken = {role: column.take(group) for role, column in columns.items()}
        instrument, part = _part(table, known, symbol, group, taken, times)
        instruments[symbol] = instrument
        parts.append(part)
    table.findings.raise_if_any()
    draft = combine(
        existing, Draft(instruments, parts, (), tuple(table.notes)), table.findings.file
    )
    return draft, _report(table, parts)


def _numbers(table: _Table) -> dict[str, Numbers]:
    found: dict[str, Numbers] = {}
    for role in _NUMBER_ROLES[table.layout.kind]:
        series = table.series(role)
        if series is not None:
            found[role] = parse_numbers(series, table.rows, table.findings)
    for role in missing_columns(found) & {"volume", "bid_size", "ask_size"}:
        table.notes.append(f"column {found[role].name} is empty: {role} is recorded as absent")
        del found[role]
    if ("bid_size" in found) != ("ask_size" in found):
        found.pop("bid_size", None)
        found.pop("ask_size", None)
        table.notes.append("only one of bid_size and ask_size is there: both are left out")
    return found


def _without_empty_sizes(table: _Table, columns: dict[str, Numbers]) -> dict[str, Numbers]:
    """Accept sizes that are missing for all rows of one instrument: they become zeros there."""
    kept = dict(columns)
    for role in columns.keys() & {"volume", "bid_size", "ask_size"}:
        column = columns[role]
        for symbol, group in zip(table.symbols, table.groups):
            if column.is_missing[group].all():
                table.no_sizes.add(symbol)
                column = column.filled(group)
                table.notes.append(f"{symbol} has no {role}: recorded as absent")
        kept[role] = column
    return kept


def _times(table: _Table, known: Known) -> BarTimes:
    """Return the times of all rows; for quotes and trades open and close are the same."""
    if table.layout.kind == "bars":
        return _bar_times(table, known)
    series = table.series("time")
    assert series is not None
    stamps = parse_stamps(series, table.rows, table.options, table.findings)
    if stamps.ns is None:
        raise DataError(
            "quotes and trades need a time of day, not only a date",
            where=f"{table.findings.file}, {series.name}",
            remedy="name the column with the time: --column time=NAME",
            code="data.bad_time",
        )
    return BarTimes(stamps.ns, stamps.ns, "")


def _bar_times(table: _Table, known: Known) -> BarTimes:
    opens, closes = table.series("ts_open"), table.series("ts_close")
    if opens is not None and closes is not None and "time" not in table.options.columns:
        first = parse_stamps(opens, table.rows, table.options, table.findings)
        last = parse_stamps(closes, table.rows, table.options, table.findings)
        table.findings.raise_if_any()
        if first.ns is not None and last.ns is not None:
            return from_two(first.ns, last.ns, table.rows, closes.name, table.findings)
    series, stamps = _one_stamp(table)
    table.findings.raise_if_any()  # what follows needs every stamp
    calendar = _one_calendar(table, known)
    if stamps.days is not None:
        require_daily(table.options, table.findings.file)
        days, rows = stamps.days, table.rows
        return from_days(days, calendar, rows, table.groups, series.name, table.findings)
    return from_one(
        stamps, calendar, table.rows, table.groups, series.name, table.options, table.findings
    )


def _one_stamp(table: _Table) -> tuple[pl.Series, Stamps]:
    """Return the column that times the bars: a trading day beside daily stamps wins."""
    date, clock = table.series("date"), table.series("clock")
    time = table.series("time")
    if date is not None and clock is not None and time is None:
        joined = _join_date_and_clock(date, clock)
        return joined, parse_stamps(joined, table.rows, table.options, table.findings)
    series = next(
        found
        for found in (time, date, clock, table.series("ts_close"), table.series("ts_open"))
        if found is not None
    )
    stamps = parse_stamps(series, table.rows, table.options, table.findings)
    if date is None or series is date or stamps.days is not None:
        return series, stamps
    if table.options.stamp is None and is_daily(stamps, table.groups):
        table.notes.append(f"daily bars: the trading day is column {date.name}, not {series.name}")
        return date, parse_stamps(date, table.rows, table.options, table.findings)
    return series, stamps


def _join_date_and_clock(date: pl.Series, clock: pl.Series) -> pl.Series:
    import polars as pl

    day = date.cast(pl.String).str.strip_chars().str.replace(r"^(\d{4})(\d{2})(\d{2})$", "$1-$2-$3")
    hour = clock.cast(pl.String).str.strip_chars()
    return (day + " " + hour).alias(f"{date.name}+{clock.name}")


def _one_calendar(table: _Table, known: Known) -> str:
    calendars = {calendar_for(symbol, known, table.findings.file) for symbol in table.symbols}
    if len(calendars) > 1:
        raise DataError(
            f"the file's instruments trade on different calendars: {', '.join(sorted(calendars))}",
            where=table.findings.file,
            remedy="import one file per calendar",
            code="data.calendar_missing",
        )
    return calendars.pop()


def _put_in_order(table: _Table, times: BarTimes, columns: Mapping[str, Numbers]) -> None:
    """Sort each instrument's rows when that was asked for, then refuse what is out of order."""
    stamps = times.close_ns
    names = [table.layout.column(role) for role in ("time", "date", "clock", "ts_close", "ts_open")]
    column = next((name for name in names if name), "time")
    for place, symbol in enumerate(table.symbols):
        group = table.groups[place]
        if table.options.sort:
            group = group[np.argsort(stamps[group], kind="stable")]
            table.groups[place] = group
        same = _same_as_before(group, columns) if table.layout.kind == "bars" else None
        check_order(stamps[group], table.rows[group], same, symbol, column, table.findings)


def _same_as_before(group: Ints, columns: Mapping[str, Numbers]) -> NDArray[np.bool_]:
    same = np.ones(len(group), dtype=np.bool_)
    for column in columns.values():
        values = column.floats[group]
        same[1:] &= values[1:] == values[:-1]
    return same


def _part(
    table: _Table,
    known: Known,
    symbol: str,
    group: Ints,
    columns: Mapping[str, Numbers],
    times: BarTimes,
) -> tuple[Instrument, Part]:
    file = table.findings.file
    prices = [column for role, column in columns.items() if role not in _SIZE_ROLES]
    sizes = [column for role, column in columns.items() if role in _SIZE_ROLES]
    instrument = define(symbol, prices, sizes, known, file)
    whole, error_max = _to_whole(table, instrument, table.rows[group], columns)
    _check_bounds(table, instrument, table.rows[group], whole, columns)
    made = _columns(table, group, times, whole, has_sizes=symbol not in table.no_sizes)
    part = Part(table.layout.kind, symbol, made, times.timeframe, Path(file).name, error_max)
    return instrument, part


def _to_whole(
    table: _Table, instrument: Instrument, rows: Ints, columns: Mapping[str, Numbers]
) -> tuple[dict[str, Ints], float]:
    whole: dict[str, Ints] = {}
    errors = [0.0]
    for role, column in columns.items():
        what = "quantity" if role in _SIZE_ROLES else "price"
        precision = getattr(instrument, f"{what}_precision")
        rounding = getattr(table.options, f"{what}_precision") is not None
        quanta = column.quanta(precision, rounding=rounding)
        _add_off_grid(table, column, quanta.bad_rows, precision, rows)
        errors.append(quanta.error_max)
        whole[role] = quanta.values
    return whole, max(errors)


def _add_off_grid(table: _Table, column: Numbers, bad: Ints, precision: int, rows: Ints) -> None:
    is_large = np.abs(column.floats[bad]) * 10.0**precision >= EXACT_LIMIT
    large, off = bad[is_large], bad[~is_large]
    table.findings.add(
        rows[large],
        column.name,
        "data.too_large",
        lambda i: f"{column.floats[large[i]]:.17g} is too large for {precision} decimals",
    )
    table.findings.add(
        rows[off],
        column.name,
        "data.off_grid",
        lambda i: f"{column.floats[off[i]]:.17g} is no exact count of 10^-{precision}",
    )


def _check_bounds(
    table: _Table,
    instrument: Instrument,
    rows: Ints,
    whole: Mapping[str, Ints],
    columns: Mapping[str, Numbers],
) -> None:
    """Record prices that the instrument cannot have; rounding may have made them."""
    low, high = instrument.price_min_ticks, instrument.price_max_ticks
    for role, ticks in whole.items():
        if role in _SIZE_ROLES:
            continue
        bad = np.flatnonzero((ticks < low) | (ticks > high))
        column = columns[role]
        bounds = (
            "strictly between 0 and 1"
            if instrument.is_binary
            else f"at least {instrument.tick_size}"
        )
        table.findings.add(
            rows[bad],
            column.name,
            "data.price_out_of_bounds",
            lambda i, column=column, bad=bad, bounds=bounds: (  # type: ignore[misc]
                f"{column.floats[bad[i]]:.15g} is no price of {instrument.symbol}: {bounds}"
            ),
        )


def _columns(
    table: _Table, group: Ints, times: BarTimes, whole: Mapping[str, Ints], *, has_sizes: bool
) -> AnyColumns:
    opens, closes = times.open_ns[group], times.close_ns[group]
    nothing = np.zeros(len(group), dtype=np.int64)
    if table.layout.kind == "bars":
        prices = (whole["open"], whole["high"], whole["low"], whole["close"])
        has_volume = has_sizes and "volume" in whole
        return BarColumns(opens, closes, *prices, whole.get("volume", nothing), has_volume)
    if table.layout.kind == "quotes":
        sizes = (whole.get("bid_size", nothing), whole.get("ask_size", nothing))
        has_both = has_sizes and "bid_size" in whole
        return QuoteColumns(closes, whole["bid"], whole["ask"], *sizes, has_both)
    return TradeColumns(closes, whole["price"], whole["size"], _aggressor(table, group))


def _aggressor(table: _Table, group: Ints) -> Ints:
    """Return 1 for a buying taker, -1 for a selling one, 0 where the file does not say."""
    import polars as pl

    series = table.series("aggressor")
    if series is None:
        return np.zeros(len(group), dtype=np.int64)
    text = series.cast(pl.String).str.strip_chars().str.to_lowercase().gather(group)
    is_buy, is_sell = text.is_in(_BUYERS).fill_null(False), text.is_in(_SELLERS).fill_null(False)
    known = is_buy | is_sell | text.is_null() | text.is_in(["", "none", "unknown", "n/a"])
    bad = np.flatnonzero(~known.fill_null(True).to_numpy())
    table.findings.add(
        table.rows[group][bad],
        series.name,
        "data.bad_side",
        lambda i: f"{text[int(bad[i])]!r} is neither buy nor sell",
    )
    sides: Ints = is_buy.cast(pl.Int64).to_numpy() - is_sell.cast(pl.Int64).to_numpy()
    return sides


def _build_actions(
    table: _Table, known: Known, existing: Dataset | None
) -> tuple[Draft, ImportReport]:
    roles = {role: table.source.table[name] for role, name in table.layout.roles.items() if name}
    actions = build_actions(
        roles, table.rows, table.symbols, table.groups, known, table.findings, table.notes
    )
    table.findings.raise_if_any()
    draft = combine(existing, Draft({}, (), actions, tuple(table.notes)), table.findings.file)
    return draft, _actions_report(table, actions)


def _actions_report(table: _Table, actions: tuple[Action, ...]) -> ImportReport:
    stamps = [action.ts_ex_ns for action in actions]
    symbols = tuple(dict.fromkeys(action.symbol for action in actions))
    return _made_report(table, len(actions), symbols, min(stamps), max(stamps), "", 0.0)


def _report(table: _Table, parts: list[Part]) -> ImportReport:
    stamps = [part.columns.ts_ns for part in parts]
    return _made_report(
        table,
        sum(len(ts) for ts in stamps),
        tuple(table.symbols),
        min(int(ts[0]) for ts in stamps),
        max(int(ts[-1]) for ts in stamps),
        parts[0].timeframe,
        max(part.rounding_error_max for part in parts),
    )


def _made_report(
    table: _Table,
    rows: int,
    symbols: tuple[str, ...],
    first_ns: int,
    last_ns: int,
    timeframe: str,
    error_max: float,
) -> ImportReport:
    ignored = table.layout.ignored
    notes = list(table.notes)
    if ignored:
        notes.append(f"columns not used: {', '.join(ignored)}")
    return ImportReport(
        dataset=table.options.dataset,
        kind=table.layout.kind,
        rows=rows,
        symbols=symbols,
        first_ns=first_ns,
        last_ns=last_ns,
        timeframe=timeframe,
        fingerprint="",
        rounding_error_max=error_max,
        notes=tuple(notes),
        columns_ignored=ignored,
    )


def _with_fingerprint(report: ImportReport, fingerprint: str) -> ImportReport:
    return replace(report, fingerprint=fingerprint)
