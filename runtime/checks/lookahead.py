"""Does any decision depend on the future?

Three ways to ask. *Cut*: the data ends at a time t; what was decided and computed up to t must be what
the whole run has there. *Scramble*: the data after t is other data; the same. *Later start*: the
data begins later; once indicators have settled, the same signals and orders must come. A fourth looks
at the data itself: a column that shows now what another one shows later.

Comparing is to the last bit, except after a later start, where recursive indicators only come close.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data.history import History
from engine.model import layout as at
from runtime.checks.alignment import misalignments
from runtime.checks.findings import (
    Comparison,
    Finding,
    Findings,
    Report,
    Test,
    finding_of,
    format_time,
)
from runtime.checks.points import cut_points, decision_times, start_points, times_of
from runtime.checks.recording import Recorder, Recording
from runtime.checks.starts import compare_start
from runtime.checks.views import Cut, Scramble, Start, View
from runtime.config import StrategyConfig
from runtime.differences import (
    DECISIONS,
    Difference,
    Series,
    first_difference,
    first_value_difference,
    rows_until,
)

Progress = Callable[[float, str], None]

CUTS = 24
STARTS = 8
SETTLED = 1e-6  # of how much a value varies: a recursive indicator has forgotten where it began

_LIMITS = (
    "Not proved: what the tried points do not show, and what the strategy reads by ways that cannot "
    "be cut: a database, the network, another program, a file whose rows have no recognisable time "
    "(such reads of Python code are listed when they are seen). A file that gives each row the time "
    "at which it was really known is cut; a file whose times are wrong is believed."
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How thorough a check is."""

    cuts: int = CUTS
    starts: int = STARTS
    seed: int = 0
    trusted: Sequence[Path] = ()
    is_compiled: bool = False


def check_lookahead(
    config: StrategyConfig,
    history: History,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
) -> Report:
    """Check that nothing a strategy decides or computes depends on what comes later.

    Parameters
    ----------
    config, history
        The strategy and its data.
    settings
        Number of points, the seed of the scrambled futures, files whose content is known in advance.
    progress
        Called with the fraction done and what is being done.

    Raises
    ------
    TraderError
        If the strategy cannot be run on the whole history.
    """
    settings = settings or Settings()
    recorder = Recorder(config, history, settings.is_compiled, settings.trusted)
    return _Lookahead(recorder, settings, progress or (lambda _fraction, _step: None)).run()


