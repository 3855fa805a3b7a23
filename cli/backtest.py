"""`trader backtest`: run a strategy over history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer
from typer.core import TyperCommand

from cli import screen
from cli.errors import guarded, warn
from cli.options import CatalogFolder, Debug, parse_pairs

if TYPE_CHECKING:
    from runtime.config import StrategyConfig
    from runtime.results import BacktestResult

STDOUT = "-"
Engine = Literal["auto", "compiled", "interpreted"]


class BacktestCommand(TyperCommand):
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
    strategy: Annotated[
        str, typer.Argument(metavar="STRATEGY", help="A strategy file, or a name in the workspace.")
    ],
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param", metavar="NAME=VALUE", help="Another value of a parameter; repeatable."
        ),
    ] = None,
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
    """Run a strategy over history and print the tear sheet.

    \b
    Examples:
      trader backtest examples/sma_cross.toml
      trader backtest sma_cross --param fast=10 --plot equity.png
      trader backtest sma_cross --start 2006-01-01 --json
    """
    from reports.charts import require_picture_path
    from runtime.config import load_strategy
    from runtime.workspace import catalog_root, find_strategy

    here = Path.cwd()
    if plot is not None:
        require_picture_path(plot)  # before the work, not after it
    if json is not None and json != STDOUT:
        screen.require_writable(Path(json))
    config = load_strategy(find_strategy(strategy, here))
    config = _with_changes(config, param or [], data, start, end)
    result = run_with_progress(config, catalog_root(catalog, here), engine)
    for warning in config.warnings:
        if warning not in result.summary.warnings:
            warn(warning)
    show(result, plot=plot, json=json)


def _with_changes(
    config: StrategyConfig,
    param: Sequence[str],
    data: str | None,
    start: str | None,
    end: str | None,
) -> StrategyConfig:
    from runtime.config.moments import parse_moment
    from runtime.config.parameters import parse_value

    values = {
        name: parse_value(text, name=name)
        for name, text in parse_pairs(param, option="--param").items()
    }
    return config.with_parameters(values).with_data(
        dataset=data,
        start_ns=None if start is None else parse_moment(start, name="--start"),
        end_ns=None if end is None else parse_moment(end, name="--end"),
    )


def run_with_progress(config: StrategyConfig, catalog: Path, engine: str) -> BacktestResult:
    """Run the backtest, with a progress bar where somebody looks."""
    from runtime.backtest import run_backtest
    from runtime.compile_cache import is_warm

    waits = engine != "interpreted" and not is_warm()
    with screen.progress("preparing (compiles once)" if waits else "preparing") as advance:

        def tell(done: int, total: int) -> None:
            advance(done / max(total, 1), "backtest")

        return run_backtest(config, catalog_root=catalog, engine=engine, progress=tell)


def show(result: BacktestResult, *, plot: Path | None, json: str | None = None) -> None:
    """Write the files that were asked for, then print the tear sheet or the JSON."""
    from reports.tearsheet import render_tearsheet

    if plot is not None:
        result.plot(plot)
    if json == STDOUT:
        screen.print_json(result.to_json())
        return
    if json is not None:
        screen.write_file(Path(json), screen.to_json(result.to_json()))
    render_tearsheet(result.summary, screen.console())
    if plot is not None:
        print(f"Picture: {plot}")
    if json is not None:
        print(f"JSON: {json}")
