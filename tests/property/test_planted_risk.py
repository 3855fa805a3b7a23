"""Mistakes planted in the checks of exposure: the slow judge of `test_risk_random` finds each."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from engine.model.layout import ORDER_FILLED, ORDER_QUANTITY, ORDER_SIDE, TERM_PRICE_STEP
from engine.rules import checks, exposure
from tests.unit.trading.test_risk_random import test_the_checks_agree_with_a_slow_judge as judged

SEEDS = range(200)
JUDGE, MONEY, ADD, SUMS = checks.judge, exposure.money_of, exposure.add_order, checks.worst_sums
COLLAR, SHARE = checks.check_collar, checks.judge_share


def _sales_free(s: Any, o: int) -> None:
    side = s.orders[o, ORDER_SIDE]
    ADD(s, o)
    if side < 0:
        i = s.orders[o, exposure.ORDER_INSTRUMENT]
        s.monitors[i, exposure.MONITOR_WORST_HIGH] = s.monitors[i, exposure.MONITOR_WORST_LOW]


def _at_is_over(number: int, limit: int, unit: int) -> tuple[int, int, int, int]:
    return JUDGE(number, limit - 1, unit)


def _step_is_far(s: Any, r: int) -> tuple[int, int, int, int]:
    i = s.orders[r, checks.ORDER_INSTRUMENT]
    step = s.terms[i, TERM_PRICE_STEP]
    s.terms[i, TERM_PRICE_STEP] = 0
    said = COLLAR(s, r)
    s.terms[i, TERM_PRICE_STEP] = step
    return said


def _without_event(s: Any, i: int) -> tuple[int, ...]:
    count, own, gross, group, _, net = SUMS(s, i)
    return count, own, gross, group, 0, net


def _gross_is_net(s: Any, i: int) -> tuple[int, ...]:
    count, own, _, group, event, net = SUMS(s, i)
    return count, own, net, group, event, net


PLANTED: dict[str, tuple[ModuleType, str, Any]] = {
    "at a limit is over it": (checks, "judge", _at_is_over),
    "a sale that has not filled frees": (exposure, "add_order", _sales_free),
    "what works is not counted": (exposure, "may_enlarge", lambda s, o: False),
    "an order being replaced has its old total": (
        exposure, "open_lots",
        lambda s, o: s.orders[o, ORDER_QUANTITY] - s.orders[o, ORDER_FILLED],
    ),
    "what is filled works on": (exposure, "open_lots", lambda s, o: s.orders[o, ORDER_QUANTITY]),
    "euros are dollars": (exposure, "to_base", lambda s, currency, minor: minor),
    "one step is too far": (checks, "check_collar", _step_is_far),
    "contracts of one event are apart": (checks, "worst_sums", _without_event),
    "one side pays for the other": (checks, "worst_sums", _gross_is_net),
    "shares are of money": (checks, "judge_share", lambda minor, equity, limit: SHARE(minor, 10**12, limit)),
    "an order is worth its last price": (checks, "reference_price", lambda s, r: 1),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_mistake_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, mistake = PLANTED[name]
    monkeypatch.setattr(module, function, mistake)
    with pytest.raises(AssertionError):
        for seed in SEEDS:
            judged(seed)
