"""`trader data get`: history from a server, page by page, and on after an interruption."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli import screen
from cli.errors import guarded
from cli.interrupts import EXIT_INTERRUPTED
from cli.options import CatalogFolder, Debug, Json
from engine.errors import InputError

if TYPE_CHECKING:
    from data.download import HistoryRequest, HistorySource
    from data.importing import ImportOptions

Kind = Literal["bars", "quotes", "trades", "actions"]
Stamps = Literal["open", "close", "date"]
_SOURCES = ("http",)


@guarded
def get_data(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Where from: http.")],
    name: Annotated[
        str, typer.Option("--name", "--dataset", metavar="NAME", help="Name of the dataset.")
    ],
    symbol: Annotated[list[str], typer.Option(metavar="S", help="An instrument; repeatable.")],
    url: Annotated[str, typer.Option(metavar="URL", help="Address of the pages.")] = "",
    kind: Annotated[
        Kind, typer.Option(metavar="bars|quotes|trades|actions", help="What to download.")
    ] = "bars",
    timeframe: Annotated[
        str, typer.Option(metavar="LENGTH", help="Length of a bar: 1m, 1h, 1d.")
    ] = "",
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day or time, UTC.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="The end, not included.")
    ] = None,
    calendar: Annotated[
        str | None, typer.Option(metavar="NAME", help="Trading hours: XNYS, XLON, 24/7 or FX.")
    ] = None,
    stamps: Annotated[
        Stamps | None,
        typer.Option("--stamp", "--stamps", metavar="open|close|date", help="A bar's time is its?"),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Zone of times without one.")
    ] = None,
    auth_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Environment variable that holds the bearer token."),
    ] = None,
    rate: Annotated[
        float, typer.Option(metavar="N", min=0.01, help="Requests a second at most.")
    ] = 10.0,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the dataset.")] = False,
    append: Annotated[bool, typer.Option("--append", help="Add to the dataset.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an interrupted download left.")
    ] = False,
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Download history into a dataset; interrupted, the same command goes on.

    A source hands out pages; each is kept as it comes. When all are there, they go through the same
    checks as an imported file. docs/reference/http-source.md says what a server must speak.

    \b
    Example:
      trader data get http --url http://127.0.0.1:8000/bars --name btc \\
          --symbol BTCUSD --timeframe 1h --stamp open --calendar 24/7
    """
    from data.download import download
    from runtime.workspace import catalog_root

    if source not in _SOURCES:
        raise InputError(f"unknown source {source!r}", remedy=f"sources are: {', '.join(_SOURCES)}")
    requests = _requests(symbol, kind, timeframe, start, end)
    options = _options(name, calendar, stamps, timezone, replace=replace, append=append)
    root = catalog_root(catalog, Path.cwd())
    with screen.progress("download") as advance:
        try:
            done = download(
                _source(url, auth_env, rate),
                requests,
                root,
                options,
                restart=restart,
                progress=advance,
            )
        except KeyboardInterrupt:
            print("interrupted: run the same command again to go on", file=sys.stderr)
            raise typer.Exit(EXIT_INTERRUPTED) from None
    report = done.report
    if json:
        screen.print_json(
            {
                "dataset": report.dataset,
                "rows": report.rows,
                "pages_new": done.pages_new,
                "pages_kept": done.pages_kept,
                "fingerprint": report.fingerprint,
                "notes": list(report.notes),
            }
        )
        return
    kept = f", {done.pages_kept:,} kept from before" if done.pages_kept else ""
    print(f"{report.dataset}: {report.rows:,} {report.kind}, {done.pages_new:,} pages{kept}")
    print(f"Fingerprint: {report.fingerprint}")
    for note in report.notes:
        print(f"Note: {note}")


def _source(url: str, auth_env: str | None, rate: float) -> HistorySource:
    from data.download import RateBudget
    from data.download.http import HttpSource

    if not url:
        raise InputError("the address is missing", where="--url", remedy="--url http://HOST/PATH")
    token = ""
    if auth_env is not None:
        token = os.environ.get(auth_env, "")
        if not token:
            raise InputError(
                f"the environment has no {auth_env}",
                where="--auth-env",
                remedy=f"export {auth_env}=... before the command",
            )
    return HttpSource(url, RateBudget(max(rate, 1.0), max(1.0, 1.0 / rate)), token)


def _requests(
    symbols: list[str], kind: str, timeframe: str, start: str | None, end: str | None
) -> list[HistoryRequest]:
    from data.download import HistoryRequest
    from runtime.config.moments import parse_moment

    first = None if start is None else parse_moment(start, name="--from")
    last = None if end is None else parse_moment(end, name="--to")
    if first is not None and last is not None and first >= last:
        raise InputError("the span is empty", where="--from, --to", remedy="--from before --to")
    if len(set(symbols)) < len(symbols):
        raise InputError("an instrument is named twice", where="--symbol")
    return [HistoryRequest(symbol, kind, timeframe, first, last) for symbol in symbols]


def _options(
    name: str,
    calendar: str | None,
    stamps: str | None,
    timezone: str | None,
    *,
    replace: bool,
    append: bool,
) -> ImportOptions:
    from data.importing import ImportOptions, Stamp, WriteMode

    if replace and append:
        raise InputError("--replace and --append exclude each other", remedy="say one of them")
    return ImportOptions(
        name,
        calendar=calendar,
        stamp=None if stamps is None else Stamp(stamps),
        timezone=timezone,
        mode=WriteMode.REPLACE if replace else WriteMode.APPEND if append else WriteMode.NEW,
    )
