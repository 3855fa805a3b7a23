"""Worlds keep the exchange's hours; short runs are marked inside the day."""

from __future__ import annotations

import numpy as np
import pytest

from data.calendars import sessions
from engine.model import layout as at
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE
from runtime.backtest import backtest_text
from runtime.backtest.histories import world_history
from runtime.config import WorldSource
from runtime.results import BacktestResult
from sims.worlds import WorldKind, WorldSpec

TEXT = """
[strategy]
name = "s"
[data]
dataset = "world:{kind}"
[data.world]
length = {length}
hours = "{hours}"
[rules]
entry = "close > lag(close, 1)"
exit = "close < lag(close, 1)"
"""


def run(
    kind: str, length: int, hours: str = "exchange", engine: str = "interpreted"
) -> BacktestResult:
    return backtest_text(TEXT.format(kind=kind, length=length, hours=hours), engine=engine)


@pytest.mark.parametrize(("kind", "per_day"), [("daily_bars", 1), ("minute_bars", 390)])
def test_bars_of_a_world_lie_in_the_sessions_of_its_calendar(kind: str, per_day: int) -> None:
    """Over a year with summer time, nine holidays and two half days."""
    spec = WorldSpec(kind=WorldKind(kind), length=250 * per_day)
    bars = world_history(WorldSource(spec, seed=3)).parts[0].bars
    assert bars is not None
    opens, closes = sessions("XNYS", int(bars.ts_open_ns[0]), int(bars.ts_close_ns[-1]))
    place = np.searchsorted(closes, bars.ts_close_ns)
    assert (opens[place] <= bars.ts_open_ns).all()
    assert (bars.ts_close_ns <= closes[place]).all()
    assert (np.diff(bars.ts_close_ns) > 0).all()
    assert (bars.ts_close_ns[per_day - 1 :: per_day] == closes[place[::per_day]]).all()
    whole = len(closes) if per_day == 1 else int((closes - opens == 390 * NS_PER_MINUTE).sum())
    assert whole == 250


def test_a_world_of_every_hour_keeps_its_own_times() -> None:
    result = run("daily_bars", 30, "continuous")
    assert result.context.history is not None
    bars = result.context.history.parts[0].bars
    assert bars is not None
    assert (bars.ts_close_ns % NS_PER_DAY == 0).all()


@pytest.mark.parametrize(("days", "rows"), [(3, 400), (9, 400), (12, None)])
def test_a_run_of_few_sessions_has_a_fine_curve(days: int, rows: int | None) -> None:
    result = run("minute_bars", days * 390)
    assert (result.equity.height > 400) == (rows is not None)
    assert result.equity.height in (range(400, 520) if rows else [1 + days])
    assert result.summary.curve.equity.size == result.equity.height
    assert result.equity["time"].is_sorted()
    assert result.equity["equity"][-1] == result.final_equity


def test_marks_inside_the_day_do_not_change_the_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = run("minute_bars", 8 * 390)
    monkeypatch.setattr("runtime.backtest.marks.FEW_SESSIONS", 0)
    coarse = run("minute_bars", 8 * 390)
    assert coarse.equity.height == 9 < fine.equity.height
    assert fine.summary.pessimistic.metrics == coarse.summary.pessimistic.metrics
    assert fine.final_equity == coarse.final_equity
    days = fine.equity.group_by("day", maintain_order=True).last()
    assert days["equity"][1:].to_list() == coarse.equity["equity"][1:].to_list()


def test_a_fine_curve_is_one_compiled_and_interpreted() -> None:
    pair = [run("minute_bars", 2 * 390, engine=each) for each in ("interpreted", "compiled")]
    assert pair[0].state_hash == pair[1].state_hash
    marks = pair[0].pessimistic.journal[:, at.EVENT_KIND] == at.KIND_EQUITY_MARKED
    assert 400 < int(marks.sum()) < 520
