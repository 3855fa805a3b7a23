"""`trader backtest`: run a strategy over history."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from cli import screen
from cli.errors import guarded, warn
from cli.options import CatalogFolder, Debug, Param, Strategy, parameter_values
from cli.plain import PlainCommand

if TYPE_CHECKING:
    from runtime.config import StrategyConfig
    from runtime.results import BacktestResult

STDOUT = "-"
_LABEL_WIDTH = {1: 12, 2: 14}  # of the tear sheet's last lines, by the number of paths shown
Engine = Literal["auto", "compiled", "interpreted"]


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A result, its id in the registry, and how many trials its family has by now."""

    result: BacktestResult
    run_id: str
    trial: int


@dataclass(frozen=True, slots=True)
class Files:
    """What a run writes besides the screen; None where nothing was asked for."""

    plot: Path | None = None
    report: Path | None = None
    out: Path | None = None
    json: str | None = None


class BacktestCommand(PlainCommand):
    """Lets ``--json`` stand alone: the next word is its file only when it ends in .json."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write a lone ``--json`` as ``--json=-``."""
        return super().parse_args(ctx, with_json_target(args))


def with_json_target(args: Sequence[str]) -> list[str]:
    """Return the arguments with ``--json`` followed by a target in any case.

    Examples
    --------
    >>> with_json_target(["--json", "my.toml"])
    ['--json=-', 'my.toml']
    >>> with_json_target(["my.toml", "--json", "out.json"])
    ['my.toml', '--json', 'out.json']
    """
    following = [*args[1:], ""]
    is_alone = [
        arg == "--json" and not after.endswith(".json") for arg, after in zip(args, following)
    ]
    return [f"--json={STDOUT}" if alone else arg for arg, alone in zip(args, is_alone)]


@guarded
def backtest(
    strategy: Strategy,
    param: Param = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="DATASET", help="Another dataset than the file names."),
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="First time, e.g. 2006-01-01.")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Last time, excluded.")] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write equity and drawdown as .png, .svg or .pdf."),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="[FILE.json]", help="Print JSON, or write it to FILE.json."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", "--html", metavar="FILE", help="Write an HTML report that works offline."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write all tables as Parquet, and summary.json."),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            metavar="|".join(get_args(Engine)),
            help="Compiled, interpreted, or what is faster; results are equal.",
        ),
    ] = "auto",
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Run a strategy over history, record it, and print the tear sheet.

    \b
    Examples:
      trader backtest examples/sma_cross.toml
      trader backtest sma_cross --param fast=10 --plot equity.png
      trader backtest sma_cross --start 2006-01-01 --json
      trader backtest sma_cross --report report.html --out results/sma_cross
    """
    from runtime.config import load_strategy
    from runtime.workspace import catalog_root, find_strategy

    here = Path.cwd()
    if plot is not None:
        from reports.charts import require_picture_path

        require_picture_path(plot)  # before the work, not after it
    if json is not None and json != STDOUT:
        screen.require_writable(Path(json))
    if report is not None:
        screen.require_writable(report)
    if out is not None:
        from runtime.results.saved import require_folder

        require_folder(out)
    config = load_strategy(find_strategy(strategy, here))
    config = _with_changes(config, param or [], data, start, end)
    run = run_with_progress(config, catalog_root(catalog, here), engine)
    for warning in config.warnings:
        if warning not in run.result.summary.warnings:
            warn(warning)
    show(run, Files(plot, report, out, json))


def _with_changes(
    config: StrategyConfig,
    param: Sequence[str],
    data: str | None,
    start: str | None,
    end: str | None,
) -> StrategyConfig:
    from runtime.config.moments import parse_moment

    return config.with_parameters(parameter_values(param)).with_data(
        dataset=data,
        start_ns=None if start is None else parse_moment(start, name="--start"),
        end_ns=None if end is None else parse_moment(end, name="--end"),
    )


def run_with_progress(config: StrategyConfig, catalog: Path, engine: str) -> RecordedRun:
    """Run and record the backtest, with a progress bar where somebody looks."""
    from runtime.backtest.recorded import recorded_backtest
    from runtime.compile_cache import is_warm
    from runtime.store import Store

    gc.freeze()  # what is imported stays: the end of the process need not look through it
    store = Store.open()
    # Whether kernels are there takes reading the sources: only for who can see it.
    waits = engine != "interpreted" and sys.stderr.isatty() and not is_warm()
    with screen.progress("preparing (compiles once)" if waits else "preparing") as advance:

        def tell(done: int, total: int) -> None:
            advance(done / max(total, 1), "backtest")

        result, run_id = recorded_backtest(
            config, catalog_root=catalog, engine=engine, progress=tell, store=store, origin="cli"
        )
    return RecordedRun(result, run_id, store.count_trials(store.run(run_id).family))


def show(run: RecordedRun, files: Files) -> None:
    """Write the files that were asked for, then print the tear sheet or the JSON."""
    from reports.tearsheet import render_tearsheet

    text = _write(run, files)
    if files.json == STDOUT:
        print(text)
        return
    render_tearsheet(run.result.summary, screen.console())
    _print_place(run)
    for name, path in (
        ("Picture", files.plot),
        ("Report", files.report),
        ("Tables", files.out),
        ("JSON", files.json),
    ):
        if path is not None:
            print(f"{name}: {path}")


def _write(run: RecordedRun, files: Files) -> str:
    """Write the files, and return the JSON where it was asked for."""
    result = run.result.recorded_as(run.run_id)
    if files.plot is not None:
        result.plot(files.plot)
    if files.report is not None:
        result.report(files.report)
    if files.out is not None:
        result.save(files.out)
    if files.json is None:
        return ""
    from reports.record import to_json_text

    text = to_json_text(
        result.document().to_json() | {"run": {"id": run.run_id, "trial": run.trial}}
    )
    if files.json != STDOUT:
        screen.write_file(Path(files.json), text)
    return text


def _print_place(run: RecordedRun) -> None:
    """Say where the run stands in the registry, as one more of the tear sheet's last lines."""
    from rich.text import Text

    width = _LABEL_WIDTH[len(run.result.summary.paths())]
    place = f"{run.run_id}, trial {run.trial:,} of this family"
    screen.console().print(Text("Run".ljust(width), "dim") + Text(place))
