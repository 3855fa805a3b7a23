"""The table of a record, as text, as Markdown and as JSON.

``python -m benchmarks.tables`` writes docs/explain/benchmarks.md anew from the published record;
``--json`` prints figures for programs; ``--check`` fails when the page is stale.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.environments import HERE
from benchmarks.record import Record, read_record
from benchmarks.verdicts import (
    Line,
    SmallLine,
    Verdict,
    cold_lines,
    memory_lines,
    verdicts,
)

PUBLISHED = HERE / "results" / "peers.json"
PAGE = HERE.parent / "docs" / "explain" / "benchmarks.md"
INTRODUCTION = HERE / "results" / "introduction.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, default=PUBLISHED)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--text", action="store_true", help="print the table as text")
    parser.add_argument("--check", action="store_true", help="fail when the page is stale")
    options = parser.parse_args(arguments)
    record = read_record(options.record)
    if options.json:
        print(json.dumps(json_report(record), indent=1))
    elif options.text:
        print(text_report(record))
    elif options.check:
        return int(PAGE.read_text() != page(record))
    else:
        PAGE.write_text(page(record))
    return 0


def page(record: Record) -> str:
    """Return docs/explain/benchmarks.md."""
    return INTRODUCTION.read_text().rstrip() + "\n\n" + markdown_report(record)


def json_report(record: Record) -> dict[str, Any]:
    """Return what the table says as JSON values."""
    return {
        "about": record.about,
        "workloads": [
            {
                "name": item.workload.name,
                "title": item.workload.title,
                "unit": item.workload.unit + "/s",
                "goal": item.workload.goal,
                "goal_ratio": item.workload.goal_ratio,
                "best_peer": item.best_peer,
                "ratio": item.ratio,
                "meets_goal": item.meets_goal,
                "lines": [asdict(line) for line in item.lines],
            }
            for item in verdicts(record)
        ],
        "cold": [asdict(line) for line in cold_lines(record)],
        "memory": [asdict(line) for line in memory_lines(record)],
    }


def text_report(record: Record) -> str:
    """Return the whole table in 80 columns."""
    parts = ["\n".join(about_lines(record))]
    parts += [_text_workload(item) for item in verdicts(record)]
    for title, lines, unit in _small_tables(record):
        parts.append(_text_small(title, lines, unit))
    return "\n\n".join(parts)


def about_lines(record: Record) -> list[str]:
    """Return where and when it was measured."""
    about = record.about
    packages = ", ".join(f"{name} {value}" for name, value in about["packages"].items())
    return [
        f"{about['machine']}; load {about['load_at_start']} at the start",
        f"{about['date']}, Python {about['python']}, {packages}, code {about['code']}",
    ]


def _text_workload(item: Verdict) -> str:
    work = item.workload
    rows = [f"{work.name}: {work.title}", f"  {'':17}{'M ' + work.unit + '/s':>24}  result"]
    for line in item.lines:
        name = f"{line.participant} {line.version}".strip()
        if line.rate is None:
            rows.append(f"  {name:25} {line.failed}"[:80])
            continue
        rate = f"{_millions(line.rate)} ({_millions(line.rate_low)}-{_millions(line.rate_high)})"
        result = line.check or f"{line.fills:,} fills, equity {line.equity:,.2f}"
        rows.append(f"  {name:25}{rate:>18}  {result}"[:80])
    return "\n".join([*rows, "  " + goal_sentence(item)])


def goal_sentence(item: Verdict) -> str:
    """Return how ours stands to the goal and to the best peer."""
    work, ours = item.workload, item.ours
    if ours.rate is None:
        return f"goal {_millions(work.goal)} M: ours did not run"
    word = "met" if item.meets_goal else "missed"
    text = f"goal {_millions(work.goal)} M: {word} ({ours.rate / work.goal:.2f} of it)"
    if item.ratio is not None:
        text += f"; {item.ratio:.1f} x {item.best_peer} (goal {work.goal_ratio:g} x)"
    return text


def _millions(rate: float | None) -> str:
    if rate is None:
        return "-"
    value = rate / 1e6
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _small_tables(record: Record) -> list[tuple[str, list[SmallLine], str]]:
    tables = [
        ("W5: seconds of a new process, 2,500 bars", cold_lines(record), "s"),
        ("W6: peak memory of 1,000,000 bars over the data", memory_lines(record), "MiB"),
    ]
    return [table for table in tables if table[1]]


def _text_small(title: str, lines: list[SmallLine], unit: str) -> str:
    return "\n".join([title, *(f"  {_text_small_line(line, unit)}"[:80] for line in lines)])


def _text_small_line(line: SmallLine, unit: str) -> str:
    name = f"{line.participant} {line.version}".strip()
    if line.value is None:
        return f"{line.kind:9} {name:24} {line.failed}"
    return f"{line.kind:9} {name:24}{_amount(line.value, unit):>8} {unit}{_detail(line, unit)}"


def _amount(value: float, unit: str) -> str:
    return f"{value:.2f}" if unit == "s" else f"{value:.0f}"


def _detail(line: SmallLine, unit: str) -> str:
    text = ""
    if line.low is not None and line.high is not None:
        text += f" ({line.low:.2f}-{line.high:.2f})"
    if line.goal is not None and line.value is not None:
        word = "met" if line.value <= line.goal else "missed"
        text += f", goal {_amount(line.goal, unit)}: {word}"
    if line.failed:
        text += f", then {line.failed}"
    return text


def markdown_report(record: Record) -> str:
    """Return the whole table as Markdown."""
    parts = ["\n".join(about_lines(record))]
    parts += [_markdown_workload(item) for item in verdicts(record)]
    for title, lines, unit in _small_tables(record):
        parts.append(_markdown_small(title, lines, unit))
    return "\n\n".join(parts) + "\n"


def _markdown_workload(item: Verdict) -> str:
    work = item.workload
    rows = [
        f"## {work.name}: {work.title}",
        "",
        f"| | M {work.unit}/s | lowest to highest | rows | result |",
        "|---|---|---|---|---|",
    ]
    rows += [_markdown_line(line) for line in item.lines]
    sentence = goal_sentence(item)
    rows += ["", sentence[0].upper() + sentence[1:] + "."]
    rows += [f"Same result means: fills within {work.fills_tolerance:.2%}, "]
    rows[-1] += f"equity within {work.equity_tolerance:g} of ours: {work.reason}."
    return "\n".join(rows)


def _markdown_line(line: Line) -> str:
    name = f"{line.participant} {line.version}".strip()
    if line.python.startswith(("3.12", "3.13", "3.14")):
        name += f" (Python {line.python})"
    if line.rate is None:
        return f"| {name} | - | - | {line.rows:,} | {line.failed} |"
    result = line.check or f"{line.fills:,} fills, equity {line.equity:,.2f}"
    spread = f"{_millions(line.rate_low)} to {_millions(line.rate_high)}"
    return f"| {name} | {_millions(line.rate)} | {spread} | {line.rows:,} | {result} |"


def _markdown_small(title: str, lines: list[SmallLine], unit: str) -> str:
    rows = [f"## {title}", "", f"| | | {unit} | |", "|---|---|---|---|"]
    for line in lines:
        name = f"{line.participant} {line.version}".strip()
        if line.value is None:
            rows.append(f"| {line.kind} | {name} | - | {line.failed} |")
        else:
            detail = _detail(line, unit).strip(" ,")
            rows.append(f"| {line.kind} | {name} | {_amount(line.value, unit)} | {detail} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
