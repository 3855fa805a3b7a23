"""Series of days, and how returns are kept."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError


class DailySeries(msgspec.Struct, frozen=True):
    """An account at the daily closes of its venue; the three tuples have one length.

    Parameters
    ----------
    day_numbers
        Ascending. The first is the day before the first return.
    equity_minor
        Marked equity at each day's close, marks at the side at which the position could be closed.
        ``n + 1`` closes are ``n`` daily returns.
    flows_minor
        Deposits minus withdrawals of each day, booked at its end; the first is ignored.
    """

    day_numbers: tuple[int, ...]
    equity_minor: tuple[int, ...]
    flows_minor: tuple[int, ...]


def pack_returns(rows: Sequence[Sequence[float]] | NDArray[np.float64]) -> bytes:
    """Return daily returns, one row per trial, as `Trials.returns` holds them.

    Examples
    --------
    >>> unpack_returns(pack_returns([[0.01, -0.02]]), days=2).tolist()
    [[0.01, -0.02]]
    """
    return np.ascontiguousarray(rows, dtype="<f8").tobytes()


def unpack_returns(packed: bytes, *, days: int) -> NDArray[np.float64]:
    """Return the rows of `pack_returns`, shape ``(trials, days)``.

    Raises
    ------
    InputError
        If the bytes are not whole rows of that many days.
    """
    if len(packed) % max(8 * days, 1):
        raise InputError(f"{len(packed)} bytes are not whole rows of {days} daily returns")
    rows = np.frombuffer(packed, dtype="<f8").astype(np.float64)
    return rows.reshape(-1, days) if days else np.empty((0, 0))
