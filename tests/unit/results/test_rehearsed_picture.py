"""What the picture of a rehearsal shows of its drift."""

from __future__ import annotations

from datetime import date

from engine.gate.drift import Baseline, DriftState
from runtime.rehearsed import watched

BASELINE = Baseline(
    mean=0.0,
    deviation=0.01,
    shortfall_mean_bps=0.0,
    shortfall_deviation_bps=5.0,
    drawdown_limits=(0.1,),
)
FIRST = DriftState(days=1, last_day=20_203, cost=2.0, fast=1.0)  # 2025-04-25


def test_it_shows_the_monitor_that_has_alarmed() -> None:
    last = DriftState(days=2, last_day=20_206, alarms=1, cost=6.5, fast=1.5)
    shown = watched(BASELINE, [FIRST, last])
    assert shown.text == "CUSUM of what fills cost more than a shadow's"
    assert shown.values == ((date(2025, 4, 25), 2.0), (date(2025, 4, 28), 6.5))
    assert shown.limit == 5.0


def test_a_drawdown_is_shown_beside_its_limit() -> None:
    last = DriftState(days=2, last_day=20_206, alarms=1, wealth=0.75, peak=1.0)
    shown = watched(BASELINE, [FIRST, last])
    assert (shown.text, shown.values[-1][1], shown.limit) == ("drawdown, a fraction", 0.25, 0.1)


def test_without_an_alarm_it_shows_the_returns() -> None:
    assert watched(BASELINE, [FIRST]).text == "CUSUM of standardized live returns"
