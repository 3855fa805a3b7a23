"""`trader check`: does a strategy look ahead, and does it depend on where its history began?"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import EXIT_NEGATIVE, WIDTH, guarded
from cli.options import CatalogFolder, Debug, Json, Param, Strategy
from engine.errors import InputError

if TYPE_CHECKING:
    from data.history import History
    from runtime.checks import Finding, Report
    from runtime.checks.findings import Need
    from runtime.config import StrategyConfig

_SHOWN = 12
_NAME_WIDTH = 44

DataName = Annotated[
    str | None,
    typer.Option("--data", metavar="DATASET", help="Another dataset than the file names."),
]
StartTime = Annotated[str | None, typer.Option(metavar="TIME", help="First time, e.g. 2006-01-01.")]
EndTime = Annotated[str | None, typer.Option(metavar="TIME", help="Last time, excluded.")]
Known = Annotated[
    list[Path] | None,
    typer.Option(
        "--known",
        metavar="FILE",
        help="A file that is known in advance, e.g. holidays: left as it is; repeatable.",
    ),
]
Compiled = Annotated[
    bool, typer.Option("--compiled", help="Run compiled: sooner done from a million bars on.")
]


@guarded
def check_lookahead(
    strategy: Strategy,
    param: Param = None,
    data: DataName = None,
    start: StartTime = None,
    end: EndTime = None,
    cuts: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=10_000, help="Times at which the data is cut and scrambled."
        ),
    ] = 24,
    starts: Annotated[
        int, typer.Option(metavar="N", min=0, max=10_000, help="Later starts to try.")
    ] = 8,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the scrambled futures.")] = 0,
    known: Known = None,
    compiled: Compiled = False,
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Prove that no decision depends on the future.

    The data is cut at many times, what follows them is scrambled, and history
    is begun later: every order, indicator and signal must stay as it was.
    The exit code is 1 if something did not.

    \b
    Example:
      trader check lookahead my_strategy.toml --cuts 50
    """
    from runtime.checks import check_lookahead as check
    from runtime.checks.lookahead import Settings

    _require_files(known)
    config, history = _load(strategy, param, data, start, end, catalog)
    settings = Settings(cuts, starts, seed, tuple(known or ()), compiled)
    with screen.progress("whole run") as advance:
        report = check(config, history, settings, progress=advance)
    _show(report, _print_lookahead, json=json)


@guarded
def check_warmup(
    strategy: Strategy,
    param: Param = None,
    data: DataName = None,
    start: StartTime = None,
    end: EndTime = None,
    starts: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help="Later starts to try.")
    ] = 16,
    tolerance: Annotated[
        float,
        typer.Option(
            metavar="X",
            min=0.0,
            max=1.0,
            help="Values this near are the same, as a part of how much they vary.",
        ),
    ] = 0.001,
    known: Known = None,
    compiled: Compiled = False,
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Measure how many bars a strategy needs until it forgets where history began.

    The exit code is 1 if a decision after the warm-up depends on it.

    \b
    Example:
      trader check warmup my_strategy.toml --tolerance 0.0001
    """
    from runtime.checks import check_warmup as check

    _require_files(known)
    config, history = _load(strategy, param, data, start, end, catalog)
    with screen.progress("whole run") as advance:
        report = check(
            config,
            history,
            starts=starts,
            tolerance=tolerance,
            trusted=tuple(known or ()),
            is_compiled=compiled,
            progress=advance,
        )
    _show(report, _print_warmup, json=json)


def _load(
    strategy: str,
    param: list[str] | None,
    data: str | None,
    start: str | None,
    end: str | None,
    catalog: Path | None,
) -> tuple[StrategyConfig, History]:
    from cli.backtest import _with_changes
    from runtime.backtest.histories import load_history
    from runtime.config import load_strategy
    from runtime.workspace import catalog_root, find_strategy

    here = Path.cwd()
    config = load_strategy(find_strategy(strategy, here))
    config = _with_changes(config, param or [], data, start, end)
    return config, load_history(config.data, catalog_root(catalog, here))


def _require_files(paths: list[Path] | None) -> None:
    for path in paths or ():
        if not path.is_file():
            raise InputError("there is no such file", where=f"--known {path}")


def _show(report: Report, print_report: Callable[[Report], None], *, json: bool) -> None:
    if json:
        screen.print_json(report.to_json())
    else:
        print_report(report)
    if not report.is_clean:
        raise typer.Exit(EXIT_NEGATIVE)


def _print_lookahead(report: Report) -> None:
    clean = "clean: no decision changed with the future or the start"
    _print_findings(report, clean)
    _print_text(report)


def _print_warmup(report: Report) -> None:
    clean = "clean: decisions after the warm-up do not depend on the start"
    _print_findings(report, clean)
    _print_needs(report.needs)
    _print_text(report)


def _print_findings(report: Report, clean: str) -> None:
    count = len(report.findings)
    answer = clean if report.is_clean else f"{count} finding{'s' if count > 1 else ''}"
    print(f"{report.strategy}, {report.check}: {answer}")
    for finding in report.findings[:_SHOWN]:
        print()
        _print_finding(finding)
    if count > _SHOWN:
        print(f"\n... and {count - _SHOWN} more (--json has all)")


def _print_finding(finding: Finding) -> None:
    from runtime.checks.findings import Test, format_time

    of = f" of {finding.symbol}" if finding.symbol else ""
    _wrap(f"{finding.test.value}: {finding.subject}{of}, {format_time(finding.ts_ns)}", "")
    labels = {
        Test.CUT: ("whole run", "cut"),
        Test.SCRAMBLE: ("whole run", "scrambled"),
        Test.START: ("whole run", "later start"),
        Test.REPEAT: ("one run", "another"),
        Test.ALIGNMENT: ("value", "is"),
    }[finding.test]
    if finding.point_ns is not None:
        others = finding.count - 1
        more = f", and {others} other point{'s' if others > 1 else ''}" if others else ""
        _wrap(f"{'at':11} {format_time(finding.point_ns)}{more}", "  ")
    _wrap(f"{labels[0]:11} {finding.one}", "  ")
    _wrap(f"{labels[1]:11} {finding.other}", "  ")
    if finding.remark:
        _wrap(finding.remark, "  ")


def _print_needs(needs: tuple[Need, ...]) -> None:
    if not needs:
        return
    print(f"\n{'value':{_NAME_WIDTH}} {'warm-up':>8} {'needs':>8}  bars")
    for need in needs:
        name = need.name
        if len(name) > _NAME_WIDTH:
            name = f"{name[: _NAME_WIDTH - 3]}..."
        needed = "never" if need.needed is None else str(need.needed)
        print(f"{name:{_NAME_WIDTH}} {need.warmup:>8} {needed:>8}{_verdict(need)}")


def _verdict(need: Need) -> str:
    if not need.is_longer or need.ts_ns is None:
        return ""
    from runtime.checks.findings import format_time

    return f"\n    {format_time(need.ts_ns)}: {need.one} in the whole run, {need.other} later begun"


def _print_text(report: Report) -> None:
    print()
    _wrap(report.proved, "")
    _wrap(report.limits, "")
    for note in report.notes:
        _wrap(f"note: {note}", "")


def _wrap(text: str, indent: str) -> None:
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  " if indent else "",
        break_long_words=False,
        break_on_hyphens=False,
    )
    print("\n".join(lines))
