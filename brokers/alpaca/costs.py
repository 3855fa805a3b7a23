"""What trading shares and coins costs here at least, as data; `capabilities.py` has what can be done."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from engine.rules.regulatory import US_SHARES
from engine.rules.venue_costs import CostProfile

ALPACA_COSTS: Final = CostProfile(
    half_spread_bps=Decimal(1),
    commission_bps=Decimal(0),
    sell_fees=US_SHARES,  # passed on, booked at the end of the day
)

ALPACA_COIN_COSTS: Final = CostProfile(
    half_spread_bps=Decimal(5),
    commission_bps=Decimal(
        25
    ),  # of whoever takes a price, under 100,000 dollars a month; from memory
)
