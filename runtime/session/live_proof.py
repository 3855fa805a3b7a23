"""What a venue itself says before anything is traded there, and whether that may be traded.

Each refusal has a stable code, a sentence and what to do; `require_*` raise the first that there is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from engine.errors import NegativeAnswer, VenueError
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_SECOND, from_minor
from engine.ports import AccountFacts, Broker, Clock, Environment, VenueOrder, VenuePosition

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


class VenueBroker(Broker, Protocol):
    """A broker whose venue tells the time."""

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
    except VenueError as error:
        raise _unanswered(door, error) from None
    finally:
        await broker.close()
    return Proven(facts, market.offset_ns, market.is_open, tuple(positions), tuple(orders))


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
        "try again when it answers; nothing was changed",
    )


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
            "venues",
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


def require_state(proven: Proven, currency: str, capital_minor: int, order_minor: int) -> None:
    """The account may trade, in the strategy's currency, and has what the strategy may use.

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
    if facts.is_blocked or facts.status.lower() != "active":
        raise no(
            "blocked",
            f"the venue says that account {facts.account} is {facts.status}"
            + (", and may not trade" if facts.is_blocked else ""),
            "ask the venue",
        )
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
