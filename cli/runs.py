"""`trader runs`: what was run, when, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import guarded
from cli.options import Debug, Json

if TYPE_CHECKING:
    from rich.text import Text

    from runtime.store import RunRecord

_STYLES = {"running": "cyan", "finished": "green", "failed": "red", "interrupted": "yellow"}
_FAMILY_DIGITS = 8
_LABEL_WIDTH = 14

Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="How many, newest first.")
]


@guarded
def list_runs(
    family: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="Only one family; the first digits are enough."),
    ] = None,
    limit: Limit = 20,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List recorded runs, failed and interrupted ones too.

    \b
    Examples:
      trader runs list
      trader runs list --family 3fa20c11 --limit 100
    """
    from runtime.store import Store

    store = Store.open()
    runs = store.runs(family=family, limit=limit)
    counts = store.count_families()
    if json:
        entries = [_to_json(each, counts) for each in runs]
        screen.print_json({"registry": store.place, "runs": entries})
        return
    if not runs:
        print(f"No run of family {family}." if family else "No run yet: trader backtest STRATEGY")
    else:
        _print_table(runs)
        _print_families(runs, counts)
    print(f"Registry: {store.place}")


@guarded
def show_run(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="Its id, the beginning or the random end of it, or `last`."
        ),
    ],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show one recorded run: what ran on what, and what came of it.

    \b
    Examples:
      trader runs show last
      trader runs show 20260131-2359
      trader runs show 4k9zt --json
    """
    import json as codec

    from runtime.store import Store

    store = Store.open()
    found = store.run(run)
    counts = {found.family: store.count_trials(found.family)}
    if json:
        result = codec.loads(found.summary) if found.state == "finished" else None
        configuration = codec.loads(found.configuration)
        entry = _to_json(found, counts) | {"configuration": configuration, "result": result}
        screen.print_json(entry | {"returns": found.return_series().tolist()})
        return
    _print_run(found, counts)


def _print_table(runs: Sequence[RunRecord]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("run", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("return", justify="right", no_wrap=True)
    table.add_column("strategy and parameters", overflow="fold")
    table.add_column("family", no_wrap=True)
    for each in runs:
        what = " ".join([each.strategy, *_parameters(each)])
        family = each.family[:_FAMILY_DIGITS]
        table.add_row(each.id, _state(each), _return(each), _plain(what), family)
    screen.console().print(table)


def _print_families(runs: Sequence[RunRecord], counts: Mapping[str, int]) -> None:
    """Say how often each family of the list was tried: the promotion gate asks for it."""
    for family in dict.fromkeys(each.family for each in runs):
        count = counts[family]
        print(f"Family {family[:_FAMILY_DIGITS]}: {count:,} trial{'s' * (count != 1)}")


def _print_run(run: RunRecord, counts: Mapping[str, int]) -> None:
    from reports.formats import format_money
    from runtime.config.moments import format_moment

    count = counts[run.family]
    figures = run.figures
    duration = run.duration_ns
    lines: list[tuple[str, Text | str]] = [
        ("Run", _plain(run.id)),
        ("State", _state(run)),
        ("Error", run.error),
        ("Strategy", run.strategy),
        ("Parameters", ", ".join(_parameters(run))),
        ("File", run.path),
        ("Data", f"{run.dataset}, fingerprint {run.data_id}"),
        ("Span", f"{format_moment(run.start_ns)} to {format_moment(run.end_ns)}"),
        ("Begun", _seconds(run.begun_ns) + ("" if duration is None else _lasted(duration))),
        ("By", f"{run.origin}, process {run.pid} on {run.host}"),
        ("Family", f"{run.family[:32]}: {count:,} trial{'s' * (count != 1)}"),
        ("Fingerprint", run.fingerprint[:32]),
    ]
    if run.final_equity is not None:
        lines += [
            ("Final equity", f"{format_money(run.final_equity)} {run.currency}"),
            ("Return", _return(run)),
            ("Drawdown", _percent(figures.max_drawdown)),
            ("Sharpe daily", _number(figures.sharpe_daily)),
            ("Days", f"{figures.observations:,}"),
            ("State hash", run.state_hash),
        ]
    lines.append(("Reproduce", run.command))
    _print_lines(lines)


def _print_lines(lines: Sequence[tuple[str, Text | str]]) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=_LABEL_WIDTH, style="dim")
    grid.add_column(overflow="fold")
    for label, value in lines:
        if value:
            grid.add_row(label, _plain(value) if isinstance(value, str) else value)
    screen.console().print(grid)


def _plain(text: str) -> Text:
    """Names and messages of others are no markup."""
    from rich.text import Text

    return Text("".join(each if each.isprintable() else " " for each in text))


def _state(run: RunRecord) -> Text:
    from rich.text import Text

    return Text(run.state.value, _STYLES[run.state.value])


def _parameters(run: RunRecord) -> list[str]:
    return [f"{name}={value}" for name, value in run.parameters.items()]


def _return(run: RunRecord) -> str:
    return _percent(run.figures.total_return, signed=True) if run.final_equity is not None else ""


def _percent(value: float | None, *, signed: bool = False) -> str:
    from reports.formats import UNDEFINED, format_percent

    return UNDEFINED if value is None else format_percent(value, signed=signed)


def _number(value: float | None) -> str:
    from reports.formats import UNDEFINED

    return UNDEFINED if value is None else f"{value:.4f}"


def _seconds(ts_ns: int) -> str:
    from runtime.config.moments import format_moment

    return format_moment(ts_ns // 10**9 * 10**9)


def _lasted(duration_ns: int) -> str:
    return f", {duration_ns / 1e9:,.1f} s"


def _to_json(run: RunRecord, counts: Mapping[str, int]) -> dict[str, object]:
    """Return a run as JSON values: money as text, undefined figures as null."""
    figures = run.figures
    return {
        "id": run.id,
        "state": run.state.value,
        "strategy": run.strategy,
        "path": run.path,
        "parameters": dict(run.parameters),
        "dataset": run.dataset,
        "data_id": run.data_id,
        "start_ns": run.start_ns,
        "end_ns": run.end_ns,
        "family": run.family,
        "family_trials": counts[run.family],
        "fingerprint": run.fingerprint,
        "engine": run.engine,
        "origin": run.origin,
        "host": run.host,
        "pid": run.pid,
        "begun_ns": run.begun_ns,
        "ended_ns": run.ended_ns,
        "final_equity": None if run.final_equity is None else f"{run.final_equity:f}",
        "currency": run.currency,
        "state_hash": run.state_hash,
        "observations": figures.observations,
        "total_return": figures.total_return,
        "sharpe_daily": figures.sharpe_daily,
        "max_drawdown": figures.max_drawdown,
        "skew": figures.skew,
        "kurtosis": figures.kurtosis,
        "error": run.error,
        "reproduce": run.command,
    }
