"""Comparisons of all instruments of one slice.

Ranks come from comparisons alone, so they are the same however they are computed: column by column
with numpy over a history, or by sorting one slice in a live session.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np
from numpy.typing import NDArray

from engine.kernels.indicators_windows import NAN

_BLOCK_CELLS = 1 << 20  # about 8 MB a block


def rank_slice(name: str, values: Sequence[float]) -> list[float]:
    """Return ``rank``, ``rank_fraction`` or ``count`` of one slice, in instrument order."""
    order = [i for i, value in enumerate(values) if not isnan(value)]
    if name == "count":
        return [float(len(order))] * len(values)
    order.sort(key=lambda i: -values[i])  # stable: ties stay in instrument order
    ranks = [NAN] * len(values)
    for place, i in enumerate(order):
        ranks[i] = float(place + 1) if name == "rank" else (place + 1.0) / len(order)
    return ranks


def rank_columns(
    name: str, columns: Sequence[NDArray[np.float64]], slices: Sequence[NDArray[np.int64]]
) -> list[NDArray[np.float64]]:
    """Return the same for whole histories: one column of values and slice numbers each."""
    results = [np.full(len(column), NAN) for column in columns]
    # Only slices that exist are laid out, however sparse their numbers are.
    existing = _distinct(slices)
    rows_max = max(1, _BLOCK_CELLS // max(1, len(columns)))
    for first in range(0, len(existing), rows_max):
        block = existing[first : first + rows_max]
        _rank_block(name, columns, slices, block, results)
    return results


def _distinct(slices: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the slices that exist, ascending."""
    numbers = [each for each in slices if len(each)]
    last = max((int(each[-1]) for each in numbers), default=-1)
    if last > 4 * sum(map(len, numbers)):
        return np.unique(np.concatenate(numbers))
    exists = np.zeros(last + 1, dtype=np.bool_)  # a good deal faster than sorting
    for each in numbers:
        exists[each] = True
    return np.flatnonzero(exists)


def _rank_block(
    name: str,
    columns: Sequence[NDArray[np.float64]],
    slices: Sequence[NDArray[np.int64]],
    block: NDArray[np.int64],
    results: list[NDArray[np.float64]],
) -> None:
    table = np.full((len(block), len(columns)), NAN)
    places = []
    for i, (column, numbers) in enumerate(zip(columns, slices)):
        begin, end = np.searchsorted(numbers, [block[0], block[-1] + 1])
        rows = np.searchsorted(block, numbers[begin:end])
        places.append((begin, end, rows))
        table[rows, i] = column[begin:end]
    ranked = rank_table(name, table)
    for i, (begin, end, rows) in enumerate(places):
        results[i][begin:end] = ranked[rows, i]


def rank_table(name: str, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the same for a table of values, one row for each slice; NaN is no value."""
    is_defined = ~np.isnan(table)
    counts = is_defined.sum(axis=1, keepdims=True).astype(np.float64)
    if name == "count":
        return np.broadcast_to(counts, table.shape)
    order = np.argsort(-table, axis=1, kind="stable")  # NaN last
    ranks = np.empty_like(table)
    places = np.arange(1.0, table.shape[1] + 1.0)[np.newaxis, :]
    np.put_along_axis(ranks, order, np.broadcast_to(places, table.shape), axis=1)
    if name == "rank_fraction":
        ranks = ranks / np.maximum(counts, 1.0)
    return np.where(is_defined, ranks, NAN)
