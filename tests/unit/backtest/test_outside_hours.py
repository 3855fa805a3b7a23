"""Bars outside the session: with the trading loop neither entries nor exits trade on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.history import History, InstrumentHistory, Passport
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_MINUTE
from runtime.backtest import run_backtest
from runtime.config import parse_strategy
from tests.property.test_trading_backtests import by_columns, in_rows

SHARE = Instrument("X", InstrumentKind.EQUITY, calendar="XNYS")
# A Monday and a Tuesday in January: open from 14:30 to 21:00 UTC.
FIRST = datetime(2024, 1, 8, 20, 55, tzinfo=UTC)
SECOND = datetime(2024, 1, 9, 14, 30, tzinfo=UTC)
FILE = """
[strategy]
name = "hours"
[data]
dataset = "sample:goog"
[rules]
entry = "close > lag(close, 1) + 0.5"
exit = "close < lag(close, 1) - 0.5"
[sizing]
method = "fixed_quantity"
quantity = 10
[execution]
order_type = "market"
{more}
"""


def minutes(start: datetime, count: int) -> list[int]:
    first = int(start.timestamp()) * 10**9
    return [first + (k + 1) * NS_PER_MINUTE for k in range(count)]


def history(jumps: dict[datetime, float]) -> History:
    """Ten minutes to 21:05, and ten from 14:30 of the next day; prices jump at some closes."""
    closes_ns = minutes(FIRST, 10) + minutes(SECOND, 10)
    price, prices = 100.0, []
    for ts in closes_ns:
        price += jumps.get(datetime.fromtimestamp(ts / 10**9, UTC), 0.0)
        prices.append(price)
    close = np.array(prices)
    ts_close = np.array(closes_ns)
    return History.from_arrays(
        SHARE,
        ts_close_ns=ts_close,
        ts_open_ns=ts_close - NS_PER_MINUTE,
        open=close,
        high=close + 0.25,
        low=close - 0.25,
        close=close,
    )


def fills(jumps: dict[datetime, float], more: str) -> list[tuple[int, datetime]]:
    """Return side and time of each fill: the open of the bar that it is on."""
    config = parse_strategy(FILE.format(more=more), Path("hours.toml"))
    journal = run_backtest(config, history=history(jumps), engine="interpreted").pessimistic.journal
    rows = journal[journal[:, at.EVENT_KIND] == at.KIND_FILL]
    times = [datetime.fromtimestamp(ts / 10**9, UTC) for ts in rows[:, at.EVENT_TS].tolist()]
    changes = journal[journal[:, at.EVENT_KIND] == at.KIND_POSITION_CHANGED]
    sides = np.sign(np.diff([0, *changes[:, at.POSITION_AFTER].tolist()])).tolist()
    return list(zip(sides, times, strict=True))


CLOSE = datetime(2024, 1, 8, 21, 0, tzinfo=UTC)
BEFORE = CLOSE - timedelta(minutes=3)


def test_an_entry_decided_at_the_close_trades_at_the_next_open() -> None:
    ((side, when),) = fills({CLOSE: 1.0}, '[risk]\nmax_quote_age = "1d"\n')
    assert (side, when.date()) == (1, SECOND.date())


def test_an_exit_decided_at_the_close_does_too() -> None:
    bought, sold = fills({BEFORE: 1.0, CLOSE: -1.0}, '[risk]\nmax_quote_age = "1d"\n')
    assert (bought[0], bought[1].date()) == (1, FIRST.date())
    assert (sold[0], sold[1].date()) == (-1, SECOND.date())


def test_without_the_loop_every_bar_of_the_data_trades() -> None:
    ((side, when),) = fills({CLOSE: 1.0}, "")
    assert (side, when) == (1, CLOSE)


@pytest.mark.parametrize("jump", [1.0, -1.0])
def test_nothing_is_entered_on_a_bar_outside_the_session(jump: float) -> None:
    outside = CLOSE + timedelta(minutes=2)
    assert fills({outside: jump}, '[risk]\nmax_quote_age = "1d"\n') == []


CROSSING = """
[strategy]
name = "hours"
[data]
dataset = "sample:goog"
[account]
allow_short = true
[rules]
entry = "cross_above(sma(close, 2), sma(close, 5))"
exit = "cross_below(sma(close, 2), sma(close, 5))"
short_entry = "rsi(close, 5) > 75"
short_exit = "rsi(close, 5) < 50"
[risk]
max_quote_age = "1d"
max_position_percent = 100
correlation_unknown = "allow"
[exits]
stop_loss.percent = 1
[execution]
order_type = "{order_type}"
stop_loss_percent = 2
"""


def walk(seed: int) -> History:
    """Two shares with bars at every half hour, night and day: most are outside the sessions."""
    draw = np.random.default_rng(seed)
    parts: list[InstrumentHistory] = []
    first = int(datetime(2024, 1, 8, tzinfo=UTC).timestamp()) * 10**9
    for symbol in ("AA", "BB"):
        ts = first + np.flatnonzero(draw.random(600) < 0.9).astype(np.int64) * 30 * NS_PER_MINUTE
        close = np.round(100 + np.cumsum(draw.normal(0, 0.4, len(ts))), 2)
        parts += History.from_arrays(
            Instrument(symbol, InstrumentKind.EQUITY, calendar="XNYS"),
            ts_close_ns=ts,
            ts_open_ns=ts - 20 * NS_PER_MINUTE,
            open=close,
            high=np.round(close + 0.3, 2),
            low=np.round(close - 0.3, 2),
            close=close,
        ).parts
    return History(tuple(parts), passport=Passport("made"))


FIRST_OPEN = datetime(2024, 1, 8, 14, 30, tzinfo=UTC)


class Made:
    """A history where a dataset is asked for."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def load(self) -> History:
        return walk(self.seed)


@pytest.mark.parametrize("order_type", ["market", "limit"])
@pytest.mark.parametrize("seed", range(3))
def test_rows_and_columns_agree_on_what_trades_outside_the_session(
    seed: int, order_type: str
) -> None:
    config = parse_strategy(CROSSING.format(order_type=order_type), Path("hours.toml"))
    dataset: Any = Made(seed)
    columns = by_columns(config, dataset)
    rows = in_rows(config, dataset, chunk_rows=100)
    assert np.array_equal(rows.journal, columns.journal)
    fills = columns.journal[columns.journal[:, at.EVENT_KIND] == at.KIND_FILL]
    assert len(fills) > 5
    for ts in fills[:, at.EVENT_TS].tolist():
        when = datetime.fromtimestamp(ts / 10**9, UTC)
        is_inside = when.weekday() < 5 and (14, 30) <= (when.hour, when.minute) <= (21, 0)
        assert is_inside or when < FIRST_OPEN, when  # before it no session was told of
