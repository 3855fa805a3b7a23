"""What broker and account say now, and the limits that would be live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from brokers.alpaca.broker import AlpacaBroker
from engine.gate.evidence import AccountState, BrokerFacts, RiskConfig, RiskLimit
from engine.model.instruments import Instrument
from engine.model.units import to_minor
from engine.ports import Clock, Environment
from runtime.config import StrategyConfig
from runtime.gateway.checks import Limits
from runtime.promotion.canonical import sha256_of
from runtime.promotion.evidence.books import Books, compare
from runtime.promotion.fingerprint import Fingerprint
from runtime.session.stage import largest_order

_LOOKS, _PAUSE_SECONDS = 3, 0.5
_RISK = ("risk.", "guards.", "exits.", "entries.")
# Keys of a strategy's fingerprint that bound what it may do; they have to be over 0.
_LIMITS = ("risk.max_", "risk.collar", "guards.daily_loss", "guards.drawdown", "exits.stop_loss")
DRAWDOWN = "guards.drawdown_percent"


async def ask_broker(
    broker: AlpacaBroker, clock: Clock, *, is_withdrawal_acknowledged: bool
) -> tuple[BrokerFacts, int]:
    """Connect, and return what the answer shows, and the venue's time.

    A rehearsal has the venue's time for its own.

    Raises
    ------
    VenueError
        If it does not answer.
    """
    facts = await broker.connect()
    market = await broker.market()
    now_ns = clock.now_ns()
    is_rehearsal = facts.environment is Environment.REHEARSAL
    return (
        BrokerFacts(
            answered_ns=now_ns,
            environment=facts.environment,
            clock_offset_ns=0 if is_rehearsal else -market.offset_ns,
            can_trade=not facts.is_blocked,
            can_withdraw=None,  # the venue does not tell
            is_withdrawal_acknowledged=is_withdrawal_acknowledged,
        ),
        now_ns + market.offset_ns,
    )


async def ask_account(
    broker: AlpacaBroker,
    clock: Clock,
    config: StrategyConfig,
    limits: Limits,
    instruments: Sequence[Instrument],
    books: Callable[[str], Books],
) -> AccountState:
    """Read the account, and hold its positions and its orders against the books of its sessions.

    Parameters
    ----------
    instruments
        The broker's, by their numbers.
    books
        Returns what the journals say now of an account, by its number.

    Raises
    ------
    VenueError
        If it does not answer.
    """
    for look in range(_LOOKS):  # a session may be trading: its journal is a moment behind, or ahead
        if look:
            await clock.sleep(_PAUSE_SECONDS)
        facts = await broker.account()
        orders, positions = await broker.open_orders(), await broker.positions()
        found = compare(books(facts.account), instruments, positions, orders)
        if not (found.differences or found.unknown_orders or found.foreign_orders):
            break
    return AccountState(
        asked_ns=clock.now_ns(),
        account=facts.account,
        status=facts.status,
        is_blocked=facts.is_blocked,
        currency=facts.currency,
        equity_minor=facts.equity_minor,
        buying_power_minor=facts.buying_power_minor,
        minimum_equity_minor=_minimum_equity(config),
        largest_order_minor=largest_order(config, limits),
        is_reconciled=not found.differences,
        unknown_orders=found.unknown_orders,
        foreign_orders=found.foreign_orders,
        differences=found.differences,
    )


def _minimum_equity(config: StrategyConfig) -> int:
    if config.guards is None:
        return 0
    return to_minor(config.guards.minimum_equity, name="guards.drawdown.minimum_equity")


def risk_config(
    config: StrategyConfig,
    runs: Fingerprint,
    on_paper: Fingerprint | None,
    problems: Sequence[str] = (),
) -> RiskConfig:
    """Return the limits of a strategy, and whether it had the same on paper.

    Parameters
    ----------
    runs
        Of the strategy as it is now: its backtest has been made again with that.
    on_paper
        Of the newest paper session; None where there is none.
    problems
        What it needs and the venue does not do.
    """
    limits = tuple(
        RiskLimit(name, text)
        for name, text in runs.parts.items()
        if name.startswith(_LIMITS) and _is_number(text)
    )
    return RiskConfig(
        problems=tuple(problems),
        limits=limits,
        drawdown_percent=runs.parts.get(DRAWDOWN),
        hash=risk_hash(runs),
        backtest_hash=risk_hash(runs),
        paper_hash=None if on_paper is None else risk_hash(on_paper),
    )


def risk_hash(runs: Fingerprint) -> str:
    """Return the hash of everything that bounds, sends or ends a position."""
    return sha256_of({name: text for name, text in runs.parts.items() if name.startswith(_RISK)})


def _is_number(text: str) -> bool:
    try:
        Decimal(text)
    except ArithmeticError:
        return False
    return True
