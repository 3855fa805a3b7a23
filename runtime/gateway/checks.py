"""The checks of the gateway, in their order; each is a function of the request and the situation.

The first that refuses decides what is told. A check that raises refuses too: what is not checked does
not leave. Cancels pass all but the lease: nobody is ever held in an order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from engine.approved import Approved, CancelApproved, ReplaceApproved, RiskApproved
from engine.model.instruments import Instrument
from engine.model.orders import OrderFlag
from engine.model.trading import Severity
from engine.model.units import NS_PER_SECOND
from runtime.gateway.ledger import OrderLedger, Sent, Tracked
from runtime.gateway.refusals import Refusal, Refused

SENDING_NS: Final = 12 * NS_PER_SECOND  # no adapter waits longer for a venue to take an order
_PPM: Final = 10**6


class Limits(msgspec.Struct, frozen=True):
    """What a workspace allows, whatever a strategy's file says; 0: no limit.

    Money in minor units of the account's currency, shares in parts per million.
    """

    order_value_minor: int = 0
    order_lots: int = 0
    position_value_minor: int = 0
    collar_ppm: int = 200_000
    orders_per_minute: int = 10_000
    intent_age_ns: int = 30 * 10**9
    data_age_ns: int = 30 * 10**9
    pressure: float = 0.5
    restricted: frozenset[int] = frozenset()  # instruments in which only closing is allowed
    brackets: bool = True  # the venue takes orders that hang on others
    holds: bool = False  # it does not, and they wait with us (`runtime.gateway.holding`)
    flips: bool = True  # the venue takes one order that turns a position round
    reduce_only: bool = True  # the venue sees to it that an order which says so only reduces
    least_lots: tuple[int, ...] = ()  # by instrument, of the smallest order that the venue takes


class Market(msgspec.Struct, frozen=True):
    """What is known of an instrument: its last price, the engine's position, the account's rate."""

    last_ticks: int
    engine_lots: int
    rate_ppb: int = 10**9  # account currency for one unit of the instrument's


class Situation(msgspec.Struct, frozen=True):
    """Everything outside the request that the checks look at, as it is now."""

    now_ns: int  # the engine's
    decided_ns: int  # monotonic, when the commands were decided
    monotonic_ns: int
    may_enter: bool  # the session's state
    may_close: bool
    is_killed: bool
    kill_closes: bool  # the kill switch lets what closes leave
    lease_until_ns: int  # monotonic
    severity: Severity
    certificate: str  # what is wrong with it; empty: nothing, or none is needed
    account: str  # why nobody knows what it holds; empty: it was read
    pressure: float
    quarantined: frozenset[int]
    markets: Callable[[int], Market]
    stated: Callable[[int], int | None] = lambda instrument: None  # lots, as the venue last said
    silent: frozenset[int] = frozenset()  # instruments of which nothing has come for too long
    data_age_ns: int = 0  # since when nothing is known of the market
    cash: str = ""  # where the venue's differs from what it should be
    judges_again: bool = False  # the engine asks again for an exit that was refused, while it holds
    is_account_late: bool = False  # it was waited for long enough

    @property
    def closes_all(self) -> bool:
        """Whether a guard, a halt or a person closes everything."""
        return self.is_killed or self.severity >= Severity.FLATTENING


class Request(msgspec.Struct, frozen=True):
    """A command with what the gateway knows of its order."""

    command: Approved
    instrument: Instrument
    tracked: Tracked | None
    client_id: str
    closes: bool  # it can only bring the position nearer to flat
    lots: int  # total after it
    limit_ticks: int
    bracket: str | None = None  # of a bracket: why it cannot wait with us; empty: it can


Check = Callable[[Request, Situation, Limits, OrderLedger], Refused | None]


def check_lease(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """Nobody else may have taken the account over, nor may take it while an order is on its way."""
    needed_ns = 0 if isinstance(q.command, CancelApproved) else SENDING_NS
    if at.monotonic_ns + needed_ns < at.lease_until_ns:
        return None
    return Refused(Refusal.LEASE_LOST)


def check_kill(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """The kill switch must be off; what closes may leave where it says so."""
    if not at.is_killed or (at.kill_closes and q.closes):
        return None
    return Refused(Refusal.KILLED)


def check_state(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """The session must be running; what closes may leave while it is paused."""
    if at.may_enter or (at.may_close and q.closes):
        return None
    return Refused(Refusal.SESSION_NOT_RUNNING)


def check_breaker(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """No latch of the engine may forbid it."""
    if at.severity is Severity.ACTIVE or (q.closes and at.severity is not Severity.PAUSED_ALL):
        return None
    return Refused(Refusal.BREAKER_OPEN, int(at.severity), detail=at.severity.name.lower())


def check_certificate(
    q: Request, at: Situation, limits: Limits, books: OrderLedger
) -> Refused | None:
    """Without a certificate for exactly what runs only what closes leaves."""
    if not at.certificate or q.closes:
        return None
    return Refused(Refusal.NO_CERTIFICATE, detail=at.certificate)


def check_account(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """The account was read since the market's day began: what happened over night is known.

    Where it cannot be read within 10 s, what only closes a position that the books hold leaves all the same.
    """
    held = books.positions.get(q.command.instrument, 0)
    if not at.account or (at.is_account_late and q.closes and held * side_of(q) < 0):
        return None
    return Refused(Refusal.ACCOUNT_UNREAD, detail=at.account)


def check_cash(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """The account's cash is explained to the cent; what closes may leave all the same."""
    return Refused(Refusal.CASH_DIFFERS, detail=at.cash) if at.cash and not q.closes else None


