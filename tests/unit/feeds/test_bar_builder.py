"""Bars made tick by tick are those that resampling makes of all ticks at once."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.calendars import sessions
from data.history import BarColumns, QuoteColumns, TradeColumns
from data.resampling import Anchor, QuotePrice, parse_period, resample
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND
from runtime.feeds.bars import BarBuilder

LABELS = ["30s", "1m", "5m", "1h", "4h", "1d", "1w", "1mo"]
START = (
    18_322 * NS_PER_DAY
)  # Sunday 2020-03-01; clocks change on the 8th in New York, the 29th in London


def stamps(rng: Random, calendar: str, count: int) -> list[int]:
    """Return times near bells, on period edges and anywhere, ascending."""
    opens, closes = sessions(calendar, START, START + 40 * NS_PER_DAY)
    marks = [*opens.tolist(), *closes.tolist()]
    steps = (0, 0, 1, -1, NS_PER_SECOND, NS_PER_MINUTE, -NS_PER_MINUTE, NS_PER_HOUR, -NS_PER_HOUR)
    made = []
    for _ in range(count):
        near = rng.choice(marks) + rng.choice(steps) * rng.randint(1, 5)
        anywhere = START + rng.randrange(40 * NS_PER_DAY)
        made.append(rng.choice((near, anywhere, near // NS_PER_MINUTE * NS_PER_MINUTE)))
    return sorted(made)


def expected(bars: list[BarColumns]) -> list[list[int]]:
    names = ("ts_open_ns", "open_ticks", "high_ticks", "low_ticks", "close_ticks", "volume_lots")
    rows: list[list[int]] = []
    for block in bars:
        columns = [getattr(block, name).tolist() for name in names]
        for close, *values in zip(block.ts_close_ns.tolist(), *columns, strict=True):
            values[-1] = values[-1] if block.has_volume else at.UNKNOWN
            rows.append([close, at.KIND_BAR, 3, len(rows), *values, 0, 0])
    return rows


def fed(builder: BarBuilder, rows: list[list[int]], last_ns: int, rng: Random) -> list[list[int]]:
    """Return the bars of some ticks, with times that pass in between."""
    made: list[list[int]] = []
    for n, row in enumerate(rows):
        made += builder.add(row)
        made += builder.add(
            [row[0], at.KIND_QUOTE, 9, 0, 1, 2, 0, 0, 0, 0, 0, 0]
        )  # of somebody else
        if n + 1 < len(rows) and rng.random() < 0.3 and rows[n + 1][0] > row[0]:
            made += builder.pass_time(rng.randrange(row[0], rows[n + 1][0]))
    return made + builder.pass_time(last_ns)


@settings(deadline=None, max_examples=120, print_blob=True)
@given(
    seed=st.integers(0, 2**32),
    label=st.sampled_from(LABELS),
    calendar=st.sampled_from(["24/7", "XNYS", "XLON", "FX"]),
    anchor=st.sampled_from(Anchor),
    price=st.sampled_from([None, *QuotePrice]),
    regular_hours=st.booleans(),
)
def test_bars_made_tick_by_tick_are_those_of_all_ticks_at_once(
    seed: int, label: str, calendar: str, anchor: Anchor, price: QuotePrice | None,
    regular_hours: bool,
) -> None:  # fmt: skip
    rng = Random(seed)
    one = Instrument("X", InstrumentKind.EQUITY, calendar=calendar)
    opens, closes = sessions(calendar, START + 100 * NS_PER_DAY, START + 110 * NS_PER_DAY)
    later = (
        int(opens[-1] + closes[-1]) // 2
    )  # a tick that ends every bar before it, and none of its own
    ts = np.array([*stamps(rng, calendar, rng.randint(1, 60)), later], dtype=np.int64)
    low = np.array([rng.randint(90, 110) for _ in ts], dtype=np.int64)
    high = low + np.array([rng.randint(0, 3) for _ in ts], dtype=np.int64)
    size = np.array([rng.randint(0, 50) for _ in ts], dtype=np.int64)
    block: TradeColumns | QuoteColumns
    if price is None:
        block = TradeColumns(ts, low, size, np.zeros_like(ts))
        rows = [[t, at.KIND_TRADE, 3, 0, p, s, 0, 0, 0, 0, 0, 0] for t, p, s in zip(ts.tolist(), low.tolist(), size.tolist())]  # fmt: skip
    else:
        block = QuoteColumns(ts, low, high, size, size)
        rows = [[t, at.KIND_QUOTE, 3, 0, b, a, 1, 1, 0, 0, 0, 0] for t, b, a in zip(ts.tolist(), low.tolist(), high.tolist())]  # fmt: skip
    period = parse_period(label)
    options = {"anchor": anchor, "regular_hours": regular_hours}
    known = resample([block], one, period, price=price or QuotePrice.MID, **options)  # type: ignore[arg-type]
    builder = BarBuilder(one, 3, period, price=price, **options)  # type: ignore[arg-type]
    assert fed(builder, rows[:-1], later, rng) == expected(list(known))


def test_a_closing_print_belongs_to_the_sessions_last_bar() -> None:
    """NYSE closes at 16:00: the print at 16:00:00 is in the bar that ends then."""
    one = Instrument("X", InstrumentKind.EQUITY, calendar="XNYS")
    (_,), (closes,) = sessions("XNYS", START + NS_PER_DAY, START + 2 * NS_PER_DAY)
    builder = BarBuilder(one, 0, parse_period("1h"))
    trade = [int(closes) - 5, at.KIND_TRADE, 0, 0, 100, 1, 0, 0, 0, 0, 0, 0]
    assert builder.add(trade) == []
    assert builder.add([int(closes), *trade[1:4], 103, 2, *trade[6:]]) == []
    assert builder.pass_time(int(closes) - 1) == []
    (bar,) = builder.pass_time(int(closes))
    assert bar[at.EVENT_TS] == closes and bar[at.BAR_CLOSE] == 103 and bar[at.BAR_VOLUME] == 3


@pytest.mark.parametrize(("price", "precision"), [(None, 2), ("mid", 3), ("bid", 2)])
def test_the_bars_of_mids_have_one_decimal_more(price: str | None, precision: int) -> None:
    one = Instrument("X", InstrumentKind.EQUITY)
    chosen = None if price is None else QuotePrice(price)
    builder = BarBuilder(one, 0, parse_period("1m"), price=chosen)
    assert builder.instrument.price_precision == precision
