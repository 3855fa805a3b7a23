"""What a result shows adds up to the minor unit, whatever happened in the run."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import EURO, EVENT, OTHER, PERPETUAL, STOCK, Run

from engine.errors import InternalFault
from engine.model import layout as at
from engine.model.units import from_minor, to_minor
from runtime.results import (
    RunOutput,
    Statement,
    cash_frame,
    fills_frame,
    path_result,
    statement_of,
    trades_frame,
)
from runtime.results.context import warnings_of
from runtime.results.daily import daily_closes
from runtime.results.exact import (
    divide_half_even,
    divide_rows_half_even,
    multiply_divide_rows,
    ratio_rows,
    sum_of,
)
from runtime.results.rows import rows_of
from runtime.results.statement import unrealized_minor

ACTIONS = ("trade", "trade", "trade", "dividend", "funding", "transfer", "split", "accrue", "price")
STEP = st.tuples(
    st.sampled_from(ACTIONS), st.integers(0, 2), st.integers(-300, 300), st.integers(1, 2000)
)


def play(steps: list[tuple[str, int, int, int]], *, posted: bool = True) -> RunOutput:
    """Carry out random actions on a share, a fine-grained share and a perpetual."""
    run = Run(STOCK, OTHER, PERPETUAL, posted=posted)
    for day, (action, i, size, ticks) in enumerate(steps, start=1):
        run.at_day(day)
        if action == "trade" and size != 0:
            run.trade(size, ticks, instrument=i, fee=f"0.{ticks:04}")
        elif action == "dividend" and i < 2:
            run.dividend(f"0.{ticks:04}", i)
        elif action == "funding" and i == 2:
            run.funding(size * 1000, i)
        elif action == "transfer":
            run.transfer(str(size))
        elif action == "split" and i < 2:
            run.split(1 + ticks % 3, 1, i)
        elif action == "accrue":
            run.accrue()
        elif action == "price":
            run.price(ticks, i)
        run.mark()
    return run.output()


def total_of(statement: Statement) -> int:
    names = [field.name for field in fields(statement) if field.name != "final_equity"]
    return sum(getattr(statement, name) for name in names)


@settings(deadline=None, max_examples=60)
@given(steps=st.lists(STEP, max_size=25), posted=st.booleans())
def test_every_table_agrees_with_the_ledger(
    steps: list[tuple[str, int, int, int]], posted: bool
) -> None:
    output = play(steps, posted=posted)
    statement = statement_of(output)
    assert statement.rounding == 0
    assert total_of(statement) == output.final_equity_minor

    cash = cash_frame(output)
    assert output.ledger[0, at.LEDGER_CASH] == output.starting_cash_minor + int(
        cash["amount"].sum() * 10**8 if len(cash) else 0
    )
    if len(cash):
        assert cash["balance"][-1] == from_minor(int(output.ledger[0, at.LEDGER_CASH]))

    trades, fills = trades_frame(output), fills_frame(output)
    carry = statement.dividends + statement.funding + statement.borrow
    assert trades["realized"].sum() == from_minor(statement.realized)
    assert trades["fees"].sum() == from_minor(-statement.fees) == fills["fee"].sum()
    assert trades["carry"].sum() == from_minor(carry)
    earned = trades["pnl"].sum() + from_minor(unrealized_minor(output))
    interest_and_flows = statement.interest + statement.transfers
    assert earned + from_minor(interest_and_flows) == from_minor(
        output.final_equity_minor - output.starting_cash_minor
    )
    assert trades["is_open"].sum() == np.count_nonzero(output.positions[:, at.POSITION_QUANTITY])


def test_amounts_in_another_currency_are_shown_at_its_last_rate() -> None:
    run = Run(STOCK, EURO, currencies=("USD", "EUR")).rate(1, "1.1")
    run.trade(10, 5000, instrument=1, fee="1")
    run.rate(1, "1.2000000003").price(5101, 1)
    statement = statement_of(run.output())
    assert from_minor(statement.unrealized) == Decimal("12.12000000")  # 10 x 1.01 x 1.2
    assert from_minor(statement.fees) == Decimal("-1.20000000")
    assert abs(statement.rounding) <= 24
    assert total_of(statement) == statement.final_equity


def test_cash_for_a_fraction_of_a_split_is_realized_in_the_statement() -> None:
    run = Run()
    run.trade(3, 1000)
    run.split(1, 2)
    statement = statement_of(run.output())
    assert statement.rounding == 0
    assert total_of(statement) == statement.final_equity == run.cash_minor


def fractional_split(realized: str) -> RunOutput:
    """Three shares at 9, last 10, become one and a half: half an old share's money is paid."""
    run = Run()
    run.trade(3, 900)
    run.price(1000).split(1, 2)
    output = run.output()
    journal = output.journal.copy()
    journal[-1, at.POSITION_REALIZED] = to_minor(realized)
    return replace(output, journal=journal)


