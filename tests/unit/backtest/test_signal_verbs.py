"""`signal` and `edge` of Python strategies: from the object to the core's trading loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.history import History
from engine.errors import StrategyError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.trading import AttemptResult, OnTimeout, SignalSource, SizeMethod
from runtime.backtest import run_backtest
from runtime.backtest.account import Setup
from runtime.config import parse_strategy

STRATEGY = '''
from trader import Bar, Strategy


class Signals(Strategy):
    """Does at one bar what the test says."""

    def on_start(self) -> None:
        self.bars = 0

    def on_bar(self, bar: Bar) -> None:
        self.bars += 1
        if self.bars == 3:
            {first}
        if self.bars == 6:
            {second}
'''
FILE = """
[strategy]
name = "signals"
class = "signals.py:Signals"
[data]
dataset = "sample:goog"
"""
HISTORY = History.from_arrays(
    "X",
    ts_close_ns=np.arange(1, 11) * 60 * 10**9,
    open=np.full(10, 100.0),
    high=np.full(10, 101.0),
    low=np.full(10, 99.0),
    close=np.full(10, 100.0),
)


class Run:
    """One run with the trading loop: Kelly on returns, a quarter of it, at least 5 % of edge."""

    def __init__(
        self, folder: Path, first: str, second: str = "pass", *, trading: bool = True, **limits: int
    ) -> None:
        (folder / "signals.py").write_text(STRATEGY.format(first=first, second=second))
        config = parse_strategy(FILE, folder / "signals.toml")
        fresh = Setup.fresh

        def begin(setup: Setup, settings: Any) -> Any:
            shape = setup.shape._replace(trading=trading)
            block, core, book = fresh(replace(setup, shape=shape), settings)
            if trading:
                core.limits[loop.LIMIT_SIZE_METHOD] = SizeMethod.KELLY_CONTINUOUS
                core.limits[loop.LIMIT_SIZE_FRACTION_PPB] = 250_000_000
                core.limits[loop.LIMIT_MIN_EDGE_PPB] = 50_000_000
                core.limits[loop.LIMIT_QUOTE_AGE] = loop.NEVER
                core.account[at.ACCOUNT_ENTRY_TYPE] = at.TYPE_MARKET
                if limits:
                    core.account[at.ACCOUNT_ENTRY_TYPE] = at.TYPE_LIMIT
                    core.account[at.ACCOUNT_ENTRY_OFFSET_PPM] = 20_000  # 98, under every low
                for name, value in limits.items():
                    core.limits[getattr(loop, f"LIMIT_{name}")] = value
                core.account[at.ACCOUNT_ENTRY_TIF] = at.TIF_GTC
            self.core = core
            return block, core, book

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Setup, "fresh", begin)
            self.result = run_backtest(config, history=HISTORY, engine="interpreted")

    def rows(self, kind: int) -> list[list[int]]:
        journal = self.result.pessimistic.journal
        return [list(map(int, row)) for row in journal[journal[:, at.EVENT_KIND] == kind]]


def test_a_signal_becomes_an_entry_of_the_files_size(tmp_path: Path) -> None:
    run = Run(tmp_path, 'assert self.signal("buy", edge=0.08, volatility=0.4) == 1')
    (received,) = run.rows(at.KIND_SIGNAL_RECEIVED)
    assert received[loop.RECEIVED_SOURCE] == SignalSource.STRATEGY
    assert received[loop.RECEIVED_EDGE] == 80_000_000
    # f 0.08 / 0.16 = 0.5, a quarter of it 12.5 % of 100,000: 125 shares at 100
    (fill,) = run.rows(at.KIND_FILL)
    assert fill[at.FACT_LOTS] == 125
    assert fill[at.EVENT_TS] == 3 * 60 * 10**9  # the next bar's open


def test_a_signal_under_the_least_edge_is_denied(tmp_path: Path) -> None:
    run = Run(tmp_path, 'assert self.signal("sell", edge=0.05, volatility=0.4) is None')
    (denied,) = run.rows(at.KIND_SIGNAL_DENIED)
    assert denied[loop.ANSWER_CODE] == Denial.EDGE_TOO_SMALL


@pytest.mark.parametrize("edge", ['float("nan")', 'float("inf")', "1000.5", "-1001"])
def test_an_estimate_that_is_no_number_is_denied(tmp_path: Path, edge: str) -> None:
    run = Run(tmp_path, f'assert self.signal("buy", edge={edge}, volatility=0.4) is None')
    (denied,) = run.rows(at.KIND_SIGNAL_DENIED)
    assert denied[loop.ANSWER_CODE] == Denial.SIGNAL_NOT_FINITE


def test_a_later_signal_must_say_what_an_earlier_one_said(tmp_path: Path) -> None:
    run = Run(tmp_path, 'self.signal("buy", edge=0.01)', 'assert self.signal("buy") is None')
    codes = [row[loop.ANSWER_CODE] for row in run.rows(at.KIND_SIGNAL_DENIED)]
    assert codes == [Denial.EDGE_TOO_SMALL, Denial.SIGNAL_NOT_FINITE]


def test_an_edge_is_remembered_for_the_exits(tmp_path: Path) -> None:
    run = Run(tmp_path, 'self.signal("buy", edge=0.08, volatility=0.4)', "self.edge(0.01)")
    assert run.core.monitors[0, loop.MONITOR_EDGE] == 10_000_000
    assert run.core.limits[loop.LIMIT_HAS_EDGE] == 1
    assert run.core.limits[loop.LIMIT_EDGE_IS_PROBABILITY] == 0


def test_a_goal_and_a_confidence_are_taken(tmp_path: Path) -> None:
    run = Run(
        tmp_path, 'self.signal("buy", edge=0.08, volatility=0.4, goal="110.50", confidence=0.7)'
    )
    (received,) = run.rows(at.KIND_SIGNAL_RECEIVED)
    assert received[loop.RECEIVED_GOAL] == 11050
    assert received[loop.RECEIVED_CONFIDENCE] == 700_000_000


# --- what becomes of the entry, in a whole run -------------------------------------------------------
BUY = 'self.signal("buy", edge=0.08, volatility=0.4)'
MINUTE = 60 * 10**9


def steps(run: Run) -> list[tuple[int, int]]:
    """Return the minute and the way of each step of the entries."""
    rows = run.rows(at.KIND_ENTRY_STEP)
    return [(row[at.EVENT_TS] // MINUTE, row[loop.STEP_KIND]) for row in rows]


def test_an_entry_that_is_not_filled_is_canceled_at_the_first_bar_after_its_timeout(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path, BUY, ENTRY_TIMEOUT=90 * 10**9)
    assert steps(run) == [(5, OnTimeout.CANCEL)]  # decided at 3, 90 s are over at 4.5
    (ended,) = run.rows(at.KIND_ENTRY_ENDED)
    assert ended[loop.STEP_RESULT] == AttemptResult.CANCELED
    assert ended[at.EVENT_TS] // MINUTE == 6  # the cancel meets the next bar
    assert run.core.account[at.ACCOUNT_HELD] == 0


def test_an_entry_walks_to_the_market_a_step_a_bar(tmp_path: Path) -> None:
    run = Run(
        tmp_path,
        BUY,
        ENTRY_TIMEOUT=30 * 10**9,
        ENTRY_ON_TIMEOUT=OnTimeout.WALK,
        ENTRY_WALKS=2,
    )
    assert steps(run) == [(4, OnTimeout.WALK), (5, OnTimeout.WALK), (6, OnTimeout.CANCEL)]
    replaced = [row[at.FACT_PRICE] for row in run.rows(at.KIND_REPLACED)]
    assert replaced == [9801, 9802]


def test_an_entry_is_tried_again_at_the_present_price(tmp_path: Path) -> None:
    run = Run(
        tmp_path,
        BUY,
        ENTRY_TIMEOUT=30 * 10**9,
        ENTRY_ON_TIMEOUT=OnTimeout.RETRY,
        ENTRY_RETRIES=1,
    )
    kinds = [kind for _, kind in steps(run)]
    assert kinds == [OnTimeout.RETRY, OnTimeout.RETRY, OnTimeout.CANCEL]  # asked, sent, given up
    assert len(run.rows(at.KIND_SUBMITTED)) == 2
    assert len(run.rows(at.KIND_SIGNAL_RECEIVED)) == 1


# call, what the message names
WRONG = [
    ('self.signal("long", edge=0.1)', "'buy' or 'sell'"),
    ('self.signal("buy", edge=0.1, probability=0.6)', "an edge and a probability"),
    ('self.signal("buy", edge=0.1); self.edge(probability=0.6)', "and before an edge"),
    ('self.signal("buy", edge="much")', "it takes a number"),
    ('self.signal("buy", goal=110.5)', "orders take exact numbers"),
    ('self.edge(0.1, "Y")', "there is no instrument 'Y'"),
]


@pytest.mark.parametrize(("call", "problem"), WRONG)
def test_a_wrong_call_says_what_is_wrong(tmp_path: Path, call: str, problem: str) -> None:
    with pytest.raises(StrategyError, match=problem):
        Run(tmp_path, call)


@pytest.mark.parametrize("call", ['self.signal("buy", edge=0.1)', "self.edge(0.1)"])
def test_without_the_trading_loop_there_are_no_signals(tmp_path: Path, call: str) -> None:
    with pytest.raises(StrategyError, match="needs the trading loop"):
        Run(tmp_path, call, trading=False)
