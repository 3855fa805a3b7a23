"""The trials of a sweep, in order: which parameters, in which part of the history."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.errors import InputError
from runtime.sweep.manifest import SpanEntry
from runtime.sweep.space import Space
from runtime.sweep.trial import Task
from runtime.sweep.windows import WalkForward, windows_of

Ints = NDArray[np.int64]
METHODS = ("grid", "random", "optuna")


@dataclass(frozen=True, slots=True)
class Search:
    """How combinations are chosen: all of them, `count` at random, or `count` by optuna."""

    method: str = "grid"
    count: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"the method must be one of {', '.join(METHODS)}, not {self.method!r}")
        if self.method != "grid" and self.count < 1:
            raise InputError("at least one trial must be asked for", where=f"--{self.method}")


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """All trials that are known before the first one has run.

    `numbers` are the combinations of `space` in the order of their trials; with windows, each
    training part has all of them, window after window. An optuna search has none: it decides as it
    goes.
    """

    space: Space
    numbers: Ints
    spans: tuple[SpanEntry, ...]

    @property
    def searched_spans(self) -> int:
        """In how many parts of the history each combination is tried."""
        return sum(span.phase != "test" for span in self.spans)

    @property
    def count(self) -> int:
        """How many trials there are."""
        return len(self.numbers) * self.searched_spans

    def tasks(self, missing: Iterable[int]) -> Iterator[Task]:
        """Return the trials of some numbers."""
        for number in missing:
            span, place = divmod(int(number), len(self.numbers))
            yield Task(int(number), span, self.space.values(int(self.numbers[place])))

    def digest(self) -> str:
        """Return a hash of the combinations."""
        content = self.numbers.astype("<i8").tobytes()
        return hashlib.blake2b(content, digest_size=16).hexdigest()


def plan_of(space: Space, search: Search, walk: WalkForward | None, history: History) -> Plan:
    """Return the trials of a search; training parts come before test parts in `spans`."""
    match search.method:
        case "grid":
            numbers = space.grid()
        case "random":
            numbers = space.draw(search.count, search.seed)
        case _:
            if walk is not None:
                raise InputError(
                    "a walk-forward with --optuna is not possible",
                    remedy="use a grid or --random N",
                )
            numbers = np.zeros(0, dtype=np.int64)
    return Plan(space, numbers, _spans(walk, history))


def _spans(walk: WalkForward | None, history: History) -> tuple[SpanEntry, ...]:
    if walk is None:
        return (SpanEntry(None, None),)
    windows = windows_of(walk, history)
    train = [
        SpanEntry(each.train_start_ns, each.train_end_ns, k, "train")
        for k, each in enumerate(windows)
    ]
    test = [
        SpanEntry(each.test_start_ns, each.test_end_ns, k, "test") for k, each in enumerate(windows)
    ]
    return (*train, *test)
