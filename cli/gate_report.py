"""The gate's report on the screen: a group of checks at a time, what is open first, the verdict last."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cli import screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from engine.gate.verdicts import Check, Report

WIDTH_MAX = 120  # of a sentence that is easily read, with the verdict before it
_GROUPS = (
    ("R", "What every strategy needs"),
    ("S", "The backtest: is there an edge?"),
    ("P", "Paper: does it do what the backtest does?"),
)
_COLOURS = {"PASS": "green", "FAIL": "bold red", "INSUFFICIENT": "yellow"}
_ORDER = ("FAIL", "INSUFFICIENT", "PASS")
_INDENT = 16  # two spaces, the longest verdict, two spaces


def print_report(report: Report, venue: str) -> None:
    """Print every check of a report, and what they come to."""
    console = screen.console(WIDTH_MAX)
    for letter, title in _GROUPS:
        _group(console, title, [each for each in report.checks if each.id[0] == letter])
    overall = report.overall.value
    print(
        f"\n{report.strategy} at {venue}: {overall}, profile {report.profile}, "
        f"evidence {_evidence(report)}"
    )
    counted = _counted([each for each in report.checks if each.counts])
    print(textwrap.fill(counted, console.width))


def _evidence(report: Report) -> str:
    """Return of which kind the evidence is, where there is any."""
    if report["R01"].value is None and not report["R02"].value:
        return "none yet"
    return report.evidence_class.value.upper()


def _group(console: Console, title: str, checks: Sequence[Check]) -> None:
    from rich.text import Text

    required = [each for each in checks if each.counts]
    passed = sum(each.verdict.value == "PASS" for each in required)
    heading = Text(f"\n{title}", "bold")
    heading.append(f"  {passed} of {len(required)} required pass", "dim")
    console.print(heading)
    _checks(console, sorted(required, key=_place))
    others = [each for each in checks if not each.counts]
    if others:
        console.print(Text("  Told, but not required:", "dim"))
    _checks(console, others)


def _checks(console: Console, checks: Sequence[Check]) -> None:
    """Print checks; those of which the same is said stand together, and it is said once."""
    together: dict[tuple[object, ...], list[Check]] = {}
    for check in checks:
        said = (check.verdict, check.sentence, check.would_change, check.waiver)
        together.setdefault(said, []).append(check)
    for alike in together.values():
        for check in alike:
            _head(console, check)
        _said(console, alike[0])


def _place(check: Check) -> int:
    """Return the place of what is open before what passes; checks that are alike stay in their order."""
    return _ORDER.index(check.verdict.value)


def _head(console: Console, check: Check) -> None:
    from rich.text import Text

    verdict = check.verdict.value
    line = Text(f"  {verdict:<{_INDENT - 2}}", _COLOURS[verdict] if check.counts else "dim")
    line.append(f"{check.id} {check.name}", "bold" if check.counts else "dim")
    line.append(_measured(check), "dim")
    console.print(line)


def _said(console: Console, check: Check) -> None:
    from rich.text import Text

    is_open = check.counts and bool(check.would_change)
    below = [(check.sentence, "" if check.counts else "dim")]
    below += [(f"→ {check.would_change}", "cyan")] if is_open else []
    below += [(f"Waived: {check.waiver}", "dim")] if check.waiver else []
    margin = " " * _INDENT
    for text, style in below:
        indented = textwrap.fill(
            text, console.width, initial_indent=margin, subsequent_indent=margin
        )
        console.print(Text(indented, style))


def _measured(check: Check) -> str:
    """Return the figure, what it is compared with, and its unit; empty where it has none."""
    if check.value is None:
        return ""
    asked = "" if check.threshold is None else f"(asked: {_figure(check.threshold)})"
    return "  " + " ".join(filter(None, [_figure(check.value), asked, check.unit]))


def _figure(value: float) -> str:
    """Return a figure in six digits, so that 0.999999 is not written as 1; days have none after the point.

    Examples
    --------
    >>> _figure(0.7865252), _figure(6612.26), _figure(0.999999), _figure(20), _figure(-0.0)
    ('0.786525', '6,612', '0.999999', '20', '0')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value + 0:.6g}"  # never -0


def _counted(required: Sequence[Check]) -> str:
    """Return how the checks that count have ended, in words."""
    ends = [sum(each.verdict.value == verdict for each in required) for verdict in _ORDER]
    return (
        f"Of {len(required)} required checks {ends[2]} pass, {ends[0]} fail, and for {ends[1]} "
        "the evidence does not say yet."
    )
