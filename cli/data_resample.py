"""`trader data resample`: longer bars, anchored to the calendar."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli import screen
from cli.errors import guarded
from cli.options import CatalogFolder, Debug, Json

Kind = Literal["bars", "trades", "quotes"]
From = Literal["session", "utc"]
Price = Literal["mid", "bid", "ask"]


@guarded
def resample_data(
    name: Annotated[str, typer.Argument(metavar="DATASET", help="The dataset to read.")],
    to: Annotated[str, typer.Option(metavar="PERIOD", help="30s, 5m, 1h, 1d, 1w or 1mo.")],
    into: Annotated[str, typer.Option(metavar="NEW", help="Name of the new dataset.")],
    instrument: Annotated[
        list[str] | None, typer.Option(metavar="S", help="Only this instrument; repeatable.")
    ] = None,
    made_of: Annotated[
        Kind | None,
        typer.Option("--from", metavar="bars|trades|quotes", help="What to make the bars of."),
    ] = None,
    anchor: Annotated[
        From,
        typer.Option(
            metavar="session|utc", help="Count hours from the session's open or from 00:00 UTC."
        ),
    ] = "session",
    price: Annotated[
        Price, typer.Option(metavar="mid|bid|ask", help="The price of a quote.")
    ] = "mid",
    regular_hours: Annotated[
        bool, typer.Option("--regular-hours", help="Leave out what lies outside the sessions.")
    ] = False,
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Make longer bars, from bars, trades or quotes, into a new dataset.

    Bars are anchored to the instrument's sessions: half days are short, clocks that change move
    nothing, a week goes from Monday to Sunday. A last bar that is not complete is left out.

    \b
    Example:
      trader data resample minutes --to 1h --into hours
    """
    from data.catalog import Catalog
    from data.resampled import ResampleOptions, resample_dataset
    from data.resampling import Anchor, QuotePrice
    from runtime.workspace import catalog_root

    root = catalog_root(catalog, Path.cwd())
    options = ResampleOptions(
        into,
        to,
        kind=made_of,
        anchor=Anchor(anchor),
        price=QuotePrice(price),
        regular_hours=regular_hours,
        instruments=instrument,
    )
    with screen.progress("resample") as advance:
        done = resample_dataset(Catalog(root).dataset(name), root, options, advance)
    if json:
        screen.print_json(
            {"dataset": into, "from": name, "rows": done.rows, "fingerprint": done.fingerprint}
        )
        return
    total = sum(done.rows.values())
    print(f"{into}: {total:,} bars of {to} of {len(done.rows)} instruments, made of {name}")
    print(f"Fingerprint: {done.fingerprint}")
