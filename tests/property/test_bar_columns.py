"""The compiled pass over a bar's columns says yes where the plain one does, with the same counts.

What it does not vouch for it leaves to the plain one, so that errors are the same to the letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from data import compiled
from data.compiled import are_sound, fill_exactly
from data.history import BarColumns, History
from data.numbers import to_quanta_exact
from engine.errors import DataError
from engine.jit import as_plain
from engine.kernels.bar_columns import ROUNDED_MAX, bars_are_sound, count_exactly

SETTINGS = settings(deadline=None, max_examples=300, print_blob=True)

HOSTILE = [
    *(float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 5e-324, 1e-9, 1e300, -1e300, 1.8e308),
    *(0.1, 0.125, 0.005, 1 / 3, 100.34, 0.1 + 0.2, 1e15, 1e16, 2.0**51, 2.0**52 + 1, 2.0**53),
    *(9007199254740993.0, 22517998136852.48, 2251799813685.247, -100.34, 4503599627370495.5),
]
CENTS = st.integers(-(10**15), 10**15).map(lambda count: count / 100)
VALUES = st.one_of(st.sampled_from(HOSTILE), CENTS, st.floats())


def exact_counts(values: NDArray[np.float64], precision: int) -> NDArray[np.int64] | None:
    out = np.empty(len(values), dtype=np.int64)
    return out if fill_exactly(values, precision, out) else None


@given(
    values=st.one_of(st.lists(VALUES, max_size=30), st.lists(CENTS, max_size=30)),
    precision=st.integers(0, 9),
)
@SETTINGS
def test_counts_are_those_of_the_plain_pass(values: list[float], precision: int) -> None:
    column = np.array(values, dtype=np.float64)
    plain, fused = to_quanta_exact(column, precision), exact_counts(column, precision)
    if fused is not None:
        assert plain is not None and plain.tolist() == fused.tolist()
    elif plain is not None:
        assert np.abs(plain).max() >= ROUNDED_MAX


@given(values=st.lists(VALUES, max_size=30), precision=st.integers(0, 9))
@SETTINGS
def test_counting_interpreted_is_counting_compiled(values: list[float], precision: int) -> None:
    column = np.array(values, dtype=np.float64)
    out = np.empty(len(column), dtype=np.int64)
    is_exact = count_exactly(as_plain(column), 10.0**precision, as_plain(out))
    fused = exact_counts(column, precision)
    assert is_exact == (fused is not None)
    assert fused is None or out.tolist() == fused.tolist()


TICK = st.integers(-1, 3)
ROWS = st.lists(st.tuples(TICK, TICK, TICK, TICK, TICK, TICK, TICK), min_size=1, max_size=4)
SOUND = (2, 3, 1, 2, 0)


@given(rows=ROWS, before=st.integers(0, 3))
@SETTINGS
def test_a_bar_is_sound_for_both_or_for_neither(rows: list[tuple[int, ...]], before: int) -> None:
    # Some sound bars come first, so that the rules between bars are reached.
    sound = [(*SOUND, k - 10, k - 9) for k in range(before)]
    columns = np.array([*sound, *rows], dtype=np.int64).T.copy()
    opens, highs, lows, closes, volumes, ts_open, ts_close = columns
    bars = BarColumns(ts_open, ts_close, opens, highs, lows, closes, volumes)
    order = (opens, highs, lows, closes, volumes, ts_open, ts_close)
    expected = is_plainly_sound(bars)
    assert are_sound(*order) == expected
    assert bars_are_sound(*(as_plain(column) for column in order)) == expected


def is_plainly_sound(bars: BarColumns) -> bool:
    """What the plain pass says; columns so short do not take the compiled one."""
    from data.checks import bar_problem

    assert not compiled.is_used(len(bars))
    return bar_problem(bars) is None


@contextmanager
def passes(*, fused: bool) -> Iterator[None]:
    """Take the compiled pass for columns of any length, or for none."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("data.numbers", "data.checks"):
            patch.setattr(f"{module}.is_used", lambda rows: fused)
        yield


def outcome(columns: dict[str, Any], *, fused: bool) -> object:
    """A history's fingerprint, or all that its error says."""
    with passes(fused=fused):
        try:
            return History.from_arrays("X", **columns).fingerprint
        except DataError as error:
            return error.code, error.problem, error.where, error.remedy


@given(
    edits=st.lists(
        st.tuples(
            st.sampled_from(["open", "high", "low", "close", "volume", "ts_close_ns"]),
            st.integers(0, 39),
            VALUES,
        ),
        max_size=3,
    ),
    rounding=st.booleans(),
)
@SETTINGS
def test_errors_are_the_same_to_the_letter(
    edits: list[tuple[str, int, float]], rounding: bool
) -> None:
    columns = forty_bars()
    for name, row, value in edits:
        is_time = name == "ts_close_ns"
        columns[name][row] = (
            int(np.nan_to_num(value, posinf=0, neginf=0)) % 50 if is_time else value
        )
    given_columns = {**columns, "rounding": rounding}
    assert outcome(given_columns, fused=True) == outcome(given_columns, fused=False)


def forty_bars() -> dict[str, NDArray[Any]]:
    price = np.round(100 + np.cumsum(np.random.default_rng(7).normal(0, 1, 40)), 2)
    return {
        "ts_close_ns": np.arange(1, 41, dtype=np.int64),
        "open": price.copy(),
        "high": np.round(price + 1, 2),
        "low": np.round(price - 1, 2),
        "close": price.copy(),
        "volume": np.arange(40, dtype=np.float64),
    }


def test_columns_of_any_kind_are_one_type_to_the_compiler() -> None:
    column = np.array([1.5, 2.5, 3.5, 4.5])
    frozen = column.copy()
    frozen.flags.writeable = False
    for each in (column, frozen, column.astype(">f8").astype(np.float64)):
        assert exact_counts(each, 1) is not None
    counts = exact_counts(column[::2], 1)
    assert counts is not None and counts.tolist() == [15, 35]
    from engine.jit import compiled as twin_of

    twin: Any = twin_of(count_exactly)
    assert len(twin.signatures) == 1
