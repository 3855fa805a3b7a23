"""What a venue itself says before anything is traded there, and whether that may be traded.

Each refusal has a stable code, a sentence and what to do; `require_*` raise the first that there is.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from engine.errors import NegativeAnswer, VenueError
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_SECOND, from_minor
from engine.ports import (
    AccountFacts,
    Broker,
    Clock,
    Environment,
    EvidenceClass,
    Feed,
    VenueOrder,
    VenuePosition,
)
from runtime.gateway.checks import Limits
from runtime.promotion.certificate import Verdict, VerifiedCertificate
from runtime.promotion.problems import Code

CLOCK_TOLERANCE_NS: Final = NS_PER_SECOND
OUR_NAMES: Final = "tr-"  # so begin the client ids that `runtime.gateway.ids` makes


class MarketHours(Protocol):
    """What a venue's clock says."""

    @property
    def is_open(self) -> bool:
        """Whether it trades now."""

    @property
    def offset_ns(self) -> int:
        """What it is ahead of ours."""


class Listing(Protocol):
    """What a venue lets be done with an instrument; steps are 0 where they are not told."""

    @property
    def symbol(self) -> str:
        """Its name."""

    @property
    def is_tradable(self) -> bool:
        """Whether it trades there."""

    @property
    def is_shortable(self) -> bool:
        """Whether it may be sold short."""

    @property
    def is_fractionable(self) -> bool:
        """Whether parts of a unit trade."""

    @property
    def is_coin(self) -> bool:
        """Whether it is listed as a coin."""

    @property
    def price_step(self) -> Decimal:
        """The step of a coin's prices."""

    @property
    def quantity_step(self) -> Decimal:
        """The step of a coin's quantities."""

    @property
    def least_quantity(self) -> Decimal:
        """The quantity of a coin's smallest order."""


class VenueBroker(Broker, Protocol):
    """A broker whose venue tells the time, and what it lists."""

    async def listings(self) -> Sequence[Listing]:
        """Return what may be done with the session's instruments, in their order."""

    async def market(self) -> MarketHours:
        """Return the venue's clock."""


class Door(Protocol):
    """The way to one account at a venue; see `runtime.venues.accounts`."""

    @property
    def venue(self) -> str:
        """The venue's name, as in certificates."""

    @property
    def environment(self) -> Environment:
        """What its addresses prove."""

    def broker(
        self, instruments: Sequence[Instrument], clock: Clock, *, begins_ns: int = 0
    ) -> VenueBroker:
        """Return a broker that is not connected; fills before `begins_ns` are not asked for."""


@dataclass(frozen=True, slots=True)
class Proven:
    """An account as its venue states it; `offset_ns`: what the venue's clock is ahead of ours."""

    facts: AccountFacts
    offset_ns: int
    is_open: bool
    positions: tuple[VenuePosition, ...]
    orders: tuple[VenueOrder, ...]
    listings: tuple[Listing, ...] = ()


async def prove(door: Door, instruments: Sequence[Instrument], clock: Clock) -> Proven:
    """Ask the venue for everything that has to be known before a session starts.

    Raises
    ------
    NegativeAnswer
        If it cannot be reached, or refuses us.
    """
    broker = door.broker(instruments, clock)
    try:
        facts = await broker.connect()
        market = await broker.market()
        orders, positions = await broker.open_orders(), await broker.positions()
        listings = await broker.listings()
    except VenueError as error:
        raise _unanswered(door, error) from None
    finally:
        await broker.close()
    is_open = market.is_open or all(each.is_coin for each in listings)  # its hours are of shares
    offset_ns = market.offset_ns
    return Proven(facts, offset_ns, is_open, tuple(positions), tuple(orders), tuple(listings))


def no(code: str, problem: str, remedy: str, where: str = "") -> NegativeAnswer:
    """Return a refusal to trade live."""
    return NegativeAnswer(problem, where=where, remedy=remedy, code=f"live.{code}")


def _unanswered(door: Door, error: VenueError) -> NegativeAnswer:
    if error.is_authorization:
        return no(
            "keys",
            f"{door.venue} refuses the keys: {error.problem}",
            f"each account has keys of its own: use those of the {door.environment} account",
        )
    return no(
        "unreachable",
        f"{door.venue} cannot be asked: {error.problem}",
        "see that `trader venue alpaca` runs at the address in trader.toml, and try again"
        if door.environment is Environment.REHEARSAL
        else "try again when it answers; nothing was changed",
    )


