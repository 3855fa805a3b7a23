"""`Window`: the part of a history that is traded in, for signals that were computed over all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.history import History
from engine.model.layout import KIND_BAR
from runtime.backtest.inputs import KindInputs, cut_inputs
from runtime.backtest.shared import WholeWakes
from sims.replay.source import Wakes


@dataclass(frozen=True, slots=True)
class Window:
    """Of each instrument the first row of the part and the row after its last; None is everything.

    `opening` are the instruments that have a bar at the part's first time.
    """

    rows: tuple[tuple[int, int], ...] | None
    opening: frozenset[int] = frozenset()

    def cut(self, whole: WholeWakes) -> Sequence[Wakes]:
        """Return the signals of the part, their rows counted from its beginning."""
        if self.rows is None:
            return whole.wakes
        made = [wakes.between(*rows) for wakes, rows in zip(whole.wakes, self.rows, strict=True)]
        if whole.opening is not None:
            for k in self.opening:
                first, last = self.rows[k]
                targets = whole.opening[k].between(first, first + 1)
                made[k] = _joined(targets, made[k].between(1, last - first))
        return made

    def cut_inputs(
        self, whole: WholeWakes, own: Sequence[KindInputs] | None
    ) -> Sequence[KindInputs] | None:
        """Return the trading loop's inputs of the part: those of its bars cut out, `own` of the rest."""
        if self.rows is None or whole.inputs is None or own is None:
            return whole.inputs
        return [
            each | {KIND_BAR: cut_inputs(inputs[KIND_BAR], *rows)}
            for each, inputs, rows in zip(own, whole.inputs, self.rows, strict=True)
        ]


def window_of(history: History, traded: History) -> Window:
    """Return the place of a part in a history."""
    if traded.span_ns() == history.span_ns():
        return Window(None)
    rows, starts = [], {}
    for k, (whole, part) in enumerate(zip(history.parts, traded.parts, strict=True)):
        assert whole.bars is not None and part.bars is not None
        ts = part.bars.ts_close_ns
        first = int(np.searchsorted(whole.bars.ts_close_ns, ts[0])) if len(ts) else 0
        rows.append((first, first + len(ts)))
        if len(ts):
            starts[k] = int(ts[0])
    opens = min(starts.values())
    return Window(tuple(rows), frozenset(k for k, ts in starts.items() if ts == opens))


def _joined(targets: Wakes, later: Wakes) -> Wakes:
    """Return the signals of a part's first row and those of the rows after it."""
    return Wakes(
        np.concatenate((targets.rows, later.rows + 1)),
        np.concatenate((targets.bits, later.bits)),
        np.concatenate((targets.weights, later.weights)),
    )