def check_age(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """A decision is sent while it is fresh."""
    age = at.monotonic_ns - at.decided_ns
    if age <= limits.intent_age_ns or q.closes:
        return None
    return Refused(Refusal.INTENT_EXPIRED, age, limits.intent_age_ns)


def check_data(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """What is decided on is what the market says now, not what it said before a gap.

    An exit is judged again at the next bar, by the engine's trading loop. What closes everything (a guard, a
    halt, a person) waits for none.
    """
    if at.data_age_ns <= limits.data_age_ns:
        return None
    if q.closes and (at.closes_all or not at.judges_again):
        return None
    return Refused(Refusal.DATA_TOO_OLD, at.data_age_ns, limits.data_age_ns)


def check_identity(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """A new order has a new name; a change is of an order that is known."""
    if isinstance(q.command, RiskApproved):
        is_new = q.tracked is None and books.find_client(q.client_id) is None
        return None if is_new else Refused(Refusal.DUPLICATE_ID, detail=q.client_id)
    return None if q.tracked is not None else Refused(Refusal.UNKNOWN_ORDER)


def check_quantity(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """What is asked for is positive, and not less than what is filled already."""
    filled = 0 if q.tracked is None else q.tracked.filled_lots
    if q.lots <= 0 or q.lots < filled:
        return Refused(Refusal.MORE_THAN_ORDERED, q.lots, filled)
    return None


def check_grid(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """Limit and stop prices trade, and so does the quantity; what closes may leave odd lots behind."""
    command, step = q.command, q.instrument.quantity_step_lots
    if q.lots % step and not q.closes:
        return Refused(Refusal.OFF_GRID, q.lots, step)
    stop = 0 if isinstance(command, CancelApproved) else command.stop_ticks
    for ticks in (q.limit_ticks, stop):
        if ticks and ticks % q.instrument.price_step_ticks:
            return Refused(Refusal.OFF_GRID, ticks, q.instrument.price_step_ticks)
    return None


def check_least(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """The venue takes no smaller order, not even one that closes what is left."""
    i = q.command.instrument
    least = limits.least_lots[i] if limits.least_lots else 0
    return Refused(Refusal.UNDER_LEAST, q.lots, least) if q.lots < least else None


def check_abilities(
    q: Request, at: Situation, limits: Limits, books: OrderLedger
) -> Refused | None:
    """The venue does what is asked; an entry whose protection it does not take does not leave either."""
    if q.bracket is not None and not limits.brackets and (q.bracket or not limits.holds):
        detail = q.bracket or "orders that hang on each other"
        return Refused(Refusal.NOT_SUPPORTED, detail=detail)
    if isinstance(q.command, ReplaceApproved) and q.tracked is not None:
        if q.tracked.sent is Sent.HELD or books.is_child(q.tracked):
            detail = "a change of what hangs on an entry, or waits, which can be canceled"
            return Refused(Refusal.NOT_SUPPORTED, detail=detail)
    if q.closes or isinstance(q.command, CancelApproved):
        return None
    held = books.positions.get(q.command.instrument, 0)
    if isinstance(q.command, RiskApproved) and q.command.flags & OrderFlag.REDUCE_ONLY:
        return Refused(Refusal.MORE_THAN_HELD, q.lots, abs(held))
    left = q.lots - (0 if q.tracked is None else q.tracked.filled_lots)
    if not limits.flips and held * side_of(q) < 0 and left > abs(held):
        return Refused(
            Refusal.NOT_SUPPORTED, detail="one order that closes a position and opens the opposite"
        )
    return None


def check_collar(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """A limit that would trade at once lies near the last price; without a price nothing is entered."""
    last = at.markets(q.command.instrument).last_ticks
    if limits.collar_ppm == 0 or q.closes:
        return None
    if last <= 0:
        return Refused(Refusal.PRICE_COLLAR, detail="no price is known")
    if q.limit_ticks == 0:
        return None
    beyond = (q.limit_ticks - last) * side_of(q)  # passive limits may lie where they like
    if beyond * _PPM <= last * limits.collar_ppm:
        return None
    return Refused(Refusal.PRICE_COLLAR, q.limit_ticks, last)


def check_caps(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """One order is not larger than the workspace allows."""
    if q.closes:
        return None
    if limits.order_lots and q.lots > limits.order_lots:
        return Refused(Refusal.ORDER_QUANTITY, q.lots, limits.order_lots)
    if limits.order_value_minor:
        value = value_minor(q, q.lots, at)
        if value > limits.order_value_minor:
            return Refused(Refusal.ORDER_VALUE, value, limits.order_value_minor)
    return None


def check_exposure(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """The instrument's worst case, with all that works or may work, stays under the limit."""
    if q.closes or not limits.position_value_minor:
        return None
    buys, sells = books.working(q.command.instrument)
    held = books.positions.get(q.command.instrument, 0)
    before = 0 if q.tracked is None else q.tracked.open_lots
    added = q.lots - (0 if q.tracked is None else q.tracked.filled_lots) - before
    if side_of(q) > 0:
        buys += added
    else:
        sells += added
    worst = max(abs(held + buys), abs(held - sells))
    value = value_minor(q, worst, at)
    if value > limits.position_value_minor:
        return Refused(Refusal.EXPOSURE, value, limits.position_value_minor)
    return None


def check_rate(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """A strategy that runs wild is stopped here; what closes has a tenth of the budget for itself."""
    most = limits.orders_per_minute
    if most == 0:
        return None
    allowed = most + most // 10 if q.closes else most
    sent = books.sent_last_minute(at.now_ns)
    return None if sent < allowed else Refused(Refusal.ORDER_RATE, sent, allowed)


def check_restricted(
    q: Request, at: Situation, limits: Limits, books: OrderLedger
) -> Refused | None:
    """In a quarantined instrument nothing is entered, nor closed where the venue states another position.

    Nothing is entered either where the instrument's data have not come for too long. After a split that nobody
    has announced, prices and quantities mean something else at the venue.
    """
    i = q.command.instrument
    if not (i in limits.restricted or i in at.quarantined or i in at.silent):
        return None
    stated = at.stated(i) if i in at.quarantined else None
    held = books.positions.get(i, 0)
    if q.closes and (stated is None or (stated == held and q.lots <= -stated * side_of(q))):
        return None
    return Refused(Refusal.RESTRICTED, detail=q.instrument.symbol)


def check_unknown(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """While nobody knows what became of an order its instrument takes no new one."""
    if not isinstance(q.command, RiskApproved):
        return None
    other = books.unknown(q.command.instrument)
    return None if other is None else Refused(Refusal.OUTCOME_UNKNOWN, detail=other.client_id)


def check_pressure(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """Entries wait for a journal that is behind."""
    if q.closes or at.pressure <= limits.pressure:
        return None
    return Refused(Refusal.JOURNAL_BEHIND, round(at.pressure * 100), round(limits.pressure * 100))


def check_books(q: Request, at: Situation, limits: Limits, books: OrderLedger) -> Refused | None:
    """The gateway and the engine hold the same."""
    held = books.positions.get(q.command.instrument, 0)
    engine = at.markets(q.command.instrument).engine_lots
    return None if held == engine else Refused(Refusal.BOOKS_DIFFER, held, engine)


CHECKS: Final[Sequence[Check]] = (
    check_lease,
    check_kill,
    check_state,
    check_breaker,
    check_certificate,
    check_account,
    check_cash,
    check_age,
    check_data,
    check_identity,
    check_quantity,
    check_grid,
    check_least,
    check_abilities,
    check_collar,
    check_caps,
    check_exposure,
    check_rate,
    check_restricted,
    check_unknown,
    check_pressure,
    check_books,
)
_OF_CANCELS: Final[Sequence[Check]] = (check_lease, check_identity)
# What can have changed while an intent was made durable.
CHECKS_LAST: Final[Sequence[Check]] = (
    check_lease,
    check_kill,
    check_state,
    check_breaker,
    check_certificate,
    check_account,
    check_cash,
    check_age,
    check_data,
)
# What was held has passed the others: it protects what is held, or closes it. That a session which stops
# lets nothing new leave is no reason to leave a position bare.
CHECKS_RELEASED: Final[Sequence[Check]] = (
    check_lease,
    check_kill,
    check_account,
    check_quantity,
    check_restricted,
    check_books,
)
# What is sent again has its name, its place in the worst case and its share of the rate already.
CHECKS_AGAIN: Final[Sequence[Check]] = tuple(
    each
    for each in CHECKS
    if each not in (check_identity, check_exposure, check_rate, check_unknown)
)


def judge(
    q: Request,
    at: Situation,
    limits: Limits,
    books: OrderLedger,
    checks: Sequence[Check] = CHECKS,
) -> Refused | None:
    """Return the first refusal, None where the command may leave."""
    checks = _OF_CANCELS if isinstance(q.command, CancelApproved) else checks
    for check in checks:
        try:
            refused = check(q, at, limits, books)
        except Exception as error:  # noqa: BLE001  (any error in a check denies)
            return Refused(Refusal.CHECK_FAILED, detail=f"{check.__name__}: {error!r}")
        if refused is not None:
            return refused
    return None


def side_of(q: Request) -> int:
    """Return the side of the order that a request is about."""
    if isinstance(q.command, RiskApproved):
        return q.command.side
    assert q.tracked is not None
    return q.tracked.side


def value_minor(q: Request, lots: int, at: Situation) -> int:
    """Return what some lots are worth in the account's currency, rounded up."""
    market = at.markets(q.command.instrument)
    ticks = max(q.limit_ticks, market.last_ticks)
    fraction = q.instrument.notional_fraction
    numerator = ticks * lots * fraction.numerator * market.rate_ppb
    return -(-numerator // (fraction.denominator * 10**9))


def can_only_close(command: Approved, books: OrderLedger, limits: Limits) -> bool:
    """Return whether an order can, whatever works beside it, only bring a position nearer to flat.

    A child of a bracket closes what its parent fills; a cancel closes nothing and enlarges nothing. That an
    order says it only reduces proves it where the venue sees to it, and nowhere else.
    """
    match command:
        case CancelApproved():
            return True
        case ReplaceApproved():
            known = books.find(command.order_id)
            if known is None:
                return False
            added = command.quantity_lots - known.filled_lots - known.open_lots
            return books.only_closes(command.instrument, known.side, added, waits=False)
        case RiskApproved():
            if command.parent_id or (limits.reduce_only and command.flags & OrderFlag.REDUCE_ONLY):
                return True
            known = books.find(command.order_id)  # sent again: what works counts it already
            added = command.quantity_lots - (0 if known is None else known.open_lots)
            waits = limits.holds and known is None  # what is sent again has waited
            return books.only_closes(command.instrument, command.side, added, waits=waits)
