"""Tables and stories of random trading loops: they agree with the journal, and make nothing up."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.model import layout as at
from engine.model import trading_layout as loop
from runtime.explain import story_of
from runtime.results import (
    RunOutput,
    checks_frame,
    fills_frame,
    orders_frame,
    signals_frame,
    trades_frame,
)
from runtime.results.exit_rows import exits_with_fills
from runtime.results.exits import exit_attempts_frame, exit_statistics, exits_frame
from runtime.results.guards import LoopTables, guards_frame
from runtime.results.journal import journal_of
from runtime.results.rows import changes_of, fills_of
from tests.property.core_worlds import CASH, played
from tests.property.trading_worlds import make_trading_world
from tests.seeds import seeds
from tests.unit.explain.invented import invented

SEEDS = seeds(10)
STORIES = 30  # of each kind and world


@cache
def output_of(seed: int) -> RunOutput:
    clockwork = SimpleNamespace(periods_per_year=252.0, account_calendar="24/7")
    return played(make_trading_world(seed)).output(cast(Any, clockwork), CASH)


def rows(output: RunOutput, kind: int) -> NDArray[np.int64]:
    return output.journal[output.rows_by_kind.get(kind, np.empty(0, dtype=np.int64))]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_exit_and_attempt_of_the_journal_is_in_the_tables_once(seed: int) -> None:
    output = output_of(seed)
    changes = changes_of(output)
    exits = exits_with_fills(output, fills_of(output, changes), changes)
    ended = [each for each in exits if each.ended_row >= 0]
    told = rows(output, at.KIND_EXIT_ENDED)
    assert len(ended) == len(told)
    assert sorted(each.fired for each in ended) == sorted(told[:, loop.EXITED_FIRED].tolist())
    attempts = [attempt for each in exits for attempt in each.attempts]
    assert len(attempts) == len(rows(output, at.KIND_EXIT_ATTEMPT))
    closed = [attempt for attempt in attempts if attempt.ended_row >= 0]
    assert len(closed) == len(rows(output, at.KIND_ATTEMPT_ENDED))
    if not (changes.cause == at.KIND_SPLIT).any():  # lots of another size do not compare
        assert [each.traded for each in ended] == [each.closed for each in ended]
    for row in exit_statistics(output):
        assert row.fired >= row.won >= row.closed + row.failed + row.taken_over + row.elsewhere


@pytest.mark.parametrize("seed", SEEDS)
def test_every_table_can_be_made_and_every_position_has_its_number(seed: int) -> None:
    output = output_of(seed)
    for frame in (checks_frame, fills_frame, exit_attempts_frame, exits_frame, guards_frame):
        assert frame(output).width > 0
    tables = LoopTables(output)
    assert all(row.reason for row in tables.denials) and all(row.guard for row in tables.guards)
    numbers = trades_frame(output)["position_id"].drop_nulls().to_list()
    opened = rows(output, at.KIND_POSITION_OPENED)[:, loop.TRIP_POSITION].tolist()
    assert sorted(numbers) == sorted(opened)
    assert signals_frame(output)["signal"].to_list() == sorted(
        rows(output, at.KIND_SIGNAL_RECEIVED)[:, loop.RECEIVED_NUMBER].tolist()
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_no_story_of_a_random_world_makes_a_number_up(seed: int) -> None:
    output = output_of(seed)
    run = journal_of(output)
    stories = [
        story_of(run, order=order) for order in orders_frame(output)["order_id"].to_list()[:STORIES]
    ]
    stories += [
        story_of(run, signal=str(number))
        for number in signals_frame(output)["signal"].to_list()[:STORIES]
    ]
    numbers = trades_frame(output)["position_id"].drop_nulls().to_list()[:STORIES]
    stories += [story_of(run, position=number) for number in numbers]
    assert all(story.lines for story in stories)
    assert [each for story in stories for each in invented(story, run)] == []
