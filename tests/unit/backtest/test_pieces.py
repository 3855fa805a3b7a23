"""Formulas computed in blocks and a journal kept in stretches: where they are cut cannot be seen."""

from __future__ import annotations

import numpy as np
import pytest

import trader
from data.samples import load_sample
from engine.lang.batch import FormulaMemory, evaluate_batch, evaluate_blocks
from engine.lang.compiler import compile_program
from runtime.backtest import backtest_text
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.panel import panel_of
from tests.unit.lang.bars import walk
from trader import Bar, Strategy, indicator

RULE = """
    [strategy]
    name = "cross"
    [data]
    dataset = "sample:goog"
    [rules]
    entry = "cross_above(sma(close, 5), sma(close, 20)) and volume > 0"
    exit = "cross_below(sma(close, 5), sma(close, 20))"
"""
FORMULAS = {
    "local": {"x": "sma(close, 3) - 2", "y": "close", "z": "highest(high, 4) + sma(close, 3)"},
    "daily": {"x": 'timeframe("1d", sma(close, 3))', "y": "close * 2"},
    "ranked": {"x": "rank(close)", "y": "volume"},
}


@pytest.mark.parametrize("rows", [1, 100, 4_000])
def test_a_run_is_the_same_whatever_the_blocks(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def state() -> str:
        return backtest_text(RULE, history=load_sample("goog"), engine="interpreted").state_hash

    whole = state()
    monkeypatch.setattr("engine.lang.blocks.BLOCK_ROWS", rows)
    assert state() == whole


@pytest.mark.parametrize("formulas", FORMULAS.values(), ids=FORMULAS)
@pytest.mark.parametrize("goes_on", [False, True])
def test_pieces_put_together_are_the_columns(
    formulas: dict[str, str], goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = compile_program(formulas, {}, kinds=dict.fromkeys(formulas, "number"))
    panel = [walk(seed, 60, symbol=symbol) for seed, symbol in enumerate("AB")]
    columns = evaluate_batch(program, panel, compiled=False)
    monkeypatch.setattr("engine.lang.blocks.BLOCK_ROWS", 7)
    joined = {key: [np.full(60, 9.0) for _ in panel] for key in formulas}
    memory = FormulaMemory() if goes_on else None
    for k, first, part in evaluate_blocks(program, panel, compiled=False, memory=memory):
        for key, column in part.items():
            joined[key][k][first : first + len(column)] = column
    for key, each in columns.items():
        assert [column.tobytes() for column in each] == [c.tobytes() for c in joined[key]]


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("adjustment", ["none", "splits"])
def test_a_part_of_a_column_is_a_part_of_the_column(name: str, adjustment: str) -> None:
    history = load_sample("goog")
    fresh, other = (
        panel_of(history, clockwork_of(history), adjustment=adjustment)[0] for _ in range(2)
    )
    part = fresh.at(name, slice(100, 200))
    assert part.tobytes() == getattr(other, name)[100:200].tobytes()
    assert other.at(name, np.arange(100, 200)).tobytes() == part.tobytes()


class Flipping(Strategy):
    """Trades every other bar, and is told of each fill, so that the journal is read in small parts."""

    mean = indicator("sma(close, 3)")

    def on_start(self) -> None:
        self.told = 0

    def on_bar(self, bar: Bar) -> None:
        if self.position() == 0:
            self.buy(10)
        else:
            self.close()


class Listening(Flipping):
    """The same, told of its fills."""

    def on_fill(self, fill: trader.Fill) -> None:
        self.told += 1


@pytest.mark.parametrize("rows", [1, 50, 100_000])
def test_a_journal_is_the_same_whatever_its_stretches(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(strategy: type[Strategy]) -> trader.BacktestResult:
        return trader.backtest(strategy, load_sample("goog"), engine="interpreted")

    whole = run(Flipping)
    monkeypatch.setattr("runtime.backtest.machine.STRETCH_ROWS", rows)
    assert run(Flipping).state_hash == whole.state_hash
    told = run(Listening)
    assert told.state_hash == whole.state_hash
    assert told.pessimistic.journal.tolist() == whole.pessimistic.journal.tolist()
