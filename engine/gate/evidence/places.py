"""What is to be promoted and where: limits, broker, account."""

from __future__ import annotations

import msgspec

from engine.ports import Environment


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: this strategy, on this account, in this environment.

    Parameters
    ----------
    strategy
        Its name, for people.
    family
        Hash of its code with names and comments stripped, and of its market.
    fingerprint
        Hash over all that decides without `environment` and `account`, computed now from the files.
    code_hash
        Hash of the code that would run (engine, adapters, strategy, versions of what decides).
    seed
        Whole number made of the fingerprint, for resampling (`engine.rules.bootstrap.seed_of`).
    venue, account, currency
        As the request names them.
    environment
        LIVE for a certificate that opens the venue, REHEARSAL for one that opens a loopback venue.
    author
        Identity of whoever asks.
    """

    strategy: str
    family: str
    fingerprint: str
    code_hash: str
    seed: int
    venue: str
    account: str
    currency: str
    environment: Environment
    author: str


class RiskLimit(msgspec.Struct, frozen=True):
    """One limit as the strategy file names it (``risk.gross_percent``), its value as decimal text."""

    name: str
    value: str


class RiskConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that would be live.

    Parameters
    ----------
    problems
        What the schema has against it, one sentence each; empty when it is valid.
    limits
        Every numeric limit that is set.
    drawdown_percent
        The drawdown guard's cap, as decimal text; None where there is none.
    backtest_hash, paper_hash
        Hash of the risk configuration of the backtest and of the paper days; `hash` is the one to be
        promoted.
    """

    problems: tuple[str, ...]
    limits: tuple[RiskLimit, ...]
    drawdown_percent: str | None
    hash: str
    backtest_hash: str | None
    paper_hash: str | None


class BrokerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a signed call to the venue has shown.

    Parameters
    ----------
    answered_ns
        When it was answered, by the host's clock.
    environment
        What its host proves: LIVE, PAPER, or REHEARSAL for a loopback address.
    clock_offset_ns
        Host's clock minus venue's clock; in a rehearsal minus the rehearsal's clock.
    can_trade, can_withdraw
        Permissions of the key; None where the venue does not tell.
    is_withdrawal_acknowledged
        Whether a person has written that a key which can withdraw is wanted.
    """

    answered_ns: int
    environment: Environment
    clock_offset_ns: int | None
    can_trade: bool | None
    can_withdraw: bool | None
    is_withdrawal_acknowledged: bool = False


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """The account as its venue states it, and what reconciling with it has found.

    Parameters
    ----------
    asked_ns
        When it was answered, by the host's clock.
    status
        ``active`` when it may trade.
    minimum_equity_minor, largest_order_minor
        Of the strategy's configuration: its minimum equity, and the value of the largest order that
        its limits allow.
    is_reconciled
        Whether positions and orders were compared with the books of its sessions and were equal.
    unknown_orders, foreign_orders
        Orders of ours whose outcome is not known, or that no journal has; working orders that are not
        ours.
    differences
        In words what was not equal.
    """

    asked_ns: int
    account: str
    status: str
    is_blocked: bool
    currency: str
    equity_minor: int
    buying_power_minor: int
    minimum_equity_minor: int
    largest_order_minor: int
    is_reconciled: bool
    unknown_orders: int
    foreign_orders: int
    differences: tuple[str, ...] = ()
