"""What the reference book remembers: orders at work, positions, capacity, the last price shown."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from engine.model.orders import OrderRequest, OrderType, Side
from tests.reference.pricing import FeeTab

STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
ON_OPEN = frozenset({OrderType.MARKET_ON_OPEN, OrderType.LIMIT_ON_OPEN})
ON_CLOSE = frozenset({OrderType.MARKET_ON_CLOSE, OrderType.LIMIT_ON_CLOSE})
UNLIMITED = 10**30


@dataclass(frozen=True, slots=True)
class BookEvent:
    """One thing that the book says; the same fields as the real book's."""

    kind: str
    order_id: int
    instrument: int
    ts_ns: int
    lots: int = 0
    price_ticks: int = 0
    fee_minor: int = 0
    fee_lots: int = 0
    liquidity: int = 0
    rule: str = ""
    reference_ticks: int = 0
    reason: str = ""


@dataclass
class Working:
    """One order and what has happened to it."""

    request: OrderRequest
    arrival: int
    quantity: int
    limit: int
    stop: int
    trail: int
    armed: int = 0  # of a child: how much its parent's fills have brought into play
    filled: int = 0
    accepted: bool = False
    closed: bool = False
    is_orphan: bool = False  # its parent had ended before it was sent
    is_released: bool = False  # its parent has ended: it is an order of its own
    is_late: bool = False  # has missed the bar after its decision, where the settings say so
    new: bool = True  # has met no point since it arrived
    triggered: bool = False
    anchor: int | None = None
    ahead: int | None = None  # lots before us in the queue; None while unknown
    tab: FeeTab = field(default_factory=FeeTab)

    @property
    def id(self) -> int:
        return self.request.order_id

    @property
    def side(self) -> Side:
        return self.request.side

    @property
    def is_child(self) -> bool:
        return self.request.parent_id != 0

    @property
    def in_play(self) -> int:
        """Lots that could fill now."""
        if self.closed:
            return 0
        waits = self.is_child and not self.is_released
        total = min(self.armed, self.quantity) if waits else self.quantity
        return total - self.filled

    @property
    def is_reduce_only(self) -> bool:
        return self.request.reduce_only or self.is_child

    @property
    def acts_as_limit(self) -> bool:
        kind = self.request.order_type
        return kind is OrderType.LIMIT or (kind is OrderType.STOP_LIMIT and self.triggered)

    @property
    def waits_for_stop(self) -> bool:
        return self.request.order_type in STOPS and not self.triggered

    def copy(self) -> Working:
        return replace(self, tab=replace(self.tab))


@dataclass(frozen=True, slots=True)
class Command:
    """A cancel (`changes` is None) or a replace on its way to the book."""

    order_id: int
    arrival: int
    changes: dict[str, int | None] | None


@dataclass
class Market:
    """One point, or the leg of a bar that shows it: prices, time, and how much may trade."""

    ts: int
    place: str  # open, close, point, path, quote, trade: the last part of a rule's id
    bid: int
    ask: int
    volume: int | None = None
    room: dict[Side, int] = field(
        default_factory=lambda: {Side.BUY: UNLIMITED, Side.SELL: UNLIMITED}
    )
    opened: int = 0  # of a bar: when it opened
    shared: bool = False  # one capacity for both sides (bars, prints) or one for each (quotes)
    size: int | None = None  # of a print
    aggressor: int = 0
    queue_taken: int = 0  # lots of this print that our own queued orders have had

    def price(self, side: Side) -> int:
        """Return what `side` would pay or get."""
        return self.ask if side is Side.BUY else self.bid

    def take(self, side: Side, lots: int) -> None:
        """Use up capacity."""
        for each in Side if self.shared else (side,):
            self.room[each] -= lots

    def moved(self, place: str, price: int) -> Market:
        """Return another point of the same event; the capacity stays one and the same."""
        return replace(self, place=place, bid=price, ask=price)


@dataclass
class State:
    """Everything that a walk of a bar may change."""

    orders: dict[int, Working] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)
    events: list[BookEvent] = field(default_factory=list)
    unchecked: set[int] = field(default_factory=set)
    tried: set[int] = field(default_factory=set)  # hit on this leg already

    def copy(self) -> State:
        return State(
            {key: order.copy() for key, order in self.orders.items()},
            dict(self.positions),
            list(self.events),
            set(self.unchecked),
            set(self.tried),
        )
