"""How much of its limits a strategy may use live, and what that makes of its amounts.

What is said in percent follows the capital by itself. So the capital and every other amount of money or
units that allows something are made smaller by the same share, rounded down; what asks for something (the
smallest order, the tiers of equity) stays as it is.

The journal has the share beside the strategy's own text: whoever plays it again makes the same amounts.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from typing import Final

import msgspec

from engine.model.units import to_minor
from runtime.config import StrategyConfig
from runtime.gateway.checks import Limits
from runtime.journal.records import Opened

LIMITS_PERCENT: Final = "limits_percent"  # in `Opened.data`
_WHOLE: Final = 100
_UNIT: Final = Decimal("1e-8")  # of money, and fine enough for quantities


def percent_in(opened: Opened) -> int:
    """Return the share of its limits that a session uses, in percent."""
    return int(opened.data.get(LIMITS_PERCENT, _WHOLE))


def reduced(config: StrategyConfig, percent: int) -> StrategyConfig:
    """Return a strategy with that share of its capital and of every amount that it may use."""
    if percent == _WHOLE:
        return config
    share = Decimal(percent) / _WHOLE

    def part(amount: Decimal) -> Decimal:
        return (amount * share).quantize(_UNIT, rounding=ROUND_FLOOR)

    def less(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else part(amount)

    sizing, risk, guards = config.sizing, config.risk, config.guards
    return replace(
        config,
        account=replace(config.account, cash=part(config.account.cash)),
        sizing=replace(
            sizing,
            quantity=less(sizing.quantity),
            notional=less(sizing.notional),
            maximum_quantity=less(sizing.maximum_quantity),
            maximum_notional=less(sizing.maximum_notional),
        ),
        risk=None
        if risk is None
        else replace(
            risk,
            max_order_notional=less(risk.max_order_notional),
            max_order_quantity=less(risk.max_order_quantity),
        ),
        guards=None
        if guards is None
        else replace(
            guards,
            daily_loss_amount=part(guards.daily_loss_amount),
            minimum_equity=part(guards.minimum_equity),
        ),
    )


def largest_order(config: StrategyConfig, limits: Limits) -> int:
    """Return the value of the largest order that a strategy's own limits and the workspace's allow.

    In minor units, of the capital that the strategy has.
    """
    capital = to_minor(config.account.cash, name="account.cash")
    most = capital * int(config.account.leverage)
    if config.risk is not None:
        most = min(most, int(capital * config.risk.max_position_percent / _WHOLE))
    return min(most, limits.order_value_minor) if limits.order_value_minor else most


def reduced_limits(limits: Limits, percent: int) -> Limits:
    """Return that share of what a workspace allows, rounded down; 0 stays no limit."""

    def less(amount: int) -> int:
        return max(amount * percent // _WHOLE, 1) if amount else 0

    return msgspec.structs.replace(
        limits,
        order_value_minor=less(limits.order_value_minor),
        order_lots=less(limits.order_lots),
        position_value_minor=less(limits.position_value_minor),
        orders_per_minute=less(limits.orders_per_minute),
    )
