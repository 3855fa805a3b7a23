"""Time stamps to nanoseconds UTC; refuses whatever could mean two things.

A column of stamps is one of

- plain dates: they name trading days, and a calendar says when those open and close;
- instants: text with an offset or Z, epoch numbers, or typed times with a zone;
- local times: they need a zone, and the hour that a change of clocks repeats is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from data.importing.findings import Findings
from data.importing.options import ImportOptions
from engine.errors import DataError
from engine.model.units import NS_PER_DAY, NS_PER_SECOND

if TYPE_CHECKING:
    import polars as pl

Ints = NDArray[np.int64]

_DATE = r"^\d{4}-\d{2}-\d{2}$"
_COMPACT_DATE = r"^(?:19|20)\d{6}$"
_NUMBER = r"^-?\d+(?:\.\d+)?$"
_LOCAL = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?$"
_OFFSET = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)? ?(?:Z|[+-]\d{2}:?\d{2})$"
_UNITS = {"s": NS_PER_SECOND, "ms": 10**6, "us": 10**3, "ns": 1}
_YEAR_1980_S, _YEAR_2100_S = 315_532_800, 4_102_444_800
_HOUR_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Stamps:
    """Times of rows: `days` since 1970 when they are plain dates, else `ns` UTC."""

    ns: Ints | None = None
    days: Ints | None = None
    is_midnight: bool = False  # every stamp is a midnight in its own zone
    midnight_days: Ints | None = None


def parse_stamps(
    column: pl.Series, rows: Ints, options: ImportOptions, findings: Findings
) -> Stamps:
    """Return a column of stamps as days or nanoseconds UTC; unreadable ones go to `findings`.

    Raises
    ------
    DataError
        If zone or unit are not known, or stamps of different kinds are mixed.
    """
    import polars as pl

    if column.dtype == pl.Date:
        return Stamps(days=_require_none_missing(column.cast(pl.Int64), column, rows, findings))
    if isinstance(column.dtype, pl.Datetime):
        return _typed(column, column.dtype, rows, options, findings)
    if column.dtype.is_numeric():
        return _numbers(column, rows, options, findings)
    if column.dtype != pl.String:
        raise _refused(
            findings, column.name, f"type {column.dtype} is no time", "", "data.bad_time"
        )
    return _text(column, rows, options, findings)


def _typed(
    column: pl.Series, dtype: pl.Datetime, rows: Ints, options: ImportOptions, findings: Findings
) -> Stamps:
    naive = column.cast(dtype.__class__("ns", dtype.time_zone))
    if dtype.time_zone is None:
        return _local(naive, column, rows, options, findings)
    wall = naive.dt.convert_time_zone(options.timezone or dtype.time_zone).dt.replace_time_zone(
        None
    )
    return _instants(naive.dt.epoch("ns"), wall, column, rows, findings)


def _numbers(column: pl.Series, rows: Ints, options: ImportOptions, findings: Findings) -> Stamps:
    import polars as pl

    if column.dtype.is_integer() and column.is_between(19_000_101, 21_001_231).all():
        return _text(column.cast(pl.String), rows, options, findings)
    scale = _UNITS[options.epoch_unit or _epoch_unit(column, findings)]
    if column.dtype.is_integer():
        exact = column.cast(pl.Int64) * scale
    else:
        exact = (column * scale).round().cast(pl.Int64, strict=False)
    return Stamps(ns=_require_none_missing(exact, column, rows, findings))


def _epoch_unit(column: pl.Series, findings: Findings) -> str:
    values = column.drop_nulls()
    for unit, scale in _UNITS.items():
        per_second = NS_PER_SECOND // scale
        low, high = _YEAR_1980_S * per_second, _YEAR_2100_S * per_second
        if len(values) and values.is_between(low, high).all():
            return unit
    raise _refused(
        findings,
        column.name,
        f"numbers like {values[0] if len(values) else '-'} do not tell their unit",
        "say it: --epoch-unit s, ms, us or ns",
        "data.ambiguous_epoch",
    )


def _text(column: pl.Series, rows: Ints, options: ImportOptions, findings: Findings) -> Stamps:
    import polars as pl

    text = column.str.strip_chars()
    if options.date_format:
        return _formatted(text, rows, options, findings)
    plain = text.str.replace("T", " ", literal=True).str.replace_all("/", "-", literal=True)
    if plain.str.contains(_DATE).all():
        days = plain.str.to_date("%Y-%m-%d", strict=False).cast(pl.Int64)
        return Stamps(days=_require_none_missing(days, column, rows, findings))
    if plain.str.contains(_COMPACT_DATE).all():
        days = plain.str.to_date("%Y%m%d", strict=False).cast(pl.Int64)
        return Stamps(days=_require_none_missing(days, column, rows, findings))
    if plain.str.contains(_NUMBER).all():
        kind = pl.Float64 if plain.str.contains(".", literal=True).any() else pl.Int64
        return _numbers(plain.cast(kind, strict=False).alias(column.name), rows, options, findings)
    return _date_times(plain, column, rows, options, findings)


def _date_times(
    plain: pl.Series, column: pl.Series, rows: Ints, options: ImportOptions, findings: Findings
) -> Stamps:
    local, offset = plain.str.contains(_LOCAL), plain.str.contains(_OFFSET)
    if local.any() and offset.any():
        first = int(rows[int((local if offset[0] else offset).arg_max() or 0)])
        raise _refused(
            findings,
            column.name,
            f"some stamps carry a zone and some do not, from {findings.word} {first} on",
            "write all of them in UTC",
            "data.mixed_zones",
        )
    if offset.any():
        return _with_offsets(plain, column, rows, findings)
    if not local.any():
        raise _refused(
            findings,
            column.name,
            f"a time like {column[0]!r} can be read in several ways",
            "say how: --date-format, e.g. %d/%m/%Y or %m/%d/%Y %H:%M",
            "data.ambiguous_date",
        )
    naive = _full_seconds(plain).str.to_datetime(
        "%Y-%m-%d %H:%M:%S%.f", time_unit="ns", strict=False
    )
    return _local(naive, column, rows, options, findings)


def _full_seconds(plain: pl.Series) -> pl.Series:
    return plain.str.replace(r"^(\S+ \d{2}:\d{2})($| ?Z| ?[+-])", "${1}:00${2}")


def _with_offsets(plain: pl.Series, column: pl.Series, rows: Ints, findings: Findings) -> Stamps:
    text = _full_seconds(plain).str.replace(r" ?Z$", "+0000")
    text = text.str.replace(r" ?([+-]\d{2}):?(\d{2})$", "${1}${2}")
    _require_one_zone(text.str.slice(-5).drop_nulls().unique().to_list(), column, findings)
    wall = text.str.head(-5).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="ns", strict=False)
    instants = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="ns", strict=False)
    return _instants(instants.dt.epoch("ns"), wall, column, rows, findings)


def _require_one_zone(offsets: list[str], column: pl.Series, findings: Findings) -> None:
    """Accept one offset, or the two of a zone with summer time; refuse other mixtures."""
    minutes = sorted({_offset_minutes(text) for text in offsets if text[:1] in "+-"})
    if len(minutes) > 2 or (len(minutes) == 2 and minutes[1] - minutes[0] != _HOUR_MINUTES):
        raise _refused(
            findings,
            column.name,
            f"the stamps are in different zones: {', '.join(sorted(offsets))}",
            "write all of them in UTC",
            "data.mixed_zones",
        )


def _offset_minutes(text: str) -> int:
    minutes = int(text[1:3]) * 60 + int(text[3:5])
    return -minutes if text[0] == "-" else minutes


def _formatted(text: pl.Series, rows: Ints, options: ImportOptions, findings: Findings) -> Stamps:
    import polars as pl

    form = options.date_format or ""
    if any(code in form for code in ("%z", "%Z")):
        instants = text.str.to_datetime(form, time_unit="ns", strict=False)
        return _instants(
            instants.dt.epoch("ns"), instants.dt.replace_time_zone(None), text, rows, findings
        )
    if any(code in form for code in ("%H", "%I", "%T", "%R")):
        naive = text.str.to_datetime(form, time_unit="ns", strict=False)
        return _local(naive, text, rows, options, findings)
    days = text.str.to_date(form, strict=False).cast(pl.Int64)
    return Stamps(days=_require_none_missing(days, text, rows, findings))


def _local(
    naive: pl.Series, column: pl.Series, rows: Ints, options: ImportOptions, findings: Findings
) -> Stamps:
    """Return local times as instants of the zone that the person named."""
    if options.timezone is None:
        raise _refused(
            findings,
            column.name,
            f"times like {column[0]} do not say their zone",
            "say it: --timezone America/New_York, or --timezone UTC",
            "data.zone_missing",
        )
    _require_zone(options.timezone, findings)
    zoned = naive.dt.replace_time_zone(options.timezone, ambiguous="null", non_existent="null")
    unclear = np.flatnonzero((naive.is_not_null() & zoned.is_null()).to_numpy())
    findings.add(
        rows[unclear],
        column.name,
        "data.ambiguous_local_time",
        lambda i: f"{column[int(unclear[i])]} falls into a change of clocks in {options.timezone}",
    )
    return _instants(zoned.dt.epoch("ns"), naive, column, rows, findings, known=naive)


def _require_zone(name: str, findings: Findings) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DataError(
            f"unknown time zone {name!r}",
            where=findings.file,
            remedy="zones are named like America/New_York, Europe/Berlin, UTC",
            code="data.unknown_zone",
        ) from None


def _instants(
    ns: pl.Series,
    wall: pl.Series,
    column: pl.Series,
    rows: Ints,
    findings: Findings,
    *,
    known: pl.Series | None = None,
) -> Stamps:
    """Return instants, and whether all of them are midnights on their own wall clock."""
    _require_none_missing(ns if known is None else known.dt.epoch("ns"), column, rows, findings)
    wall_ns = cast(Ints, wall.dt.epoch("ns").fill_null(1).to_numpy())
    is_midnight = bool((wall_ns % NS_PER_DAY == 0).all())
    stamps = np.ascontiguousarray(ns.fill_null(0).to_numpy(), dtype=np.int64)
    return Stamps(stamps, None, is_midnight, wall_ns // NS_PER_DAY if is_midnight else None)


def _require_none_missing(
    values: pl.Series, column: pl.Series, rows: Ints, findings: Findings
) -> Ints:
    """Record the rows whose stamp could not be read; return the others, with 0 for those."""
    bad = np.flatnonzero(values.is_null().to_numpy())
    findings.add(
        rows[bad],
        column.name,
        "data.bad_time",
        lambda i: f"{column[int(bad[i])]!r} is not a time" if column[int(bad[i])] else "no time",
    )
    return np.ascontiguousarray(values.fill_null(0).to_numpy(), dtype=np.int64)


def _refused(findings: Findings, column: str, problem: str, remedy: str, code: str) -> DataError:
    return DataError(problem, where=f"{findings.file}, {column}", remedy=remedy, code=code)
