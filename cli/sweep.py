"""`trader sweep`: search parameters; every trial is counted."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from cli import screen
from cli.errors import guarded, warn
from cli.interrupts import EXIT_INTERRUPTED
from cli.options import CatalogFolder, Debug, Json
from engine.errors import InputError, NegativeAnswer

if TYPE_CHECKING:
    from runtime.config import StrategyConfig
    from runtime.sweep import Search, Sweep, SweepResult, WalkForward

Engine = Literal["auto", "compiled", "interpreted"]
Kind = Literal["anchored", "rolling"]


@guarded
def sweep(
    strategy: Annotated[
        str, typer.Argument(metavar="STRATEGY", help="A strategy file, or a name in the workspace.")
    ],
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NAME=VALUES",
            help="What to try: 5:50:5 (both ends included), 5,8,13, or NAME alone for its "
            "declared range; repeatable.",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="FORMULA", help='Only what satisfies it, e.g. "fast < slow".'),
    ] = None,
    random: Annotated[
        int | None, typer.Option(metavar="N", help="Try N combinations drawn at random.")
    ] = None,
    optuna: Annotated[
        int | None, typer.Option(metavar="N", help="Let optuna choose N trials (extra: search).")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Of --random and --optuna.")] = 1,
    metric: Annotated[
        str, typer.Option(metavar="NAME", help="What best means; see docs/reference/metrics.md.")
    ] = "sharpe",
    walk_forward: Annotated[
        Kind | None,
        typer.Option(
            metavar="|".join(get_args(Kind)),
            help="Search in one window, prove on the next; needs --train and --test.",
        ),
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(metavar="LENGTH", help="Of a training window: 500b bars, 730d days."),
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="Of a test window, e.g. 125b.")
    ] = None,
    purge: Annotated[
        str, typer.Option(metavar="LENGTH", help="Taken off the end of each training window.")
    ] = "0b",
    embargo: Annotated[
        str, typer.Option(metavar="LENGTH", help="Left out before each test window.")
    ] = "0b",
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="DATASET", help="Another dataset than the file names."),
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="First time, e.g. 2006-01-01.")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Last time, excluded.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the results.", show_default=False)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a search that was stopped.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", help="Processes; one per core when left out.")
    ] = None,
    hashes: Annotated[
        bool, typer.Option("--state-hash", help="Also each run's state hash: half as fast.")
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Dask scheduler to work on (extra: cluster)."),
    ] = None,
    top: Annotated[int, typer.Option(metavar="N", help="How many of the best to print.")] = 10,
    engine: Annotated[
        Engine,
        typer.Option(metavar="|".join(get_args(Engine)), help="As in backtest."),
    ] = "auto",
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Search parameters: run every combination, and say which is best and how sure that is.

    \b
    Examples:
      trader sweep sma_cross --param fast=5:50:5 --param slow=20:200:10 \\
          --where "fast < slow"
      trader sweep sma_cross --param fast --param slow --random 500
      trader sweep sma_cross --param fast=5:50:5 --param slow=60:200:20 \\
          --walk-forward rolling --train 500b --test 125b
    """
    from runtime.config import load_strategy
    from runtime.sweep import Place, prepare_sweep, space_of
    from runtime.workspace import catalog_root, find_strategy

    here = Path.cwd()
    place = Place(jobs=jobs, cluster=cluster, engine=engine, hashed=hashes)
    search = _search(random, optuna, seed)
    walk = _walk(walk_forward, train, test, purge, embargo)
    config = _moved(load_strategy(find_strategy(strategy, here)), data, start, end)
    root = catalog_root(catalog, here)
    prepared = prepare_sweep(
        config,
        space_of(config, param or [], where or []),
        search=search,
        metric=metric,
        walk_forward=walk,
        catalog_root=root,
    )
    for warning in config.warnings:
        warn(warning)
    folder = out if out is not None else _usual_folder(prepared, here)
    result = _run(prepared, folder, place, resume=resume, catalog=root)
    _show(result, strategy, top=top, json=json)


