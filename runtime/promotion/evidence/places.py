"""What broker and account say now, and the limits that would be live."""

from __future__ import annotations

from decimal import Decimal

from brokers.alpaca.broker import AlpacaBroker
from engine.gate.evidence import AccountState, BrokerFacts, RiskConfig, RiskLimit
from engine.model.units import to_minor
from engine.ports import Clock, Environment
from runtime.config import StrategyConfig
from runtime.gateway.checks import Limits
from runtime.gateway.ids import is_ours
from runtime.promotion.canonical import sha256_of
from runtime.promotion.fingerprint import Fingerprint

_HUNDRED = Decimal(100)
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
    broker: AlpacaBroker, clock: Clock, config: StrategyConfig, limits: Limits
) -> AccountState:
    """Read the account, its positions and its orders.

    Raises
    ------
    VenueError
        If it does not answer.
    """
    facts = await broker.account()
    orders = await broker.open_orders()
    await broker.positions()
    return AccountState(
        asked_ns=clock.now_ns(),
        account=facts.account,
        status=facts.status,
        is_blocked=facts.is_blocked,
        currency=facts.currency,
        equity_minor=facts.equity_minor,
        buying_power_minor=facts.buying_power_minor,
        minimum_equity_minor=_minimum_equity(config),
        largest_order_minor=largest_order(config, limits, facts.equity_minor),
        is_reconciled=True,
        unknown_orders=0,
        foreign_orders=sum(not is_ours(each.client_id) for each in orders),
    )


def largest_order(config: StrategyConfig, limits: Limits, equity_minor: int) -> int:
    """Return the value of the largest order that a strategy's limits and the workspace's allow."""
    most = equity_minor * int(config.account.leverage)
    if config.risk is not None:
        share = Decimal(config.risk.max_position_percent) / _HUNDRED
        most = min(most, int(equity_minor * share))
    return min(most, limits.order_value_minor) if limits.order_value_minor else most


def _minimum_equity(config: StrategyConfig) -> int:
    if config.guards is None:
        return 0
    return to_minor(config.guards.minimum_equity, name="guards.drawdown.minimum_equity")


def risk_config(
    config: StrategyConfig, runs: Fingerprint, on_paper: Fingerprint | None
) -> RiskConfig:
    """Return the limits of a strategy, and whether it had the same on paper.

    Parameters
    ----------
    runs
        Of the strategy as it is now: its backtest has been made again with that.
    on_paper
        Of the newest paper session; None where there is none.
    """
    limits = tuple(
        RiskLimit(name, text)
        for name, text in runs.parts.items()
        if name.startswith(_LIMITS) and _is_number(text)
    )
    return RiskConfig(
        problems=(),  # the file was read
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