def test_tables_have_the_cash_for_a_fraction_when_the_journal_has_it() -> None:
    output = fractional_split("1")  # one old share at 10 that had cost 9
    assert cash_frame(output)["amount"].to_list() == [Decimal(-27), Decimal(10)]
    assert cash_frame(output)["balance"][-1] == from_minor(int(output.ledger[0, at.LEDGER_CASH]))
    assert trades_frame(output)["realized"].to_list() == [Decimal(1)]
    assert warnings_of(output) == (  # one share at 20 that had cost 2 x 9
        (
            "1 position is open at the end: 1 ACME; unrealized P&L 2.00 USD, in the returns but not in "
            "the closed trades"
        ),
    )


def test_a_journal_without_it_is_said() -> None:
    assert warnings_of(fractional_split("0"))[0].startswith("1.00 USD were realized by splits")


def test_a_ledger_that_does_not_lead_to_its_equity_is_our_fault() -> None:
    output = replace(Run().output(), final_equity_minor=1)
    with pytest.raises(InternalFault, match="the ledger and the final equity differ by -9999"):
        statement_of(output)


@pytest.mark.parametrize("journaled", [False, True])
def test_the_starting_cash_is_no_external_flow(journaled: bool) -> None:
    run = Run(cash="1000")
    if journaled:
        run.core.ledger[0, [at.LEDGER_CASH, at.LEDGER_TRANSFERS]] = 0
        run.transfer("1000")
    run.transfer("50")
    run.mark()
    output = run.output()
    assert from_minor(statement_of(output).transfers) == 50
    assert path_result(output).final_equity == 1050
    assert cash_frame(output)["balance"][-1] == 1050
    assert daily_closes(output).flow.tolist() == [0, 50 * 10**8]


def test_settlement_of_an_event_contract_closes_without_a_fee() -> None:
    run = Run(EVENT)
    run.trade(10, 55, fee="0.2")
    run.at_day(3).settle(100)
    output = run.output()
    row = trades_frame(output).row(0, named=True)
    assert (row["realized"], row["fees"], row["pnl"]) == (
        Decimal("4.5"),
        Decimal("0.2"),
        Decimal("4.3"),
    )
    assert (row["entry_rule"], row["exit_rule"]) == ("market.open", "settlement")
    assert path_result(output).trades.best == Decimal("4.5")


@given(st.lists(st.tuples(st.integers(-(2**40), 2**40), st.integers(1, 2**40)), min_size=1))
def test_products_that_leave_64_bits_are_computed_exactly(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(column) for column in zip(*pairs))
    tens = np.full(a.size, 10**9)
    expected = [divide_half_even(x * y * 10**9, 2**61 - 1) for x, y in pairs]
    result = multiply_divide_rows(a, b, tens, np.full(a.size, 2**61 - 1))
    assert result.tolist() == expected


@pytest.mark.parametrize(
    ("numerator", "denominator", "digits", "expected"),
    [
        (10, 3, 4, 33333),
        (1, 20000, 4, 0),  # half a unit goes to the even 0
        (3, 20000, 4, 2),  # one and a half to the even 2
        (0, 0, 4, 0),
        (2**62, 2**61, 4, 20000),
        (7 * 10**17, 10**17 * 3, 1, 23),
    ],
)
def test_ratios_are_rounded_half_to_even(
    numerator: int, denominator: int, digits: int, expected: int
) -> None:
    result = ratio_rows(np.array([numerator]), np.array([denominator]), digits)
    assert result.tolist() == [expected]


def test_a_sum_over_64_bits_does_not_wrap() -> None:
    assert sum_of(np.array([2**62, 2**62, 2**62])) == 3 * 2**62


NUMERATORS = st.lists(st.integers(-(2**60), 2**60), min_size=1, max_size=8)


@given(numerators=NUMERATORS, divisor=st.integers(1, 2**60), vary=st.booleans())
@settings(deadline=None)
def test_rows_are_divided_as_python_divides(
    numerators: list[int], divisor: int, vary: bool
) -> None:
    divisors = [divisor + vary * k for k in range(len(numerators))]
    rows = divide_rows_half_even(np.array(numerators), np.array(divisors))
    assert rows.tolist() == [divide_half_even(n, d) for n, d in zip(numerators, divisors)]


def test_rows_are_found_by_kind() -> None:
    run = Run()
    run.trade(3, 900)
    run.mark()
    output = run.output()
    kinds = output.journal[:, at.EVENT_KIND]
    assert sorted(output.rows_by_kind) == sorted(set(kinds.tolist()))
    for kind in (at.KIND_FILL, at.KIND_EQUITY_MARKED, at.KIND_DENIED):
        assert rows_of(output, kind).tolist() == np.flatnonzero(kinds == kind).tolist()
    both = (at.KIND_EQUITY_MARKED, at.KIND_FILL)
    assert rows_of(output, *both).tolist() == np.flatnonzero(np.isin(kinds, both)).tolist()
    assert replace(output, journal=output.journal[:0]).rows_by_kind == {}
