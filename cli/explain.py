"""`trader explain`: why a run did what it did, told from its journal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import guarded
from cli.options import CatalogFolder, Debug, Json
from engine.errors import InputError

if TYPE_CHECKING:
    from runtime.explain import Story
    from runtime.results.journal import RunJournal

_TIME_WIDTH = 19


@guarded
def explain(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A recorded run (the beginning of its id, or `last`), or a folder of --out.",
        ),
    ],
    order: Annotated[
        int | None, typer.Option("--order", metavar="ID", help="The order to explain.")
    ] = None,
    signal: Annotated[
        str | None,
        typer.Option("--signal", metavar="ID", help="The signal: its id or its number."),
    ] = None,
    position: Annotated[
        int | None, typer.Option("--position", metavar="ID", help="The position to explain.")
    ] = None,
    catalog: CatalogFolder = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell what became of an order, a signal or a position, and why.

    A recorded run is made again from its record, and must end as it did.

    \b
    Examples:
      trader explain last --order 12
      trader explain results/rain --position 3
      trader explain 20260131-2359 --signal k7q2 --json
    """
    from runtime.explain import story_of
    from runtime.explain.story import require_one

    require_one(order=order, signal=signal, position=position)  # before the work, not after it
    story = story_of(_journal(run, catalog), order=order, signal=signal, position=position)
    if json:
        screen.print_json({"run": run} | story.to_json())
        return
    _print(story)


def _journal(run: str, catalog: Path | None) -> RunJournal:
    from runtime.explain.again import journal_of_folder, journal_of_record
    from runtime.store import Store

    path = Path(run)
    if path.is_dir():
        return journal_of_folder(path)
    if path.is_file() or path.suffix == ".json":
        raise InputError(
            "a result file has no journal",
            where=run,
            remedy="name the run in the registry, or a folder of `trader backtest --out DIR`",
            code="explain.no_journal",
        )
    record = Store.open().run(run)
    with screen.progress("running it again") as advance:

        def tell(done: int, total: int) -> None:
            advance(done / max(total, 1), "running it again")

        return journal_of_record(record, catalog=catalog, progress=tell)


def _print(story: Story) -> None:
    from rich.table import Table
    from rich.text import Text

    from runtime.explain.words import moment

    console = screen.console()
    console.print(
        Text(f"{story.subject[0].upper()}{story.subject[1:]}: {story.title}", "bold cyan")
    )
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=_TIME_WIDTH, style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    before = ""
    for line in story.lines:
        when = moment(line.ts_ns)
        grid.add_row("" if when == before else when, Text(line.text))
        before = when
    console.print(grid)
