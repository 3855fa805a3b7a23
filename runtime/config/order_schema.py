"""[sizing] and [execution] as pydantic models; see `runtime.config.schema`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from engine.model.units import NS_PER_DAY, NS_PER_SECOND
from runtime.config.table import (
    MONEY_MAX,
    QUANTITY_MAX,
    Duration,
    Formula,
    Number,
    Table,
    choice,
)
from runtime.config.values import to_duration_or_off

EntryTimeout = Annotated[Any, PlainValidator(to_duration_or_off)]
SIZING_METHODS = (
    "equal_weight",
    "fixed_quantity",
    "fixed_notional",
    "target_weights",
    "kelly",
    "fixed_fraction",
    "vol_target",
)


class SizingTable(Table):
    """How large a position is."""

    method: choice(SIZING_METHODS) | None = Field(  # type: ignore[valid-type]
        None,
        description="`target_weights` with `weight`, otherwise `equal_weight` when left out.",
    )
    fraction: Number | None = Field(
        None,
        gt=0,
        le=10,
        description="equal_weight: of equity, shared by all positions; 0.95 when left out. kelly: of "
        "what Kelly's formula says, at most 1; 0.25 when left out. fixed_fraction: of equity, lost at "
        "the stop; needed.",
    )
    positions: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="equal_weight: how many positions share it; the number of instruments when "
        "left out.",
    )
    quantity: Number | None = Field(
        None, gt=0, le=QUANTITY_MAX, description="fixed_quantity: units of the instrument."
    )
    notional: Number | None = Field(
        None, gt=0, le=MONEY_MAX, description="fixed_notional: account currency."
    )
    form: Literal["binary", "odds", "continuous"] | None = Field(
        None,
        description="kelly: from the probability of event contracts; from the odds between "
        "`target_price` and the stop; or from edge and volatility. When left out, what is given "
        "decides.",
    )
    sample: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="kelly: how many trades the estimate rests on; the fewer, the less is traded.",
    )
    target_volatility_percent: Number | None = Field(
        None, gt=0, le=1_000, decimal_places=4, description="vol_target: a year, of equity."
    )
    volatility: Formula | None = Field(
        None, description="kelly (continuous), vol_target: the instrument's, a fraction a year."
    )
    minimum_quantity: Number | None = Field(
        None, gt=0, le=QUANTITY_MAX, decimal_places=9, description="No trade of fewer units."
    )
    minimum_notional: Number | None = Field(
        None, gt=0, le=MONEY_MAX, decimal_places=8, description="No trade of a smaller value."
    )
    minimum_percent: Number | None = Field(
        None, gt=0, le=100, decimal_places=4, description="The same, of equity."
    )
    maximum_quantity: Number | None = Field(
        None, gt=0, le=QUANTITY_MAX, decimal_places=9, description="Larger trades are made smaller."
    )
    maximum_notional: Number | None = Field(
        None, gt=0, le=MONEY_MAX, decimal_places=8, description="The same, by value."
    )
    maximum_percent: Number | None = Field(
        None,
        gt=0,
        le=10_000,
        decimal_places=4,
        description="The same, of equity; `risk.max_position_percent` when left out.",
    )


class ExecutionTable(Table):
    """How a decision becomes an order."""

    order_type: Literal["market", "limit"] | None = Field(
        None,
        description="Of entries, and of the exits that the strategy itself asks for. Left out: limit "
        "with a table of the trading loop, otherwise market.",
    )
    offset_bps: Number | None = Field(
        None,
        ge=-5_000,
        le=5_000,
        description="limit: basis points behind the last price; negative: through it, as far as it "
        "may pay. 0 when left out.",
    )
    time_in_force: Literal["GTC", "DAY", "IOC", "FOK"] = Field(
        "GTC", description="How long an order works."
    )
    stop_loss_percent: Number | None = Field(
        None, gt=0, lt=100, description="A stop this far from the entry price; none by default."
    )
    take_profit_percent: Number | None = Field(
        None, gt=0, le=10_000, description="A limit this far from the entry; none by default."
    )
    trailing_stop_percent: Number | None = Field(
        None, gt=0, lt=100, description="A stop that follows the price; none by default."
    )
    flips: Literal["one_order", "close_first"] = Field(
        "one_order",
        description="How a position goes to the other side: by one order, or closed first and entered "
        "once it is flat, as most venues ask for shares. A target weight is reached at the next rebalance; "
        "an order of a class's or a function's own that crosses is denied (`close_first`).",
    )
    timeout: EntryTimeout | None = Field(
        None,
        description="How long an entry may work before `on_timeout`. Left out: 30s with a table of "
        "the trading loop, otherwise for ever.",
        json_schema_extra={"accepted": 'a duration from 1s to 1d, or "off"'},
    )
    on_timeout: Literal["cancel", "retry", "walk"] | None = Field(
        None,
        description="What then becomes of it: `retry` at the present price, `walk` towards the "
        "market. `cancel` when left out.",
    )
    retries: int | None = Field(None, ge=0, le=20, description="retry: at most; 3 when left out.")
    walks: int | None = Field(None, ge=0, le=20, description="walk: at most; 5 when left out.")
    protect_within: Duration | None = Field(
        None,
        ge=NS_PER_SECOND,
        le=NS_PER_DAY,
        description="A position without its protective stop for longer raises an alert; 5s when left "
        "out.",
    )
