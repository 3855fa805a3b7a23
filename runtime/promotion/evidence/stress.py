"""The same strategy with dearer trading: everything that costs doubled, and every order a bar late.

What trading costs is the author's to say, so twice of it may be nearly nothing. Who takes a price pays here at
least twice what the venue costs (`CostProfile`), whatever the file says: half the spread as slippage, where that is
told in basis points or not at all, and the venue's fees as fees; where slippage is told otherwise, both as fees.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from engine.rules.venue_costs import ANYWHERE, CostProfile
from runtime.config import StrategyConfig
from sims.fillbook.settings import BookSettings, FeeModel, SlippageModel

_TWICE = 2
STRESSED_PERCENT = 200


def stressed(config: StrategyConfig, costs: CostProfile = ANYWHERE) -> StrategyConfig:
    """Return a strategy whose fees and slippage are twice as high and whose orders miss a bar.

    Parameters
    ----------
    costs
        Of the venue where it is to trade.
    """
    return replace(config, fills=replace(config.fills, book=_stressed(config.fills.book, costs)))


def stressed_percent(config: StrategyConfig) -> int:
    """Return what costs are in the stressed run, in percent: where trading is free, nothing was doubled."""
    book = config.fills.book
    fees = book.fees
    amounts = (fees.maker_bps, fees.taker_bps, fees.per_unit, fees.minimum)
    is_charged = fees.model == "kalshi" or (fees.model != "none" and max(amounts) > 0)
    has_slippage = book.slippage.model != "none" and book.slippage.value > 0
    return STRESSED_PERCENT if is_charged or has_slippage else 0


def _stressed(book: BookSettings, costs: CostProfile) -> BookSettings:
    fees, slippage = _dearer(book.fees), book.slippage
    spread, least = costs.half_spread_bps * _TWICE, costs.fees_bps * _TWICE
    if slippage.model in ("none", "bps"):
        slippage = SlippageModel("bps", max(slippage.value * _TWICE, spread))
    else:
        slippage = replace(slippage, value=slippage.value * _TWICE)
        least += spread
    if fees.model == "none":
        fees = FeeModel("bps", taker_bps=least)
    elif fees.model == "bps":
        fees = replace(fees, taker_bps=max(fees.taker_bps, least))
    return replace(book, fees=fees, slippage=slippage, is_late=True)


def _dearer(fees: FeeModel) -> FeeModel:
    """Return fees twice as high; what a venue pays back is not doubled."""
    return replace(
        fees,
        maker_bps=_twice(fees.maker_bps),
        taker_bps=_twice(fees.taker_bps),
        per_unit=_twice(fees.per_unit),
        minimum=_twice(fees.minimum),
        maximum_fraction=min(_twice(fees.maximum_fraction), Decimal(1)),
        taker_rate=_twice(fees.taker_rate),
        maker_rate=_twice(fees.maker_rate),
    )


def _twice(cost: Decimal) -> Decimal:
    return max(cost, cost * _TWICE)
