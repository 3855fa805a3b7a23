"""Splits and dividends: exact factors, no look-ahead, and the vendors' own numbers."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from data.actions import Action, ActionKind
from data.adjustment import (
    Adjustment,
    Reinvestment,
    adjusted_bars,
    forward_split_factors,
    total_return,
)
from data.catalog import Catalog
from data.history import History, InstrumentHistory
from data.importing import ImportOptions, WriteMode, import_file
from engine.errors import DataError
from engine.model.units import NS_PER_DAY


def bars_of(closes: list[float], volumes: list[float] | None = None) -> InstrumentHistory:
    values = np.array(closes)
    stamps = (np.arange(len(values)) + 1) * NS_PER_DAY
    history = History.from_arrays(
        "X",
        ts_close_ns=stamps,
        open=values,
        high=values,
        low=values,
        close=values,
        volume=volumes,
    )
    return history.parts[0]


def split(day: int, new: int, old: int = 1) -> Action:
    return Action("X", day * NS_PER_DAY, ActionKind.SPLIT, new, old)


def dividend(day: int, amount: str) -> Action:
    return Action("X", day * NS_PER_DAY, ActionKind.DIVIDEND, amount=Decimal(amount))


def test_forward_factors_are_exact_and_start_at_one() -> None:
    part = bars_of([90.0, 30.0, 30.0, 600.0])
    assert part.bars is not None
    steps = forward_split_factors(part.bars, [split(1, 3), split(3, 1, 20)])
    assert [steps.at(i) for i in range(4)] == [1, 3, 3, Fraction(3, 20)]
    assert steps.floats().tolist() == [1.0, 3.0, 3.0, 0.15]


def test_a_forward_factor_does_not_know_the_future() -> None:
    part = bars_of([90.0, 30.0, 30.0, 10.0])
    assert part.bars is not None
    whole = forward_split_factors(part.bars, [split(1, 3), split(3, 3)]).floats()
    early = forward_split_factors(part.bars, [split(1, 3)]).floats()
    assert whole[:3].tolist() == early[:3].tolist()


def test_actions_outside_the_bars_change_nothing() -> None:
    part = bars_of([90.0, 90.0])
    for adjustment in Adjustment:
        closes = adjusted_bars(part, [split(0, 3), split(9, 2), dividend(9, "1")], adjustment)
        assert closes["close"].tolist() == [90.0, 90.0]


@pytest.mark.parametrize(
    ("adjustment", "reinvestment", "closes"),
    [
        (Adjustment.NONE, Reinvestment.EX_CLOSE, [100.0, 49.0, 50.0]),
        (Adjustment.SPLITS, Reinvestment.EX_CLOSE, [50.0, 49.0, 50.0]),
        # (49 + 1) / 50 = 1: the dividend makes the fall good; bought at 49
        (Adjustment.TOTAL_RETURN, Reinvestment.EX_CLOSE, [50 * 49 / 50, 49.0, 50.0]),
        # 1 - 1 / 50 on the split-adjusted close before
        (Adjustment.TOTAL_RETURN, Reinvestment.PREVIOUS_CLOSE, [50 * 0.98, 49.0, 50.0]),
    ],
)
def test_a_split_and_a_dividend_on_one_day(
    adjustment: Adjustment, reinvestment: Reinvestment, closes: list[float]
) -> None:
    part = bars_of([100.0, 49.0, 50.0], [10.0, 20.0, 20.0])
    actions = [dividend(1, "1"), split(1, 2)]
    found = adjusted_bars(part, actions, adjustment, reinvestment=reinvestment)
    assert found["close"] == pytest.approx(closes, rel=1e-15)
    volume = 10.0 if adjustment is Adjustment.NONE else 20.0
    assert found["volume"].tolist() == [volume, 20.0, 20.0]


def test_total_return_reinvests() -> None:
    part = bars_of([100.0, 98.0, 99.0])
    assert total_return(part, [dividend(1, "2")]) == pytest.approx([1.0, 1.0, 99 / 98])


def test_a_dividend_larger_than_the_price_is_refused_where_it_has_no_meaning() -> None:
    part = bars_of([10.0, 9.0])
    with pytest.raises(DataError, match="not smaller than the close"):
        adjusted_bars(
            part,
            [dividend(1, "11")],
            Adjustment.TOTAL_RETURN,
            reinvestment=Reinvestment.PREVIOUS_CLOSE,
        )


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"kind": ActionKind.SPLIT, "ratio_numerator": 0}, "positive"),
        ({"kind": ActionKind.SPLIT}, "changes nothing"),
        ({"kind": ActionKind.DIVIDEND}, "missing"),
        ({"kind": ActionKind.DIVIDEND, "amount": Decimal("NaN")}, "not finite"),
        ({"kind": ActionKind.DIVIDEND, "amount": Decimal(-1)}, "negative"),
        ({"kind": ActionKind.SYMBOL_CHANGE}, "new symbol is missing"),
    ],
)
def test_an_impossible_action_is_refused(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        Action("X", 0, **fields)  # type: ignore[arg-type]


# Spans without a hole in the bars; between them dividends are not in the data.
WIKI_SPANS = [
    # symbol, from, to, actions inside
    ("AAPL", "2011-01-03", "2012-12-31", 2),
    ("AAPL", "2014-01-02", "2014-12-31", 5),  # with the 7:1 split
    ("AIG", "2008-01-02", "2009-12-31", 4),  # with the 1:20 reverse split
    ("AIG", "2011-01-03", "2011-12-30", 1),
    ("AES", "2008-01-02", "2009-12-31", 1),
    ("IBM", "2008-01-02", "2009-12-31", 8),
    ("IBM", "2011-01-03", "2011-12-30", 4),
    ("MSFT", "2014-01-02", "2014-12-31", 4),
    ("ORCL", "2000-01-03", "2000-12-29", 2),  # two 2:1 splits
    ("ORCL", "2011-01-03", "2011-12-30", 4),
    ("YHOO", "2011-01-03", "2012-12-31", 0),
    ("GORO", "2006-09-14", "2012-12-31", 0),
]


@pytest.fixture(scope="module")
def wiki(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    root = tmp_path_factory.mktemp("catalog")
    bars = shared_data / "bars_daily" / "us_equities_wiki_raw.parquet"
    actions = shared_data / "corporate_actions" / "us_equities.parquet"
    import_file(bars, root, ImportOptions("wiki", calendar="XNYS"))
    import_file(
        actions,
        root,
        ImportOptions("wiki", mode=WriteMode.APPEND, where={"source": "wiki", "derived": "false"}),
    )
    return Catalog(root).dataset("wiki").load()


@pytest.mark.shared
@pytest.mark.parametrize(("symbol", "first", "last", "count"), WIKI_SPANS)
def test_total_return_equals_the_vendors_adjusted_close(
    wiki: History, shared_data: Path, symbol: str, first: str, last: str, count: int
) -> None:
    """Every day of every span, to 1e-12; the vendor prints 12 to 14 digits."""
    import polars as pl

    table = pl.read_parquet(shared_data / "bars_daily" / "us_equities_wiki_raw.parquet")
    days = pl.col("trade_date").cast(pl.String).is_between(pl.lit(first), pl.lit(last))
    vendor = table.filter(pl.col("symbol") == symbol, days)["adj_close"].to_numpy()
    start, end = (int(np.datetime64(text, "ns").astype(np.int64)) for text in (first, last))
    span = wiki.select([symbol]).between(start, end + 2 * NS_PER_DAY)
    inside = [a for a in span.actions if start < a.ts_ex_ns <= end + NS_PER_DAY]
    ours = adjusted_bars(span.parts[0], span.actions, Adjustment.TOTAL_RETURN)["close"]
    assert len(inside) == count
    assert ours / ours[0] == pytest.approx(vendor / vendor[0], rel=1e-12)
