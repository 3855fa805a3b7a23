"""A tally of a journal says what reading the whole journal says, in every kind of world."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from engine.kernels import tally as tallied
from engine.model import layout as at
from runtime.backtest.lean_machine import outcome_of_output
from runtime.results import RunOutput
from runtime.results.paths import closed_trade_pnl
from runtime.results.rows import changes_of, rows_of, terms_of
from tests.property.core_worlds import CASH, World, make_world, played

CLOCK = SimpleNamespace(periods_per_year=252.0, account_calendar="24/7")


@cache
def output_of(seed: int) -> tuple[World, RunOutput]:
    world = make_world(seed)
    return world, played(world).output(cast(Any, CLOCK), CASH)


@pytest.mark.parametrize("seed", range(60))
def test_it_finds_what_a_reader_of_the_journal_finds(seed: int) -> None:
    world, output = output_of(seed)
    found = outcome_of_output(output, cast(Any, world), is_compiled=False, hashed=False).tallied
    marks = output.journal[rows_of(output, at.KIND_EQUITY_MARKED)]
    for column, original in (
        (tallied.MARKED_TS, at.EVENT_TS),
        (tallied.MARKED_EQUITY, at.MARK_EQUITY),
        (tallied.MARKED_GROSS, at.MARK_GROSS),
        (tallied.MARKED_FLOW, at.MARK_FLOW),
        (tallied.MARKED_TRADED, at.MARK_TRADED),
    ):
        assert found.marks[:, column].tolist() == marks[:, original].tolist()
    assert found.pnl.tolist() == closed_trade_pnl(changes_of(output), terms_of(output)).tolist()
    assert found.orders == len(rows_of(output, at.KIND_SUBMITTED))


def test_the_worlds_close_trades_with_fees_in_kind() -> None:
    """What is hard to tally does occur above: fees out of the units bought, by orders that close."""
    causes: set[int] = set()
    closed = 0
    for seed in range(60):
        _, output = output_of(seed)
        changes = changes_of(output)
        causes |= set(np.unique(changes.cause).tolist())
        closed += int(changes.closes().sum())
    assert {at.KIND_FILL, at.KIND_FEE_IN_KIND, at.KIND_SPLIT, at.KIND_SETTLEMENT} <= causes
    assert closed > 500
