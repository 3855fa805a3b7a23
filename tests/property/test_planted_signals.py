"""Mistakes planted in the kernels of signals and sizes: the reference models find each."""

from __future__ import annotations

from random import Random
from types import ModuleType
from typing import Any

import pytest

from engine.rules import market_checks, signal_checks, sizes, suspects
from tests.property.test_signal_reference import first_difference
from tests.property.test_sizing_reference import difference, random_line

SEEDS = range(200)
Mistake = tuple[ModuleType, str, Any]
OVER, PASS, UNKNOWN, OFF = (
    signal_checks.VERDICT_OVER,
    signal_checks.VERDICT_PASS,
    signal_checks.VERDICT_UNKNOWN,
    signal_checks.VERDICT_OFF,
)
FLOOR, CEILING = sizes.multiply_divide_floor, sizes.multiply_divide_ceiling
LOCKS, AGE, HOURS = signal_checks.check_locks, signal_checks.check_age, signal_checks.check_hours
EDGE, RISK, CLIP = signal_checks.edge_of, sizes.risk_to_stop, sizes.clipped
CHANCE, MINIMUM = sizes.probability_ppb, sizes.is_too_small


def _just_over(check: Any) -> Any:
    """Return a check that lets its limit itself be over it."""

    def judged(*values: Any) -> tuple[int, int, int, int]:
        verdict, number, limit, unit = check(*values)
        return (OVER if verdict == PASS and number == limit else verdict), number, limit, unit

    return judged


def _known(check: Any) -> Any:
    """Return a check to which what is not known passes."""

    def judged(*values: Any) -> tuple[int, int, int, int]:
        verdict, *rest = check(*values)
        return (PASS if verdict == UNKNOWN else verdict), *rest

    return judged


def _lower_edge(check: Any) -> Any:
    """Return a check that the limit itself passes."""

    def judged(*values: Any) -> tuple[int, int, int, int]:
        verdict, number, limit, unit = check(*values)
        return (PASS if number == limit else verdict), number, limit, unit

    return judged


SIGNALS: dict[str, Mistake] = {
    "an expiry is half-open": (signal_checks, "check_expiry", _just_over(signal_checks.check_expiry)),
    "a price exactly old enough is stale": (signal_checks, "check_age", _just_over(AGE)),
    "no price is fresh": (signal_checks, "check_age", _known(AGE)),
    "an unknown close is far": (signal_checks, "check_hours", _known(HOURS)),
    "the least edge is enough": (
        signal_checks, "check_edge", _lower_edge(signal_checks.check_edge)
    ),
    "no edge is 0": (signal_checks, "NOT_GIVEN", 0),
    "the least confidence is enough": (
        signal_checks, "check_confidence", _lower_edge(signal_checks.check_confidence)
    ),
    "a sale's edge is a buy's": (signal_checks, "edge_of", lambda s, i, side: EDGE(s, i, 1)),
    "the other touch is paid": (
        signal_checks, "touch_price", lambda s, i, side: market_checks.touch_price(s, i, -side)
    ),
    "what is denied is not taken": (signal_checks, "check_duplicate", lambda *_: (PASS, 0, 0, 0)),
    "a lock ends late": (
        signal_checks, "check_locks",
        lambda s, i: (OVER, 0, 0, 0) if s.monitors[i, signal_checks.MONITOR_COOL_UNTIL] else LOCKS(s, i),
    ),
    "a doubt never ends": (signal_checks, "is_suspect", lambda s, i: s.monitors[i, suspects.MONITOR_SUSPECT] != 0),
    "the first minutes are open": (market_checks, "LIMIT_NO_ENTRY_FIRST", market_checks.LIMIT_NO_ENTRY_LAST),
    "a wish to be flat is no exit": (signal_checks, "WANTS_EXIT", 0),
}  # fmt: skip
SIZES: dict[str, Mistake] = {
    "shares are rounded up": (sizes, "multiply_divide_floor", lambda a, b, c: CEILING(a, b, c) + 9),
    "a sale wins where a buy does": (
        sizes, "probability_ppb", lambda s, i, side, takes: CHANCE(s, i, 1, takes)
    ),
    "a stop is nearer than it is": (
        sizes, "risk_to_stop", lambda s, i, side, price: max(RISK(s, i, side, price) - 1, 0)
    ),
    "the estimate is trusted": (sizes, "shrunk", lambda share, squared, variance: share),
    "no maximum binds": (sizes, "clipped", lambda s, i, side, lots, price, equity: (lots, 0)),
    "maxima go by the lower price": (
        sizes, "clipped", lambda s, i, side, lots, price, equity: CLIP(s, i, side, lots, 1, equity)
    ),
    "a sold contract counts with its price": (sizes, "stake_price", lambda s, i, side, price: price),
    "what is held is free": (sizes, "room_minor", lambda s, equity: 10**17),
    "no minimum binds": (sizes, "is_too_small", lambda *_: False),
    "an unknown volatility is small": (sizes, "MONITOR_VOLATILITY", sizes.MONITOR_CONFIDENCE),
    "the fraction is whole": (sizes, "fraction_of", lambda s, share: share),
    "lot steps are single lots": (sizes, "floor_to", lambda lots, step: lots),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNALS)
def test_a_mistake_in_signals_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, mistake = SIGNALS[name]
    monkeypatch.setattr(module, function, mistake)
    assert any(first_difference(seed) for seed in SEEDS)


@pytest.mark.parametrize("name", SIZES)
def test_a_mistake_in_sizes_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, mistake = SIZES[name]
    monkeypatch.setattr(module, function, mistake)
    draw = Random(0)
    assert any(difference(random_line(draw)) for _ in range(1000))
