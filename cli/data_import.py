"""`trader data import`: a file of prices into the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from cli import screen
from cli.errors import guarded
from cli.options import CatalogFolder, Debug, Json, parse_pairs
from engine.errors import InputError

if TYPE_CHECKING:
    from data.importing import ImportReport, WriteMode

Kind = Literal["bars", "quotes", "trades", "actions"]
Stamps = Literal["open", "close", "date"]
Unit = Literal["s", "ms", "us", "ns"]
KindOfInstrument = Literal[
    "equity", "crypto_spot", "crypto_perpetual", "fx", "cfd", "future", "binary_event"
]


def _words(choice: object) -> str:
    return "|".join(get_args(choice))


@guarded
def import_data(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or Parquet file.")],
    name: Annotated[
        str, typer.Option("--name", "--dataset", metavar="NAME", help="Name of the dataset.")
    ],
    kind: Annotated[
        Kind | None,
        typer.Option(metavar=_words(Kind), help="What a row is; detected when left out."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=COLUMN",
            help="Name a column, e.g. close=Last; repeatable. An empty name: there is none.",
        ),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(metavar="S", help="The instrument of a file without symbols.")
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Zone of stamps without one: UTC, America/New_York."),
    ] = None,
    stamps: Annotated[
        Stamps | None,
        typer.Option(
            "--stamp",
            "--stamps",
            metavar=_words(Stamps),
            help="Whether a bar's time is its open, close or day.",
        ),
    ] = None,
    timeframe: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="Length of a bar: 1m, 4h, 1d.")
    ] = None,
    calendar: Annotated[
        str | None, typer.Option(metavar="NAME", help="Trading hours: XNYS, XLON, 24/7 or FX.")
    ] = None,
    instrument_kind: Annotated[
        KindOfInstrument | None,
        typer.Option(metavar="KIND", help="equity, fx, future, ...; detected when left out."),
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="Currency of the prices.")
    ] = None,
    instruments: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml", help="Definitions: multiplier, tick size, lot size and so on."
        ),
    ] = None,
    price_precision: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=12, help="Decimals of prices; rounds to them."),
    ] = None,
    quantity_precision: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=12, help="Decimals of sizes; rounds to them."),
    ] = None,
    date_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="Dates that are not ISO: %d/%m/%Y.")
    ] = None,
    epoch_unit: Annotated[
        Unit | None, typer.Option(metavar=_words(Unit), help="Unit of stamps that are numbers.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Read only the rows that have it; repeatable."),
    ] = None,
    licence: Annotated[
        str,
        typer.Option(metavar="TEXT", help="What may be done with the data; kept with it."),
    ] = "",
    sort: Annotated[bool, typer.Option("--sort", help="Sort rows by time.")] = False,
    drop_bad_rows: Annotated[
        bool, typer.Option("--drop-bad-rows", help="Leave impossible rows out, with a note.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the dataset.")] = False,
    append: Annotated[bool, typer.Option("--append", help="Add to the dataset.")] = False,
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Import a CSV or Parquet file; all of it or nothing.

    Bars, quotes, trades or corporate actions; docs/howto/import-data.md explains them.

    \b
    Examples:
      trader data import prices.csv --name daily
      trader data import minutes.csv --name es --symbol ES --stamp close \\
          --timezone America/Chicago --column close=Last
    """
    from data.importing import ImportOptions, Stamp, import_file
    from data.instruments import read_instruments
    from engine.model.instruments import InstrumentKind
    from runtime.workspace import catalog_root

    options = ImportOptions(
        dataset=name,
        kind=kind,
        columns=parse_pairs(column or [], option="--column"),
        symbol=symbol,
        timezone=timezone,
        stamp=None if stamps is None else Stamp(stamps),
        timeframe=timeframe,
        calendar=calendar,
        date_format=date_format,
        epoch_unit=epoch_unit,
        instrument_kind=None if instrument_kind is None else InstrumentKind(instrument_kind),
        currency=currency,
        price_precision=price_precision,
        quantity_precision=quantity_precision,
        licence=licence,
        sort=sort,
        drop_bad_rows=drop_bad_rows,
        mode=_mode(replace=replace, append=append),
        where=parse_pairs(where or [], option="--where"),
        instruments={} if instruments is None else read_instruments(instruments),
    )
    with screen.progress("import") as advance:
        report = import_file(file, catalog_root(catalog, Path.cwd()), options, advance)
    if json:
        screen.print_json(_to_json(report))
    else:
        _print_report(report)


def _mode(*, replace: bool, append: bool) -> WriteMode:
    from data.importing import WriteMode

    if replace and append:
        raise InputError("--replace and --append exclude each other", remedy="say one of them")
    return WriteMode.REPLACE if replace else WriteMode.APPEND if append else WriteMode.NEW


def _print_report(report: ImportReport) -> None:
    from data.views import format_day

    console = screen.console()
    span = f"{format_day(report.first_ns)} to {format_day(report.last_ns)}"
    what = f"{report.kind} {report.timeframe}".rstrip()
    console.print(f"{report.dataset}: {report.rows:,} {what}, {span}")
    names = ", ".join(report.symbols[:10])
    more = f" and {len(report.symbols) - 10} more" if len(report.symbols) > 10 else ""
    console.print(f"Instruments: {names}{more}", markup=False)
    console.print(f"Fingerprint: {report.fingerprint}")
    if report.rounding_error_max > 0:
        console.print(f"Largest rounding of a number: {report.rounding_error_max:g}")
    for note in report.notes:
        console.print(f"Note: {note}", markup=False)


def _to_json(report: ImportReport) -> dict[str, object]:
    return {
        "dataset": report.dataset,
        "kind": report.kind,
        "rows": report.rows,
        "symbols": list(report.symbols),
        "first_ns": report.first_ns,
        "last_ns": report.last_ns,
        "timeframe": report.timeframe,
        "fingerprint": report.fingerprint,
        "rounding_error_max": report.rounding_error_max,
        "columns_ignored": list(report.columns_ignored),
        "notes": list(report.notes),
    }
