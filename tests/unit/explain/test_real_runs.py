"""Stories of runs that the engine made: every order, signal and position of them can be told."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import AttemptResult, ExitReason
from runtime.backtest import run_backtest
from runtime.config import parse_strategy
from runtime.explain import story_of
from runtime.results import BacktestResult
from runtime.results.exits import exit_statistics
from tests.unit.explain.invented import invented

LOOPED = """
[strategy]
name = "looped"

[data]
dataset = "sample:goog"

[rules]
entry = "cross_above(sma(close, 5), sma(close, 20))"
exit = "cross_below(sma(close, 5), sma(close, 20))"
edge = "close / sma(close, 20) - 0.9"
confidence = "0.7"

[signals]
min_edge_percent = 1

[sizing]
method = "equal_weight"
fraction = 0.95

[risk]
max_position_percent = 95

[exits.profit_target]
medium_percent = 8

[exits.stop_loss]
percent = 3

[exits.early_exit]
percent = 9

[guards.daily_loss]
amount = 4000

[account]
cash = 100_000

[fills.fees]
model = "bps"
taker_bps = 5
"""


# Long and short in four markets: entries are walked, many conditions fire, risk and locks deny.
MINUTES = """
[strategy]
name = "minutes"

[data]
dataset = "world:minute_bars"

[data.world]
seed = 5
instruments = 4
length = 800
volatility_per_year = 3

[rules]
entry = "cross_above(sma(close, 5), sma(close, 20))"
exit = "cross_below(sma(close, 5), sma(close, 20))"
short_entry = "cross_below(sma(close, 5), sma(close, 30))"
short_exit = "cross_above(sma(close, 5), sma(close, 30))"
edge = "0.03 + roc(close, 5)"
confidence = "0.9"

[signals]
min_edge_percent = 2

[sizing]
method = "fixed_fraction"
fraction = 0.01

[risk]
max_position_percent = 40
max_positions = 3
correlation_unknown = "allow"

[execution]
order_type = "limit"
timeout = "2m"
on_timeout = "walk"

[exits.stop_loss]
percent = 1

[exits.profit_target]
high_percent = 1

[exits.trailing_stop]
active_percent = 0.5
distance_percent = 0.3
least_percent = 0.1

[exits.liquidity_dried_up]
volume = 100_000
volume_window = "30m"

[guards.stop_losses]
count = 2
window = "1h"
lock = "30m"

[account]
cash = 10_000
allow_short = true
"""


@pytest.fixture(scope="module", params=[LOOPED, MINUTES], ids=["looped", "minutes"])
def result(request: pytest.FixtureRequest) -> BacktestResult:
    config = parse_strategy(request.param, Path("strategy.toml"))
    return run_backtest(config, engine="interpreted")


def test_every_order_signal_and_position_is_told_and_nothing_is_made_up(
    result: BacktestResult,
) -> None:
    run = result.journal
    orders = result.orders["order_id"].to_list()
    signals = result.signals["signal_id"].to_list()
    positions = result.trades["position_id"].to_list()
    stories = [story_of(run, order=order) for order in orders]
    stories += [story_of(run, signal=signal) for signal in signals]
    stories += [story_of(run, position=position) for position in positions]
    assert len(orders) > 40 and len(signals) > 20 and len(positions) > 10
    assert None not in [*signals, *positions]
    assert all(story.lines for story in stories)
    assert [each for story in stories for each in invented(story, run)] == []


def test_a_position_that_ended_tells_its_whole_life(result: BacktestResult) -> None:
    for trade in result.trades.filter(~result.trades["is_open"]).to_dicts():
        events = [
            line.event for line in story_of(result.journal, position=trade["position_id"]).lines
        ]
        assert events[0] == "signal_received"
        for event in (
            "checked",
            "submitted",
            "fill",
            "position_opened",
            "exit_fired",
            "position_closed",
        ):
            assert event in events, (trade["position_id"], event)


def test_the_table_per_reason_accounts_for_all_that_was_realized(result: BacktestResult) -> None:
    rows = exit_statistics(result.pessimistic)
    assert len(rows) >= 4
    trades = result.trades
    closing = result.orders.filter(result.orders["exit_reason"].is_not_null())
    entry_fees = trades["fees"].sum() - closing["fees"].sum()
    told = sum((Decimal(row.pnl) for row in rows), Decimal(0))
    assert told == trades["pnl"].sum() + entry_fees
    for row in rows:
        working = sum(
            each["result"] == AttemptResult.WORKING.name.lower() and each["reason"] == row.reason
            for each in result.exits.to_dicts()
        )
        assert row.won == row.closed + row.failed + row.taken_over + row.elsewhere + working
        assert row.fired >= row.won


def test_exits_of_the_journal_and_of_the_table_are_the_same(result: BacktestResult) -> None:
    rows = result.pessimistic.rows_by_kind[at.KIND_EXIT_ENDED]
    ended = result.pessimistic.journal[rows]
    table = result.exits.filter(result.exits["ended"].is_not_null())
    assert table.height == len(ended)
    names = [ExitReason(code).name.lower() for code in ended[:, loop.EXITED_REASON].tolist()]
    assert sorted(table["reason"].to_list()) == sorted(names)
    assert table["fired"].dt.timestamp("ns").sort().to_list() == sorted(
        ended[:, loop.EXITED_FIRED].tolist()
    )
    lots = ended[:, loop.EXITED_LOTS].sum()
    assert int(table["filled"].sum()) == int(lots)
