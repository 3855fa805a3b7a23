"""The market rows of a run in the loop's order, for who is called at each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sims.replay.source import Source

BLOCK_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows, in order; `is_last` tells of each whether no other row has its time.

    The last one of a block is never followed by a row of its time in the next block.
    """

    sources: list[int]
    places: list[int]
    times: list[int]
    is_last: list[bool]


def blocks_of(sources: Sequence[Source], rows: int = BLOCK_ROWS) -> Iterator[Block]:
    """Yield the rows of sources, which stand in the order of their rank, about `rows` at a time."""
    starts = [0] * len(sources)
    while True:
        live = [k for k, source in enumerate(sources) if starts[k] < len(source.ts_ns)]
        if not live:
            return
        share = max(rows // len(live), 1)
        until = min(
            int(sources[k].ts_ns[min(starts[k] + share, len(sources[k].ts_ns)) - 1]) for k in live
        )
        ends = list(starts)
        for k in live:
            ends[k] = int(np.searchsorted(sources[k].ts_ns, until, side="right"))
        yield _block(sources, starts, ends)
        starts = ends


def _block(sources: Sequence[Source], starts: Sequence[int], ends: Sequence[int]) -> Block:
    used = [k for k in range(len(sources)) if starts[k] < ends[k]]
    times = np.concatenate([sources[k].ts_ns[starts[k] : ends[k]] for k in used])
    places = np.concatenate([np.arange(starts[k], ends[k]) for k in used])
    numbers = np.repeat(used, [ends[k] - starts[k] for k in used])
    if len(used) > 1:
        # The sources stand in the order of their rank and the sort is stable: the time decides.
        order = np.argsort(times, kind="stable")
        times, places, numbers = times[order], places[order], numbers[order]
    is_last = np.append(times[1:] != times[:-1], True)
    return Block(numbers.tolist(), places.tolist(), times.tolist(), is_last.tolist())
