"""`trader data check` and `trader data repair`: what is wrong with data, and its repair."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import EXIT_NEGATIVE, WIDTH, guarded
from cli.options import CatalogFolder, Debug, Json, parse_pairs
from engine.errors import InputError
from engine.model.units import NS_PER_DAY

if TYPE_CHECKING:
    from data.importing import ImportOptions
    from data.numbers import Floats, Ints
    from data.quality import Finding, QualityReport

_EXAMPLES = 3  # findings of one code that the screen shows


@guarded
def check_data(
    target: Annotated[
        str,
        typer.Argument(
            metavar="DATASET|FILE", help="A dataset, a sample, or a CSV or Parquet file."
        ),
    ],
    instrument: Annotated[
        list[str] | None,
        typer.Option(metavar="S", help="Check only this instrument; repeatable."),
    ] = None,
    calendar: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A file's trading hours: XNYS, XLON, FX, 24/7."),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(metavar="S", help="The instrument of a file without symbols.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Zone of a file's stamps without one.")
    ] = None,
    stamps: Annotated[
        str | None,
        typer.Option("--stamp", "--stamps", metavar="open|close|date", help="A bar's time is its?"),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=COLUMN", help="Name a file's column; repeatable."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="PICTURE.png", help="Write a small picture.")
    ] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Print every finding.")] = False,
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Look for what is wrong with a dataset, or with a file before its import.

    Exit code 1 when something cannot be true; warnings alone give 0.

    \b
    Examples:
      trader data check daily
      trader data check prices.csv --calendar XNYS --plot prices.png
    """
    if plot is not None:
        screen.require_writable(plot)
    source = _source(target, catalog, _options(symbol, calendar, timezone, stamps, column))
    with screen.progress("check") as advance:
        report = source.check(instrument, advance)
        if plot is not None:
            _draw(report, source, plot)
    if json:
        screen.print_json(_to_json(report))
    else:
        _print_report(report, show_all=show_all)
    if report.has_errors:
        raise typer.Exit(EXIT_NEGATIVE)


