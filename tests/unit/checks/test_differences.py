"""The first difference between two runs, as `check` and `diff` name it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderType
from runtime.differences import (
    NOTHING,
    Difference,
    Series,
    first_difference,
    first_value_difference,
)

ABC = Instrument("ABC", InstrumentKind.EQUITY)


def submitted(ts: int, lots: int = 10, limit: int = 0, sequence: int = 0) -> list[int]:
    row = [0] * at.EVENT_WIDTH
    row[at.EVENT_TS], row[at.EVENT_KIND], row[at.EVENT_SEQUENCE] = ts, at.KIND_SUBMITTED, sequence
    row[at.FACT_ORDER], row[at.FACT_LOTS], row[at.SUBMIT_SIDE] = 1, lots, 1
    row[at.SUBMIT_TYPE] = OrderType.LIMIT if limit else OrderType.MARKET
    row[at.SUBMIT_LIMIT], row[at.SUBMIT_TIF] = limit, at.TIF_GTC
    return row


def filled(ts: int, price: int) -> list[int]:
    row = [0] * at.EVENT_WIDTH
    row[at.EVENT_TS], row[at.EVENT_KIND] = ts, at.KIND_FILL
    row[at.FACT_ORDER], row[at.FACT_LOTS], row[at.FACT_PRICE] = 1, 10, price
    return row


def journal(*rows: list[int]) -> np.ndarray:
    return np.array(rows, dtype=np.int64).reshape(-1, at.EVENT_WIDTH)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([submitted(5)], [submitted(5)], None),
        ([submitted(5, sequence=1)], [submitted(5, sequence=9)], None),
        ([submitted(5)], [], (5, "order", "buy 10 market", NOTHING)),
        ([], [submitted(5)], (5, "order", NOTHING, "buy 10 market")),
        ([submitted(5)], [submitted(7)], (5, "order", "buy 10 market", NOTHING)),
        ([submitted(7)], [submitted(5)], (5, "order", NOTHING, "buy 10 market")),
        ([submitted(5)], [submitted(5, lots=3)], (5, "order", "buy 10 market", "buy 3 market")),
        (
            [submitted(5, limit=1250)],
            [submitted(5, limit=1251)],
            (5, "order", "buy 10 limit 12.50", "buy 10 limit 12.51"),
        ),
        (
            [submitted(5), filled(6, 1250)],
            [submitted(5), filled(6, 1260)],
            (6, "fill", "fill 10 at 12.50, fee 0 (order 1)", "fill 10 at 12.60, fee 0 (order 1)"),
        ),
    ],
)
def test_the_first_difference_is_named(
    one: list[list[int]], other: list[list[int]], expected: tuple[int, str, str, str] | None
) -> None:
    found = first_difference(journal(*one), journal(*other), (ABC,))
    if expected is None:
        assert found is None
        return
    ts, *texts = expected
    assert found == Difference(ts, "ABC", *texts)


def test_what_comes_later_than_asked_is_not_compared() -> None:
    one, other = journal(submitted(5), submitted(9)), journal(submitted(5))
    assert first_difference(one, other, (ABC,), until_ns=8) is None
    assert first_difference(one, other, (ABC,), until_ns=9) is not None


NAN = float("nan")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], None),
        ([NAN, 2.0], [NAN, 2.0], None),
        ([1.0, NAN], [1.0, 2.0], (1, "undefined", "2")),
        ([1.0, 2.0], [1.0], (1, "2", NOTHING)),
        ([1.0, 1.0], [1.0, 1.0 + 2**-52], (1, "1", "1.0000000000000002")),
    ],
)
def test_the_first_value_that_differs_is_named_with_the_digits_it_takes(
    one: list[float], other: list[float], expected: tuple[int, str, str] | None
) -> None:
    found = first_value_difference(_series(one), _series(other))
    assert found == (
        None if expected is None else Difference(expected[0], "ABC", "x", expected[1], expected[2])
    )


def _series(values: list[float]) -> Series:
    return Series("x", "ABC", np.arange(len(values), dtype=np.int64), np.array(values))
