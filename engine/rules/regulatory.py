"""What regulators take of a sale of US shares, through the broker: exact, each fee up to a whole cent.

Sources, for 2026: Securities Exchange Act, section 31, by the SEC's order of 2026-02-27 (release 34-104909), from
2026-04-04; FINRA By-Laws, Schedule A, section 1: the trading activity fee. Brokers round each up to a cent.
"""

from __future__ import annotations

from typing import Final

import msgspec

_CENT_MINOR: Final = 10**6
_BILLION: Final = 10**9


class SellFees(msgspec.Struct, frozen=True):
    """Fees of a sale.

    Parameters
    ----------
    value_ppb
        Parts per billion of the money that was sold for.
    unit_minor, most_minor
        For each unit, and at most for a sale.
    """

    value_ppb: int
    unit_minor: int
    most_minor: int

    def on_value(self, value_minor: int) -> int:
        """Return the fee on the money of a day's sales.

        Examples
        --------
        >>> US_SHARES.on_value(10_000 * 10**8)  # 0.206 dollars
        21000000
        """
        return _up_to_cent(-(-value_minor * self.value_ppb // _BILLION))

    def on_units(self, units: int) -> int:
        """Return the fee on the units of one sale.

        Examples
        --------
        >>> US_SHARES.on_units(100), US_SHARES.on_units(1_000_000)  # 0.0195 dollars; the most
        (2000000, 979000000)
        """
        return _up_to_cent(min(units * self.unit_minor, self.most_minor))


US_SHARES: Final = SellFees(value_ppb=20_600, unit_minor=19_500, most_minor=979_000_000)


def _up_to_cent(minor: int) -> int:
    return -(-minor // _CENT_MINOR) * _CENT_MINOR