@guarded
def repair_data(
    name: Annotated[str, typer.Argument(metavar="DATASET", help="The dataset to repair.")],
    into: Annotated[str, typer.Option(metavar="NEW", help="Name of the new dataset.")],
    fix: Annotated[
        str, typer.Option(metavar="CODE,CODE", help="What to repair, as data check names it.")
    ],
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Repair what a check found, into a new dataset; the old one is not touched.

    Every change stands in the new dataset's manifest.

    \b
    Example:
      trader data repair fx --into fx-clean --fix data.locked_quote,data.outlier
    """
    from data.catalog import Catalog
    from data.quality.repair import repair_dataset
    from runtime.workspace import catalog_root

    root = catalog_root(catalog, Path.cwd())
    codes = tuple(code.strip() for code in fix.split(",") if code.strip())
    with screen.progress("repair") as advance:
        done = repair_dataset(Catalog(root).dataset(name), root, into, codes, advance)
    if json:
        screen.print_json(
            {
                "dataset": into,
                "from": name,
                "fingerprint": done.fingerprint,
                "changes": {code: done.counts.get(code, 0) for code in codes},
            }
        )
        return
    print(f"{into}: {name} repaired, {name} itself is untouched")
    for code in codes:
        print(f"  {code:<28} {done.counts.get(code, 0):>8,}  {done.what[code]}")
    print(f"Fingerprint: {done.fingerprint}")


@dataclass(frozen=True, slots=True)
class _Source:
    """What is checked: how, and where the prices of a picture come from."""

    check: Callable[[Sequence[str] | None, screen.Advance], QualityReport]
    prices: Callable[[str], tuple[Ints, Floats]]


def _source(target: str, catalog: Path | None, options: ImportOptions) -> _Source:
    """Return the sample, the dataset or the file of that name.

    Raises
    ------
    InputError
        If the name is that of a dataset and of a file, or of neither.
    """
    from data.catalog import Catalog
    from data.quality import check_dataset, check_file, check_history
    from data.quality.picture import file_prices, prices_of
    from data.samples import SAMPLE_PREFIX, load_sample
    from runtime.workspace import catalog_root

    if target.startswith(SAMPLE_PREFIX):
        history = load_sample(target)
        return _Source(
            lambda names, _: check_history(history, target, names),
            lambda symbol: prices_of(history[symbol]),
        )
    path, root = Path(target), Catalog(catalog_root(catalog, Path.cwd()))
    if target in root and path.is_file():
        raise InputError(
            f"{target!r} is a dataset and a file here",
            remedy=f"write ./{target} for the file",
            code="data.ambiguous_name",
        )
    if path.is_file() or path.suffix.lower() in (".csv", ".parquet", ".txt", ".tsv", ".pq"):
        return _Source(
            lambda _, advance: check_file(path, options, advance),
            lambda symbol: file_prices(path, options, symbol),
        )
    dataset = root.dataset(target)
    return _Source(
        lambda names, advance: check_dataset(dataset, names, advance),
        lambda symbol: prices_of(dataset.load([symbol]).parts[0]),
    )


def _options(
    symbol: str | None,
    calendar: str | None,
    timezone: str | None,
    stamps: str | None,
    column: list[str] | None,
) -> ImportOptions:
    from data.importing import ImportOptions, Stamp

    if stamps not in (None, "open", "close", "date"):
        raise InputError(f"{stamps!r} is no stamp", where="--stamp", remedy="open, close or date")
    return ImportOptions(
        "check",
        columns=parse_pairs(column or [], option="--column"),
        symbol=symbol,
        timezone=timezone,
        stamp=None if stamps is None else Stamp(stamps),
        calendar=calendar,
    )


def _draw(report: QualityReport, source: _Source, plot: Path) -> None:
    from data.quality.picture import draw, panels

    draw(report, [(symbol, *source.prices(symbol)) for symbol in panels(report)], plot)


def _print_report(report: QualityReport, *, show_all: bool) -> None:
    from data.quality.codes import RULES
    from data.views import format_day

    span = f"{format_day(report.first_ns)} to {format_day(report.last_ns)}"
    names = len(report.symbols)
    who = report.symbols[0] if names == 1 else f"{names} instruments"
    _print_wrapped(f"{report.name}: {report.rows:,} rows of {who}, {span}", "")
    for note in report.notes:
        _print_wrapped(f"Note: {note}", "")
    by_code: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_code.setdefault(finding.code, []).append(finding)
    for code, findings in by_code.items():
        rule, total = RULES[code], report.counts[code]
        print()
        print(f"{rule.severity.value}  {code}  {total:,}  {rule.title}")
        shown = findings if show_all else findings[:_EXAMPLES]
        for finding in shown:
            _print_wrapped(f"{_place(finding)}: {finding.text}", "  ")
        if total > len(shown):
            print(f"  and {total - len(shown):,} more")
        _print_wrapped(f"-> {rule.remedy}", "  ")
    if by_code:
        print()
    print(_summary(report))


def _print_wrapped(text: str, indent: str) -> None:
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "   ",
        break_on_hyphens=False,
    )
    print("\n".join(lines))


def _summary(report: QualityReport) -> str:
    totals = [f"{n:,} {s.value}{'s' * (n != 1)}" for s, n in report.by_severity.items() if n]
    return ", ".join(totals) if totals else "Nothing was found."


def _place(finding: Finding) -> str:
    from data.quality.series import stamp

    when = ""
    if finding.ts_ns is not None:
        # A UTC day ends where the next begins: its bar is named by its own day.
        is_day = finding.kind == "bars" and finding.ts_ns % NS_PER_DAY == 0
        when = f" {stamp(finding.ts_ns - is_day, is_daily=is_day)}"
    column = f" {finding.column}" if finding.column else ""
    return f"{finding.symbol} row {finding.row}{when}{column}"


def _to_json(report: QualityReport) -> dict[str, object]:
    return {
        "name": report.name,
        "rows": report.rows,
        "symbols": list(report.symbols),
        "first_ns": report.first_ns,
        "last_ns": report.last_ns,
        "counts": report.counts,
        "by_severity": {s.value: n for s, n in report.by_severity.items()},
        "notes": list(report.notes),
        "findings": _findings_json(report.findings),
    }


def _findings_json(findings: Sequence[Finding]) -> list[dict[str, object]]:
    return [
        {
            "code": each.code,
            "severity": each.severity.value,
            "symbol": each.symbol,
            "kind": each.kind,
            "row": each.row,
            "ts_ns": each.ts_ns,
            "column": each.column or None,
            "value": each.value or None,
            "count": each.count,
            "text": each.text,
            "remedy": each.remedy,
        }
        for each in findings
    ]