class _Lookahead:
    def __init__(self, recorder: Recorder, settings: Settings, progress: Progress) -> None:
        self.recorder = recorder
        self.settings = settings
        self.progress = progress
        self.found = Findings()
        self.notes: list[str] = []
        self.runs = 0
        self.comparisons: list[Comparison] = []

    def run(self) -> Report:
        self.progress(0.0, "whole run")
        whole = self.recorder.whole()
        unstable = self._repeat(whole)
        if self.found.of(Test.REPEAT):  # every other comparison would fail for the same reason
            return self._report(whole, (), (), ())
        times = times_of(self.recorder.history)
        decided = decision_times(whole.journal)
        points = cut_points(times, decided, self.settings.cuts)
        starts = start_points(times, decided, self._warmup(), self.settings.starts)
        todo = 2 * len(points) + len(starts)
        for k, ts in enumerate(points):
            self.progress(2 * k / todo, f"cut {format_time(ts)[:10]}")
            self._prefix(Test.CUT, Cut(ts), whole, unstable)
            self._prefix(Test.SCRAMBLE, Scramble(ts, self.settings.seed + 1), whole, unstable)
        for k, ts in enumerate(starts):
            self.progress((2 * len(points) + k) / todo, f"start {format_time(ts)[:10]}")
            self._start(ts, whole)
        for each in misalignments(self.recorder.history):
            self.found.add(each)
        return self._report(whole, points, starts, decided.tolist())

    def _repeat(self, whole: Recording) -> set[str]:
        """Run the same again; return the attributes that are never twice the same."""
        again = self.recorder.whole()
        self.runs += 2
        difference = first_difference(
            whole.journal, again.journal, self.recorder.history.instruments
        )
        if difference is not None:
            remark = "two runs on the same data decide differently: a clock, or random numbers?"
            self.found.add(finding_of(Test.REPEAT, difference, None, remark))
        unstable = {
            each.name
            for each, other in _pairs(whole.series, again.series)
            if first_value_difference(each, other) is not None
        }
        if unstable:
            self.notes.append(
                f"not compared, as two equal runs differ in it: {', '.join(sorted(unstable))}"
            )
        return unstable

    def _warmup(self) -> int:
        formulas = self.recorder.formulas
        return formulas.program().warmup_bars if formulas and formulas.values else 0

    def _prefix(self, test: Test, view: View, whole: Recording, unstable: set[str]) -> None:
        """Compare a run whose future is another one, up to where it is."""
        other = self.recorder.run(view)
        self.runs += 1
        until = view.until_ns
        if other.error is not None:
            self.found.add(raised(test, other, until))
            if other.error_ns is None:
                self._compared(test, view.until_ns, whole, other, "")
                return
            until = other.error_ns - 1
        before, apart = len(self.found), ""
        attributes = {id(each) for each in whole.attributes}
        for one, its in _pairs(whole.series, other.series):
            difference = first_value_difference(one, its, until_ns=until)
            if difference is not None and one.name not in unstable:
                found = finding_of(test, difference, view.until_ns)
                label = f"attribute {one.name}" if id(one) in attributes else one.name
                self.found.add(replace(found, subject=label))
                apart = apart or told_apart(label, difference)
        instruments = self.recorder.history.instruments
        difference = first_difference(
            whole.journal, other.journal, instruments, until_ns=until, kinds=DECISIONS
        )
        if difference is not None:
            remark = self._cause(whole, other, until) if len(self.found) == before else ""
            self.found.add(finding_of(test, difference, view.until_ns, remark))
        self._compared(test, view.until_ns, whole, other, apart)

    def _compared(
        self, test: Test, point_ns: int, whole: Recording, other: Recording, apart: str
    ) -> None:
        """Note a comparison up to a point; `apart` says which value was not the same, if one was."""
        decided = [rows_until(each.journal, point_ns, DECISIONS) for each in (whole, other)]
        one, its = (hash_of(rows.tobytes()) for rows in decided)
        if apart or other.error is not None:
            its = hash_of(decided[1].tobytes() + (apart or repr(other.error)).encode())
        self.comparisons.append(Comparison(test, point_ns, len(decided[0]), one, its))

    def _cause(self, whole: Recording, other: Recording, until_ns: int) -> str:
        """Name an array of the strategy whose known part is not the same, if there is one."""
        for name, array in whole.arrays.items():
            series = self._array_series(name, array)
            changed = other.arrays.get(name)
            if series is None or changed is None or len(changed) > len(array):
                continue
            its = Series(name, series.symbol, series.ts_ns[: len(changed)], changed)
            difference = first_value_difference(series, its, until_ns=until_ns)
            if difference is not None:
                return (
                    f"{name} differs from {format_time(difference.ts_ns)} on: "
                    f"{difference.one} became {difference.other}"
                )
        return ""

    def _array_series(self, name: str, array: object) -> Series | None:
        for part in self.recorder.history.parts:
            if part.bars is not None and len(part.bars) == len(array):  # type: ignore[arg-type]
                return Series(name, part.instrument.symbol, part.bars.ts_close_ns, array)  # type: ignore[arg-type]
        return None

    def _start(self, from_ns: int, whole: Recording) -> None:
        other = self.recorder.run(Start(from_ns))
        self.runs += 1
        if other.error is not None:
            self.found.add(raised(Test.START, other, from_ns))
            self._began(from_ns, whole, repr(other.error))
            return
        compared = compare_start(self.recorder, whole, other, from_ns, tolerance=SETTLED)
        if compared.difference is not None:
            remark = "no look into the future, but a decision that depends on where history begins"
            if compared.cause:
                remark += f"; {compared.cause}"
            self.found.add(finding_of(Test.START, compared.difference, from_ns, remark))
        found = compared.difference
        self._began(from_ns, whole, "" if found is None else told_apart(found.subject, found))

    def _began(self, from_ns: int, whole: Recording, apart: str) -> None:
        """Note a comparison of decisions from a point on, to within what indicators forget."""
        rows = rows_until(whole.journal, None, DECISIONS)
        rows = rows[rows[:, at.EVENT_TS] >= from_ns]
        one = hash_of(rows.tobytes())
        its = one if not apart else hash_of(rows.tobytes() + apart.encode())
        self.comparisons.append(Comparison(Test.START, from_ns, len(rows), one, its))

    def _proved(
        self, whole: Recording, points: Sequence[int], starts: Sequence[int], decided: int
    ) -> str:
        if not points:
            return f"Two equal runs over {self.recorder.events:,} events were compared, no more."
        names = len({each.name for each in whole.series})
        what = f"{decided} decision times" + (f" and {names} named values" if names else "")
        return (
            f"The data was cut and its future scrambled, at {len(points)} points in time, and history "
            f"was begun later, at {len(starts)}; {what} of the whole run were compared with "
            f"{self.runs - 1} other runs over {self.recorder.events:,} events."
        )

    def _report(
        self, whole: Recording, points: Sequence[int], starts: Sequence[int], decided: Sequence[int]
    ) -> Report:
        if len(decided) == 0 and points:
            self.notes.append("the strategy decided nothing on this data: little was proved")
        return Report(
            "lookahead",
            self.recorder.config.name,
            self.found.all(),
            self._proved(whole, points, starts, len(decided)),
            _LIMITS,
            (*self.notes, *read_notes(self.recorder)),
            runs=self.runs,
            events=self.recorder.events,
            comparisons=tuple(self.comparisons),
        )


def hash_of(content: bytes) -> str:
    """Return the SHA-256 of what was compared."""
    return hashlib.sha256(content).hexdigest()


def told_apart(subject: str, difference: Difference) -> str:
    """Return a difference as one line."""
    return f"{subject} {difference.symbol} {difference.ts_ns}: {difference.one}, {difference.other}"


def _pairs(one: Sequence[Series], other: Sequence[Series]) -> list[tuple[Series, Series]]:
    others = {(each.name, each.symbol): each for each in other}
    pairs = []
    for each in one:
        its = others.get((each.name, each.symbol))
        if its is None:
            its = Series(each.name, each.symbol, each.ts_ns[:0], each.values[:0])
        pairs.append((each, its))
    return pairs


def raised(test: Test, other: Recording, point_ns: int) -> Finding:
    assert other.error is not None
    where = f" ({Path(other.error.where).name})" if other.error.where else ""
    ts = point_ns if other.error_ns is None else other.error_ns
    return Finding(
        test,
        ts,
        "",
        "error",
        "runs through",
        f"{other.error.problem}{where}",
        point_ns,
        remark="it needs data that is not known by then",
    )


def read_notes(recorder: Recorder) -> list[str]:
    notes = []
    if recorder.reads.under_view:
        notes.append(
            f"changed together with the data: {', '.join(sorted(recorder.reads.under_view))}"
        )
    if recorder.reads.notes():
        notes.append(f"read by the strategy and NOT checked: {', '.join(recorder.reads.notes())}")
    return notes
