"""What the reference model of the exits knows: terms, settings, the market, orders, the position in hand.

Plain objects and exact fractions; prices are whole ticks, quantities whole lots, money is in the
ledger's smallest unit. Written from the specification (sections 4.5 and 5) and docs/explain/exits.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from engine.model.trading import AttemptResult, ExitReason

R = ExitReason
SECOND = 10**9
NOT_KNOWN = -(2**63)  # in a record, of a number that nobody gave

CRITICAL, HIGH, MEDIUM, BETWEEN, LOW = 1, 2, 3, 3.5, 4
AT_MARKET, AGGRESSIVE, FAIR, CONSERVATIVE = 0, 1, 2, 3


@dataclass(frozen=True)
class Plan:
    """One row of the specification's table: how a condition closes."""

    priority: float
    price: int
    wait: int  # seconds
    walks: int = 0
    step: Fraction = Fraction(0)  # price steps of the first walk
    growth: Fraction = Fraction(0)
    between: int = 0  # seconds
    then_market: bool = False


def _market(priority: float) -> Plan:
    return Plan(priority, AT_MARKET, 5, then_market=True)


def _urgent(wait: int, walks: int) -> Plan:
    return Plan(HIGH, AGGRESSIVE, wait, walks, Fraction(3, 2), Fraction(1, 2), 10, then_market=True)


def _walked(priority: float) -> Plan:
    return Plan(priority, FAIR, 30, 5, Fraction(1), Fraction(1, 2), 15)


_SLOWLY = Plan(LOW, CONSERVATIVE, 60, 10, Fraction(1), Fraction(3, 10), 30)

PLANS = {
    R.STOP_LOSS: _market(CRITICAL),
    R.CIRCUIT_BREAKER: _market(CRITICAL),
    R.TRAILING_STOP: _urgent(10, 2),
    R.TIME_BASED_URGENT: _urgent(10, 2),
    R.LIQUIDITY_DRIED_UP: _urgent(15, 3),
    R.PROFIT_TARGET: _walked(MEDIUM),
    R.PARTIAL_EXIT_TARGET: _walked(MEDIUM),
    R.EARLY_EXIT: _SLOWLY,
    R.EDGE_DISAPPEARED: _walked(LOW),
    R.REBALANCE: _SLOWLY,
    R.STRATEGY: _market(BETWEEN),
}


@dataclass(frozen=True)
class Settings:
    """The thresholds of a strategy file, as fractions of one, nanoseconds, or money of one unit."""

    enabled: frozenset[ExitReason]
    stop_loss: Fraction
    trail_from: Fraction
    trail_distance: Fraction
    trail_tighten: Fraction
    trail_every: Fraction
    trail_least: Fraction
    urgent: int
    spread: Fraction  # of event contracts, in currency; 0: no limit
    spread_part: Fraction  # of others, of the mid; 0: no limit
    volume: Fraction  # units
    targets: tuple[Fraction, Fraction, Fraction]  # of low, medium and high confidence
    stages: tuple[tuple[Fraction, Fraction], ...]  # at, share
    early: Fraction
    disappeared: Fraction
    advantage: Fraction
    at_session_close: bool
    is_probability: bool
    collar: Fraction
    expiry: int

    @property
    def parts(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """The stages, where they are on."""
        return self.stages if R.PARTIAL_EXIT_TARGET in self.enabled else ()


@dataclass(frozen=True)
class Terms:
    """What is fixed of an instrument."""

    price_step: int
    lot_step: int
    highest: int  # ticks; 0: none
    worth: Fraction  # of one lot at one tick
    ticks_per_unit: int
    lots_per_unit: int
    is_event: bool
    expires: int  # ns; 0: never
    calendar: int

    def up(self, price: Fraction | int) -> int:
        """Round a price up to the grid."""
        return -(-price // self.price_step) * self.price_step

    def down(self, price: Fraction | int) -> int:
        """Round a price down to the grid."""
        return price // self.price_step * self.price_step

    def whole(self, lots: Fraction | int) -> int:
        """Round lots toward zero to what can be traded."""
        kept = int(abs(Fraction(lots)) // self.lot_step) * self.lot_step
        return kept if lots >= 0 else -kept

    def value(self, lots: int, price: int) -> int:
        """Return what lots are worth, to the ledger's unit, halves to the even one."""
        return round(self.worth * lots * price)


@dataclass
class Market:
    """What was seen of an instrument's market."""

    kind: str = ""  # bar, quote or print: the last mark
    bid: int = 0
    ask: int = 0
    last: int = 0
    marked: int = 0  # ns
    doubted: int | None = None  # ns since the last mark is suspect
    is_halted: bool = False
    is_over: bool = False

    @property
    def sides(self) -> tuple[int, int] | None:
        """Bid and ask; of a bar or a print its price is both."""
        if self.kind == "quote":
            return (self.bid, self.ask) if 0 < self.bid < self.ask else None
        return (self.last, self.last) if self.last > 0 else None


@dataclass
class Hours:
    """A calendar's session; one that nobody told of counts as open."""

    is_closed: bool = False
    closes: int = 0


@dataclass
class Order:
    """One of our orders that works."""

    number: int
    instrument: int
    side: int
    is_held: bool  # a child that waits for its parent
    reason: int = 0
    attempt: int = 0
    trip: int = 0  # that it closes
    total: int = 0
    filled: int = 0
    is_asked: bool = False  # to end


@dataclass
class Trip:
    """A position from flat to flat."""

    number: int
    direction: int
    largest: int
    grade: int = 1  # of its signal's confidence: 0 low, 1 medium, 2 high
    goal: int | None = None
    marks: int = 0
    done: int = 0  # stages
    peak: int = 0
    stop: int = 0
    told: int = 0  # bits of what was recorded last


@dataclass
class Next:
    """A replacement under way."""

    price: int
    sent: int


@dataclass
class Closing:
    """A position being closed."""

    reason: ExitReason
    trip: int
    fired: int
    left: int
    kind: int
    phase: str = "clearing"
    attempt: int = 0
    walks: int = 0
    gone: Fraction = Fraction(0)  # price steps walked
    rejects: int = 0
    stage: int | None = None  # that its first order has done
    filled: int = 0
    order: Order | None = None
    price: int = 0
    sent: int = 0
    before: int = 0  # lots of its order filled when the attempt began
    next: Next | None = None
    heard: AttemptResult | None = None
    due: int | None = None
    rest: int = 0  # ns of a wait that stands still


@dataclass
class Desk:
    """One instrument."""

    terms: Terms
    market: Market = field(default_factory=Market)
    lots: int = 0  # that can be traded
    held: int = 0  # all
    cost: int = 0
    trip: Trip | None = None
    closing: Closing | None = None
    edge: Fraction | None = None
    volume: int | None = None
    wishes: bool = False  # the strategy wants to be flat
    alerted: int | None = None  # ns of the last alert of this episode
    tried: tuple[int, int] | None = None  # trip and mark of an exit that was given up
    refused: tuple[Fraction, int] | None = None  # an entry: its edge, and when

    def price(self) -> int | None:
        """Return what the position could be closed at."""
        sides = self.market.sides
        if sides is None or self.trip is None:
            return None
        return sides[0] if self.trip.direction > 0 else sides[1]

    def profit(self, price: int) -> int:
        """Return what closing at a price would gain."""
        return self.terms.value(self.held, price) - self.cost
