"""`enter` of compiled strategies: from the function to the core's trading loop, as `signal` of a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.history import History
from engine.errors import InputError
from engine.kernels.intents import billionths
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.trading import SignalSource
from runtime.backtest import run_backtest
from runtime.config import parse_strategy
from runtime.results import RunOutput

FUNCTION = """
from engine.kernels.intents import (
    BUY, NOTHING, SELL, enter, enter_on_probability, leave, market_order, say_edge, say_probability,
)
from trader import compiled_strategy


@compiled_strategy(memory=1)
def signals(values, memory, position, last, working, intents):
    memory[0] += 1.0
    if memory[0] == 3.0:
        {first}
    if memory[0] == 6.0:
        {second}
    return 0
"""
CLASS = """
from trader import Strategy


class Signals(Strategy):
    def on_start(self) -> None:
        self.bars = 0

    def on_bar(self, bar) -> None:
        self.bars += 1
        if self.bars == 3:
            {first}
        if self.bars == 6:
            {second}
"""
HEAD = """
[strategy]
name = "signals"
{logic}
[data]
dataset = "sample:goog"
"""
LOOP = """
[signals]
min_edge_percent = 5
[sizing]
method = "kelly"
form = "continuous"
[risk]
max_quote_age = "1h"
max_position_percent = 100
[execution]
order_type = "market"
"""
HISTORY = History.from_arrays(
    "X",
    ts_close_ns=np.arange(1, 11) * 60 * 10**9,
    open=np.full(10, 100.0),
    high=np.full(10, 101.0),
    low=np.full(10, 99.0),
    close=np.full(10, 100.0),
)
ENTER = "return enter(intents, 0, BUY, 0.08, NOTHING, 0, 0.4)"


def run(
    folder: Path,
    first: str,
    second: str = "pass",
    *,
    logic: str = "compiled",
    engine: str = "interpreted",
    tables: str = LOOP,
) -> RunOutput:
    name, text = ("signals", FUNCTION) if logic == "compiled" else ("Signals", CLASS)
    (folder / f"{logic}.py").write_text(text.format(first=first, second=second))
    file = HEAD.format(logic=f'{logic} = "{logic}.py:{name}"') + tables
    config = parse_strategy(file, folder / f"{logic}.toml")
    return run_backtest(config, history=HISTORY, engine=engine).pessimistic


def rows(output: RunOutput, kind: int) -> list[list[int]]:
    return [list(map(int, row)) for row in output.journal[output.journal[:, at.EVENT_KIND] == kind]]


def test_a_signal_of_a_function_becomes_an_entry_of_the_files_size(tmp_path: Path) -> None:
    output = run(tmp_path, ENTER)
    (received,) = rows(output, at.KIND_SIGNAL_RECEIVED)
    assert received[loop.RECEIVED_SOURCE] == SignalSource.STRATEGY
    assert received[loop.RECEIVED_EDGE] == 80_000_000
    # f 0.08 / 0.16 = 0.5, a quarter of it 12.5 % of 100,000: 125 shares at 100
    (fill,) = rows(output, at.KIND_FILL)
    assert fill[at.FACT_LOTS] == 125
    assert len(rows(output, at.KIND_CHECKED)) == 16


@pytest.mark.parametrize(
    ("of_function", "of_class"),
    [
        ((ENTER, "pass"), ('self.signal("buy", edge=0.08, volatility=0.4)', "pass")),
        (
            (ENTER, "return leave(intents, 0)"),
            ('self.signal("buy", edge=0.08, volatility=0.4)', "self.close()"),
        ),
        (
            (
                "return enter(intents, 0, SELL, 0.0800000005, 0.7, 9050, 0.4)",
                "return say_edge(intents, 0, -0.01)",
            ),
            (
                'self.signal("sell", edge=0.0800000005, confidence=0.7, goal="90.50", volatility=0.4)',
                "self.edge(-0.01)",
            ),
        ),
        (
            ("return enter(intents, 0, BUY, 0.05, NOTHING, 0, 0.4)", "pass"),  # is not over 5 %
            ('self.signal("buy", edge=0.05, volatility=0.4)', "pass"),
        ),
        (
            ("return enter(intents, 0, BUY, 0.01, NOTHING, 0, 0.4)",
             "return enter(intents, 0, BUY, NOTHING, NOTHING, 0, 0.4)"),
            ('self.signal("buy", edge=0.01, volatility=0.4)', 'self.signal("buy", volatility=0.4)'),
        ),
    ],
)  # fmt: skip
def test_a_function_s_signal_is_that_of_a_class(
    tmp_path: Path, of_function: tuple[str, str], of_class: tuple[str, str]
) -> None:
    tables = LOOP + "[account]\nallow_short = true\n[exits]\n"
    function = run(tmp_path, *of_function, tables=tables)
    by_class = run(tmp_path, *of_class, logic="class", tables=tables)
    assert np.array_equal(function.journal, by_class.journal)
    assert rows(function, at.KIND_SIGNAL_RECEIVED)


def test_wishes_and_orders_are_carried_out_in_their_order(tmp_path: Path) -> None:
    first = "return leave(intents, enter(intents, market_order(intents, 0, BUY, 5), BUY, 0.08, NOTHING, 0, 0.4))"
    output = run(tmp_path, first, first)
    sent = [(row[at.SUBMIT_SIDE], row[at.FACT_LOTS]) for row in rows(output, at.KIND_SUBMITTED)]
    assert sent[:2] == [(1, 5), (1, 125)]


def test_edge_and_probability_are_not_mixed(tmp_path: Path) -> None:
    second = "return enter_on_probability(intents, 0, BUY, 0.9, NOTHING, 0)"
    output = run(tmp_path, "return enter(intents, 0, BUY, 0.01, NOTHING, 0, 0.4)", second)
    codes = [row[loop.ANSWER_CODE] for row in rows(output, at.KIND_SIGNAL_DENIED)]
    assert codes == [Denial.EDGE_TOO_SMALL, Denial.SIGNAL_NOT_FINITE]


def test_a_probability_is_taken(tmp_path: Path) -> None:
    first = "return enter_on_probability(intents, 0, BUY, 0.9, 0.7, 0)"
    output = run(tmp_path, first, "return say_probability(intents, 0, 0.5)")
    (received,) = rows(output, at.KIND_SIGNAL_RECEIVED)
    assert received[loop.RECEIVED_EDGE] == 900_000_000 - 100 * 10**9  # against a price of 100
    assert received[loop.RECEIVED_CONFIDENCE] == 700_000_000


@pytest.mark.parametrize("wish", [ENTER, "return say_edge(intents, 0, 0.1)"])
def test_without_the_trading_loop_a_signal_is_an_error_that_says_what_to_do(
    tmp_path: Path, wish: str
) -> None:
    with pytest.raises(InputError, match="needs the trading loop") as found:
        run(tmp_path, wish, tables="")
    assert "[signals]" in str(found.value.remedy)


def test_without_the_trading_loop_leave_closes_at_market(tmp_path: Path) -> None:
    output = run(
        tmp_path, "return market_order(intents, 0, BUY, 5)", "return leave(intents, 0)", tables=""
    )
    sent = [(row[at.SUBMIT_SIDE], row[at.FACT_LOTS]) for row in rows(output, at.KIND_SUBMITTED)]
    assert sent == [(1, 5), (-1, 5)]


@pytest.mark.parametrize(
    ("estimate", "ppb"),
    [
        (0.05, 50_000_000),
        (-0.25, -250_000_000),
        (5e-10, 0),  # half a part: to the even one
        (1.5e-9, 2),
        (1000.0, 10**12),
        (1000.001, loop.NOT_GIVEN),
        (float("nan"), loop.NOT_GIVEN),
        (float("inf"), loop.NOT_GIVEN),
        (-float("inf"), loop.NOT_GIVEN),
    ],
)
def test_estimates_become_parts_per_billion(estimate: float, ppb: int) -> None:
    assert billionths(estimate) == ppb


@pytest.mark.timeout(900)
def test_compiled_functions_give_the_same_signals(tmp_path: Path) -> None:
    first = "return enter(intents, 0, BUY, 0.0800000005, 0.7, 11000, 0.4)"
    slow = run(tmp_path, first, "return leave(intents, 0)")
    fast = run(tmp_path, first, "return leave(intents, 0)", engine="compiled")
    assert fast.state_hash == slow.state_hash
