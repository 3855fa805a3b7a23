"""The trading loop's tables as pydantic models: [signals], [risk], [exits], [guards], [monitoring].

As in `runtime.config.schema`, of which they are a part. A table that is there has all its defaults on;
one that is not is off.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from engine.model.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND
from runtime.config.table import (
    MONEY_MAX,
    QUANTITY_MAX,
    Duration,
    Number,
    Symbol,
    Table,
    all_defaults,
)
from runtime.config.values import OFF, to_duration, to_limit, to_stages

Stages = Annotated[Any, PlainValidator(to_stages)]
LimitOrOff = Annotated[Any, PlainValidator(to_limit)]

PERCENT_MAX = 10_000


def duration_field(
    text: str, description: str, *, ge: int = NS_PER_SECOND, le: int = NS_PER_DAY
) -> Any:
    """Return the field of a duration; from a second to a day where nothing else is said."""
    return Field(to_duration(text), description=description, ge=ge, le=le)


def _percent(default: int | None, description: str) -> Any:
    """Return the field of a percentage that may be over 100."""
    value = None if default is None else Decimal(default)
    return Field(value, gt=0, le=PERCENT_MAX, decimal_places=4, description=description)


def _part(default: int, description: str) -> Any:
    """Return the field of a percentage under 100."""
    return Field(Decimal(default), gt=0, lt=100, decimal_places=4, description=description)


class SignalsTable(Table):
    """What becomes of a signal before it is sized. A signal is an entry that a strategy asks for."""

    min_edge_percent: Number = Field(
        Decimal(5),
        ge=-100,
        le=100,
        decimal_places=7,
        description="A signal whose edge is not over it is denied; where the strategy gives an edge.",
    )
    min_confidence: Number = Field(
        Decimal(0),
        ge=0,
        le=1,
        decimal_places=9,
        description="A signal whose confidence is not over it is denied; where one is given.",
    )
    expiry: Duration = duration_field(
        "5m",
        "How long a signal holds: no order and no new try after it.",
        ge=NS_PER_SECOND,
        le=7 * NS_PER_DAY,
    )
    mode: Literal["auto", "approve", "alert"] = Field(
        "auto",
        description="Whether a session sends, asks a person, or only reports. A backtest sends.",
    )


class RiskTable(Table):
    """Limits of orders that open or enlarge a position, checked as if all working orders had filled."""

    max_positions: int = Field(10, ge=1, le=10_000, description="Open at one time.")
    max_position_percent: Number = _percent(20, "One instrument's value, of equity.")
    max_gross_percent: Number | None = _percent(
        None,
        "Values of all positions, of equity; 100 times the leverage when left out.",
    )
    max_net_percent: Number | None = _percent(
        None,
        "Long less short values, of equity; as `max_gross_percent` when left out.",
    )
    groups: dict[str, list[Symbol]] = Field(
        default_factory=dict,
        description='Instruments that count as one for `max_group_percent`: `{ metals = ["GLD", '
        '"SLV"] }`.',
    )
    max_group_percent: Number = _percent(40, "One group's value, of equity.")
    max_event_percent: Number = _percent(20, "Value of one event's contracts, of equity.")
    max_correlation: Number = Field(
        Decimal("0.8"),
        ge=0,
        le=1,
        decimal_places=6,
        description="Of daily returns with those of any open position, in the direction held.",
    )
    correlation_window: int = Field(60, ge=10, le=250, description="Days of returns.")
    min_returns: int = Field(
        20, ge=5, le=250, description="Fewest common days; with fewer the correlation is unknown."
    )
    correlation_unknown: Literal["deny", "allow"] = Field(
        "deny", description="What an unknown correlation does."
    )
    max_orders_per_minute: int = Field(60, ge=1, le=500, description="Orders in any 60 seconds.")
    collar_percent: Number = Field(
        Decimal(5),
        gt=0,
        le=50,
        decimal_places=4,
        description="How far an order's price may be from the last one.",
    )
    max_order_notional: Number | None = Field(
        None,
        gt=0,
        le=MONEY_MAX,
        decimal_places=8,
        description="Value of one order in account currency; no limit when left out.",
    )
    max_order_quantity: Number | None = Field(
        None,
        gt=0,
        le=QUANTITY_MAX,
        decimal_places=9,
        description="Units of one order; no limit when left out.",
    )
    max_quote_age: Duration = duration_field(
        "60s", "An older price does not open a position; of bars, twice their length is allowed."
    )
    no_entry_first: Duration = duration_field(
        "0s", "No entries so long after a session's open.", ge=0, le=NS_PER_DAY
    )
    no_entry_last: Duration = duration_field(
        "0s", "No entries so long before a session's close.", ge=0, le=NS_PER_DAY
    )


def _enabled() -> Any:
    return Field(True, description="Whether it is looked at.")


def _wait(text: str) -> Any:
    return duration_field(text, "How long the first order may work.")


def _walks(count: int) -> Any:
    return Field(count, ge=0, le=50, description="How often the order is moved at most.")


class StopLossTable(Table):
    """A loss is too large: everything is sold at market."""

    enabled: bool = _enabled()
    wait: Duration = _wait("5s")
    percent: Number = _part(15, "Fires at a loss over it.")


class CircuitBreakerTable(Table):
    """A guard closes the account: every position is sold at market."""

    enabled: bool = _enabled()
    wait: Duration = _wait("5s")


class TrailingStopTable(Table):
    """A stop that follows the price."""

    enabled: bool = _enabled()
    wait: Duration = _wait("10s")
    walks: int = _walks(2)
    active_percent: Number = _percent(10, "From this profit on.")
    distance_percent: Number = _part(5, "From the best price.")
    tighten_percent: Number = Field(
        Decimal(1), ge=0, lt=100, decimal_places=4, description="Taken off the distance ..."
    )
    every_percent: Number = _percent(5, "... for each so much profit beyond `active_percent`.")
    least_percent: Number = _part(2, "The distance is never under it.")


class TimeBasedUrgentTable(Table):
    """A contract settles or stops trading soon."""

    enabled: bool = _enabled()
    wait: Duration = _wait("10s")
    walks: int = _walks(2)
    before: Duration = duration_field("5m", "Fires when less time is left.")
    at_session_close: bool = Field(
        False, description="Whether each session's close counts too, for day traders."
    )


class LiquidityDriedUpTable(Table):
    """The market has become too wide or too thin."""

    enabled: bool = _enabled()
    wait: Duration = _wait("15s")
    walks: int = _walks(3)
    spread_cents: Number = Field(
        Decimal(3),
        gt=0,
        le=100,
        decimal_places=7,
        description="Of event contracts: fires at a wider spread, in hundredths of the currency.",
    )
    spread_bps: LimitOrOff = Field(
        OFF,
        description="Of all others: fires at a spread wider than so much of the mid.",
        json_schema_extra={"accepted": 'a number over 0, at most 10000, or "off"'},
    )
    volume: Number | None = Field(
        None,
        gt=0,
        le=1_000_000_000,
        decimal_places=9,
        description="Fires when fewer units traded in the window. Left out: 50 on event contracts, "
        "no limit on others.",
    )
    volume_window: Duration = duration_field(
        "1d", "Of `volume`; before the data covers it, the volume is unknown.",
        ge=NS_PER_MINUTE, le=30 * NS_PER_DAY,
    )  # fmt: skip


class ProfitTargetTable(Table):
    """The profit is large enough for the signal's confidence, or a given `target_price` is reached.

    Where partial stages are on, it sells the next stage.
    """

    enabled: bool = _enabled()
    wait: Duration = _wait("30s")
    walks: int = _walks(5)
    high_percent: Number = _percent(25, "Confidence of 0.80 or more.")
    medium_percent: Number = _percent(20, "Confidence of 0.60 or more, or none given.")
    low_percent: Number = _percent(15, "Less confidence.")


class PartialExitTargetTable(Table):
    """Parts of the position are sold at stages, each once; the rest rides the trailing stop."""

    enabled: bool = _enabled()
    wait: Duration = _wait("30s")
    walks: int = _walks(5)
    stages: Stages = Field(
        to_stages([[15, 50], [25, 25]]),
        description="Pairs: at which profit, and what part of the largest quantity held; percent.",
        json_schema_extra={
            "accepted": "1 to 8 pairs [profit, part], profits ascending, parts at most 100 together"
        },
    )


class EarlyExitTable(Table):
    """Little of the edge is left."""

    enabled: bool = _enabled()
    wait: Duration = _wait("60s")
    walks: int = _walks(10)
    percent: Number = Field(
        Decimal(2), ge=-100, le=100, decimal_places=4, description="Fires at an edge under it."
    )


class EdgeDisappearedTable(Table):
    """The edge is gone: it is under zero."""

    enabled: bool = _enabled()
    wait: Duration = _wait("30s")
    walks: int = _walks(5)


class RebalanceTable(Table):
    """A better opportunity was denied for want of room, and the position is in profit."""

    enabled: bool = _enabled()
    wait: Duration = _wait("60s")
    walks: int = _walks(10)
    advantage_percent: Number = Field(
        Decimal(5),
        gt=0,
        le=100,
        decimal_places=4,
        description="Fires when the other edge is over this one by more.",
    )


class ExitsTable(Table):
    """When positions are closed, and how; all ten conditions are looked at with every price."""

    enabled: bool = Field(True, description="Whether any of the ten is looked at.")
    stop_loss: StopLossTable = all_defaults(StopLossTable, "A loss.")
    circuit_breaker: CircuitBreakerTable = all_defaults(CircuitBreakerTable, "A guard.")
    trailing_stop: TrailingStopTable = all_defaults(TrailingStopTable, "A stop that follows.")
    time_based_urgent: TimeBasedUrgentTable = all_defaults(TimeBasedUrgentTable, "Time.")
    liquidity_dried_up: LiquidityDriedUpTable = all_defaults(LiquidityDriedUpTable, "Liquidity.")
    profit_target: ProfitTargetTable = all_defaults(ProfitTargetTable, "A profit.")
    partial_exit_target: PartialExitTargetTable = all_defaults(PartialExitTargetTable, "Stages.")
    early_exit: EarlyExitTable = all_defaults(EarlyExitTable, "Little edge.")
    edge_disappeared: EdgeDisappearedTable = all_defaults(EdgeDisappearedTable, "No edge.")
    rebalance: RebalanceTable = all_defaults(RebalanceTable, "Something better.")
