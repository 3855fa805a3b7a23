"""What an account at the simulated venue is like."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from engine.rules.regulatory import SellFees
from sims.fillbook.settings import BookSettings
from sims.venues.alpaca.words import identity


@dataclass(frozen=True, slots=True)
class VenueSettings:
    """An account, its plan and how its orders are filled.

    Parameters
    ----------
    account
        Makes the account's id and number.
    life
        Makes all other ids: two lives of a venue with one name give their orders the same ids.
    key_id, secret_key
        What its requests and connections must show.
    cash
        At first, in dollars.
    multiplier
        Buying power for a dollar of equity: 1 (no shorting), 2 or 4.
    requests_per_minute
        The budget of the trading interface, and apart from it that of the market data.
    data_connections, data_symbols
        How many market data connections there may be at once, and symbols on one of them.
    moment_seconds
        Of the clock: an order that comes so soon after a bar has begun meets its open. At a venue whose time is
        made faster no order's way is longer for that.
    sell_fees
        What is charged of sales at the end of each session; None: nothing.
    coin_fee_bps
        Of each fill of a coin: out of the units of a purchase, out of the money of a sale. 0: nothing.
    are_coin_fees_told
        With the fill; otherwise they are taken at once, and told by `AlpacaVenue.tell_coin_fees`.
    coin_order_least
        The quantity of the smallest order in a coin; one lot where that is more.
    book
        Assumptions of the fill book; as they are, no event fills more than the size it shows.
    """

    account: str = "rehearsal"
    life: str = ""
    key_id: str = "PKREHEARSAL"
    secret_key: str = "rehearsal-secret"
    cash: Decimal = Decimal(100_000)
    multiplier: int = 2
    is_shorting: bool = True
    requests_per_minute: int = 200
    data_requests_per_minute: int = 200
    data_connections: int = 1
    data_symbols: int = 30
    moment_seconds: float = 0.1
    sell_fees: SellFees | None = None
    coin_fee_bps: Decimal = Decimal(0)
    are_coin_fees_told: bool = True
    coin_order_least: Decimal = Decimal(0)
    book: BookSettings = field(default_factory=lambda: BookSettings(volume_cap=Decimal(1)))

    @property
    def account_id(self) -> str:
        """The account's id."""
        return identity("account", self.account)

    @property
    def account_number(self) -> str:
        """The account's number."""
        return "PA" + identity("number", self.account).replace("-", "")[:10].upper()
