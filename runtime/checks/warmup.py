"""How much history does a strategy need until it no longer depends on where history began?

History is begun later, many times. Each value is compared with that of the whole run: from which bar
on is it the same, within a tolerance and to the last bit? A moving window forgets all at once; a
recursive indicator (an EMA, RSI, ATR) fades; a count of bars since the start never forgets. That
table is information. A finding is a *decision* that differs after the warm-up which the engine
gives: live trading, which begins at some day, would trade otherwise than the backtest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data.actions import ActionKind
from data.history import History
from runtime.checks.findings import Findings, Need, Report, Test, finding_of, format_time
from runtime.checks.lookahead import Progress, raised, read_notes
from runtime.checks.points import decision_times, start_points, times_of
from runtime.checks.recording import Recorder, Recording
from runtime.checks.starts import Settling, compare_start, settle
from runtime.checks.views import Start
from runtime.config import StrategyConfig
from runtime.differences import Difference

STARTS = 16
TOLERANCE = 1e-3

_LIMITS = (
    "Not proved: what other starts or other data would show, and orders of a strategy that was never "
    "without a position at the same time as the whole run (it says so then). Quantities are not "
    "compared: they follow the equity."
)


@dataclass(slots=True)
class _Longest:
    """The most bars that any start has shown to be needed, and the longest that was not enough."""

    enough: int | None = None
    short: int = 0

    def add(self, bars: int | None, length: int) -> None:
        if bars is None:
            self.short = max(self.short, length)
        else:
            self.enough = bars if self.enough is None else max(self.enough, bars)

    @property
    def bars(self) -> int | None:
        """The bars that are needed, or None when the longest start did not show it."""
        return None if self.enough is None or self.short > self.enough else self.enough


@dataclass(slots=True)
class _Tally:
    """What the starts have shown of one value; bars count from a start."""

    warmup: int = 0
    needed: _Longest = field(default_factory=_Longest)
    exact: _Longest = field(default_factory=_Longest)
    worst: Difference | None = None

    def add(self, found: Settling) -> None:
        self.warmup = max(self.warmup, found.warmup)
        self.needed.add(found.within, found.length)
        self.exact.add(found.exact, found.length)
        if self.worst is None and found.worst is not None:
            self.worst = found.worst


def check_warmup(
    config: StrategyConfig,
    history: History,
    *,
    starts: int = STARTS,
    tolerance: float = TOLERANCE,
    trusted: Sequence[Path] = (),
    is_compiled: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Measure how many bars each value needs, and check that decisions need no more than they get.

    Parameters
    ----------
    config, history
        The strategy and its data.
    starts
        How many later starts to try.
    tolerance
        Part of how much a value varies over the run: two that are no further apart are the same.
    trusted
        Files that the strategy reads and that belong to every start.

    Raises
    ------
    TraderError
        If the strategy cannot be run on the whole history.
    """
    advance: Progress = progress or (lambda _fraction, _step: None)
    recorder = Recorder(config, history, is_compiled, trusted)
    advance(0.0, "whole run")
    whole = recorder.whole()
    warmup = _warmup_of(recorder)
    points = start_points(times_of(history), decision_times(whole.journal), warmup, starts)
    tallies: dict[tuple[str, str], _Tally] = {}
    found, out_of_step = Findings(), 0
    for k, from_ns in enumerate(points):
        advance(k / len(points), f"start {format_time(from_ns)[:10]}")
        other = recorder.run(Start(from_ns))
        if other.error is not None:
            found.add(raised(Test.START, other, from_ns))
            continue
        _tally(tallies, whole, other, tolerance)
        compared = compare_start(recorder, whole, other, from_ns, tolerance=float("inf"))
        out_of_step += not compared.is_in_step
        if compared.difference is not None:
            found.add(finding_of(Test.START, compared.difference, from_ns, compared.cause))
    needs = _needs(recorder, whole, tallies, warmup)
    notes = [*_silences(recorder, whole, needs), *read_notes(recorder)]
    if out_of_step:
        notes.append(f"orders were not compared after {out_of_step} of {len(points)} starts")
    return Report(
        "warmup",
        config.name,
        found.all(),
        _proved(len(points), tolerance, len(needs)),
        _LIMITS,
        tuple(notes),
        needs,
        runs=len(points) + 1,
        events=recorder.events,
    )


def _proved(starts: int, tolerance: float, values: int) -> str:
    return (
        f"History was begun later, {starts} times in all, half of them so that a decision follows soon after "
        f"the warm-up. {values} values were compared with the whole run at every bar, within "
        f"{tolerance:g} of how much each varies, and what was decided after the warm-up."
    )


def _silences(recorder: Recorder, whole: Recording, needs: Sequence[Need]) -> list[str]:
    """Say what could not be measured: values that were never there, decisions that never came."""
    notes = []
    known = {need.name for need in needs}
    missing = dict.fromkeys(each.name for each in whole.formulas if each.name not in known)
    if missing:
        notes.append(f"no value after any start, history is too short: {', '.join(missing)}")
    if len(decision_times(whole.journal)) == 0:
        notes.append("the strategy decided nothing on this data: little was proved")
    if any(need.is_longer for need in needs) and _has_splits(recorder):
        notes.append(
            "prices that formulas see are continuous over splits, in units of the first bar: after a "
            "split their level depends on the start by nature"
        )
    return notes


def _has_splits(recorder: Recorder) -> bool:
    span = recorder.history.span_ns()
    if span is None or recorder.config.data.adjustment != "splits":
        return False
    return any(
        each.kind is ActionKind.SPLIT and span[0] < each.ts_ex_ns <= span[1]
        for each in recorder.history.actions
    )


def _warmup_of(recorder: Recorder) -> int:
    formulas = recorder.formulas
    return formulas.program().warmup_bars if formulas and formulas.values else 0


def _tally(
    tallies: dict[tuple[str, str], _Tally], whole: Recording, other: Recording, tolerance: float
) -> None:
    originals = {(each.name, each.symbol): each for each in whole.series}
    for each in other.series:
        key = (each.name, each.symbol)
        if key in originals and not np.isnan(each.values).all():
            found = settle(originals[key], each, tolerance)
            tallies.setdefault(key, _Tally()).add(found)


def _needs(
    recorder: Recorder,
    whole: Recording,
    tallies: dict[tuple[str, str], _Tally],
    warmup: int,
) -> tuple[Need, ...]:
    """Return one line a name: that of the instrument that needs most."""
    attributes = {each.name for each in whole.attributes}
    worst: dict[str, Need] = {}
    for (name, symbol), tally in tallies.items():
        shift = warmup if name in attributes and recorder.is_class else 0
        need = Need(
            f"attribute {name}" if name in attributes else name,
            symbol,
            tally.warmup + shift,
            _plus(tally.needed.bars, shift),
            _plus(tally.exact.bars, shift),
            None if tally.worst is None else tally.worst.ts_ns,
            "" if tally.worst is None else tally.worst.one,
            "" if tally.worst is None else tally.worst.other,
        )
        known = worst.get(name)
        if known is None or _longer(known.needed, need.needed) != known.needed:
            worst[name] = need
    return tuple(worst.values())


def _plus(bars: int | None, shift: int) -> int | None:
    return None if bars is None else bars + shift


def _longer(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)
