"""What a person says about a file, and what the import answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from data.calendars import get_calendar
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind

KINDS = ("bars", "quotes", "trades", "actions")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Stamp(Enum):
    """What the time of a bar means."""

    OPEN = "open"
    CLOSE = "close"
    DATE = "date"  # the trading day, whatever time of day stands there


class WriteMode(Enum):
    """What to do when the dataset exists."""

    NEW = "new"
    REPLACE = "replace"
    APPEND = "append"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read a file; whatever is left out is detected, or asked for when that is unsafe.

    Parameters
    ----------
    dataset
        The name in the catalog: letters, digits, dot, dash, underscore.
    kind
        ``bars``, ``quotes``, ``trades`` or ``actions``; None detects it from the columns.
    columns
        Role to column name, e.g. ``{"close": "Last"}``. An empty name says that the file has no
        such column. ``"symbol": "market+outcome"`` joins two columns with a dash.
    symbol
        The symbol of a file that has no column for it.
    timezone
        The zone of stamps that carry none, e.g. ``America/New_York`` or ``UTC``.
    stamp
        Whether a bar's time is its open, its close, or the name of its trading day.
    timeframe
        The length of a bar, e.g. ``1m``, ``4h``, ``1d``; None detects it.
    calendar
        ``XNYS``, ``24/7`` or ``FX``; needed for instruments that are not defined.
    date_format
        A strftime format for dates that are not ISO, e.g. ``%d/%m/%Y``.
    epoch_unit
        ``s``, ``ms``, ``us`` or ``ns`` for stamps that are numbers; None detects it.
    price_precision, quantity_precision
        Decimals to keep; saying so allows rounding to them.
    sort
        Sort rows by time instead of refusing unsorted ones.
    drop_bad_rows
        Leave impossible rows out, with a note in the manifest, instead of refusing the file. Rows
        in the wrong order, or two instruments under one symbol, are refused all the same.
    where
        Column to value: read only the rows that have it.
    instruments
        Definitions by symbol; they win over what is detected.
    licence
        What may be done with the data, in the person's words; kept in the manifest.
    """

    dataset: str
    kind: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    symbol: str | None = None
    timezone: str | None = None
    stamp: Stamp | None = None
    timeframe: str | None = None
    calendar: str | None = None
    date_format: str | None = None
    epoch_unit: str | None = None
    instrument_kind: InstrumentKind | None = None
    currency: str | None = None
    price_precision: int | None = None
    quantity_precision: int | None = None
    sort: bool = False
    drop_bad_rows: bool = False
    mode: WriteMode = WriteMode.NEW
    where: Mapping[str, str] = field(default_factory=dict)
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    licence: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.dataset):
            raise DataError(
                f"{self.dataset!r} cannot be the name of a dataset",
                remedy="use letters, digits, dot, dash and underscore, a letter or digit first",
                code="data.bad_dataset_name",
            )
        if self.calendar is not None:
            get_calendar(self.calendar)
        if self.epoch_unit not in (None, "s", "ms", "us", "ns"):
            raise DataError(
                f"unknown unit {self.epoch_unit!r}",
                remedy="units are: s, ms, us, ns",
                code="data.unknown_unit",
            )
        if self.kind is not None and self.kind not in KINDS:
            raise DataError(
                f"unknown kind {self.kind!r}",
                remedy=f"kinds are: {', '.join(KINDS)}",
                code="data.unknown_kind",
            )


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did."""

    dataset: str
    kind: str
    rows: int
    symbols: tuple[str, ...]
    first_ns: int
    last_ns: int
    timeframe: str
    fingerprint: str
    rounding_error_max: float
    notes: tuple[str, ...]
    columns_ignored: tuple[str, ...]
