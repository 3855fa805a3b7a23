"""[guards] and [monitoring] as pydantic models; see `runtime.config.trading_schema`."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from engine.model.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND
from runtime.config.table import MONEY_MAX, Duration, Number, Table, all_defaults
from runtime.config.trading_schema import duration_field

_WEEK = 7 * NS_PER_DAY


class DailyLossTable(Table):
    """A trading day's loss: over the nearer limit everything is closed, and a person resets."""

    amount: Number = Field(
        Decimal(500), gt=0, le=MONEY_MAX, decimal_places=8, description="Account currency."
    )
    percent: Number | None = Field(
        None,
        gt=0,
        le=100,
        decimal_places=4,
        description="Of the equity at the day's start; no such limit when left out.",
    )


class DrawdownTable(Table):
    """Equity under its peak: at the limit everything is closed."""

    percent: Number = Field(
        Decimal(20),
        ge=1,
        le=99,
        decimal_places=4,
        description="Fires at it; deposits do not count.",
    )
    minimum_equity: Number = Field(
        Decimal(0),
        ge=0,
        le=MONEY_MAX,
        decimal_places=8,
        description="Fires at an equity under it; 0 is off.",
    )
    reset_percent: Number | None = Field(
        None,
        gt=0,
        lt=99,
        decimal_places=4,
        description="Entries again once equity is not further under its peak; half of `percent` when "
        "left out.",
    )
    checks: int = Field(3, ge=1, le=100, description="How often in a row it must be seen so.")
    every: Duration = duration_field("10s", "Least time between these.", le=_WEEK)
    manual_reset: bool | None = Field(
        None,
        description="Whether only a person resets it; in live sessions true, otherwise false, when "
        "left out.",
    )


class ApiBreakerTable(Table):
    """Errors of a venue's interface: no entries before a whole window is free of them."""

    errors: int = Field(5, ge=1, le=500, description="Fires at more.")
    window: Duration = duration_field("5m", "Counted in it.", le=_WEEK)


class DatabaseBreakerTable(Table):
    """Errors of the database: nothing new is sent, and a person resets."""

    errors: int = Field(3, ge=1, le=500, description="Fires at more.")
    window: Duration = duration_field("60s", "Counted in it.", le=_WEEK)


class StopLossesTable(Table):
    """Closings by stop_loss that come too often."""

    count: int | None = Field(None, ge=1, le=8, description="Fires at it; off when left out.")
    window: Duration = duration_field("1h", "Counted in it.", le=_WEEK)
    lock: Duration = duration_field("1h", "No entries for so long.", le=_WEEK)
    scope: Literal["all", "instrument"] = Field(
        "all", description="Whether closings and lock are of the account or of one instrument."
    )


class CoolDownTable(Table):
    """A pause of an instrument after a closing with a loss."""

    after_loss: Duration = duration_field("0s", "No entries for so long.", ge=0, le=_WEEK)


class TiersTable(Table):
    """From which equity an account may run strategies of a tier; see `strategy.tier`."""

    sniper: Number = Field(
        Decimal(500), gt=0, le=MONEY_MAX, decimal_places=8, description="Account currency."
    )
    hunter: Number = Field(
        Decimal(2_000), gt=0, le=MONEY_MAX, decimal_places=8, description="Account currency."
    )
    strategist: Number = Field(
        Decimal(10_000), gt=0, le=MONEY_MAX, decimal_places=8, description="Account currency."
    )
    hold: Duration = duration_field(
        "24h", "Equity must hold a level so long to move up; down is at once.",
        ge=0, le=30 * NS_PER_DAY,
    )  # fmt: skip


class TiltTable(Table):
    """An operator's own behaviour against what is usual for them; it restricts manual actions only."""

    enabled: bool = Field(True, description="Whether it is looked at.")
    window: Duration = duration_field("24h", "Anomalies count so long.", le=_WEEK)
    cooling: Duration = duration_field("1h", "How long manual actions are locked.", le=_WEEK)


class GuardsTable(Table):
    """What stops trading for the whole account; see guards.md."""

    daily_loss: DailyLossTable = all_defaults(DailyLossTable, "A day's loss.")
    drawdown: DrawdownTable = all_defaults(DrawdownTable, "Equity under its peak.")
    api: ApiBreakerTable = all_defaults(ApiBreakerTable, "Errors of a venue.")
    database: DatabaseBreakerTable = all_defaults(DatabaseBreakerTable, "Errors of the database.")
    stop_losses: StopLossesTable = all_defaults(StopLossesTable, "Too many stops.")
    cool_down: CoolDownTable = all_defaults(CoolDownTable, "A pause after a loss.")
    tiers: TiersTable = all_defaults(TiersTable, "Levels of equity.")
    tilt: TiltTable = all_defaults(TiltTable, "The operator.")
    simulated_operator: Literal["none", "next_day"] = Field(
        "none",
        description="Of a backtest, where nobody can reset: whether what waits for a person stays, or "
        "is reset when the next session opens.",
    )


class MonitoringTable(Table):
    """How often positions are looked at where prices must be asked for."""

    every: Duration = duration_field(
        "30s", "At least so often.", ge=NS_PER_SECOND, le=5 * NS_PER_MINUTE
    )
    urgent: Duration = duration_field(
        "5s", "Near a stop, target or trail.", ge=NS_PER_SECOND, le=5 * NS_PER_MINUTE
    )
    cache: Duration = duration_field(
        "10s", "A quote is asked for again after it.", ge=0, le=5 * NS_PER_MINUTE
    )
    max_api_calls_per_minute: int = Field(
        60, ge=11, le=500, description="Ten of them are kept for orders and cancels."
    )
