"""`BacktestResult`: what a person sees of a backtest."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from journals import STOCK, Run

from data.history import Gap, History, InstrumentHistory, Passport
from engine.errors import InputError
from engine.model.denials import Denial
from engine.model.layout import ORDER_WIDTH
from engine.model.units import NS_PER_DAY
from runtime.results import (
    BacktestResult,
    Benchmark,
    RunContext,
    RunOutput,
    build_result,
    passport_lines,
)
from runtime.results.links import LOOP_TABLES
from runtime.results.result import TABLES


def busy_output() -> RunOutput:
    """Forty days of buying at 10 and selling at 11 or 9, and a last position."""
    run = Run(cash="1000")
    for day in range(1, 41):
        run.at_day(day)
        lots = 10 if day % 2 else -10
        run.trade(lots, 1000 if day % 2 else 1100 - 200 * (day % 4 == 0), fee="0.1")
        run.at_day(day + 0.5).mark()
    run.at_day(41).trade(200, 1000)
    run.order(1, 5, denied=Denial.BUYING_POWER)
    run.order(1, 5, denied=Denial.BUYING_POWER)
    run.order(1, 5, denied=Denial.NO_MARKET_PRICE)
    run.mark()
    return run.output()


CONTEXT = RunContext(
    "sma_cross",
    parameters=(("fast", "10"),),
    passport=("source: memory",),
    assumptions=("fees: none",),
    engine_mode="interpreted",
    elapsed_seconds=0.5,
    reproduce="trader backtest examples/sma_cross.toml",
    warnings=("the strategy is an example",),
)


def other_orders(output: RunOutput) -> RunOutput:
    """The same run, but for the state of an order."""
    return replace(output, orders=np.ones((1, ORDER_WIDTH), dtype=np.int64))


def busy_result(context: RunContext = CONTEXT) -> BacktestResult:
    output = busy_output()
    return build_result(output, other_orders(output), context=context)


def test_warnings_say_what_was_denied_owed_and_left_open() -> None:
    assert busy_result().warnings == (
        "the strategy is an example",
        "2 orders denied: the order would exceed the account's buying power (buying_power)",
        "1 order denied: no price of the instrument, or no rate of its currency, is known yet (no_market_price)",
        "cash was below zero from 1970-02-11: lowest -1,004.00 USD on 1970-02-11",
        (
            "1 position is open at the end: 200 ACME; unrealized P&L 0.00 USD, in the returns but not in "
            "the closed trades"
        ),
    )


def test_deposits_are_said_because_they_are_in_the_final_equity() -> None:
    run = Run()
    run.transfer("250")
    result = build_result(run.output(), context=CONTEXT)
    assert "net deposits of 250.00 USD are in the final equity" in result.warnings[-1]


def test_the_representation_is_one_useful_line() -> None:
    assert repr(busy_result()) == (
        "BacktestResult(sma_cross: 1,000.00 -> 996.00 USD, -0.40 %, Sharpe -0.20, "
        "20 closed trades, state 5dcb054dfc0f)"
    )


def test_tables_are_built_once_and_only_when_asked_for() -> None:
    result = busy_result()
    assert "fills" not in vars(result)
    assert result.fills is result.fills
    assert (len(result.fills), len(result.orders), len(result.trades)) == (41, 44, 21)
    assert len(result.equity) == 41 and result.cash["balance"][-1] == -1004


def test_the_tear_sheet_fits_and_says_the_assumption() -> None:
    page = busy_result().tearsheet()
    assert max(len(line) for line in page.splitlines()) <= 80
    assert "pessimistic" in page and "fees: none" in page and "trader backtest" in page


def test_json_is_exact_and_has_the_tables_on_request() -> None:
    result = busy_result()
    plain = json.loads(json.dumps(result.to_json()))
    assert plain["statement"]["final_equity"] == "996.00000000"
    assert plain["statement"]["fees"] == "-4.00000000"
    assert "tables" not in plain
    tables = json.loads(json.dumps(result.to_json(tables=True)))["tables"]
    assert tables["fills"][0]["price"] == "10.00"
    assert tables["fills"][0]["time"] == "1970-01-02T00:00:00.000000000Z"
    assert tables["equity"][1]["day"] == "1970-01-02"


def test_a_picture_is_written(tmp_path: Path) -> None:
    busy_result().plot(tmp_path / "equity.svg")
    assert (tmp_path / "equity.svg").stat().st_size > 1000


def test_a_benchmark_is_taken_at_the_account_s_closes() -> None:
    days, closes = np.array([1, 3, 50]), np.array([100.0, 110.0, 500.0])
    result = busy_result(replace(CONTEXT, benchmark=Benchmark("ACME held", days, closes)))
    assert result.summary.benchmark_return == pytest.approx(0.1)
    assert result.metric("beta") is not None


def test_a_benchmark_without_closes_is_refused() -> None:
    with pytest.raises(InputError, match="has 0 closes and 0 days"):
        Benchmark("none", np.empty(0, dtype=np.int64), np.empty(0))


def test_the_passport_names_source_gaps_and_rounding() -> None:
    gap = Gap("ACME", after_ns=NS_PER_DAY, before_ns=4 * NS_PER_DAY, missing_count=2)
    passport = Passport("file.csv", "1d", gaps=(gap,), rounding_error_max=0.005, notes=("a note",))
    history = History((InstrumentHistory(STOCK),), passport=passport)
    lines = passport_lines(history)
    assert lines[0] == "source: file.csv" and lines[-1] == "a note"
    assert "gaps: 1 with 2 missing bars, the first of ACME after 1970-01-02" in lines
    assert "rounded to the grid: by at most 0.005" in lines


def test_building_a_result_does_not_load_data_frames_or_pictures() -> None:
    code = (
        "import sys, runtime.results\n"
        "heavy = {'polars', 'matplotlib', 'rich', 'numba'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_the_reference_page_names_every_column_and_line() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/results.md").read_text()
    result = busy_result()
    for name in TABLES + LOOP_TABLES:
        section = page.split(f"### {name}\n")[1].split("###")[0]
        listed = [word for row in section.splitlines()[3:] for word in row.split("|")[1:2]]
        columns = [word.strip("`") for cell in listed for word in cell.split()]
        assert columns == getattr(result, name).columns
    for line, _ in result.statement.lines():
        assert f"`{line}`" in page