def require_certificate(
    verdict: Verdict, strategy: str = "", account: str = ""
) -> VerifiedCertificate:
    """Return a certificate that was verified.

    Parameters
    ----------
    strategy, account
        Whose it should be, for the message where there is none.

    Raises
    ------
    NegativeAnswer
        With what is wrong with it.
    """
    if isinstance(verdict, VerifiedCertificate):
        return verdict
    sentence, remedy = verdict.sentence, verdict.remedy
    if verdict.code is Code.MISSING:
        sentence += f" for {strategy}" + (f" on account {account}" if account else "")
        remedy = f"`trader promote {strategy}` says what is missing for one"
    raise NegativeAnswer(sentence, remedy=remedy, code=verdict.code.value)


def require_tradable(environment: Environment) -> None:
    """Only a live account is traded live, or a venue on this machine in a rehearsal.

    Raises
    ------
    NegativeAnswer
        If it is a venue's paper account.
    """
    if environment is Environment.PAPER:
        raise no(
            "environment",
            "the configured account is a paper account at the venue, which no certificate opens",
            'say environment = "live", or "rehearsal" with the address of `trader venue alpaca`',
            "trader.toml, venues.alpaca.environment",
        )


def require_limits(environment: Environment, limits: Limits) -> None:
    """A live account is traded within limits of the workspace, whatever a strategy's own are.

    Raises
    ------
    NegativeAnswer
        If an order or a position may be of any value.
    """
    if environment is Environment.LIVE and not (
        limits.order_value_minor and limits.position_value_minor
    ):
        raise no(
            "limits",
            "the workspace lets a live order or position be of any value",
            "say order_value and position_value, the most that one order and one instrument may be worth",
            "trader.toml, limits",
        )


def require_account(proven: Proven, door: Door, environment: str, wanted: str) -> None:
    """The environment is what was configured and certified; the account is the one that was named.

    Raises
    ------
    NegativeAnswer
        With the first difference.
    """
    facts = proven.facts
    if not facts.environment == door.environment == environment:
        raise no(
            "environment",
            f"the account is {facts.environment}, its address is {door.environment}, and the "
            f"certificate is for {environment}",
            "each environment needs its own keys, address and certificate",
        )
    if wanted and facts.account != wanted:
        raise no(
            "account",
            f"the keys are those of account {facts.account}, not of {wanted}",
            "use the keys of the account that is to be traded, or name the other one",
            "--account",
        )


def require_market(environment: Environment, feed: Feed) -> None:
    """A live account is traded on the venue's own market, not on what somebody streams.

    Raises
    ------
    NegativeAnswer
        If the feed shows anything else.
    """
    if environment is Environment.LIVE and feed.evidence is not EvidenceClass.REAL:
        raise no(
            "feed",
            f"a live account is traded on the venue's own market, and {feed.name} is another",
            "leave --feed out",
            "--feed",
        )


def require_clock(proven: Proven) -> None:
    """Our clock and the venue's agree; in a rehearsal the venue's is the clock.

    Raises
    ------
    NegativeAnswer
        If they are more than a second apart.
    """
    offset = proven.offset_ns
    if proven.facts.environment is Environment.REHEARSAL or abs(offset) <= CLOCK_TOLERANCE_NS:
        return
    ahead = "behind" if offset > 0 else "ahead of"
    raise no(
        "clock",
        f"this machine's clock is {abs(offset) / NS_PER_SECOND:.1f} s {ahead} the venue's",
        "set the clock right (NTP)",
    )


def require_listed(proven: Proven, instruments: Sequence[Instrument], *, sells_short: bool) -> None:
    """Every instrument trades at the venue, in the ways that the strategy may trade it.

    Raises
    ------
    NegativeAnswer
        With the first that does not.
    """
    for each, listed in zip(instruments, proven.listings, strict=True):
        is_in_parts = each.lot_size % 1 != 0
        if not listed.is_tradable:
            raise no("not_listed", f"{each.symbol} does not trade at the venue", "leave it out")
        if sells_short and not listed.is_shortable:
            raise no(
                "not_listed",
                f"the venue lets nobody sell {each.symbol} short",
                "leave it out, or trade it without short rules (allow_short = false)",
            )
        if is_in_parts and not listed.is_fractionable:
            raise no(
                "not_listed",
                f"{each.symbol} trades at the venue in whole shares, and its lot here is {each.lot_size}",
                'import its data with a definition that says lot_size = "1"',
            )
        if listed.is_coin != (each.kind is InstrumentKind.CRYPTO_SPOT):
            kind = "a coin" if listed.is_coin else "no coin"
            raise no(
                "not_listed",
                f"{each.symbol} is {kind} at the venue, and {each.kind.value} here",
                "import its data with a definition that says what it is",
            )
        if listed.is_coin:
            _require_grid(each, listed)


