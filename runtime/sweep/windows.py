"""Walk-forward windows: search in one part of the history, prove it on the next.

    anchored   [train          ]purge|embargo[test ]
               [train                 ]purge|embargo[test ]
    rolling    [train          ]purge|embargo[test ]
                      [train          ]purge|embargo[test ]

`train`, `test`, `purge` and `embargo` are lengths in bars (``250b``) or days (``365d``). Each test part
begins where the one before it has ended, so together they are one stretch without gap or overlap.
Before a test part, `embargo` is left out; before that, `purge`, which is what is taken off the end
of the training part: positions opened there could still be open in the test. Data between the two is
known at the test's time and may warm indicators up; nothing is traded in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.errors import InputError
from engine.model.units import NS_PER_DAY

Ints = NDArray[np.int64]
KINDS = ("anchored", "rolling")
_LENGTH = re.compile(r"(\d+)\s*(b|bars?|d|days?)?")


@dataclass(frozen=True, slots=True)
class Length:
    """A stretch of the history: bars, or calendar days."""

    count: int
    unit: str = "bars"

    def __str__(self) -> str:
        return f"{self.count}{self.unit[0]}"


def parse_length(text: str, *, option: str) -> Length:
    """Return a length: ``250`` or ``250b`` are bars, ``365d`` are days.

    Raises
    ------
    InputError
        If it is neither.
    """
    match = _LENGTH.fullmatch(text.strip().lower())
    if match is None:
        raise InputError(
            f"{text!r} is no length", where=option, remedy="say 250b for bars or 365d for days"
        )
    return Length(int(match[1]), "days" if (match[2] or "b")[0] == "d" else "bars")


@dataclass(frozen=True, slots=True)
class WalkForward:
    """How the history is cut."""

    kind: str
    train: Length
    test: Length
    purge: Length = Length(0)
    embargo: Length = Length(0)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"{self.kind!r} is not {' or '.join(KINDS)}", where="--walk-forward")
        for name in ("train", "test"):
            if getattr(self, name).count < 1:
                raise InputError("a window needs at least one bar or day", where=f"--{name}")

    def __str__(self) -> str:
        lengths = " ".join(
            f"{name} {getattr(self, name)}" for name in ("train", "test", "purge", "embargo")
        )
        return f"{self.kind}, {lengths}"


@dataclass(frozen=True, slots=True)
class Window:
    """One step; times are ns UTC, ends excluded."""

    train_start_ns: int
    train_end_ns: int
    test_start_ns: int
    test_end_ns: int


def windows_of(plan: WalkForward, history: History) -> list[Window]:
    """Cut a history into windows.

    The last test part ends with the data and may be shorter than the others, but not shorter than
    half of them: then its data stays unused.

    Raises
    ------
    InputError
        If the history is too short for one window.
    """
    times = bar_times(history)
    found = list(_windows(plan, times))
    if not found:
        first, last = (np.datetime64(int(t), "ns").astype("M8[D]") for t in (times[0], times[-1]))
        raise InputError(
            f"the history ({len(times):,} bars, {first} to {last}) is too short for one window: {plan}",
            where="--walk-forward",
            remedy="shorten --train or --test",
        )
    return found


def _windows(plan: WalkForward, times: Ints) -> Iterator[Window]:
    begins = 0
    train_start = 0
    test_start = _after(times, _after(times, 0, plan.train), plan.embargo)
    while test_start < len(times):
        test_end = _after(times, test_start, plan.test)
        is_short = 2 * (len(times) - test_start) < test_end - test_start
        train_end = _before(times, _before(times, test_start, plan.embargo), plan.purge)
        if plan.kind == "rolling":
            # As long as the first one, which gave its end to the purge.
            before = _before(times, test_start, plan.embargo)
            train_start = _before(times, before, plan.train) if begins else 0
        if is_short or train_end <= train_start:
            return
        yield Window(
            _time(times, train_start),
            _time(times, train_end),
            _time(times, test_start),
            _time(times, min(test_end, len(times))),
        )
        begins += 1
        test_start = test_end


def _after(times: Ints, place: int, length: Length) -> int:
    """Return the place `length` after a place; may be past the end, by as many bars as are missing."""
    if length.unit == "bars" or place >= len(times):
        return place + length.count
    until = int(times[place]) + length.count * NS_PER_DAY
    found = int(np.searchsorted(times, until))
    if found < len(times):
        return found
    missing = (until - int(times[-1])) * len(times) // max(int(times[-1] - times[0]), 1)
    return len(times) + int(missing)


def _before(times: Ints, place: int, length: Length) -> int:
    """Return the place `length` before a place, not under 0."""
    if length.unit == "bars" or length.count == 0:
        return max(place - length.count, 0)
    at = int(times[min(place, len(times) - 1)])
    return int(np.searchsorted(times, at - length.count * NS_PER_DAY))


def _time(times: Ints, place: int) -> int:
    """Return the time at which a part begins or ends; past the last bar, just after it."""
    return int(times[place]) if place < len(times) else int(times[-1]) + 1


def bar_times(history: History) -> Ints:
    """Return the distinct times of all bars; of ticks where there are no bars."""
    bars = [part.bars.ts_close_ns for part in history.parts if part.bars is not None]
    stamps = bars or [columns.ts_ns for _, columns in history.columns()]
    return np.unique(np.concatenate(stamps))
