"""From measured cells to the lines of a table: rates, ratios, and whether results are the same."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from benchmarks.cold import CLI, FRESH, HELP, WARM, YARDSTICK
from benchmarks.memory import over_data_mib
from benchmarks.participant import OURS
from benchmarks.record import Cell, Record
from benchmarks.workloads import WORKLOADS, Workload

MEMORY_GOAL_MIB = 80.0
COLD_GOALS = {(WARM, OURS): 0.5, (WARM, CLI): 0.8, (FRESH, OURS): 2.0, (FRESH, CLI): 2.0}
HELP_GOAL_RATIO = 2.0


@dataclass(frozen=True, slots=True)
class Line:
    """One participant at one workload."""

    participant: str
    version: str = ""
    python: str = ""
    rows: int = 0
    rate: float | None = None  # units a second, of the median round
    rate_low: float | None = None
    rate_high: float | None = None
    seconds: float | None = None
    fills: int | None = None
    equity: float | None = None
    check: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One workload: its lines, ours first, then the peers from fast to slow."""

    workload: Workload
    lines: tuple[Line, ...]
    best_peer: str = ""
    ratio: float | None = None  # ours over the best peer whose result agrees

    @property
    def ours(self) -> Line:
        """Our own line."""
        return self.lines[0]

    @property
    def meets_goal(self) -> bool:
        """Whether our rate reaches the goal."""
        return self.ours.rate is not None and self.ours.rate >= self.workload.goal


@dataclass(frozen=True, slots=True)
class SmallLine:
    """A line of W5 or W6: a figure, and the goal it is held against."""

    kind: str
    participant: str
    value: float | None
    low: float | None = None
    high: float | None = None
    goal: float | None = None
    version: str = ""
    failed: str = ""


def verdicts(record: Record) -> list[Verdict]:
    """Return a verdict for each workload that has our own line."""
    found = []
    for workload in WORKLOADS.values():
        cells = [cell for cell in record.cells.values() if cell.workload == workload.name]
        ours = [cell for cell in cells if cell.participant == OURS]
        if not ours:
            continue
        largest = max(ours, key=lambda cell: cell.size)
        references = {cell.size: cell for cell in ours}
        lines = [line_of(cell, workload, references) for cell in cells if cell.participant != OURS]
        lines.sort(key=lambda line: -(line.rate or 0.0))
        found.append(_verdict(workload, line_of(largest, workload, references), lines))
    return found


def _verdict(workload: Workload, ours: Line, peers: list[Line]) -> Verdict:
    comparable = [line for line in peers if line.rate is not None and line.check == "same"]
    if not comparable or ours.rate is None or comparable[0].rate is None:
        return Verdict(workload, (ours, *peers))
    best = comparable[0]
    assert best.rate is not None
    return Verdict(workload, (ours, *peers), best.participant, ours.rate / best.rate)


def line_of(cell: Cell, workload: Workload, references: dict[int, Cell]) -> Line:
    """Return a cell as a line; a peer's result is compared with ours at the same size."""
    version, python = str(cell.about.get("version", "")), str(cell.about.get("python", ""))
    if not cell.samples:
        return Line(cell.participant, version, python, cell.size, failed=cell.failed)
    units = cell.size * workload.units_per_row
    rates = sorted(units / seconds for seconds in cell.seconds)
    last = cell.samples[-1]
    return Line(
        cell.participant,
        version,
        python,
        cell.size,
        rate=units / cell.median,
        rate_low=rates[0],
        rate_high=rates[-1],
        seconds=cell.median,
        fills=last["fills"],
        equity=last["equity"],
        check=compare(cell, references.get(cell.size), workload),
        failed=cell.failed,
    )


def compare(cell: Cell, reference: Cell | None, workload: Workload) -> str:
    """Return ``same``, or how a result differs from ours; rounds that differ among themselves too."""
    outcomes = {(sample["fills"], sample["equity"]) for sample in cell.samples}
    if len(outcomes) > 1:
        return "differs from round to round"
    if cell.participant == OURS:
        return ""
    if reference is None or not reference.samples:
        return "not compared"
    theirs, ours = cell.samples[-1], reference.samples[-1]
    problems = []
    if abs(theirs["fills"] - ours["fills"]) > workload.fills_tolerance * ours["fills"]:
        problems.append(f"fills {theirs['fills']:,} for {ours['fills']:,}")
    if not abs(theirs["equity"] - ours["equity"]) <= workload.equity_tolerance:
        problems.append(f"equity {theirs['equity']:,.2f} for {ours['equity']:,.2f}")
    return "; ".join(problems) or "same"


def cold_lines(record: Record) -> list[SmallLine]:
    """Return the lines of W5."""
    lines = []
    for kind in (WARM, FRESH):
        for cell in record.cells.values():
            if cell.workload == kind:
                lines.append(_cold_line(record, kind, cell))
    return lines


def _cold_line(record: Record, kind: str, cell: Cell) -> SmallLine:
    version = str(cell.about.get("version", ""))
    if not cell.samples:
        return SmallLine(kind, cell.participant, None, version=version, failed=cell.failed)
    goal = COLD_GOALS.get((kind, cell.participant))
    yardstick = record.cells.get(f"{kind}|{YARDSTICK}|{cell.size}")
    if (kind, cell.participant) == (WARM, HELP) and yardstick and yardstick.samples:
        goal = HELP_GOAL_RATIO * yardstick.median
    low, high = min(cell.seconds), max(cell.seconds)
    return SmallLine(
        kind,
        cell.participant,
        statistics.median(cell.seconds),
        low,
        high,
        goal=goal,
        version=version,
        failed=cell.failed,
    )


def memory_lines(record: Record) -> list[SmallLine]:
    """Return the lines of W6 in MiB: over the data, and over the imported library."""
    lines = []
    for cell in record.cells.values():
        if not cell.workload.startswith("W6"):
            continue
        version = str(cell.about.get("version", ""))
        if not cell.samples:
            lines.append(
                SmallLine(
                    cell.workload, cell.participant, None, version=version, failed=cell.failed
                )
            )
            continue
        sample = cell.samples[-1]
        goal = MEMORY_GOAL_MIB if cell.participant == OURS else None
        lines.append(
            SmallLine(
                cell.workload,
                cell.participant,
                over_data_mib(sample),
                goal=goal,
                version=version,
            )
        )
    return lines