def _search(random: int | None, optuna: int | None, seed: int) -> Search:
    from runtime.sweep import Search

    if random is not None and optuna is not None:
        raise InputError("--random and --optuna are given", remedy="choose one of them")
    if random is not None:
        return Search("random", random, seed)
    if optuna is not None:
        return Search("optuna", optuna, seed)
    return Search()


def _walk(
    kind: str | None, train: str | None, test: str | None, purge: str, embargo: str
) -> WalkForward | None:
    from runtime.sweep import WalkForward, parse_length

    if kind is None:
        if train is not None or test is not None:
            raise InputError(
                "--train and --test belong to a walk-forward",
                remedy="add --walk-forward rolling or --walk-forward anchored",
            )
        return None
    if train is None or test is None:
        raise InputError(
            "a walk-forward needs the lengths of its windows",
            where="--walk-forward",
            remedy="add for instance --train 500b --test 125b",
        )
    return WalkForward(
        kind,
        parse_length(train, option="--train"),
        parse_length(test, option="--test"),
        parse_length(purge, option="--purge"),
        parse_length(embargo, option="--embargo"),
    )


def _moved(
    config: StrategyConfig, data: str | None, start: str | None, end: str | None
) -> StrategyConfig:
    from runtime.config.moments import parse_moment

    return config.with_data(
        dataset=data,
        start_ns=None if start is None else parse_moment(start, name="--start"),
        end_ns=None if end is None else parse_moment(end, name="--end"),
    )


def _usual_folder(sweep: Sweep, here: Path) -> Path:
    """Return where a sweep's results go when nobody says: the same sweep, the same folder."""
    from runtime.workspace import find_workspace

    workspace = find_workspace(here)
    name = f"{sweep.manifest.strategy}-{sweep.digest()[:8]}"
    folder = (here if workspace is None else workspace.root) / "sweeps" / name
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _run(sweep: Sweep, folder: Path, place: object, *, resume: bool, catalog: Path) -> SweepResult:
    from runtime.store import Store
    from runtime.sweep import Place, run_sweep
    from runtime.sweep.recording import StoreRecorder

    assert isinstance(place, Place)
    store = Store.open()
    recorder = StoreRecorder(store, catalog_root=catalog, command=_command())
    seen = [0, sweep.manifest.trials]
    try:
        with screen.progress("preparing") as advance:

            def tell(done: int, total: int, failed: int) -> None:
                seen[:] = [done, total]
                words = f"{done:,} of {total:,} trials" + (f", {failed:,} failed" if failed else "")
                advance(done / max(total, 1), words)

            return run_sweep(
                sweep, folder, place=place, resume=resume, recorder=recorder, progress=tell
            )
    except KeyboardInterrupt:
        _tell_stopped(folder, seen[0], seen[1])
        raise typer.Exit(EXIT_INTERRUPTED) from None
    finally:
        store.close()


def _tell_stopped(folder: Path, done: int, total: int) -> None:
    print(
        f"stopped: {done:,} of {total:,} trials are kept in {folder}\n"
        f"go on with:\n  {_command(resume=True)}",
        file=sys.stderr,
    )


def _command(*, resume: bool = False) -> str:
    """Return the command that was given, as one would type it."""
    words = [word for word in sys.argv[1:] if word != "--resume"]
    return shlex.join(["trader", *words, *(["--resume"] if resume else [])])


def _show(result: SweepResult, strategy: str, *, top: int, json: bool) -> None:
    from cli import sweep_show
    from runtime.sweep.pictures import draw_pictures

    pictures = draw_pictures(result)
    if json:
        screen.print_json(sweep_show.to_json(result, top=top))
    else:
        sweep_show.show(result, screen.console(), strategy=strategy, top=top, pictures=pictures)
    if result.best is None:
        errors = result.trials["error"].drop_nulls()
        why = errors[0] if len(errors) else f"{result.metric} is undefined for every trial"
        raise NegativeAnswer(f"no trial has a result: {why}", code="sweep.nothing")
