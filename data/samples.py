"""The sample that every installation has: GOOG, daily, 2004-08-19 to 2008-10-14.

matplotlib ships this history with itself (``matplotlib.cbook.get_sample_data("goog.npz")``).
Importing ``matplotlib.cbook`` takes a third of a second; the file beside it is read in 10 ms, so
the package is only located, not imported.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.calendars import sessions_of_days
from data.history import History, Passport
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind

SAMPLE_PREFIX = "sample:"
SAMPLES = ("goog",)


def load_sample(name: str) -> History:
    """Return a sample by its name, with or without the prefix ``sample:``.

    Raises
    ------
    DataError
        If there is no such sample, or the file that carries it is missing.

    Examples
    --------
    >>> history = load_sample("sample:goog")
    >>> history.symbols, len(history["GOOG"].bars)
    (('GOOG',), 1047)
    """
    if name.removeprefix(SAMPLE_PREFIX).lower() not in SAMPLES:
        known = ", ".join(SAMPLE_PREFIX + sample for sample in SAMPLES)
        raise DataError(
            f"unknown sample {name!r}", remedy=f"known samples: {known}", code="data.unknown_sample"
        )
    return _goog()


def _goog() -> History:
    table = _goog_table()
    days = table["date"].astype("datetime64[D]").astype(np.int64)
    opens, closes, known = sessions_of_days("XNYS", days)
    assert known.all(), "the sample has a day on which the exchange was closed"
    instrument = Instrument("GOOG", InstrumentKind.EQUITY, calendar="XNYS")
    history = History.from_arrays(
        instrument,
        ts_close_ns=closes,
        ts_open_ns=opens,
        open=table["open"],
        high=table["high"],
        low=table["low"],
        close=table["close"],
        volume=table["volume"],
    )
    passport = Passport("sample:goog (matplotlib sample data, Yahoo)", timeframe="1d")
    return History(history.parts, (), passport)


def _goog_table() -> NDArray[Any]:
    path = _goog_path()
    try:
        with np.load(path) as archive:
            table: NDArray[Any] = archive["price_data"]
            return table
    except (OSError, KeyError, ValueError):
        raise DataError(
            "the sample data of matplotlib cannot be read",
            where=str(path),
            remedy="install matplotlib again",
            code="data.sample_missing",
        ) from None


def _goog_path() -> Path:
    spec = find_spec("matplotlib")
    origin = spec.origin if spec else None
    if origin is None:
        raise DataError(
            "matplotlib, which carries the sample data, is not installed",
            remedy="install matplotlib, or import a file of your own",
            code="data.sample_missing",
        )
    return Path(origin).parent / "mpl-data" / "sample_data" / "goog.npz"
