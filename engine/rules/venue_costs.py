"""What trading costs at a venue at least, whatever a strategy's file says: the gate's floor."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from engine.rules.regulatory import SellFees

_LOW_PRICE: Final = Decimal(10)  # of a share: fees for each unit weigh more on a cheaper one
_BASIS_POINTS: Final = 10_000


class CostProfile(msgspec.Struct, frozen=True):
    """What whoever takes a price pays there, in basis points of the value.

    Parameters
    ----------
    half_spread_bps
        Half the spread of what is liquid.
    commission_bps
        The venue's own.
    sell_fees
        What regulators take of a sale.
    """

    half_spread_bps: Decimal
    commission_bps: Decimal = Decimal(0)
    sell_fees: SellFees | None = None

    @property
    def fees_bps(self) -> Decimal:
        """Commission and fees of one side: every purchase is sold once, so a sale's fees count half.

        Examples
        --------
        >>> from engine.rules.regulatory import US_SHARES
        >>> CostProfile(Decimal(1), sell_fees=US_SHARES).fees_bps  # (0.206 + 0.195 at 10 dollars) / 2
        Decimal('0.200500000')
        """
        if self.sell_fees is None:
            return self.commission_bps
        on_value = Decimal(self.sell_fees.value_ppb).scaleb(-9)
        on_units = Decimal(self.sell_fees.unit_minor).scaleb(-8) / _LOW_PRICE
        return self.commission_bps + (on_value + on_units) * _BASIS_POINTS / 2


ANYWHERE: Final = CostProfile(half_spread_bps=Decimal(1))
