"""Orders, fills and assets as the venue keeps them, and as it tells of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_SECOND
from sims.venues.alpaca.words import Record, identity, number_text, time_text

FINAL: Final = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})
_NS_PER_MILLISECOND: Final = 1_000_000


@dataclass(slots=True, eq=False)
class Asset:
    """One instrument as the venue has it listed."""

    number: int
    instrument: Instrument
    life: str = ""  # of the venue: ids of one never come again in another
    is_tradable: bool = True
    is_shortable: bool = True
    coin_order_least: Decimal = Decimal(0)

    @property
    def symbol(self) -> str:
        """Its symbol."""
        return self.instrument.symbol

    @property
    def id(self) -> str:
        """Its id."""
        return identity("asset", self.symbol)

    @property
    def is_crypto(self) -> bool:
        """Whether it is crypto: never closed, never short."""
        return self.instrument.kind is InstrumentKind.CRYPTO_SPOT

    @property
    def kind(self) -> str:
        """Its class, as the venue says it."""
        return "crypto" if self.is_crypto else "us_equity"

    @property
    def exchange(self) -> str:
        """Where it is listed; a word that clients know."""
        return "CRYPTO" if self.is_crypto else "NASDAQ"

    @property
    def is_fractionable(self) -> bool:
        """Whether parts of a unit are traded."""
        return self.instrument.quantity_precision > 0

    @property
    def least(self) -> Decimal:
        """The quantity of the smallest order."""
        lot = self.instrument.lot_size
        return max(lot, self.coin_order_least) if self.is_crypto else lot

    def quantity(self, lots: int) -> str:
        """Return lots as text."""
        return number_text(self.instrument.lots_to_quantity(lots))

    def price(self, ticks: int) -> str:
        """Return ticks as text."""
        return number_text(self.instrument.ticks_to_price(ticks))

    def record(self) -> Record:
        """Return what the venue tells of it."""
        told: Record = {
            "id": self.id,
            "class": self.kind,
            "exchange": self.exchange,
            "symbol": self.symbol,
            "name": self.symbol,
            "status": "active",
            "tradable": self.is_tradable,
            "marginable": not self.is_crypto,
            "maintenance_margin_requirement": 100 if self.is_crypto else 30,
            "shortable": self.is_shortable and not self.is_crypto,
            "easy_to_borrow": self.is_shortable and not self.is_crypto,
            "fractionable": self.is_fractionable,
            "attributes": [],
        }
        if self.is_crypto:
            told["min_order_size"] = number_text(self.least)
            told["min_trade_increment"] = number_text(self.instrument.lot_size)
            told["price_increment"] = number_text(self.instrument.tick_size)
        return told


@dataclass(slots=True, eq=False)
class Order:
    """One order.

    `carried_lots` and `carried_value` are what an order that this one replaces had filled; `number` is
    its id at the fill book.
    """

    number: int
    asset: Asset
    client_id: str
    sign: int
    type: str
    time_in_force: str
    lots: int
    created_ns: int
    limit_ticks: int = 0
    stop_ticks: int = 0
    trail_ticks: int = 0
    trail_ppm: int = 0
    notional: Decimal | None = None
    extended_hours: bool = False
    order_class: str = ""
    intent: str = ""
    expires_ns: int = 0
    status: str = "pending_new"
    filled_lots: int = 0
    value: Decimal = Decimal(0)  # sum of price x quantity of its fills
    carried_lots: int = 0
    replaces: Order | None = None
    replaced_by: Order | None = None
    legs: list[Order] = field(default_factory=list)
    parent: Order | None = None
    group: int = 0
    times: dict[str, int] = field(default_factory=dict)  # filled_at and the like
    updated_ns: int = 0
    high_water_ticks: int = 0
    is_at_book: bool = False
    wanted: Order | None = None  # what is to replace it
    previous: str = ""  # its status before that
    is_detached: bool = False  # the book is not listened to about it any more

    @property
    def id(self) -> str:
        """Its id."""
        return identity("order", f"{self.asset.life}:{self.number}")

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.status in FINAL

    @property
    def side(self) -> str:
        """Its side, as the venue says it."""
        return "buy" if self.sign > 0 else "sell"

    @property
    def open_lots(self) -> int:
        """What may still be filled."""
        return 0 if self.is_final else max(self.lots - self.filled_lots, 0)

    @property
    def average_price(self) -> Decimal | None:
        """What its fills have cost on average, to a millionth."""
        if self.filled_lots == 0:
            return None
        quantity = self.asset.instrument.lots_to_quantity(self.filled_lots)
        return (self.value / quantity).quantize(Decimal("0.000001"))

    def record(self, *, nested: bool = False) -> Record:
        """Return what the venue tells of it."""
        average = self.average_price
        price, quantity = self.asset.price, self.asset.quantity
        return {
            "id": self.id,
            "client_order_id": self.client_id,
            "created_at": time_text(self.created_ns),
            "updated_at": time_text(max(self.updated_ns, self.created_ns)),
            "submitted_at": time_text(self.created_ns),
            "filled_at": self._time("filled_at"),
            "expired_at": self._time("expired_at"),
            "canceled_at": self._time("canceled_at"),
            "failed_at": self._time("failed_at"),
            "replaced_at": self._time("replaced_at"),
            "replaced_by": None if self.replaced_by is None else self.replaced_by.id,
            "replaces": None if self.replaces is None else self.replaces.id,
            "asset_id": self.asset.id,
            "symbol": self.asset.symbol,
            "asset_class": self.asset.kind,
            "notional": None if self.notional is None else number_text(self.notional),
            "qty": quantity(self.lots) if self.notional is None else None,
            "filled_qty": quantity(self.filled_lots),
            "filled_avg_price": None if average is None else number_text(average),
            "order_class": self.order_class,
            "order_type": self.type,
            "type": self.type,
            "side": self.side,
            "position_intent": self.intent,
            "time_in_force": self.time_in_force,
            "limit_price": price(self.limit_ticks) if self.limit_ticks else None,
            "stop_price": price(self.stop_ticks) if self.stop_ticks else None,
            "status": self.status,
            "extended_hours": self.extended_hours,
            "legs": [leg.record() for leg in self.legs] if nested and self.legs else None,
            "trail_percent": _percent(self.trail_ppm),
            "trail_price": price(self.trail_ticks) if self.trail_ticks else None,
            "hwm": price(self.high_water_ticks) if self.high_water_ticks else None,
            "subtag": None,
            "source": None,
            "expires_at": time_text(self.expires_ns) if self.expires_ns else None,
        }

    def _time(self, name: str) -> str | None:
        return time_text(self.times[name]) if name in self.times else None


@dataclass(frozen=True, slots=True, eq=False)
class Fill:
    """One execution; `leaves` and `cumulative` are the order's after it."""

    number: int
    order: Order
    ts_ns: int
    lots: int
    price_ticks: int
    leaves: int
    cumulative: int
    position: int  # lots held after it
    status: str  # of the order
    busts: Fill | None = None  # the fill that this one takes back
    kept_lots: int = 0  # of what was bought, as a fee

    @property
    def id(self) -> str:
        """Its execution id."""
        return identity("execution", f"{self.order.asset.life}:{self.number}")

    @property
    def activity_id(self) -> str:
        """Its id among the activities: they sort by time, then by number."""
        seconds, rest = divmod(self.ts_ns, NS_PER_SECOND)
        moment = datetime.fromtimestamp(seconds, UTC)
        return f"{moment:%Y%m%d%H%M%S}{rest // _NS_PER_MILLISECOND:03}::{self.id}"

    @property
    def sign(self) -> int:
        """What it does to the position: 1 more, -1 less."""
        return self.order.sign if self.busts is None else -self.order.sign

    def record(self) -> Record:
        """Return its activity."""
        asset = self.order.asset
        return {
            "id": self.activity_id,
            "activity_type": "FILL",
            "transaction_time": time_text(self.ts_ns),
            "type": "fill" if self.leaves == 0 else "partial_fill",
            "price": asset.price(self.price_ticks),
            "qty": asset.quantity(self.lots),
            "side": "buy" if self.sign > 0 else "sell",
            "symbol": asset.symbol,
            "leaves_qty": asset.quantity(self.leaves),
            "order_id": self.order.id,
            "cum_qty": asset.quantity(self.cumulative),
            "order_status": self.status,
        }


def _percent(ppm: int) -> str | None:
    return number_text(Decimal(ppm).scaleb(-4)) if ppm else None
