"""What `trader sweep` prints: the best trials, and how much of the best is luck."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.model.units import NS_PER_SECOND
from engine.rules.metrics import Unit, definition_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from runtime.sweep import SweepResult
    from runtime.sweep.walking import Walk

BESIDE = ("sharpe", "cagr", "max_drawdown")  # shown with every ranking
PARAMETERS_SHOWN = 4
SURE = 0.95


def show(
    result: SweepResult,
    console: Console,
    *,
    strategy: str,
    top: int,
    pictures: Sequence[Path],
) -> None:
    """Print the ranking or the windows, the warning about luck, and where the files are."""
    if result.manifest.walk_forward:
        _show_walk(result, console)
    else:
        _show_ranking(result, console, top)
        _show_luck(result, console)
        _show_stability(result, console)
    _show_failures(result, console)
    _show_files(result, console, strategy, pictures)


def to_json(result: SweepResult, *, top: int) -> dict[str, object]:
    """Return the search as JSON values."""
    manifest, found = result.manifest, result.deflated()
    values: dict[str, object] = {
        "strategy": manifest.strategy,
        "dataset": manifest.dataset,
        "method": manifest.method,
        "metric": result.metric,
        "trials": len(result.trials),
        "failed": result.failed,
        "family_trials": result.family_trials,
        "folder": str(result.folder),
        "best": [_plain(row) for row in result.ranked.head(top).to_dicts()],
    }
    if manifest.walk_forward:
        values["walk_forward"] = _walk_json(result.walk(), manifest.walk_forward)
    elif found is not None:
        values["deflated_sharpe"] = {
            "trials": found.trials,
            "sharpe": found.sharpe,
            "sharpe_by_luck": found.luck,
            "probability": found.probability,
            "probability_as_only_trial": found.over_zero,
        }
    return values


def _plain(row: dict[str, object]) -> dict[str, object]:
    return {
        name: value if isinstance(value, int | float | str | None) else f"{value:f}"
        for name, value in row.items()
    }


def _walk_json(walk: Walk, words: str) -> dict[str, object]:
    steps = [
        {
            "window": step.window,
            "train": [_day(ns) for ns in step.train_ns],
            "test": [_day(ns) for ns in step.test_ns],
            "parameters": None
            if step.parameters is None
            else {k: v if isinstance(v, bool) else f"{v:f}" for k, v in step.parameters.items()},
            "train_metric": step.train_metric,
            "test_metric": step.test_metric,
            "test_return": step.test_return,
            "error": step.error or None,
        }
        for step in walk.steps
    ]
    metrics = {each.key: each.value for each in walk.metrics if each.value is not None}
    return {"windows": words, "steps": steps, "out_of_sample": metrics}


# --- a search ---------------------------------------------------------------------------------------
def _show_ranking(result: SweepResult, console: Console, top: int) -> None:
    manifest = result.manifest
    console.print(
        f"[bold]{manifest.strategy}[/bold] on {manifest.dataset}: {len(result.trials):,} trials, "
        f"best by {_words(result.metric)}"
    )
    table = _table()
    table.add_column("", justify="right")
    names = result.names
    is_narrow = len(names) <= PARAMETERS_SHOWN
    for name in names if is_narrow else ("parameters",):
        table.add_column(name, justify="right" if is_narrow else "left", style="bold")
    metrics = list(dict.fromkeys((result.metric, *BESIDE)))
    for key in metrics:
        table.add_column(_words(key), justify="right")
    table.add_column("trades", justify="right")
    for place, row in enumerate(result.ranked.head(top).to_dicts(), start=1):
        from runtime.sweep.folder import column_name

        values = [_value(row[column_name(name)]) for name in names]
        if not is_narrow:
            values = [" ".join(f"{n}={v}" for n, v in zip(names, values, strict=True))]
        cells = [_metric(key, row[key]) for key in metrics]
        table.add_row(str(place), *values, *cells, f"{row['closed_trades']:,}")
    console.print(table)


def _show_luck(result: SweepResult, console: Console) -> None:
    found = result.deflated()
    if found is None:
        return
    counted = result.family_trials
    if counted is not None and counted > len(result.trials):
        console.print(
            f"The registry counts {counted:,} trials of this strategy on this market by now."
        )
    console.print(
        f"The best of {found.trials:,} trials without any edge has a Sharpe of about "
        f"{found.luck:.2f}; the best here has {found.sharpe:.2f}. The chance that it has more than "
        f"luck is {_chance(found.probability)} (deflated Sharpe ratio; as the only trial it would "
        f"seem {_chance(found.over_zero)})."
    )
    if found.probability < SURE:
        console.print(
            "[bold]This is no evidence of an edge.[/bold] More trials make it weaker, not stronger; "
            "a walk-forward (--walk-forward) shows what the choice is worth on data it has not seen."
        )


def _chance(probability: float) -> str:
    if probability > 0.999:
        return "over 99.9 %"
    return f"{probability:.1%}".replace("%", " %")


def _show_stability(result: SweepResult, console: Console) -> None:
    losses = [(p.parameter, p.neighbour_loss()) for p in result.profiles()]
    known = [f"{name} {loss:.0%}".replace("%", " %") for name, loss in losses if loss is not None]
    if known:
        console.print(f"One step aside the best loses: {', '.join(known)}.")
        return
    near = result.nearest_loss()
    if near is not None:
        said = f"{near:.0%}".replace("%", " %")
        console.print(f"The trials nearest to the best lose {said} of it in the median.")


def _show_failures(result: SweepResult, console: Console) -> None:
    if not result.failed:
        return
    first = result.trials["error"].drop_nulls()[0]
    console.print(f"{result.failed:,} trials failed, the first with: {first}", style="yellow")


def _show_files(
    result: SweepResult, console: Console, strategy: str, pictures: Sequence[Path]
) -> None:
    from runtime.sweep.folder import RESULTS_NAME, RETURNS_NAME
    from runtime.sweep.walking import CURVE_NAME, WINDOWS_NAME

    names = [RESULTS_NAME, RETURNS_NAME, *(path.name for path in pictures)]
    if result.manifest.walk_forward:
        names += [WINDOWS_NAME, CURVE_NAME]
    console.print(f"Files in {result.folder}: {', '.join(names)}", soft_wrap=True)
    best = result.best_parameters
    if best is not None and not result.manifest.walk_forward:
        options = " ".join(f"--param {name}={_value(value)}" for name, value in best.items())
        console.print(f"The best alone: trader backtest {strategy} {options}", soft_wrap=True)


# --- a walk-forward ---------------------------------------------------------------------------------
def _show_walk(result: SweepResult, console: Console) -> None:
    walk, manifest = result.walk(), result.manifest
    console.print(
        f"[bold]{manifest.strategy}[/bold] on {manifest.dataset}: walk-forward "
        f"({manifest.walk_forward}), {len(result.trials):,} trials"
    )
    word = _words(result.metric)
    table = _table()
    for name in ("train", "test", "chosen"):
        table.add_column(name)
    for name in (f"{word}\nin train", "in test", "return"):
        table.add_column(name, justify="right")
    for step in walk.steps:
        chosen = "nothing" if step.parameters is None else _pairs(step.parameters)
        table.add_row(
            f"{_day(step.train_ns[0])}\nto {_day(step.train_ns[1] - 1)}",
            f"{_day(step.test_ns[0])}\nto {_day(step.test_ns[1] - 1)}",
            chosen,
            _metric(result.metric, step.train_metric),
            "failed" if step.error else _metric(result.metric, step.test_metric),
            _metric("total_return", step.test_return),
        )
    console.print(table)
    console.print(_stitched_words(walk))
    if result.family_trials is not None:
        console.print(
            f"The registry counts {result.family_trials:,} trials of this strategy on this market."
        )


def _stitched_words(walk: Walk) -> str:
    parts = [
        f"{_words(key)} {_metric(key, walk.metrics[key])}"
        for key in ("total_return", "cagr", "sharpe", "max_drawdown")
        if walk.metrics[key] is not None
    ]
    if not parts:
        return "Out of sample: too short for any statement."
    return f"Out of sample, {walk.returns.size:,} days in one: {', '.join(parts)}."


def _pairs(parameters: object) -> str:
    assert isinstance(parameters, dict)
    return "\n".join(f"{name} {_value(value)}" for name, value in parameters.items())


# --- words ------------------------------------------------------------------------------------------
def _table() -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)


def _words(metric: str) -> str:
    return definition_of(metric).name


def _metric(key: str, value: object) -> str:
    from reports.formats import format_percent

    if not isinstance(value, float | int):
        return "-"
    unit = definition_of(key).unit
    if unit in (Unit.FRACTION, Unit.FRACTION_PER_YEAR):
        return format_percent(float(value))
    return f"{value:,.0f}" if unit is Unit.DAYS else f"{value:,.2f}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _day(ns: int) -> str:
    return datetime.fromtimestamp(ns // NS_PER_SECOND, UTC).date().isoformat()
