"""Readers in step: one stretch of time after the other, with the rows of all of them.

A window ends at a time that every reader has been read up to, and holds each reader's rows before it.
So rows of one time are never divided, however many instruments have them, and what has been read
beyond the window's end waits for the next one. In memory are one block of each reader and the rows of
one window, whatever the length of the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from data.chunks import ColumnReader
from data.frames import AnyColumns, array_names, cut_block, with_arrays

WINDOW_ROWS = 524_288
_READER_ROWS = 512  # of each reader in a window: with fewer, a window costs more than its rows


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The rows of some readers in one stretch of time.

    Parameters
    ----------
    columns
        One block for each reader, in their order; a reader without rows here has an empty one.
    end_ns
        Every row is before it; None in the last window.
    """

    columns: tuple[AnyColumns, ...]
    end_ns: int | None

    def __len__(self) -> int:
        """Return how many rows all blocks have together."""
        return sum(len(block) for block in self.columns)


def window_rows_for(readers: int) -> int:
    """Return how many rows a window of so many readers has by default.

    Examples
    --------
    >>> window_rows_for(1), window_rows_for(2_500)
    (524288, 1280000)
    """
    return max(WINDOW_ROWS, _READER_ROWS * readers)


def cut_windows(readers: Sequence[ColumnReader], rows: int) -> Iterator[Window]:
    """Yield the rows of some readers in windows of about so many rows together; none is empty.

    A window is larger where more rows have one time.

    Raises
    ------
    DataError
        If a file is missing or damaged.
    """
    held = [_Held(iter(reader)) for reader in readers]
    for one in held:
        one.read()
    behind = [(one.last_ns, place) for place, one in enumerate(held) if not one.is_done]
    heapify(behind)
    fresh = sum(len(one) for one in held)
    floor_ns = min((int(one.waiting[0].ts_ns[0]) for one in held if one.waiting), default=0)
    while behind:
        # A window has to end after its first time, of which there may be more than one block.
        if fresh < rows or behind[0][0] <= floor_ns:
            fresh += _advance(held, behind)
            continue
        floor_ns, fresh = behind[0][0], 0
        yield from _windows_before(held, floor_ns, rows)
    if any(held):
        yield from _windows_before(held, None, rows)


@dataclass(slots=True)
class _Held:
    """What has been read of one reader and is in no window yet."""

    blocks: Iterator[AnyColumns]
    waiting: list[AnyColumns] = field(default_factory=list)
    empty: AnyColumns | None = None
    last_ns: int = 0
    is_done: bool = False

    def __len__(self) -> int:
        return sum(len(block) for block in self.waiting)

    def read(self) -> int:
        """Read the next block; return its rows, 0 after the last one."""
        block = next(self.blocks, None)
        if block is None:
            self.is_done = True
            return 0
        self.waiting.append(block)
        self.last_ns = int(block.ts_ns[-1])
        return len(block)

    def count(self, end_ns: int | None) -> int:
        """Return how many of the waiting rows are before a time."""
        if end_ns is None:
            return len(self)
        return sum(int(np.searchsorted(block.ts_ns, end_ns)) for block in self.waiting)

    def times(self, count: int) -> NDArray[np.int64]:
        """Return the times of the first waiting rows."""
        return np.concatenate([block.ts_ns for block in self.waiting])[:count]

    def take(self, end_ns: int | None) -> AnyColumns:
        """Take what is before a time out of what waits."""
        if self.empty is None:
            self.empty = cut_block(self.waiting[0], slice(0, 0))
        taken, rest = [], []
        for block in self.waiting:
            place = len(block) if end_ns is None else int(np.searchsorted(block.ts_ns, end_ns))
            if place:
                taken.append(cut_block(block, slice(0, place)))
            if place < len(block):
                rest.append(cut_block(block, slice(place, None)))
        self.waiting = rest
        return _joined(taken) if taken else self.empty


def _windows_before(held: Sequence[_Held], end_ns: int | None, rows: int) -> Iterator[Window]:
    """Yield what is before a time in windows that end at times of the reader with most rows there."""
    counts = [one.count(end_ns) for one in held]
    pieces = max(1, sum(counts) // rows)
    times = held[int(np.argmax(counts))].times(max(counts))
    cuts = sorted({int(times[len(times) * k // pieces]) for k in range(1, pieces)})
    for cut in [*(each for each in cuts if each > times[0]), end_ns]:
        yield Window(tuple(one.take(cut) for one in held), cut)


def _advance(held: Sequence[_Held], behind: list[tuple[int, int]]) -> int:
    """Read on where least has been read; return how many rows came."""
    _, place = heappop(behind)
    came = held[place].read()
    if came:
        heappush(behind, (held[place].last_ns, place))
    return came


def _joined(blocks: Sequence[AnyColumns]) -> AnyColumns:
    if len(blocks) == 1:
        return blocks[0]
    names = array_names(blocks[0])
    arrays = [np.concatenate([getattr(block, name) for block in blocks]) for name in names]
    return with_arrays(blocks[0], arrays)