def _require_grid(coin: Instrument, listed: Listing) -> None:
    """A coin's steps are the venue's: on another grid orders are refused, and what is kept as a fee has no number."""
    ours, theirs = (coin.lot_size, coin.tick_size), (listed.quantity_step, listed.price_step)
    if ours == theirs and coin.quantity_step_lots == 1:
        return
    raise no(
        "not_listed",
        f"{coin.symbol} trades at the venue in steps of {theirs[0].normalize():f} at prices in steps of "
        f"{theirs[1].normalize():f}, and here in steps of {ours[0]:f} at {ours[1]:f}",
        f"import its data with a definition that says quantity_precision = {_decimals(theirs[0])}, "
        f'lot_size = "{theirs[0].normalize():f}" and tick_size = "{theirs[1].normalize():f}"',
    )


def _decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def least_lots(proven: Proven, instruments: Sequence[Instrument]) -> tuple[int, ...]:
    """Return the lots of the smallest order in each instrument that the venue takes, parts of a lot up."""
    return tuple(
        math.ceil(listed.least_quantity.scaleb(each.quantity_precision))
        for each, listed in zip(instruments, proven.listings, strict=True)
    )


def require_trading(proven: Proven) -> None:
    """The account may trade. Of a session that goes on it is not asked: it enters nothing until it may.

    Raises
    ------
    NegativeAnswer
        If it may not, or nobody knows.
    """
    facts = proven.facts
    if facts.is_blocked or facts.status.lower() != "active":
        raise no(
            "blocked",
            f"the venue says that account {facts.account} is {facts.status}"
            + (", and may not trade" if facts.is_blocked else ""),
            "ask the venue",
        )


def require_state(proven: Proven, currency: str, capital_minor: int, order_minor: int) -> None:
    """The account is in the strategy's currency, and has what the strategy may use.

    Parameters
    ----------
    capital_minor, order_minor
        What a new session begins with, and the largest order that is allowed; 0 where a session goes on.

    Raises
    ------
    NegativeAnswer
        With the first thing that is wrong.
    """
    facts = proven.facts
    if facts.currency != currency:
        raise no(
            "currency",
            f"the account is in {facts.currency}, and the strategy in {currency}",
            "trade it on an account in its currency",
        )
    if facts.equity_minor < capital_minor:
        raise no(
            "capital",
            f"the account is worth {_money(facts.equity_minor)} {currency}, and the strategy may use "
            f"{_money(capital_minor)}",
            "pay in, or promote it with a smaller [account] cash",
        )
    if facts.buying_power_minor < order_minor:
        raise no(
            "buying_power",
            f"the account can buy for {_money(facts.buying_power_minor)} {currency}, and one order may "
            f"be worth {_money(order_minor)}",
            "pay in, or lower limits.order_value in trader.toml",
        )


def require_no_stranger(proven: Proven, known: Collection[str]) -> None:
    """Every order that works at the venue is of the session.

    Raises
    ------
    NegativeAnswer
        With the first that is not.
    """
    strange = [each for each in proven.orders if each.client_id not in known]
    if not strange:
        return
    first, more = strange[0], len(strange) - 1
    told = f"{first.venue_id or first.client_id}" + (f" and {more} more" if more else "")
    if first.client_id.startswith(OUR_NAMES):
        raise no(
            "unknown_orders",
            f"orders work at the venue that a session has sent whose journal is not here: {told}",
            "go on with that session, or cancel them at the venue",
        )
    raise no(
        "foreign_orders",
        f"orders work at the venue that no session has sent: {told}",
        "cancel them at the venue, or trade another account",
    )


def _money(minor: int) -> str:
    return f"{from_minor(minor):,.2f}"
